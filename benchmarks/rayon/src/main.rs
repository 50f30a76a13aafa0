//! How long does one workload take on Rayon? Runs it and prints one JSON line; see ../../shared/bench.rs.
//! To add a workload: its file in ../workloads/<name>/rayon.rs, one `mod` and one line in `workload()`.

#[path = "../../shared/bench.rs"]
mod bench;
#[path = "../../workloads/chained_spawn/rayon.rs"]
mod chained_spawn;
#[path = "../../workloads/fib/rayon.rs"]
mod fib;
#[path = "../../workloads/fib_structured/rayon.rs"]
mod fib_structured;
#[path = "../../workloads/skynet/rayon.rs"]
mod skynet;
#[path = "../../workloads/skynet_structured/rayon.rs"]
mod skynet_structured;
#[path = "../../workloads/spawn_join_worker/rayon.rs"]
mod spawn_join_worker;
#[path = "../../workloads/spawn_join_latency/rayon.rs"]
mod spawn_join_latency;
#[path = "../../workloads/spawn_many_remote/rayon.rs"]
mod spawn_many_remote;
#[path = "../../workloads/spawn_many_worker/rayon.rs"]
mod spawn_many_worker;

use bench::Workload;
use rayon::{ThreadPool, ThreadPoolBuilder};

fn workload(name: &str) -> Option<Workload<ThreadPool>> {
    Some(match name {
        "chained_spawn" => chained_spawn::run,
        "fib" => fib::run,
        "fib_structured" => fib_structured::run,
        "skynet" => skynet::run,
        "skynet_structured" => skynet_structured::run,
        "spawn_join_worker" => spawn_join_worker::run,
        "spawn_join_latency" => spawn_join_latency::run,
        "spawn_many_remote" => spawn_many_remote::run,
        "spawn_many_worker" => spawn_many_worker::run,
        _ => return None,
    })
}

fn open(workers: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(workers).build().expect("a pool")
}

fn main() {
    bench::main("rayon", workload, open);
}
