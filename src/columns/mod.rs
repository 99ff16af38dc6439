//! Columns: what a table is, how its columns become Parquet, and what fills them.
//!
//! [`tables`] fills columns from events, requests and what else a recording has; it alone knows of them. [`schema`] and
//! [`parquet`] know no tables, so that what reads and publishes datasets can use them.

pub mod parquet;
pub mod schema;
pub mod tables;
