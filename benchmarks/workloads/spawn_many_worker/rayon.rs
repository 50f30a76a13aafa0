//! What does a spawn cost when a worker spawns? Every job lands in that worker's own deque.

use crate::bench::{Signal, Sizes};
use rayon::ThreadPool;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static LEFT: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    LEFT.store(tasks, Relaxed);
    pool.spawn(move || {
        for _ in 0..tasks {
            rayon::spawn(|| {
                if LEFT.fetch_sub(1, Relaxed) == 1 {
                    DONE.raise();
                }
            });
        }
    });
    DONE.wait();
    tasks - LEFT.load(Relaxed)
}
