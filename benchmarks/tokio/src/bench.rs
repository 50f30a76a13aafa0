//! What every Tokio workload shares: its sizes, and the signal an outside thread waits for.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex};

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
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
