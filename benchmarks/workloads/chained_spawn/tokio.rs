//! What does a spawn cost when each task makes exactly one successor? The LIFO slot's case: nothing to share, nothing to steal.

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::runtime::Runtime;

static REACHED: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

fn next(link: u64, links: u64) {
    if link == links {
        REACHED.store(link, Relaxed);
        DONE.raise();
    } else {
        tokio::spawn(async move { next(link + 1, links) });
    }
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let links = sizes.get("links");
    REACHED.store(0, Relaxed);
    runtime.spawn(async move { next(0, links) });
    DONE.wait();
    REACHED.load(Relaxed)
}
