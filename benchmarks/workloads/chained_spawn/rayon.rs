//! What does a spawn cost when each job makes exactly one successor?

use crate::bench::{Signal, Sizes};
use rayon::ThreadPool;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static REACHED: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

fn next(link: u64, links: u64) {
    if link == links {
        REACHED.store(link, Relaxed);
        DONE.raise();
    } else {
        rayon::spawn(move || next(link + 1, links));
    }
}

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    let links = sizes.get("links");
    REACHED.store(0, Relaxed);
    pool.spawn(move || next(0, links));
    DONE.wait();
    REACHED.load(Relaxed)
}
