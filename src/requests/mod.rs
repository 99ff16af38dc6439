//! Requests: cutting them out of the events by a rule, and what a request that was cut is.
//!
//! A rule sees every event in time order, and gives requests as they end. A request carries its own events along in
//! encoded form, so that they become columns only when it is written.

pub mod connection;

use crate::trace::event::Head;
use std::net::IpAddr;
use std::sync::Arc;

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// `close` of the connection returned.
    Close,
    /// `shutdown` of the connection returned.
    Shutdown,
    /// The same thread's next accept returned first.
    NextAccept,
    /// It was open when the trace ended.
    TraceEnd,
}

impl EndReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [EndReason; 4] = [
        EndReason::Close,
        EndReason::Shutdown,
        EndReason::NextAccept,
        EndReason::TraceEnd,
    ];

    /// The word for it in the column `end_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::Close => "close",
            EndReason::Shutdown => "shutdown",
            EndReason::NextAccept => "next_accept",
            EndReason::TraceEnd => "trace_end",
        }
    }
}

/// A client's address and port, as far as the trace tells them.
pub type Client = (Option<IpAddr>, Option<i32>);

/// A request, as far as it has been followed. Times are nanoseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Position in the order of starts.
    pub id: i64,
    /// Name of the thread that accepted the connection.
    pub procname: Option<Arc<str>>,
    /// Process, or [`UNKNOWN`](crate::trace::event::UNKNOWN).
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Descriptor of the connection.
    pub fd: i64,
    /// The client.
    pub client: Client,
    /// When the accept was entered.
    pub accept_entry: Option<i64>,
    /// When it returned.
    pub start: i64,
    /// Time of its last event so far; of its end once it has ended.
    pub end: i64,
    /// Its events so far.
    pub n_events: i64,
    /// `event_id` of the first.
    pub first_event: i64,
    /// `event_id` of the last so far.
    pub last_event: i64,
    /// Why it ended, once it has.
    pub end_reason: EndReason,
    /// Events that the tracer discarded in its time.
    pub lost_events: u64,
    /// Whether anything was lost in its time (events, or packets with an unknown number of events).
    pub touched_by_loss: bool,
    /// Its own events.
    pub nested: Nested,
}

impl Request {
    /// Whether it began and ended in the trace, without a loss.
    pub fn complete(&self) -> bool {
        matches!(self.end_reason, EndReason::Close | EndReason::Shutdown) && !self.touched_by_loss
    }
}

/// Events of a request in encoded form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nested {
    bytes: Vec<u8>,
    count: usize,
}

/// One of a request's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedEvent<'a> {
    /// Its class.
    pub class: u32,
    /// Its thread.
    pub tid: i32,
    /// Its position in the trace.
    pub event_id: i64,
    /// Nanoseconds since the start of the request.
    pub offset_ns: i64,
    /// Nanoseconds since its entry, for an exit that has one.
    pub duration_ns: Option<i64>,
    /// Its encoded values.
    pub values: &'a [u8],
}

/// Bytes of an encoded event without its values.
const HEAD: usize = 36;
const NO_DURATION: i64 = i64::MIN;

impl Nested {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that they take.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an event.
    pub fn push(&mut self, event: NestedEvent) {
        let out = &mut self.bytes;
        out.reserve(HEAD + event.values.len());
        out.extend_from_slice(&event.class.to_le_bytes());
        out.extend_from_slice(&event.tid.to_le_bytes());
        out.extend_from_slice(&event.event_id.to_le_bytes());
        out.extend_from_slice(&event.offset_ns.to_le_bytes());
        out.extend_from_slice(&event.duration_ns.unwrap_or(NO_DURATION).to_le_bytes());
        out.extend_from_slice(&(event.values.len() as u32).to_le_bytes());
        out.extend_from_slice(event.values);
        self.count += 1;
    }

    /// The events in order.
    pub fn iter(&self) -> impl Iterator<Item = NestedEvent<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (head, tail) = rest.split_at(HEAD);
            let word = |i: usize| i32::from_le_bytes(head[i..i + 4].try_into().expect("4 bytes"));
            let long = |i: usize| i64::from_le_bytes(head[i..i + 8].try_into().expect("8 bytes"));
            let (values, tail) = tail.split_at(word(32) as usize);
            rest = tail;
            Some(NestedEvent {
                class: word(0) as u32,
                tid: word(4),
                event_id: long(8),
                offset_ns: long(16),
                duration_ns: Some(long(24)).filter(|d| *d != NO_DURATION),
                values,
            })
        })
    }
}

/// An event as a rule sees it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_events_come_back_as_they_went_in() {
        let events = [
            NestedEvent {
                class: 3,
                tid: -1,
                event_id: 1 << 40,
                offset_ns: 0,
                duration_ns: None,
                values: &[],
            },
            NestedEvent {
                class: u32::MAX,
                tid: 7,
                event_id: 2,
                offset_ns: 5,
                duration_ns: Some(-3),
                values: b"abc",
            },
        ];
        let mut nested = Nested::default();
        assert!(nested.is_empty());
        events.iter().for_each(|e| nested.push(*e));
        assert_eq!(nested.iter().collect::<Vec<_>>(), events);
        assert_eq!(nested.len(), 2);
    }
}
