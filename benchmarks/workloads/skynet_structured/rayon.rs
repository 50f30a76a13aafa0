//! Rayon's jobs have no handle: the same as skynet.

pub use crate::skynet::run;
