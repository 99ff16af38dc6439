//! How far a running ingest is, and how it is stopped.

use std::sync::atomic::AtomicBool;

/// How far an ingest is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events read so far, of all recordings.
    pub events: u64,
    /// About how many bytes of the streams that is, by the time of the last event of each recording.
    pub bytes: u64,
    /// Bytes of all streams.
    pub total_bytes: u64,
    /// Recordings that are read to the end.
    pub done: usize,
    /// All recordings.
    pub recordings: usize,
}

/// The caller's hold on a running ingest.
pub struct Control<'a> {
    /// Set to stop it: it then ends with [`Error::Interrupted`](crate::error::Error::Interrupted).
    pub interrupted: &'a AtomicBool,
    /// Called after every batch; where several recordings are read at once, several times a second.
    pub progress: &'a mut dyn FnMut(Progress),
}
