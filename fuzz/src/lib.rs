//! What the fuzz targets call: the modules of sysds that read traces and encode columns, with what those stand on, and
//! nothing else of it.
#![allow(dead_code)]

#[path = "../../src/columns"]
pub mod columns {
    pub mod parquet {
        pub mod pages;
        pub mod sparse;
    }
}
#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/foreign.rs"]
pub mod foreign;
#[path = "../../src/process/mod.rs"]
pub mod process;
#[path = "../../src/shown.rs"]
pub mod shown;
#[path = "../../src/trace/mod.rs"]
pub mod trace;
