//! What does a spawn cost when a worker spawns? Every task lands in that worker's own queue, until it overflows.

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::runtime::Runtime;

static LEFT: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    LEFT.store(tasks, Relaxed);
    runtime.spawn(async move {
        for _ in 0..tasks {
            tokio::spawn(async {
                if LEFT.fetch_sub(1, Relaxed) == 1 {
                    DONE.raise();
                }
            });
        }
    });
    DONE.wait();
    tasks - LEFT.load(Relaxed)
}
