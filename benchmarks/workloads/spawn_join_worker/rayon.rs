//! What does one spawn, run and join cost, one at a time, on a worker? A job has no handle: a scope of one job joins it.

use crate::bench::Sizes;
use rayon::ThreadPool;

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    let tasks = sizes.get("tasks");
    pool.install(|| {
        let mut sum = 0;
        for value in 0..tasks {
            let mut result = 0;
            rayon::scope(|scope| scope.spawn(|_| result = value));
            sum += result;
        }
        sum
    })
}
