//! What does a binary fork and join cost, with next to no work in it? `join` keeps its job on the stack: no handle, no allocation.

use crate::bench::Sizes;
use rayon::ThreadPool;

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (inline, forked) = rayon::join(|| fib(n - 2), || fib(n - 1));
    inline + forked
}

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    pool.install(|| fib(sizes.get("n")))
}
