//! What does a task cost that starts together with many others? Tokio has no batches: one by one.

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::runtime::Runtime;

static LEFT: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("batches") * sizes.get("tasks");
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
