//! CTF traces, read without babeltrace2: their metadata, and the packets of their streams.
//!
//! The one idea: a damaged trace has to be understood before anything else reads it. [`read_metadata`] says what a
//! trace's bytes mean, [`walk`] goes through a stream's packets and says where it breaks, and [`shadow`] makes a copy
//! that other readers accept. Nothing here decodes events.

pub(super) mod bits;
mod decode;
pub(super) mod leb128;
pub mod metadata;
mod packets;
mod repair;

#[cfg(test)]
mod damage_tests;

pub use bits::Location;
pub use metadata::{Metadata, read_metadata};
pub use packets::{Packet, Walk, stream_files, walk};
pub use repair::shadow;
