//! Who works on what: which connection each thread is at, and which request it works on.
//!
//! A thread works on one request at most, so no event is in two. Rules open requests in one of two ways:
//!
//! - *on a connection*: all threads that are at it work on the request. A thread is at a connection from its first call on
//!   it until it
//!   - makes a call on another connection, or waits in `accept` or `epoll_wait`;
//!   - waits in `poll` or `select` for another connection, or for a new one (a wait for its database is part of its work);
//!   - waits in `futex` after it has given the connection to `epoll_ctl`, as a worker that is done with it does;
//! - *on a thread*: that thread alone works on it, whatever connections it uses.
//!
//! A trace does not tell which descriptor is in a message (`SCM_RIGHTS`), so a connection that is passed over a socket
//! stays with the process that passed it.

use super::facts::{Awaited, Now};
use super::open::OpenRequest;
use super::open_requests::OpenRequests;
use super::request::{EndReason, Request, Serves};
use super::trackers::endpoint::Endpoint;
use super::trackers::scheduler::State;
use super::trackers::threads::Slot;
use std::collections::HashMap;

/// Who works on what.
pub(crate) struct Work {
    /// What is open.
    pub requests: OpenRequests,
    workers: Vec<Worker>,
    connections: HashMap<Endpoint, Connection>,
}

/// A thread.
#[derive(Debug, Clone, Copy, Default)]
struct Worker {
    /// The request that it works on.
    open: Option<usize>,
    /// Where.
    place: Place,
    /// Whether it has handed its connection over to an event loop.
    handed_over: bool,
}

/// Where a thread works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    At(Endpoint),
    /// On a request of its own.
    Own,
}

/// A connection that is open.
#[derive(Debug, Default)]
struct Connection {
    /// Threads that are at it.
    threads: Vec<Slot>,
    open: Option<usize>,
}

impl Work {
    /// Nobody works on anything.
    pub(crate) fn new(requests: OpenRequests) -> Self {
        Work {
            requests,
            workers: Vec::new(),
            connections: HashMap::new(),
        }
    }

    /// The event counts to the request that its thread works on.
    pub(crate) fn count(&mut self, now: &Now) {
        let worker = self.workers.get(now.event.thread.index());
        if let Some(open) = worker.and_then(|w| w.open) {
            self.requests.add(open, now);
        }
    }

    /// A thread is in another state from now on.
    pub(crate) fn scheduled(&mut self, now: &Now, thread: Slot, (before, after): (State, State)) {
        let worker = self.workers.get(thread.index());
        if let Some(open) = worker.and_then(|w| w.open) {
            let time = &mut self.requests.at_mut(open).time;
            time.leave(now.timestamp(), before);
            time.enter(now.timestamp(), after);
        }
    }

    /// The thread's request is this one from now on, or none.
    fn work_on(&mut self, now: &Now, thread: Slot, open: Option<usize>) {
        let worker = thread.of(&mut self.workers);
        let before = std::mem::replace(&mut worker.open, open);
        if before == open {
            return;
        }
        let (state, timestamp) = (now.scheduler.state(thread), now.timestamp());
        if let Some(before) = before {
            let time = &mut self.requests.at_mut(before).time;
            time.leave(timestamp, state);
        }
        if let Some(open) = open {
            self.requests.at_mut(open).time.enter(timestamp, state);
        }
    }

    /// A connection begins.
    pub(crate) fn opens(&mut self, end: Endpoint) {
        self.connections.insert(end, Connection::default());
    }

    /// A connection has ended.
    pub(crate) fn closed(&mut self, end: Endpoint) {
        let connection = self.connections.remove(&end).unwrap_or_default();
        for thread in connection.threads {
            let worker = thread.of(&mut self.workers);
            (worker.place, worker.handed_over) = (Place::Nowhere, false);
        }
    }

    /// The event's thread turns to a connection, unless it works on a request of its own.
    pub(crate) fn turn_to(&mut self, now: &Now, end: Endpoint) {
        let thread = now.event.thread;
        let place = thread.of(&mut self.workers).place;
        if place == Place::At(end) || place == Place::Own {
            return;
        }
        self.turn_away(now);
        let Some(connection) = self.connections.get_mut(&end) else {
            return;
        };
        connection.threads.push(thread);
        let open = connection.open;
        thread.of(&mut self.workers).place = Place::At(end);
        self.work_on(now, thread, open);
    }

