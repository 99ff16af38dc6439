//! A recording that is to be read, and what is known of it before.

use super::described::Described;
use super::labels::Wanted;
use crate::trace::find;
use crate::trace::reader::Reader;
use std::path::PathBuf;

/// A recording to read.
pub(super) struct Task<'a> {
    pub reader: Reader,
    pub about: About<'a>,
}

/// What is known of a recording that is to be read, but its reader.
pub(super) struct About<'a> {
    pub trace_id: String,
    pub recording: &'a find::Recording,
    pub described: &'a Described,
    /// The labels of its parts.
    pub labels: Wanted,
    /// The folder for its parts.
    pub scratch: PathBuf,
}
