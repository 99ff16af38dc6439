//! Columns: the contract of the tables, how fields become columns, and how columns become Parquet files.

pub mod contract;
pub mod describe;
pub mod downstream;
pub mod events;
pub mod holds;
pub mod join;
pub mod layout;
pub mod losses;
pub mod nested;
pub mod numbers;
pub mod parquet;
pub mod requests;
pub mod sparse;
pub mod types;
pub mod values;
