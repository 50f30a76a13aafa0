//! What does a spawn cost from a thread that knows the runtime only by its handle, onto idle workers, with every task joined?

use crate::bench::Sizes;
use tokio::runtime::Runtime;

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    let mut handles = Vec::with_capacity(tasks as usize);
    for _ in 0..tasks {
        handles.push(runtime.spawn(async { 1u64 }));
    }
    runtime.block_on(async {
        let mut finished = 0;
        for handle in handles {
            finished += handle.await.unwrap();
        }
        finished
    })
}
