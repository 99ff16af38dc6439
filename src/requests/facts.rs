//! Facts: what an event means, without the descriptors and calls that told it. Trackers give them; rules and the matcher
//! of downstream work take them.
//!
//! An event gives any number of facts, in this order: those that lead to it (its thread turns to a connection, a
//! connection begins with it), then [`Fact::Happens`], then those that follow from it (a connection has ended with it).

use super::current::Current;
use super::request::{Client, EndReason};
use super::trackers::descriptors::Descriptors;
use super::trackers::endpoint::Endpoint;
use super::trackers::scheduler::{Scheduler, State};
use super::trackers::threads::{Slot, Threads};

/// An event, and what trackers know at its time.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub event: &'a Current<'a>,
    pub threads: &'a Threads,
    pub scheduler: &'a Scheduler,
}

impl Now<'_> {
    /// Nanoseconds since the Unix epoch.
    pub(crate) fn timestamp(&self) -> i64 {
        self.event.timestamp()
    }

    /// Whether the event's thread has this name, as far as the kernel keeps it.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let (head, thread) = (self.event.observed.head, self.event.thread);
        self.threads.is_named(head, thread, name)
    }
}

/// What an event means. "The thread" is that of the event.
#[derive(Clone, Copy)]
pub(crate) enum Fact<'a> {
    /// The event itself.
    Happens,
    /// A thread is in another state of the scheduler's from now on.
    Scheduled {
        thread: Slot,
        before: State,
        after: State,
    },
    /// The thread makes a call on a connection.
    Uses(Endpoint),
    /// The thread waits for whatever comes next: in `accept` or `epoll_wait`.
    WaitsForAnything,
    /// The thread waits in `poll` or `select`.
    WaitsFor(Awaited<'a>),
    /// The thread hands a connection over to an event loop.
    HandsOver,
    /// The thread waits for another one, in `futex`.
    WaitsForThread,
    /// `accept` returned a connection over the internet protocols, be it followed or not.
    Accepted { fd: i64, client: Client },
    /// A client's connection begins.
    Begins(Inbound),
    /// A read from a connection returns so many bytes, more than 0.
    Read { end: Endpoint, bytes: i64 },
    /// A call that writes to a connection begins.
    Writes(Endpoint),
    /// A write to a connection has returned, of so many bytes, more than 0.
    Wrote { end: Endpoint, bytes: i64 },
    /// `shutdown` of a connection has returned.
    ShutDown(Endpoint),
    /// The `close` of the last descriptor of a connection has begun.
    Closing(Endpoint),
    /// A connection has ended, at the time of its last event where no other is given.
    Closed {
        end: Endpoint,
        reason: EndReason,
        at: Option<i64>,
    },
    /// The server's end of a downstream connection is known.
    Serves(Endpoint),
    /// `connect` of the client's end with this number begins.
    Connects(usize),
    /// `connect` of it has returned.
    Connected { client: usize, ret: i64 },
    /// `accept` returns that no connection waits.
    NoneWaits,
    /// The thread, which is connecting or writing at a downstream client's end, wakes one of another process.
    Woke(Woken),
}

/// What a thread waits for in `poll` or `select`.
#[derive(Clone, Copy)]
pub(crate) struct Awaited<'a> {
    pub descriptors: &'a Descriptors,
    pub event: &'a Current<'a>,
    /// Where the event has the descriptors.
    pub fds: AwaitedFds,
}

/// Where an event has the descriptors that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AwaitedFds {
    /// In a list of structures.
    Poll(usize),
    /// In a bitmap.
    Select(usize),
}

impl Awaited<'_> {
    /// Whether a connection other than `end` is waited for, or a new one. Looks at the descriptors only now: few threads
    /// that wait are at a connection.
    pub(crate) fn is_other_than(&self, end: Endpoint) -> bool {
        let fds = match self.fds {
            AwaitedFds::Poll(at) => self.event.polled(at),
            AwaitedFds::Select(at) => self.event.selected(at),
        };
        let process = self.event.process;
        fds.into_iter()
            .any(|fd| self.descriptors.is_other(process, fd, end))
    }
}

/// A client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inbound {
    /// The server's end.
    pub end: Endpoint,
    /// Its number among the connections of the recording.
    pub number: usize,
    pub fd: i64,
    pub client: Client,
    /// When its accept was entered.
    pub accept_entry: Option<i64>,
    /// Whether the trace holds its accept.
    pub accept_seen: bool,
}

/// A thread that was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Woken {
    /// The client's end at which the other thread connects or writes.
    pub client: usize,
    /// Whether it connects.
    pub connects: bool,
    /// The woken thread.
    pub thread: Slot,
    /// Number of its name, as of its last system call.
    pub procname: u32,
    /// The system call in which it was blocked.
    pub call: u32,
}

/// A socket of which the trackers alone cannot tell what it is the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// `socket` made it; `local` if for connections within the machine.
    Made { fd: i64, local: bool },
    /// The thread sends on it, and it is older than the trace.
    Sends { fd: i64 },
    /// `accept` on the local socket `from` returned it.
    AcceptedLocal { fd: i64, from: i64 },
    /// A read from it gave bytes. `known` if another thread has found out since the read began what it is.
    Reads { fd: i64, known: bool },
}

/// Who takes facts.
pub(crate) trait Facts {
    /// Takes a fact of the event.
    fn take(&mut self, now: &Now, fact: Fact);

    /// The end of a downstream connection that a socket is, if it is one. This answer is the only thing that goes up the
    /// way that facts go down.
    fn identify(&mut self, now: &Now, socket: Socket) -> Option<Endpoint>;
}
