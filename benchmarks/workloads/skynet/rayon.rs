//! What does a wide fork and join cost? Each inner job spawns ten and adds up what they leave; a leaf leaves its number.
//! A scope and not a parallel iterator: the iterator would run neighbouring leaves in one job, which is less work.

use crate::bench::Sizes;
use rayon::ThreadPool;

const WIDTH: u64 = 10;

fn node(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    let share = leaves / WIDTH;
    let mut sums = [0; WIDTH as usize];
    rayon::scope(|scope| {
        for (child, sum) in sums.iter_mut().enumerate() {
            scope.spawn(move |_| *sum = node(first + child as u64 * share, share));
        }
    });
    sums.iter().sum()
}

pub fn run(pool: &ThreadPool, sizes: &Sizes) -> u64 {
    pool.install(|| node(0, sizes.get("leaves")))
}
