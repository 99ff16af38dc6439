//! CTF traces as they lie on disk: their metadata, and the packets of their streams.
//!
//! The one idea: a damaged trace has to be understood before anything else reads it. [`metadata`] says what a trace's
//! bytes mean, [`fields`] decodes them, [`walk`] goes through a stream's packets and says where it breaks, and [`repair`]
//! makes a copy that other readers accept.

pub(super) mod bits;
mod cut;
pub mod fields;
mod header;
pub(super) mod leb128;
pub mod metadata;
pub mod packet;
pub mod packet_plan;
pub mod repair;
pub mod stream_files;
pub mod walk;
mod window;

#[cfg(test)]
mod damage_tests;
