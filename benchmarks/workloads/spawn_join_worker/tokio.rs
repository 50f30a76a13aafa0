//! What does one spawn, run and join cost, one at a time, on a worker?

use crate::bench::Sizes;
use tokio::runtime::Runtime;

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    let root = runtime.spawn(async move {
        let mut sum = 0;
        for value in 0..tasks {
            sum += tokio::spawn(async move { value }).await.unwrap();
        }
        sum
    });
    runtime.block_on(root).unwrap()
}