    /// The event's thread turns away from the connection that it is at.
    pub(crate) fn turn_away(&mut self, now: &Now) {
        let thread = now.event.thread;
        let worker = thread.of(&mut self.workers);
        worker.handed_over = false;
        let Place::At(before) = worker.place else {
            return;
        };
        worker.place = Place::Nowhere;
        self.work_on(now, thread, None);
        if let Some(connection) = self.connections.get_mut(&before) {
            connection.threads.retain(|t| *t != thread);
        }
    }

    /// The event's thread waits for descriptors.
    pub(crate) fn waits_for(&mut self, now: &Now, awaited: &Awaited) {
        let worker = self.workers.get(now.event.thread.index());
        if let Some(Place::At(end)) = worker.map(|w| w.place)
            && awaited.is_other_than(end)
        {
            self.turn_away(now);
        }
    }

    /// The event's thread hands its connection over to an event loop.
    pub(crate) fn hands_over(&mut self, now: &Now) {
        now.event.thread.of(&mut self.workers).handed_over = true;
    }

    /// The event's thread waits for another thread.
    pub(crate) fn waits_for_thread(&mut self, now: &Now) {
        let worker = self.workers.get(now.event.thread.index());
        if worker.is_some_and(|w| w.handed_over) {
            self.turn_away(now);
        }
    }

    /// What is open on a connection.
    pub(crate) fn on(&mut self, end: Endpoint) -> Option<&mut OpenRequest> {
        let open = self.connections.get(&end)?.open?;
        Some(self.requests.at_mut(open))
    }

    /// Begins a request on a connection with the event, or the work that one `serves`.
    pub(crate) fn begin_on(
        &mut self,
        now: &Now,
        end: Endpoint,
        serves: Option<Serves>,
    ) -> &mut OpenRequest {
        let open = self.requests.begin(now, serves);
        let connection = self.connections.entry(end).or_default();
        connection.open = Some(open);
        for thread in connection.threads.clone() {
            self.work_on(now, thread, Some(open));
        }
        self.requests.at_mut(open)
    }

    /// Ends what is open on a connection, at `at` or with its last event; gives when that was.
    pub(crate) fn end_on(
        &mut self,
        now: &Now,
        end: Endpoint,
        reason: EndReason,
        at: Option<i64>,
    ) -> Option<i64> {
        let connection = self.connections.get_mut(&end)?;
        let open = connection.open.take()?;
        for thread in connection.threads.clone() {
            self.work_on(now, thread, None);
        }
        Some(self.requests.end(open, reason, at))
    }

    /// The request of its own that the event's thread works on.
    pub(crate) fn own(&mut self, now: &Now) -> Option<&mut OpenRequest> {
        let worker = self.workers.get(now.event.thread.index())?;
        let open = worker.open.filter(|_| worker.place == Place::Own)?;
        Some(self.requests.at_mut(open))
    }

    /// Begins a request of the event's thread's own, with the event.
    pub(crate) fn begin_own(&mut self, now: &Now) {
        let thread = now.event.thread;
        self.turn_away(now);
        let open = self.requests.begin(now, None);
        thread.of(&mut self.workers).place = Place::Own;
        self.work_on(now, thread, Some(open));
    }

    /// Ends the request of the event's thread's own, if it has one, with its last event.
    pub(crate) fn end_own(&mut self, now: &Now, reason: EndReason) {
        let thread = now.event.thread;
        let worker = thread.of(&mut self.workers);
        if let (Place::Own, Some(open)) = (worker.place, worker.open) {
            worker.place = Place::Nowhere;
            self.work_on(now, thread, None);
            self.requests.end(open, reason, None);
        }
    }

    /// What the event's thread works on.
    pub(crate) fn of_thread(&self, now: &Now) -> Option<&OpenRequest> {
        let worker = self.workers.get(now.event.thread.index())?;
        Some(self.requests.at(worker.open?))
    }

