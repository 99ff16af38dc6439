//! What the exits of system calls tell: whether what was to be done was, and what came of it.

use super::children::{FORKS, child_is_known};
use super::endpoint::Endpoint;
use super::pending::Effect;
use super::state::Trackers;
use crate::requests::accepted::{accepted, accepted_local};
use crate::requests::binding::{Accept, Child, Exit, Opens};
use crate::requests::current::Current;
use crate::requests::facts::{Fact, Facts, Socket};
use crate::requests::request::EndReason;

/// `close_range(2)`.
const CLOSE_RANGE_UNSHARE: i64 = 2;
const CLOSE_RANGE_CLOEXEC: i64 = 4;
/// `accept(2)`: `-EAGAIN`.
const NONE_WAITS: i64 = -11;

impl Trackers {
    /// A system call returns.
    pub(super) fn leave(&mut self, event: &Current, exit: &Exit, facts: &mut impl Facts) {
        let ret = exit.ret.and_then(|at| event.value(at));
        let effect = self.done(event, facts);
        self.opens(event, exit, ret, facts);
        if let Some(accept) = &exit.accept {
            self.accept_returns(event, accept, effect, ret, facts);
        }
        let effect = match (effect, ret) {
            (Effect::ReadUnknown(fd), Some(1..)) => self
                .identify_read(event, fd, facts)
                .map_or(Effect::Nothing, Effect::Read),
            _ => effect,
        };
        if let (Effect::Read(end), Some(bytes @ 1..)) = (effect, ret) {
            self.tell(event, facts, Fact::Read { end, bytes });
        }
        self.tell(event, facts, Fact::Happens);
        let ret = ret.unwrap_or(-1);
        match effect {
            Effect::Nothing if ret == 0 => self.child_starts(event, exit.child),
            Effect::Nothing => {}
            _ => self.returned(event, effect, ret, facts),
        }
    }

    /// What the thread of this exit was to do; if that was another call, its exit was lost.
    fn done(&mut self, event: &Current, facts: &mut impl Facts) -> Effect {
        let call = self.calls[event.observed.head.class as usize];
        match self.threads.at_mut(event.thread).pending.take() {
            Some(pending) if pending.call == call => pending.effect,
            Some(pending) => {
                self.exit_lost(event, pending.effect, facts);
                Effect::Nothing
            }
            None => Effect::Nothing,
        }
    }

    /// Descriptors that the call gives.
    fn opens(&mut self, event: &Current, exit: &Exit, ret: Option<i64>, facts: &mut impl Facts) {
        match (exit.accept, exit.opens, ret) {
            (Some(_), _, Some(fd @ 0..)) => self.opened(event, &[fd], EndReason::NextAccept, facts),
            (_, Opens::Value, Some(fd @ 0..)) => {
                self.opened(event, &[fd], EndReason::Reused, facts);
            }
            (_, Opens::Unseen, Some(0..)) => self.descriptors.doubt(event.process),
            _ => {}
        }
        if let (Some(pair), Some(0)) = (exit.pair, ret) {
            self.opened(event, &event.list(pair), EndReason::Reused, facts);
        }
    }

    /// Descriptors were given out: if one was a connection, its close is missing.
    fn opened(&mut self, event: &Current, fds: &[i64], reason: EndReason, facts: &mut impl Facts) {
        for fd in fds {
            self.reuse(event, *fd, reason, facts);
            self.descriptors.gave(event.process, *fd);
        }
    }

    /// `accept` returns a connection of either kind, or that none waits.
    fn accept_returns(
        &mut self,
        event: &Current,
        accept: &Accept,
        effect: Effect,
        ret: Option<i64>,
        facts: &mut impl Facts,
    ) {
        let (from, close_on_exec) = match effect {
            Effect::Accept {
                from,
                close_on_exec,
                ..
            } => (from, close_on_exec),
            _ => (None, false),
        };
        if let Some(accepted) = accepted(accept, event) {
            if let Some(from) = from {
                self.descriptors.listens(event.process, from, true);
            }
            self.accept(event, accepted, close_on_exec, facts);
        }
        match (from, accepted_local(accept, event), ret) {
            (Some(from), Some(fd), _) => {
                let socket = Socket::AcceptedLocal { fd, from };
                if let Some(end) = self.identify(event, socket, facts) {
                    self.serves(event, (fd, end), close_on_exec, facts);
                }
            }
            (Some(_), None, Some(NONE_WAITS)) => self.tell(event, facts, Fact::NoneWaits),
            _ => {}
        }
    }

