//! All trackers of a recording, and what several kinds of events do to them.

use super::children::Children;
use super::descriptors::Descriptors;
use super::endpoint::Endpoint;
use super::inferred::Inferred;
use super::pending::Effect;
use super::scheduler::Scheduler;
use super::threads::Threads;
use crate::calls::as_descriptor;
use crate::requests::current::Current;
use crate::requests::facts::{Fact, Facts, Inbound, Now, Socket};
use crate::requests::request::{Client, EndReason};

/// Which clients' connections are followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Whether any are.
    pub any: bool,
    /// Only those to threads of this name.
    pub server: Option<String>,
}

/// All trackers.
#[derive(Debug)]
pub(crate) struct Trackers {
    pub threads: Threads,
    pub(super) scheduler: Scheduler,
    pub(super) descriptors: Descriptors,
    pub(super) children: Children,
    pub(super) inferred: Inferred,
    /// Per class the number of its bare name.
    pub(super) calls: Vec<u32>,
    followed: Followed,
    next_inbound: usize,
}

impl Trackers {
    /// Nothing is known yet. `calls` has the number of the bare name of each event class.
    pub(crate) fn new(calls: Vec<u32>, followed: Followed) -> Self {
        Trackers {
            threads: Threads::default(),
            scheduler: Scheduler::default(),
            descriptors: Descriptors::default(),
            children: Children::default(),
            inferred: Inferred::default(),
            calls,
            followed,
            next_inbound: 0,
        }
    }

    /// Events are missing from now on.
    pub(crate) fn lose(&mut self) {
        self.descriptors.lose();
    }

