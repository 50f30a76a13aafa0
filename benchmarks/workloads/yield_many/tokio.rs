//! What does a turn of the scheduler cost, when tasks do nothing but give way to each other?

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Relaxed};
use tokio::runtime::Runtime;

static LEFT: AtomicU64 = AtomicU64::new(0);
static YIELDED: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    let yields = sizes.get("yields");
    LEFT.store(tasks, Relaxed);
    YIELDED.store(0, Relaxed);
    for _ in 0..tasks {
        runtime.spawn(async move {
            let mut yielded = 0;
            while yielded < yields {
                tokio::task::yield_now().await;
                yielded += 1;
            }
            YIELDED.fetch_add(yielded, Relaxed);
            if LEFT.fetch_sub(1, AcqRel) == 1 {
                DONE.raise();
            }
        });
    }
    DONE.wait();
    YIELDED.load(Relaxed)
}
