//! sysds makes datasets out of kernel traces.

pub mod calls;
pub mod cli;
pub mod columns;
pub mod dataset;
pub mod error;
pub mod ingest;
pub mod inspect;
pub mod requests;
pub mod trace;
