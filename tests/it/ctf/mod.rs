//! A writer of CTF traces for tests: random metadata, and random streams that keep to it.
//!
//! The one idea: everything follows from a seed, and nothing from sysds: types, their text and their bytes are made here
//! a second time, so that a mistake of the readers cannot hide in what they read. What babeltrace2 2.0 cannot read
//! although CTF 1.8.3 allows it is left out, each time with the reason beside it.

pub mod bits;
pub mod json;
pub mod modern;
pub mod packets;
pub mod random;
pub mod shape;
pub mod small;
pub mod tiny;
pub mod trace;
pub mod tsdl;
