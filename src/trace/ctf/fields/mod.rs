//! Fields: from their classes in the metadata to values.
//!
//! ```text
//! metadata ─► tree (which fields there are, under which names) ─► planner ─► plan (a list of steps)
//!                                                                              │
//!                                                        bytes of a packet ─► decoder ─► output
//! ```
//!
//! The one idea: a root of fields is compiled once, and everything that reads fields of a stream runs the same decoder:
//! whoever looks packets over, counts events, or reads them.

pub mod decoder;
pub mod names;
mod numbers;
pub mod output;
pub mod plan;
pub mod planner;
mod rare;
pub mod slots;
pub mod tree;
mod wide;
