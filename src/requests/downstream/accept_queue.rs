//! Connections within the machine that were made and not accepted: which of them an accept gives.
//!
//! Connections to one listening socket (`unix(7)`) are accepted in the order in which they were made. To count along, its
//! queue must have been seen empty: `connect` woke a thread that waited for it, or `accept` found none. When a connection
//! was made is known where it woke somebody; otherwise it was while its thread was on a CPU in `connect`. Where two may
//! have come in either order, or where it cannot be told to which of several listening sockets one went, nothing is
//! concluded.

use super::caller::Caller;
use crate::requests::trackers::scheduler::Scheduler;
use crate::requests::trackers::threads::Slot;
use crate::trace::event::Loss;
use std::collections::{HashSet, VecDeque};

/// `connect(2)`: `-EINPROGRESS`.
const IN_PROGRESS: i64 = -115;
/// More connections than this wait for no accept (`listen(2)`: `somaxconn`).
const MOST_WAITING: usize = 4096;

/// Connections that wait to be accepted, and who accepts some.
#[derive(Debug)]
pub(crate) struct AcceptQueue {
    /// Connections that were made and not accepted, the oldest first.
    waiting: VecDeque<Waiting>,
    /// Sockets that local connections were accepted from: the name of the process, and the descriptor.
    listeners: HashSet<(u32, i64)>,
    /// Processes, by name, whose queue is known.
    known: HashSet<u32>,
    /// Until when events are missing.
    lost_until: i64,
}

/// A connection that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connecting {
    /// Number of the client's end, and its descriptor.
    pub client: usize,
    pub fd: i64,
    /// What its thread works for.
    pub caller: Option<Caller>,
}

/// A connection that is being made, or was.
#[derive(Debug)]
struct Waiting {
    connecting: Connecting,
    /// The thread that makes it.
    thread: Slot,
    /// The name of the process that it woke.
    woke: Option<u32>,
    /// It came into the queue not before this,
    earliest: i64,
    /// and not after that; `None` while it is being made.
    latest: Option<i64>,
    /// Whether it may have been accepted already.
    doubtful: bool,
}

impl Waiting {
    fn client(&self) -> usize {
        self.connecting.client
    }

    fn may_be_of(&self, name: u32) -> bool {
        self.woke.is_none_or(|w| w == name)
    }

    /// Whether it can be in the queue already.
    fn may_wait(&self, scheduler: &Scheduler) -> bool {
        self.latest.is_some() || scheduler.ran_since(self.thread, self.earliest)
    }

    fn is_before(&self, other: &Waiting) -> bool {
        self.latest.is_some_and(|latest| latest <= other.earliest)
    }
}

