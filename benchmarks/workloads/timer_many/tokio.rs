//! What do many short sleeps cost, which all begin at once? The longest takes 10 ms in any case.

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Runtime;

static LEFT: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let timers = sizes.get("timers");
    LEFT.store(timers, Relaxed);
    runtime.spawn(async move {
        for timer in 0..timers {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1 + timer % 10)).await;
                if LEFT.fetch_sub(1, Relaxed) == 1 {
                    DONE.raise();
                }
            });
        }
    });
    DONE.wait();
    timers - LEFT.load(Relaxed)
}
