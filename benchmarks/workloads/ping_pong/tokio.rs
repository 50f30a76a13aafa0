//! What do two tasks pay to talk once in each direction, over channels made for the purpose?

use crate::bench::{Signal, Sizes};
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Relaxed};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

static LEFT: AtomicU64 = AtomicU64::new(0);
static RECEIVED: AtomicU64 = AtomicU64::new(0);
static DONE: Signal = Signal::new();

async fn pair() {
    let (ping, at_partner) = oneshot::channel::<u64>();
    let (pong, at_home) = oneshot::channel::<u64>();
    tokio::spawn(async move {
        let value = at_partner.await.unwrap();
        pong.send(value + 1).unwrap();
    });
    ping.send(1).unwrap();
    RECEIVED.fetch_add(at_home.await.unwrap(), Relaxed);
    if LEFT.fetch_sub(1, AcqRel) == 1 {
        DONE.raise();
    }
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let pairs = sizes.get("pairs");
    LEFT.store(pairs, Relaxed);
    RECEIVED.store(0, Relaxed);
    runtime.spawn(async move {
        for _ in 0..pairs {
            tokio::spawn(pair());
        }
    });
    DONE.wait();
    RECEIVED.load(Relaxed)
}