    /// Ends all that is open, with the trace, whose last event was at `timestamp`.
    pub(crate) fn finish(&mut self, timestamp: i64) -> Vec<Request> {
        self.workers.clear();
        self.connections.clear();
        self.requests.finish(timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::current::Current;
    use crate::requests::observed::Observed;
    use crate::requests::open::Room;
    use crate::requests::trackers::scheduler::Scheduler;
    use crate::requests::trackers::threads::Threads;
    use crate::trace::event::{EventClass, Head, NO_NAME};

    const A: Endpoint = Endpoint::Inbound(0);
    const B: Endpoint = Endpoint::Inbound(1);

    /// Work of made-up events, each of which has its time as ID.
    struct Trial {
        work: Work,
        threads: Threads,
        scheduler: Scheduler,
    }

    impl Trial {
        fn new() -> Self {
            let room = Room {
                events: 100,
                bytes: 1 << 20,
            };
            let mut work = Work::new(OpenRequests::new(room, true));
            work.opens(A);
            work.opens(B);
            Trial {
                work,
                threads: Threads::default(),
                scheduler: Scheduler::default(),
            }
        }

        /// An event of a thread leads to something, and happens.
        fn at<T>(&mut self, time: i64, tid: i32, leads: impl FnOnce(&mut Work, &Now) -> T) -> T {
            let head = Head {
                timestamp: time,
                class: 0,
                values: 0,
                cpu: 0,
                pid: 1,
                tid,
                procname: NO_NAME,
            };
            let observed = Observed {
                event_id: time,
                head: &head,
                values: &[],
                duration_ns: None,
            };
            let event = Current {
                observed: &observed,
                class: &EventClass::new("point", vec![], vec![]),
                thread: self.threads.slot(tid),
                process: 1,
            };
            let now = Now {
                event: &event,
                threads: &self.threads,
                scheduler: &self.scheduler,
            };
            let result = leads(&mut self.work, &now);
            self.work.count(&now);
            result
        }

        fn happens(&mut self, time: i64, tid: i32) {
            self.at(time, tid, |_, _| ());
        }

        /// Per request that has ended, its events and the time that a thread was on a CPU for it.
        fn ended(&mut self) -> Vec<(Vec<i64>, i64)> {
            let ended = self.work.requests.take_ended().into_iter();
            let ended = ended.map(|r| {
                let events = r.nested.iter().map(|e| e.event_id).collect();
                (events, r.times.expect("it is scheduled").on_cpu)
            });
            ended.collect()
        }
    }

    #[test]
    fn threads_at_a_connection_work_on_its_request() {
        let mut t = Trial::new();
        t.at(10, 1, |work, now| work.turn_to(now, A));
        t.at(20, 2, |work, now| {
            work.turn_to(now, A);
            work.begin_on(now, A, None);
        });
        t.happens(30, 1);
        t.at(40, 1, |work, now| work.turn_to(now, B));
        t.happens(50, 2);
        t.at(60, 2, Work::turn_away);
        t.at(80, 1, |work, now| {
            work.turn_to(now, A);
        });
        let end = t.at(90, 1, |work, now| {
            work.count(now);
            work.end_on(now, A, EndReason::Close, None)
        });
        assert_eq!(end, Some(90));
        assert_eq!(t.ended(), [(vec![20, 30, 50, 80, 90], 40 + 10)]);
    }

    #[test]
    fn a_thread_with_a_request_of_its_own_turns_to_no_connection() {
        let mut t = Trial::new();
        t.at(10, 1, |work, now| {
            work.turn_to(now, A);
            work.begin_on(now, A, None);
        });
        t.at(20, 1, Work::begin_own);
        t.at(30, 1, |work, now| work.turn_to(now, A));
        t.at(40, 1, |work, now| {
            assert!(work.own(now).is_some());
            work.count(now);
            work.end_own(now, EndReason::HandlerExit);
            assert!(work.own(now).is_none());
            work.end_own(now, EndReason::HandlerExit);
        });
        assert_eq!(t.ended(), [(vec![20, 30, 40], 20)]);
        t.at(50, 1, |work, now| work.turn_to(now, A));
        t.at(60, 2, |work, now| {
            work.end_on(now, A, EndReason::Close, None);
        });
        assert_eq!(t.ended(), [(vec![10, 50], 10)]);
    }

    #[test]
    fn a_connection_that_has_ended_has_no_threads() {
        let mut t = Trial::new();
        t.at(10, 1, |work, now| {
            work.turn_to(now, A);
            work.hands_over(now);
        });
        t.at(20, 2, |work, _| work.closed(A));
        t.at(30, 1, |work, now| {
            assert!(work.of_thread(now).is_none() && work.on(A).is_none());
            work.waits_for_thread(now);
            work.turn_to(now, B);
            work.begin_on(now, B, None);
        });
        let works = t.at(40, 1, |work, now| work.of_thread(now).is_some());
        assert!(works);
    }
}
