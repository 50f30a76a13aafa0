//! What does a spawn from outside cost when every worker is busy with tasks that work for 10 us and give way?

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

async fn take_turns() {
    while !ENOUGH.load(SeqCst) {
        work();
        tokio::task::yield_now().await;
    }
    BUSY.fetch_sub(1, SeqCst);
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    ENOUGH.store(false, SeqCst);
    BUSY.store(2 * runtime.metrics().num_workers() as u64, SeqCst);
    for _ in 0..BUSY.load(SeqCst) {
        runtime.spawn(take_turns());
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
