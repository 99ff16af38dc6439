//! What a trace is made of, as plain data: event classes with their fields, and batches of events in time order.
//!
//! A reader turns its events into [`EventBatch`]es: one fixed [`Head`] per event, and the values of
//! its fields one after the other in a byte buffer, in the order and by the types that its [`EventClass`] tells. So an
//! event is copied once, nothing is allocated for it, and whoever consumes batches knows nothing of the reader.
//!
//! # Encoding of values
//! | type | bytes |
//! |---|---|
//! | integer, enumeration, boolean, bit array | 8, little-endian (two's complement where signed) |
//! | float | 8, the bits of an `f64` |
//! | text | `u32` length, then the bytes as they were traced; what was UTF-16 or UTF-32 as UTF-8, or marked as no text |
//! | list | `u32` number of elements, then the elements |
//! | structure | its members |
//! | variant | `u32` index of the option, then its value |

pub use super::event_class::*;
pub use super::event_values::*;
pub use super::field_type::*;

use std::ops::Range;

/// Stands for a `cpu`, `pid` or `tid` that the trace does not tell.
pub const UNKNOWN: i32 = i32::MIN;
/// Stands for a process name that the trace does not tell.
pub const NO_NAME: u32 = u32::MAX;

/// Text as it is, other bytes as `\xNN`.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// What every event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Nanoseconds since the Unix epoch.
    pub timestamp: i64,
    /// Index of its class in the reader's list.
    pub class: u32,
    /// Where its values start in the batch's buffer.
    pub values: u32,
    /// CPU, or [`UNKNOWN`].
    pub cpu: i32,
    /// Process ID, or [`UNKNOWN`].
    pub pid: i32,
    /// Thread ID, or [`UNKNOWN`].
    pub tid: i32,
    /// Number of its process name in order of first appearance, or [`NO_NAME`].
    pub procname: u32,
}

/// Events that the tracer discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Stream file, relative to the recording's folder.
    pub stream: String,
    /// CPU of the stream.
    pub cpu: Option<i32>,
    /// Nanoseconds since the Unix epoch: end of the packet before the loss.
    pub begin: Option<i64>,
    /// Nanoseconds since the Unix epoch: end of the packet that reports the loss.
    pub end: Option<i64>,
    /// Number of events; `None` where packets are counted, or the number is unknown.
    pub events: Option<u64>,
    /// Number of packets; `None` where events are counted.
    pub packets: Option<u64>,
}

/// A run of events in time order.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// One per event.
    pub heads: Vec<Head>,
    /// The values of all their fields; see the module's text.
    pub values: Vec<u8>,
    /// Process names that appear for the first time in this batch, in the order of their numbers.
    pub new_procnames: Vec<String>,
    /// Losses, each with the position in `heads` before which it was reported.
    pub losses: Vec<(usize, Loss)>,
}

/// Encoded values of a batch after which it is full, whatever the number of its events.
const BATCH_BYTES: usize = 64 << 20;

impl EventBatch {
    /// Whether it has fewer than `events` events, and they are not so large that it is full.
    pub fn has_room(&self, events: usize) -> bool {
        self.heads.len() < events && self.values.len() < BATCH_BYTES
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.values.clear();
        self.new_procnames.clear();
        self.losses.clear();
    }

    /// How many bytes the encoded values of these events have together.
    pub fn bytes_of(&self, events: Range<usize>) -> usize {
        let start = |position: usize| match self.heads.get(position) {
            Some(head) => head.values as usize,
            None => self.values.len(),
        };
        start(events.end) - start(events.start)
    }

    /// The encoded values of the event at `position`.
    pub fn values_of(&self, position: usize) -> &[u8] {
        let start = self.heads[position].values as usize;
        let end = self
            .heads
            .get(position + 1)
            .map_or(self.values.len(), |next| next.values as usize);
        &self.values[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_utf8_keep_their_bytes() {
        assert_eq!(escape("größe".as_bytes()), "größe");
        assert_eq!(escape(b"a\xffb\x80"), "a\\xffb\\x80");
    }
}
