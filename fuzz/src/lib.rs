//! What the fuzz targets call: the modules of sysds that read traces, and nothing else of it.
#![allow(dead_code)]

#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/trace/mod.rs"]
pub mod trace;
