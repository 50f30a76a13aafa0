//! What do the programs of the Rust peers share? Sizes, the signal an outside thread waits for, the command line, the JSON line.
//! One runtime serves all repeats; one more repeat is run first and not reported. The answer of each is checked.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// The sizes of one workload, as `spec.json` gives them.
pub struct Sizes(HashMap<String, u64>);

impl Sizes {
    pub fn new(values: HashMap<String, u64>) -> Self {
        Sizes(values)
    }

    pub fn get(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(value) => *value,
            None => panic!("size {name} is missing; pass --size {name}=NUMBER"),
        }
    }
}

/// One outside thread waits, the last task of a workload notifies. A mutex and a condition variable in every peer,
/// so that this one round trip costs all of them the same.
pub struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    pub const fn new() -> Self {
        Signal { raised: Mutex::new(false), changed: Condvar::new() }
    }

    pub fn raise(&self) {
        *self.raised.lock().unwrap() = true;
        self.changed.notify_one();
    }

    /// Blocks the calling thread until the signal is raised, and lowers it again for the next repeat.
    pub fn wait(&self) {
        let mut raised = self.raised.lock().unwrap();
        while !*raised {
            raised = self.changed.wait(raised).unwrap();
        }
        *raised = false;
    }
}

/// The most memory this process has held, in KiB. The parent's account (`wait4`) would do, but Linux lets it start from
/// the size of the process that forked us, which is a whole Python interpreter.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
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

/// One iteration of a workload; returns its answer.
pub type Workload<Runtime> = fn(&Runtime, &Sizes) -> u64;

/// Runs the workload that the arguments name and prints its line; false when an answer was wrong.
fn measure<Runtime>(
    peer: &str,
    find: fn(&str) -> Option<Workload<Runtime>>,
    open: fn(usize) -> Runtime,
) -> Result<bool, String> {
    let arguments = Arguments::parse()?;
    let name = arguments.text("--workload")?.to_string();
    let run = find(&name).ok_or(format!("workload {name} has no version for {peer}"))?;
    let workers = arguments.number("--workers")?;
    let repeats = arguments.number("--repeats")?;
    let iterations = arguments.number("--iterations")?;
    let operations = arguments.number("--operations")?;
    let expected = arguments.number("--expect")?;
    let sizes = Sizes::new(arguments.sizes);

    let runtime = open(workers as usize);
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
        "{{\"peer\":\"{peer}\",\"workload\":\"{name}\",\"workers\":{workers},\"operations\":{},\"ns\":[{}],\"answer_ok\":{answer_ok},\"peak_kib\":{}}}",
        operations * iterations,
        times.join(","),
        peak_kib()
    );
    Ok(answer_ok)
}

/// The whole of a peer's `main`: `find` gives a workload by name, `open` starts the peer with so many workers.
pub fn main<Runtime>(peer: &str, find: fn(&str) -> Option<Workload<Runtime>>, open: fn(usize) -> Runtime) {
    match measure(peer, find, open) {
        Ok(true) => {}
        Ok(false) => {
            eprintln!("{peer}: wrong answer");
            std::process::exit(1);
        }
        Err(message) => {
            eprintln!("{peer}: {message}");
            std::process::exit(2);
        }
    }
}
