//! What does a call on the pool of threads that may block cost, when many are handed over at once?

use crate::bench::Sizes;
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let calls = sizes.get("calls");
    runtime.block_on(async move {
        let handles: Vec<_> = (0..calls).map(|_| spawn_blocking(|| 1u64)).collect();
        let mut finished = 0;
        for handle in handles {
            finished += handle.await.unwrap();
        }
        finished
    })
}
