//! Runs one workload on Tokio and prints one JSON line.
//! One runtime serves all repeats; one more repeat is run first and not reported. The answer of each is checked.
//! To add a workload: its file in ../workloads/<name>/tokio.rs, one `mod` and one line in `workload()`.

mod bench;
#[path = "../../workloads/chained_spawn/tokio.rs"]
mod chained_spawn;
#[path = "../../workloads/fib/tokio.rs"]
mod fib;
#[path = "../../workloads/ping_pong/tokio.rs"]
mod ping_pong;
#[path = "../../workloads/skynet/tokio.rs"]
mod skynet;
#[path = "../../workloads/spawn_join_worker/tokio.rs"]
mod spawn_join_worker;
#[path = "../../workloads/spawn_many_local/tokio.rs"]
mod spawn_many_local;
#[path = "../../workloads/spawn_many_remote/tokio.rs"]
mod spawn_many_remote;
#[path = "../../workloads/spawn_many_worker/tokio.rs"]
mod spawn_many_worker;
#[path = "../../workloads/yield_many/tokio.rs"]
mod yield_many;

use bench::Sizes;
use std::collections::HashMap;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PEER: &str = if cfg!(feature = "mimalloc") { "tokio-mimalloc" } else { "tokio-system" };

/// One iteration of a workload; returns its answer.
type Workload = fn(&Runtime, &Sizes) -> u64;

fn workload(name: &str) -> Option<Workload> {
    Some(match name {
        "chained_spawn" => chained_spawn::run,
        "fib" => fib::run,
        "ping_pong" => ping_pong::run,
        "skynet" => skynet::run,
        "spawn_join_worker" => spawn_join_worker::run,
        "spawn_many_local" => spawn_many_local::run,
        "spawn_many_remote" => spawn_many_remote::run,
        "spawn_many_worker" => spawn_many_worker::run,
        "yield_many" => yield_many::run,
        _ => return None,
    })
}

#[derive(Default)]
struct Arguments {
    text: HashMap<String, String>,
    sizes: HashMap<String, u64>,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut parsed = Arguments::default();
        let mut words = std::env::args().skip(1);
        while let Some(option) = words.next() {
            let value = words.next().ok_or(format!("{option} needs a value"))?;
            if option == "--size" {
                let (name, number) = value.split_once('=').ok_or(format!("--size {value}; need NAME=NUMBER"))?;
                let number = number.parse().map_err(|_| format!("--size {value}; need a whole number"))?;
                parsed.sizes.insert(name.to_string(), number);
            } else {
                parsed.text.insert(option, value);
            }
        }
        Ok(parsed)
    }

    fn text(&self, option: &str) -> Result<&str, String> {
        self.text.get(option).map(String::as_str).ok_or(format!("{option} is missing"))
    }

    fn number(&self, option: &str) -> Result<u64, String> {
        let text = self.text(option)?;
        text.parse().map_err(|_| format!("{option} {text}; need a whole number"))
    }
}

fn measure() -> Result<bool, String> {
    let arguments = Arguments::parse()?;
    let name = arguments.text("--workload")?.to_string();
    let run = workload(&name).ok_or(format!("workload {name} has no Tokio version"))?;
    let workers = arguments.number("--workers")?;
    let repeats = arguments.number("--repeats")?;
    let iterations = arguments.number("--iterations")?;
    let operations = arguments.number("--operations")?;
    let expected = arguments.number("--expect")?;
    let sizes = Sizes::new(arguments.sizes);

    let runtime = Builder::new_multi_thread()
        .worker_threads(workers as usize)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let mut answer_ok = true;
    let mut times = Vec::new();
    for repeat in 0..=repeats {
        let start = Instant::now();
        for _ in 0..iterations {
            answer_ok &= run(&runtime, &sizes) == expected;
        }
        if repeat > 0 {
            times.push(start.elapsed().as_nanos().to_string());
        }
    }
    println!(
        "{{\"peer\":\"{PEER}\",\"workload\":\"{name}\",\"workers\":{workers},\"operations\":{},\"ns\":[{}],\"answer_ok\":{answer_ok},\"peak_kib\":{}}}",
        operations * iterations,
        times.join(","),
        bench::peak_kib()
    );
    Ok(answer_ok)
}

fn main() {
    match measure() {
        Ok(true) => {}
        Ok(false) => {
            eprintln!("tokio_bench: wrong answer");
            std::process::exit(1);
        }
        Err(message) => {
            eprintln!("tokio_bench: {message}");
            std::process::exit(2);
        }
    }
}
