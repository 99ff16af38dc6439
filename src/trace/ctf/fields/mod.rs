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

pub(crate) mod decoder;
pub(crate) mod names;
mod numbers;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod planner;
mod rare;
pub(crate) mod slots;
pub(crate) mod tree;
mod wide;