    /// A read from an unknown descriptor has given bytes: what it is, if that can be told now.
    fn identify_read(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        let known = self.descriptors.connection(event.process, fd).is_some();
        let socket = Socket::Reads { fd, known };
        match self.identify(event, socket, facts) {
            Some(end) => {
                self.serves(event, (fd, end), false, facts);
                Some(end)
            }
            None => self.infer_by_read(event, fd, facts),
        }
    }

    /// What a call has done, once its exit has happened.
    fn returned(&mut self, event: &Current, effect: Effect, ret: i64, facts: &mut impl Facts) {
        let process = event.process;
        let ok = ret >= 0;
        match effect {
            Effect::Write(end) if ret > 0 => {
                self.tell(event, facts, Fact::Wrote { end, bytes: ret });
            }
            Effect::Close(end) => self.closed(event, (end, EndReason::Close), None, facts),
            Effect::Socket {
                local,
                close_on_exec,
            } if ok => {
                let made = Socket::Made { fd: ret, local };
                if let Some(end) = self.identify(event, made, facts) {
                    self.descriptors.open(process, ret, end, close_on_exec);
                }
            }
            Effect::Connect(client) => {
                self.tell(event, facts, Fact::Connected { client, ret });
            }
            Effect::Shutdown(end) => self.tell(event, facts, Fact::ShutDown(end)),
            Effect::Dup { of, close_on_exec } if ok => {
                self.reuse(event, ret, EndReason::Reused, facts);
                self.descriptors.took(process, ret);
                if let Some(end) = of {
                    self.descriptors.open(process, ret, end, close_on_exec);
                }
            }
            Effect::DupTo {
                of,
                to,
                close_on_exec,
            } if ok => self.dup_to(event, (of, to), close_on_exec, facts),
            Effect::SetCloseOnExec(fd, close) if ok => {
                self.descriptors.set_close_on_exec(process, (fd, fd), close);
            }
            Effect::CloseRange { first, last, flags } if ok => {
                self.close_range(event, (first, last), flags, facts);
            }
            Effect::Fork {
                share,
                process: new,
            } => {
                self.children.forked(event.thread);
                if ret > 0 && new == Some(true) {
                    self.descriptors.fork(process, ret as i32, share);
                }
            }
            Effect::Unnamed => self.descriptors.doubt(process),
            Effect::Unshare if ok => self.descriptors.unshare(process),
            Effect::Exec if ok => {
                let ended = self.descriptors.exec(process);
                self.close_all(event, ended, facts);
            }
            _ => {}
        }
    }

    /// A call that the event's thread never entered returns 0: if it makes processes, the thread is a child.
    fn child_starts(&mut self, event: &Current, child: Child) {
        let forks = match child {
            Child::No => false,
            Child::Yes => true,
            Child::Numbered(at) => event.value(at).is_some_and(|id| FORKS.contains(&id)),
        };
        if self.children.none() || !forks {
            return;
        }
        let child = event.process;
        // A child may be slower than its parent, which may be making the next one.
        if let Some(parent) = self.children.parent(child, &self.threads)
            && self.descriptors.fork(parent.process, child, parent.share)
        {
            child_is_known(&mut self.threads.at_mut(parent.thread).pending);
        }
    }

    /// `dup2` or `dup3` has returned: `to` is closed if it was open, and is a descriptor of the socket now.
    fn dup_to(
        &mut self,
        event: &Current,
        (of, to): (Option<Endpoint>, i64),
        close_on_exec: bool,
        facts: &mut impl Facts,
    ) {
        let process = event.process;
        if of.is_some() && self.descriptors.socket(process, to) == of {
            return;
        }
        if let Some(ended) = self.descriptors.close(process, to) {
            let now = Some(event.timestamp());
            self.closed(event, (ended, EndReason::Close), now, facts);
        }
        self.descriptors.took(process, to);
        if let Some(end) = of {
            self.descriptors.open(process, to, end, close_on_exec);
        }
    }

    /// `close_range` has returned.
    fn close_range(
        &mut self,
        event: &Current,
        fds: (i64, i64),
        flags: i64,
        facts: &mut impl Facts,
    ) {
        let process = event.process;
        if flags & CLOSE_RANGE_UNSHARE != 0 {
            self.descriptors.unshare(process);
        }
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            self.descriptors.set_close_on_exec(process, fds, true);
            return;
        }
        for end in self.descriptors.close_range(process, fds) {
            let now = Some(event.timestamp());
            self.closed(event, (end, EndReason::Close), now, facts);
        }
    }
}
