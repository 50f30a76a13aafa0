//! The same as spawn_many_remote_busy2: Tokio takes one task out of its shared queue at a time, and has no such setting.

pub use crate::spawn_many_remote_busy2::run;