    /// An event, with what is known at its time.
    pub(crate) fn now<'a>(&'a self, event: &'a Current<'a>) -> Now<'a> {
        Now {
            event,
            threads: &self.threads,
            scheduler: &self.scheduler,
        }
    }

    pub(super) fn tell(&self, event: &Current, facts: &mut impl Facts, fact: Fact) {
        facts.take(&self.now(event), fact);
    }

    /// Whether clients' connections to the event's process are followed.
    fn follows(&self, event: &Current) -> bool {
        let named = |wanted: &str| {
            let head = event.observed.head;
            self.threads.is_named(head, event.thread, wanted)
        };
        self.followed.any && self.followed.server.as_deref().is_none_or(named)
    }

    fn next_inbound(&mut self) -> usize {
        self.next_inbound += 1;
        self.next_inbound - 1
    }

    /// An accept has returned a client's connection.
    pub(super) fn accept(
        &mut self,
        event: &Current,
        (fd, client): (i64, Client),
        close_on_exec: bool,
        facts: &mut impl Facts,
    ) {
        self.tell(event, facts, Fact::Accepted { fd, client });
        if !self.follows(event) {
            return;
        }
        let number = self.next_inbound();
        let end = Endpoint::Inbound(number);
        self.descriptors.open(event.process, fd, end, close_on_exec);
        let duration = event.observed.duration_ns;
        let begins = Fact::Begins(Inbound {
            end,
            number,
            fd,
            client,
            accept_entry: duration.map(|d| event.timestamp() - d),
            accept_seen: true,
        });
        self.tell(event, facts, begins);
        self.tell(event, facts, Fact::Uses(end));
    }

    /// A client's connection begins whose accept is not in the trace.
    fn begin_inferred(&mut self, event: &Current, fd: i64, number: usize, facts: &mut impl Facts) {
        let begins = Fact::Begins(Inbound {
            end: Endpoint::Inbound(number),
            number,
            fd,
            client: (None, None),
            accept_entry: None,
            accept_seen: false,
        });
        self.tell(event, facts, begins);
    }

    /// A call begins on an unknown descriptor: whether it is what a lost accept returned.
    fn infer_by_number(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        let close_on_exec = self.descriptors.take_missed(event.process, fd)?;
        if !self.follows(event) {
            return None;
        }
        let number = self.next_inbound();
        let end = Endpoint::Inbound(number);
        self.descriptors.open(event.process, fd, end, close_on_exec);
        self.begin_inferred(event, fd, number, facts);
        Some(end)
    }

    /// A read from an unknown descriptor has given bytes: whether it is a client's connection of before the trace.
    pub(super) fn infer_by_read(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        let is_server = self.followed.server.is_some();
        let descriptors = &self.descriptors;
        let inode = self
            .inferred
            .read(event.process, fd, is_server, descriptors)?;
        if !self.follows(event) {
            return None;
        }
        let number = self.next_inbound();
        let end = Endpoint::Inbound(number);
        self.inferred.becomes(inode, end, &mut self.descriptors);
        self.begin_inferred(event, fd, number, facts);
        self.tell(event, facts, Fact::Uses(end));
        Some(end)
    }

    /// The end of a downstream connection that is behind `fd`, if those who take the facts can tell.
    pub(super) fn identify(
        &mut self,
        event: &Current,
        socket: Socket,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        facts.identify(&self.now(event), socket)
    }

    /// `fd` is the server's end of a downstream connection from now on.
    pub(super) fn serves(
        &mut self,
        event: &Current,
        (fd, end): (i64, Endpoint),
        close_on_exec: bool,
        facts: &mut impl Facts,
    ) {
        match self.descriptors.socket(event.process, fd) {
            Some(Endpoint::Unidentified(inode)) => self.descriptors.becomes(inode, Some(end)),
            _ => self.descriptors.open(event.process, fd, end, close_on_exec),
        }
        self.tell(event, facts, Fact::Serves(end));
        self.tell(event, facts, Fact::Uses(end));
    }

    /// The event's thread makes a call on a descriptor: the end of a connection that it is, if it is one.
    pub(super) fn uses(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        let fd = as_descriptor(fd);
        let end = self.descriptors.connection(event.process, fd);
        let end = end.or_else(|| self.infer_by_number(event, fd, facts))?;
        if end.draws_attention() {
            self.tell(event, facts, Fact::Uses(end));
        }
        Some(end)
    }

    /// `uses`, for calls that copy a descriptor: of a socket that is not known to be a connection, too.
    pub(super) fn uses_socket(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        let end = self.uses(event, fd, facts);
        end.or_else(|| self.descriptors.socket(event.process, as_descriptor(fd)))
    }

    /// The last descriptor of a connection is gone.
    pub(super) fn closed(
        &self,
        event: &Current,
        (end, reason): (Endpoint, EndReason),
        at: Option<i64>,
        facts: &mut impl Facts,
    ) {
        self.tell(event, facts, Fact::Closed { end, reason, at });
    }

    /// Connections whose last process has gone or executed another program.
    pub(super) fn close_all(&self, event: &Current, ended: Vec<Endpoint>, facts: &mut impl Facts) {
        for end in ended {
            let now = Some(event.timestamp());
            self.closed(event, (end, EndReason::Exit), now, facts);
        }
    }

    /// A descriptor of this number was given out: if it was a connection, its close is missing.
    pub(super) fn reuse(
        &mut self,
        event: &Current,
        fd: i64,
        reason: EndReason,
        facts: &mut impl Facts,
    ) {
        if let Some(end) = self.descriptors.close(event.process, fd) {
            self.closed(event, (end, reason), None, facts);
        }
    }

    /// The exit of the call that the event's thread was in was lost.
    pub(super) fn exit_lost(&mut self, event: &Current, effect: Effect, facts: &mut impl Facts) {
        match effect {
            Effect::Close(end) => self.closed(event, (end, EndReason::Close), None, facts),
            Effect::Accept {
                from: Some(from),
                close_on_exec,
                next: Some(next),
            } => {
                let process = event.process;
                let alone = self.threads.count(process) == 1;
                if alone && self.descriptors.accepts_inet(process, Some(from)) {
                    self.descriptors.miss(process, next, close_on_exec);
                }
            }
            _ => {}
        }
    }
}
