//! All requests that are open, and the work of others for them: where they are kept, what they may carry together, and
//! what is left when they end.

use super::facts::Now;
use super::nested::Nested;
use super::open::{OpenRequest, Room};
use super::request::{EndReason, Request, Serves, Service};
use super::trackers::losses::Losses;
use crate::trace::event::Loss;
use std::sync::Arc;

/// Requests and downstream work that are open, and those that have ended and not been taken.
#[derive(Default)]
pub(crate) struct OpenRequests {
    open: Vec<Option<OpenRequest>>,
    /// Free places in `open`.
    free: Vec<usize>,
    losses: Losses,
    next_request: i64,
    next_service: i64,
    /// System-call events so far, of all threads.
    syscalls: i64,
    /// Bytes that all carry.
    bytes: usize,
    room: Room,
    /// Whether the trace has the scheduler's events.
    scheduled: bool,
    ended: Vec<Request>,
    services: Vec<Service>,
}

impl OpenRequests {
    /// None are open, which may carry as much as there is `room`; `scheduled` if the trace has the scheduler's events.
    pub(crate) fn new(room: Room, scheduled: bool) -> Self {
        OpenRequests {
            room,
            scheduled,
            ..OpenRequests::default()
        }
    }

    /// A system-call event, of whatever thread.
    pub(crate) fn syscall(&mut self) {
        self.syscalls += 1;
    }

    /// What is open at this place.
    pub(crate) fn at(&self, open: usize) -> &OpenRequest {
        self.open[open].as_ref().expect("it is open")
    }

    /// The same, to change.
    pub(crate) fn at_mut(&mut self, open: usize) -> &mut OpenRequest {
        self.open[open].as_mut().expect("it is open")
    }

    /// Adds the event to what is open at this place.
    pub(crate) fn add(&mut self, open: usize, now: &Now) {
        let room = Room {
            events: self.room.events,
            bytes: self.room.bytes.saturating_sub(self.bytes),
        };
        let syscalls = self.syscalls;
        let open = self.at_mut(open);
        let taken = open.add(now.event.observed, syscalls, room);
        self.bytes += taken;
    }

    /// Begins a request with the event, or the work that one `serves`. What the rule knows more is set in it.
    pub(crate) fn begin(&mut self, now: &Now, serves: Option<Serves>) -> usize {
        let event = now.event.observed;
        let head = event.head;
        let next = match serves {
            Some(_) => &mut self.next_service,
            None => &mut self.next_request,
        };
        let id = *next;
        *next += 1;
        let request = Request {
            id,
            procname: now.threads.name(head, now.event.thread).map(Arc::clone),
            pid: head.pid,
            tid: head.tid,
            fd: None,
            client: (None, None),
            connection: None,
            accept_seen: None,
            accept_entry: None,
            start: head.timestamp,
            wait: None,
            end: head.timestamp,
            n_events: 0,
            first_event: event.event_id,
            last_event: event.event_id,
            window_syscalls: 0,
            read_bytes: None,
            written_bytes: None,
            times: None,
            end_reason: EndReason::TraceEnd,
            lost_events: 0,
            touched_by_loss: false,
            logged: None,
            nested: Nested::default(),
        };
        let before = self.syscalls - i64::from(now.event.is_syscall());
        let open = Some(OpenRequest::new(request, serves, before));
        match self.free.pop() {
            Some(free) => {
                self.open[free] = open;
                free
            }
            None => {
                self.open.push(open);
                self.open.len() - 1
            }
        }
    }

    /// Ends what is open at this place, at `end` or with its last event; gives when that was. No thread may work on it
    /// any more.
    pub(crate) fn end(&mut self, open: usize, reason: EndReason, end: Option<i64>) -> i64 {
        self.free.push(open);
        let open = self.open[open].take().expect("it is open");
        self.bytes -= open.size();
        let (mut request, serves) = open.close(reason, end, self.scheduled);
        let lost = self.losses.between(request.start, request.end);
        request.touched_by_loss |= lost.any;
        request.lost_events += lost.events;
        let end = request.end;
        match serves {
            None => self.ended.push(request),
            Some(of) => self.services.push(Service { of, work: request }),
        }
        end
    }

    /// Takes in a loss.
    pub(crate) fn lose(&mut self, loss: &Loss) {
        if loss.begin.is_some() || loss.end.is_some() {
            self.losses.push(loss);
            return;
        }
        // Nobody knows when: whatever is open may be touched.
        for open in self.open.iter_mut().flatten() {
            open.request.touched_by_loss = true;
            open.request.lost_events += loss.events.unwrap_or(0);
        }
    }

    /// Downstream work that has ended since the last call, in the order in which it ended.
    pub(crate) fn take_services(&mut self) -> Vec<Service> {
        std::mem::take(&mut self.services)
    }

    /// Requests that have ended since the last call, in the order in which they ended.
    pub(crate) fn take_ended(&mut self) -> Vec<Request> {
        let open = self.open.iter().flatten();
        let oldest = open.map(|o| o.request.start).min();
        self.losses.forget(oldest);
        std::mem::take(&mut self.ended)
    }

    /// Ends all, with the trace, whose last event was at `timestamp`.
    pub(crate) fn finish(&mut self, timestamp: i64) -> Vec<Request> {
        let open = self.open.iter().enumerate();
        let mut open: Vec<(i64, usize)> = open
            .filter_map(|(i, o)| Some((o.as_ref()?.request.id, i)))
            .collect();
        open.sort_unstable();
        for (_, i) in open {
            self.end(i, EndReason::TraceEnd, Some(timestamp));
        }
        std::mem::take(&mut self.ended)
    }
}
