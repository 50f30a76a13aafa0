//! What does an element cost on its way through a bounded channel from one task to another?

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

static SUM: AtomicU64 = AtomicU64::new(0); // the signal's mutex hands it on
static DONE: Signal = Signal::new();

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let elements = sizes.get("elements");
    let (sender, mut receiver) = mpsc::channel(sizes.get("capacity") as usize);
    runtime.spawn(async move {
        for element in 0..elements {
            sender.send(element).await.unwrap();
        }
    });
    runtime.spawn(async move {
        let mut received = 0;
        for _ in 0..elements {
            received += receiver.recv().await.unwrap();
        }
        SUM.store(received, Relaxed);
        DONE.raise();
    });
    DONE.wait();
    SUM.load(Relaxed)
}
