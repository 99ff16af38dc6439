//! CTF traces as they lie on disk: their metadata, and the packets of their streams.
//!
//! The one idea: a damaged trace has to be understood before anything else reads it. [`metadata`] says what a trace's
//! bytes mean, `fields` decodes them, `walk` goes through a stream's packets and says where it breaks, and `repair` makes a
//! copy that other readers accept.

pub(crate) mod bits;
mod cut;
pub(crate) mod fields;
mod header;
pub(crate) mod leb128;
pub mod metadata;
pub(crate) mod packet;
pub(crate) mod packet_plan;
pub(crate) mod repair;
pub(crate) mod stream_files;
pub(crate) mod walk;
mod window;

#[cfg(test)]
mod damage_tests;
