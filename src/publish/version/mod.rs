//! The semantic version of a release: what has changed since the one before, and which version that asks for.
//!
//! As Croissant 1.1 has it: *patch*, the rows are the same; *minor*, all that was there is there unchanged, in the same
//! splits, and there is more (recordings, columns); *major*, anything else: rows changed, gone, or in another split, a
//! column gone or of another type. Rows are compared, not file sizes or dates: shards of the same checksum are the same,
//! all others are read.
//!
//! `level` is how much of a change something is, `changes` finds them, `schemas` and `rows` compare the two releases
//! (`side`), and `settle` gives the version.

mod changes;
mod level;
mod rows;
mod schemas;
mod settle;
mod side;

pub(super) use rows::only;
pub(super) use settle::{Old, settle};
