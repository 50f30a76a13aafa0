//! What does a spawn cost from a thread outside the pool, onto idle workers, with every job joined? A scope joins them.

use crate::bench::Sizes;
use rayon::ThreadPool;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    let finished = AtomicU64::new(0);
    pool.in_place_scope(|scope| {
        for _ in 0..sizes.get("tasks") {
            scope.spawn(|_| {
                finished.fetch_add(1, Relaxed);
            });
        }
    });
    finished.into_inner()
}
