//! How long does a thread outside wait for the result of one task on idle workers?

use crate::bench::Sizes;
use tokio::runtime::Runtime;

pub fn run(runtime: &Runtime, sizes: &Sizes) -> u64 {
    let mut sum = 0;
    for trip in 0..sizes.get("trips") {
        sum += runtime.block_on(runtime.spawn(async move { trip })).unwrap();
    }
    sum
}
