//! What does a spawn from outside cost when every worker is busy with chains of tasks of 10 us?

use crate::bench::Sizes;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

static ENOUGH: AtomicBool = AtomicBool::new(false);
static BUSY: AtomicU64 = AtomicU64::new(0);

fn work() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(10) {}
}

// Boxed, since it spawns another of its own kind.
fn link() -> std::pin::Pin<Box<dyn std::future::Future<Output = ()> + Send>> {
    Box::pin(async {
        work();
        if ENOUGH.load(SeqCst) {
            BUSY.fetch_sub(1, SeqCst);
        } else {
            tokio::spawn(link());
        }
    })
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    ENOUGH.store(false, SeqCst);
    BUSY.store(2 * runtime.metrics().num_workers() as u64, SeqCst);
    for _ in 0..BUSY.load(SeqCst) {
        runtime.spawn(link());
    }
    let mut handles = Vec::with_capacity(tasks as usize);
    for _ in 0..tasks {
        handles.push(runtime.spawn(async { 1u64 }));
    }
    let finished = runtime.block_on(async {
        let mut finished = 0;
        for handle in handles {
            finished += handle.await.unwrap();
        }
        finished
    });
    ENOUGH.store(true, SeqCst);
    while BUSY.load(SeqCst) != 0 {}
    finished
}
