//! How long does a thread outside wait for the result of one job on idle threads?

use crate::bench::Sizes;
use rayon::ThreadPool;

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    (0..sizes.get("trips")).map(|trip| pool.install(|| trip)).sum()
}
