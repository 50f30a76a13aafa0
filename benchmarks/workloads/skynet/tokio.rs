//! What does a wide fork and join cost? Each inner task spawns ten and adds up what they return; a leaf returns its number.

use crate::bench::Sizes;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const WIDTH: u64 = 10;

// A plain function, so that the future below need not know its own type to be spawned.
fn fork(first: u64, leaves: u64) -> JoinHandle<u64> {
    tokio::spawn(node(first, leaves))
}

async fn node(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let share = leaves / WIDTH;
    let children: [JoinHandle<u64>; WIDTH as usize] =
        std::array::from_fn(|child| fork(first + child as u64 * share, share));
    let mut sum = 0;
    for child in children {
        sum += child.await.unwrap();
    }
    sum
}

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    runtime.block_on(runtime.spawn(node(0, sizes.get("leaves")))).unwrap()
}
