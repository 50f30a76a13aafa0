//! How long does one workload take on Tokio? Runs it and prints one JSON line; see ../../shared/bench.rs.
//! To add a workload: its file in ../workloads/<name>/tokio.rs, one `mod` and one line in `workload()`.

#[path = "../../shared/bench.rs"]
mod bench;
#[path = "../../workloads/blocking_pool/tokio.rs"]
mod blocking_pool;
#[path = "../../workloads/chained_spawn/tokio.rs"]
mod chained_spawn;
#[path = "../../workloads/channel/tokio.rs"]
mod channel;
#[path = "../../workloads/fib/tokio.rs"]
mod fib;
#[path = "../../workloads/ping_pong/tokio.rs"]
mod ping_pong;
#[path = "../../workloads/skynet/tokio.rs"]
mod skynet;
#[path = "../../workloads/spawn_batch/tokio.rs"]
mod spawn_batch;
#[path = "../../workloads/spawn_join_latency/tokio.rs"]
mod spawn_join_latency;
#[path = "../../workloads/spawn_join_worker/tokio.rs"]
mod spawn_join_worker;
#[path = "../../workloads/spawn_many_local/tokio.rs"]
mod spawn_many_local;
#[path = "../../workloads/spawn_many_remote/tokio.rs"]
mod spawn_many_remote;
#[path = "../../workloads/spawn_many_remote_busy1/tokio.rs"]
mod spawn_many_remote_busy1;
#[path = "../../workloads/spawn_many_remote_busy2/tokio.rs"]
mod spawn_many_remote_busy2;
#[path = "../../workloads/spawn_many_remote_busy2_policy/tokio.rs"]
mod spawn_many_remote_busy2_policy;
#[path = "../../workloads/spawn_many_worker/tokio.rs"]
mod spawn_many_worker;
#[path = "../../workloads/timer_many/tokio.rs"]
mod timer_many;
#[path = "../../workloads/yield_many/tokio.rs"]
mod yield_many;

use bench::Workload;
use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PEER: &str = if cfg!(feature = "mimalloc") { "tokio-mimalloc" } else { "tokio-system" };

fn workload(name: &str) -> Option<Workload<Runtime>> {
    Some(match name {
        "blocking_pool" => blocking_pool::run,
        "chained_spawn" => chained_spawn::run,
        "channel" => channel::run,
        "fib" => fib::run,
        "ping_pong" => ping_pong::run,
        "skynet" => skynet::run,
        "spawn_batch" => spawn_batch::run,
        "spawn_join_latency" => spawn_join_latency::run,
        "spawn_join_worker" => spawn_join_worker::run,
        "spawn_many_local" => spawn_many_local::run,
        "spawn_many_remote" => spawn_many_remote::run,
        "spawn_many_remote_busy1" => spawn_many_remote_busy1::run,
        "spawn_many_remote_busy2" => spawn_many_remote_busy2::run,
        "spawn_many_remote_busy2_policy" => spawn_many_remote_busy2_policy::run,
        "spawn_many_worker" => spawn_many_worker::run,
        "timer_many" => timer_many::run,
        "yield_many" => yield_many::run,
        _ => return None,
    })
}

fn open(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
}

fn main() {
    bench::main(PEER, workload, open);
}
