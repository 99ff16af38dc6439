//! Requests that have begun and not ended: they gather events, bytes and time, and can go back to a mark.
//!
//! An exchange ends at its last write, which is known only when the next read comes: what came after the last write so
//! far is given back by going to the mark set there.

use super::nested::NestedEvent;
use super::observed::Observed;
use super::request::{EndReason, Request, Serves};
use super::time_breakdown::TimeBreakdown;

/// A request that has not ended.
pub(crate) struct OpenRequest {
    /// As far as it has come.
    pub request: Request,
    /// Where its time went.
    pub time: TimeBreakdown,
    /// For whom it is, where it is downstream work.
    pub serves: Option<Serves>,
    /// System-call events of the whole system before its first.
    calls_before: i64,
    mark: Option<Mark>,
}

/// A state that a request can end in, though it went on.
struct Mark {
    end: i64,
    n_events: i64,
    last_event: i64,
    window_syscalls: i64,
    written: Option<i64>,
    nested: (usize, usize),
    event_ids: usize,
    time: TimeBreakdown,
}

/// Bytes that downstream work carries for an event.
const ID_BYTES: usize = size_of::<i64>();

/// How much requests may carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Events of a request.
    pub events: usize,
    /// Bytes of all that are open.
    pub bytes: usize,
}

impl OpenRequest {
    /// One that begins with `request`, at its `start`; `calls_before` system-call events lie before.
    pub(crate) fn new(request: Request, serves: Option<Serves>, calls_before: i64) -> Self {
        OpenRequest {
            time: TimeBreakdown::new(request.start),
            request,
            serves,
            calls_before,
            mark: None,
        }
    }

    /// Adds an event of a thread that works on it, and returns how many bytes that took. Beyond the `room` it is counted
    /// but not carried. `calls` is the number of system-call events of the whole system so far.
    pub(crate) fn add(&mut self, event: &Observed, calls: i64, room: Room) -> usize {
        let request = &mut self.request;
        request.n_events += 1;
        request.last_event = event.event_id;
        request.end = event.head.timestamp;
        request.window_syscalls = calls - self.calls_before;
        self.time.commit(request.end);
        if let Some(serves) = &mut self.serves {
            let whole_so_far = serves.event_ids.len() as i64 == request.n_events - 1;
            if !whole_so_far || room.events <= serves.event_ids.len() || room.bytes < ID_BYTES {
                return 0;
            }
            serves.event_ids.push(event.event_id);
            return ID_BYTES;
        }
        let whole_so_far = request.nested.len() as i64 == request.n_events - 1;
        let (most, left) = (room.events, room.bytes);
        if !whole_so_far || request.nested.len() >= most || left < event.values.len() {
            return 0;
        }
        let before = request.nested.size();
        request.nested.push(NestedEvent {
            class: event.head.class,
            tid: event.head.tid,
            event_id: event.event_id,
            offset_ns: event.head.timestamp - request.start,
            duration_ns: event.duration_ns,
            values: event.values,
        });
        request.nested.size() - before
    }

    /// Bytes that it carries.
    pub(crate) fn size(&self) -> usize {
        let ids = self.serves.as_ref().map_or(0, |s| s.event_ids.len());
        self.request.nested.size() + ids * ID_BYTES
    }

    /// Counts bytes of the client.
    pub(crate) fn read(&mut self, bytes: i64) {
        *self.request.read_bytes.get_or_insert(0) += bytes;
    }

    /// Counts bytes to the client.
    pub(crate) fn written(&mut self, bytes: i64) {
        *self.request.written_bytes.get_or_insert(0) += bytes;
    }

    /// It may end with its last event.
    pub(crate) fn mark(&mut self) {
        let request = &self.request;
        self.mark = Some(Mark {
            end: request.end,
            n_events: request.n_events,
            last_event: request.last_event,
            window_syscalls: request.window_syscalls,
            written: request.written_bytes,
            nested: (request.nested.len(), request.nested.size()),
            event_ids: self.serves.as_ref().map_or(0, |s| s.event_ids.len()),
            time: self.time.clone(),
        });
    }

    /// Whether there is a mark to end at.
    pub(crate) fn is_marked(&self) -> bool {
        self.mark.is_some()
    }

    /// Ends it: at its mark if it has one, else at `end`, or with its last event where none is given.
    pub(crate) fn close(
        mut self,
        reason: EndReason,
        end: Option<i64>,
        scheduled: bool,
    ) -> (Request, Option<Serves>) {
        let request = &mut self.request;
        request.end_reason = reason;
        if let Some(mark) = self.mark {
            request.end = mark.end;
            request.n_events = mark.n_events;
            request.last_event = mark.last_event;
            request.window_syscalls = mark.window_syscalls;
            request.written_bytes = mark.written;
            let (count, size) = mark.nested;
            if request.nested.len() > count {
                request.nested.truncate(count, size);
            }
            if let Some(serves) = &mut self.serves {
                serves.event_ids.truncate(mark.event_ids);
            }
            self.time = mark.time;
        } else {
            request.end = end.unwrap_or(request.end);
        }
        request.times = scheduled.then(|| self.time.finish(request.end));
        (self.request, self.serves)
    }
}
