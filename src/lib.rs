//! sysds makes datasets out of kernel traces.

pub mod cli;
pub mod dataset;
pub mod error;
pub mod trace;
