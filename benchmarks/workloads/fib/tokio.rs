//! What does a binary fork and join cost, with a task and a join handle for each fork and next to no work in it?

use crate::bench::Sizes;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

// A plain function, so that the future below need not know its own type to be spawned.
fn fork(n: u64) -> JoinHandle<u64> {
    tokio::spawn(fib(n))
}

async fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let forked = fork(n - 1);
    let inline = Box::pin(fib(n - 2)).await;
    inline + forked.await.unwrap()
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    runtime.block_on(runtime.spawn(fib(sizes.get("n")))).unwrap()
}
