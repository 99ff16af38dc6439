//! An event as it comes in from the trace.

use crate::trace::event::{Head, UNKNOWN};

/// An event of a recording, with what the pairing of system calls adds to it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Its position in the trace.
    pub event_id: i64,
    /// Its head.
    pub head: &'a Head,
    /// Its encoded values.
    pub values: &'a [u8],
    /// Nanoseconds since its entry, for an exit that has one.
    pub duration_ns: Option<i64>,
}

impl Observed<'_> {
    /// Its process; where the trace does not tell, a thread counts as a process of its own.
    pub(crate) fn process(&self) -> i32 {
        match self.head.pid {
            UNKNOWN => self.head.tid,
            pid => pid,
        }
    }
}
