//! Rayon's jobs have no handle: the same as fib.

pub use crate::fib::run;