impl AcceptQueue {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        AcceptQueue {
            waiting: VecDeque::new(),
            listeners: HashSet::new(),
            known: HashSet::new(),
            lost_until: i64::MIN,
        }
    }

    /// Events are missing: what waits is not known any more.
    pub(crate) fn lose(&mut self, loss: &Loss) {
        self.waiting.clear();
        self.known.clear();
        self.lost_until = self.lost_until.max(loss.end.unwrap_or(i64::MAX));
    }

    /// A thread begins to make a connection.
    pub(crate) fn connects(&mut self, connecting: Connecting, thread: Slot, now: i64) {
        let client = connecting.client;
        self.waiting.retain(|w| w.client() != client);
        if self.waiting.len() == MOST_WAITING {
            self.waiting.clear();
            self.known.clear();
        }
        self.waiting.push_back(Waiting {
            connecting,
            thread,
            woke: None,
            earliest: now,
            latest: None,
            doubtful: now <= self.lost_until,
        });
    }

    /// `connect` has returned `ret`.
    pub(crate) fn connected(&mut self, client: usize, ret: i64, now: i64) {
        let position = self.waiting.iter().rposition(|w| w.client() == client);
        let Some(position) = position else { return };
        match ret {
            0 => {
                let latest = &mut self.waiting[position].latest;
                *latest = latest.or(Some(now));
            }
            IN_PROGRESS => {}
            _ => {
                self.waiting.remove(position);
            }
        }
    }

    /// `connect` has woken a thread of a process of this name that waited.
    pub(crate) fn woke(&mut self, client: usize, name: u32, now: i64) {
        let mut all = self.waiting.iter_mut();
        if let Some(waiting) = all.find(|w| w.client() == client && w.woke.is_none()) {
            waiting.woke = Some(name);
            waiting.latest = Some(now);
            waiting.doubtful = now <= self.lost_until;
            self.was_empty(name, now, now);
        }
    }

    /// The queue of `name` was empty at `empty`: what was made before and may have gone there has been accepted.
    pub(crate) fn was_empty(&mut self, name: u32, empty: i64, now: i64) {
        if now <= self.lost_until {
            return;
        }
        self.waiting
            .retain(|w| !(w.may_be_of(name) && w.latest.is_some_and(|latest| latest < empty)));
        for waiting in self.waiting.iter_mut().filter(|w| w.may_be_of(name)) {
            waiting.earliest = waiting.earliest.max(empty);
        }
        self.known.insert(name);
    }

    /// The connection that `accept` gives a process of this name from this listening socket.
    pub(crate) fn accept(
        &mut self,
        (name, from): (u32, i64),
        now: i64,
        scheduler: &Scheduler,
    ) -> Option<Connecting> {
        self.listeners.insert((name, from));
        let all = self.waiting.iter().enumerate();
        let waiting: Vec<usize> = all
            .filter(|(_, w)| w.may_be_of(name) && w.may_wait(scheduler))
            .map(|(i, _)| i)
            .collect();
        let first = waiting.iter().copied().find(|i| {
            let mut others = waiting.iter().filter(|o| *o != i);
            others.all(|o| self.waiting[*i].is_before(&self.waiting[*o]))
        });
        let first = first.filter(|i| {
            let woke = self.waiting[*i].woke.is_some();
            let mut listeners = self.listeners.iter().filter(|l| !woke || l.0 == name);
            let alone = listeners.next().is_some() && listeners.next().is_none();
            alone && !self.waiting[*i].doubtful
        });
        if let Some(first) = first
            && now > self.lost_until
            && self.known.contains(&name)
        {
            return self.waiting.remove(first).map(|w| w.connecting);
        }
        // One of them has gone, and nobody knows which.
        self.known.remove(&name);
        for i in waiting {
            self.waiting[i].doubtful = true;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::trackers::threads::Threads;

    const DATABASE: u32 = 3;
    const SOCKET: (u32, i64) = (DATABASE, 21);

    fn connecting(client: usize) -> Connecting {
        Connecting {
            client,
            fd: 12,
            caller: None,
        }
    }

    fn accept(queue: &mut AcceptQueue, now: i64) -> Option<usize> {
        let accepted = queue.accept(SOCKET, now, &Scheduler::default());
        accepted.map(|c| c.client)
    }

    #[test]
    fn an_accept_gives_the_first_connection_if_the_queue_was_seen_empty() {
        let mut threads = Threads::default();
        let (a, b) = (threads.slot(11), threads.slot(12));
        for (seen_empty, expected) in [(true, [Some(0), Some(1)]), (false, [None, None])] {
            let mut queue = AcceptQueue::new();
            if seen_empty {
                queue.was_empty(DATABASE, 5, 5);
            }
            queue.connects(connecting(0), a, 10);
            queue.connected(0, 0, 20);
            queue.connects(connecting(1), b, 20);
            queue.connected(1, 0, 30);
            let accepted = [40, 50].map(|now| accept(&mut queue, now));
            assert_eq!(accepted, expected);
        }
    }

    #[test]
    fn a_connection_that_failed_or_went_elsewhere_is_not_waited_for() {
        let mut threads = Threads::default();
        let thread = threads.slot(11);
        let mut queue = AcceptQueue::new();
        queue.was_empty(DATABASE, 5, 5);
        queue.connects(connecting(0), thread, 10);
        queue.connected(0, -111, 20);
        queue.connects(connecting(1), thread, 30);
        queue.connected(1, IN_PROGRESS, 40);
        assert_eq!(accept(&mut queue, 50), Some(1));
        queue.connects(connecting(2), thread, 60);
        queue.connected(2, 0, 70);
        queue.accept((DATABASE, 22), 80, &Scheduler::default());
        assert_eq!(accept(&mut queue, 90), None, "two sockets");
    }
}
