//! What the entries of system calls tell.
//!
//! The arguments say which connection the thread turns to, and what the call will do: its
//! [`Effect`], until it returns.

use super::children::{CLONE_FILES, CLONE3, FORK, VFORK};
use super::endpoint::Endpoint;
use super::pending::{Effect, PendingSyscall};
use super::state::Trackers;
use crate::requests::accepted::AF_UNIX;
use crate::requests::binding::Entry;
use crate::requests::current::Current;
use crate::requests::facts::{Awaited, AwaitedFds, Fact, Facts, Socket};

/// `fcntl(2)`, `accept4(2)`, `futex(2)`.
const F_DUPFD: i64 = 0;
const F_SETFD: i64 = 2;
const F_DUPFD_CLOEXEC: i64 = 1030;
const FD_CLOEXEC: i64 = 1;
const O_CLOEXEC: i64 = 0o2_000_000;
const FUTEX_COMMAND: i64 = 0x7f;
const FUTEX_WAITS: [i64; 5] = [0, 6, 9, 11, 13];
/// `socket(2)`: the types that connections are made of, and what of `type` they are.
const SOCK_CONNECTED: [i64; 2] = [1, 5];
const SOCK_TYPE: i64 = 0xf;
/// Numbers of system calls that LTTng 2.13 has no name for, on x86-64, or (from 424 on) on every architecture.
const CLOSE_RANGE: i64 = 436;
/// Calls of that kind which servers make all the time and which open nothing: `getrandom`, `rseq`.
const HARMLESS: [i64; 2] = [318, 334];

impl Trackers {
    /// A system call begins.
    pub(super) fn enter(&mut self, event: &Current, entry: Entry, facts: &mut impl Facts) {
        if let Some(pending) = self.threads.at(event.thread).pending {
            self.exit_lost(event, pending.effect, facts);
        }
        let effect = self.effect(event, entry, facts);
        self.tell(event, facts, Fact::Happens);
        if let Effect::Close(end) = effect {
            self.tell(event, facts, Fact::Closing(end));
        }
        if entry == Entry::ExitGroup {
            let ended = self.descriptors.exit(event.process);
            self.close_all(event, ended, facts);
        }
        let head = event.observed.head;
        let call = self.calls[head.class as usize];
        let thread = self.threads.at_mut(event.thread);
        thread.pending = Some(PendingSyscall { call, effect });
        thread.pid = event.process;
        thread.procname = head.procname;
    }

    /// What the call will do. The thread turns to the connection that it is on, or away from the one that it was on.
    fn effect(&mut self, event: &Current, entry: Entry, facts: &mut impl Facts) -> Effect {
        match entry {
            Entry::Uses(fd) => {
                fd.and_then(|fd| self.uses(event, event.integer(fd), facts));
                Effect::Nothing
            }
            Entry::Read(_) | Entry::Write { .. } | Entry::Shutdown(_) | Entry::Close(_) => {
                self.transfers(event, entry, facts)
            }
            Entry::Accept { .. }
            | Entry::Socket { .. }
            | Entry::Connect(_)
            | Entry::SocketOption { .. } => self.connects_or_accepts(event, entry, facts),
            Entry::Dup(_)
            | Entry::DupTo { .. }
            | Entry::Fcntl { .. }
            | Entry::CloseRange { .. } => self.copies_or_closes(event, entry, facts),
            Entry::Poll(_)
            | Entry::Select(_)
            | Entry::EventLoop
            | Entry::EpollControl(_)
            | Entry::Futex(_) => {
                self.waits(event, entry, facts);
                Effect::Nothing
            }
            Entry::Fork(flags) => {
                let flags = flags.map(|at| event.integer(at));
                self.children.forks(event.thread, flags)
            }
            Entry::Unnamed { number, arguments } => {
                self.unnamed(event, event.integer(number), &event.list(arguments))
            }
            Entry::Unshare(what) if event.integer(what) & CLONE_FILES != 0 => Effect::Unshare,
            Entry::Unshare(_) | Entry::ExitGroup => Effect::Nothing,
            Entry::Exec => Effect::Exec,
        }
    }

    /// Calls on a connection that is there.
    fn transfers(&mut self, event: &Current, entry: Entry, facts: &mut impl Facts) -> Effect {
        match entry {
            Entry::Read(fd) => {
                let fd = event.descriptor(fd);
                let end = self.uses(event, fd, facts);
                end.map_or(Effect::ReadUnknown(fd), Effect::Read)
            }
            Entry::Write { fd, sends } => self.writes(event, event.descriptor(fd), sends, facts),
            Entry::Shutdown(fd) => {
                let end = self.uses(event, event.integer(fd), facts);
                end.map_or(Effect::Nothing, Effect::Shutdown)
            }
            Entry::Close(fd) => {
                let fd = event.descriptor(fd);
                self.uses(event, fd, facts);
                // The number is free as soon as the call has begun.
                let end = self.descriptors.close(event.process, fd);
                end.map_or(Effect::Nothing, Effect::Close)
            }
            _ => unreachable!("called for these"),
        }
    }

    /// A call that writes; `sends` if only sockets can be sent to by it.
    fn writes(&mut self, event: &Current, fd: i64, sends: bool, facts: &mut impl Facts) -> Effect {
        let mut end = self.uses(event, fd, facts);
        if end.is_none() {
            let descriptors = &mut self.descriptors;
            self.inferred.writes(event.process, fd, descriptors);
            if sends {
                end = self.sends_on_unknown(event, fd, facts);
            }
        }
        let Some(end) = end else {
            return Effect::Nothing;
        };
        self.tell(event, facts, Fact::Writes(end));
        Effect::Write(end)
    }

    /// A call that only sockets can be sent to by begins on an unknown one.
    fn sends_on_unknown(
        &mut self,
        event: &Current,
        fd: i64,
        facts: &mut impl Facts,
    ) -> Option<Endpoint> {
        if self.descriptors.socket(event.process, fd).is_some() {
            return None;
        }
        let end = self.identify(event, Socket::Sends { fd }, facts)?;
        self.descriptors.open(event.process, fd, end, false);
        Some(end)
    }

    /// Calls by which connections are made.
    fn connects_or_accepts(
        &mut self,
        event: &Current,
        entry: Entry,
        facts: &mut impl Facts,
    ) -> Effect {
        let process = event.process;
        match entry {
            Entry::Accept { fd, flags } => {
                let from = fd.map(|fd| event.descriptor(fd));
                if let Some(fd) = from {
                    self.descriptors.listens(process, fd, false);
                    self.descriptors.forget_missed(process);
                }
                self.tell(event, facts, Fact::WaitsForAnything);
                Effect::Accept {
                    from,
                    close_on_exec: event.flags(flags) & O_CLOEXEC != 0,
                    next: self.descriptors.next_number(process),
                }
            }
            Entry::Socket { family, ty } => Effect::Socket {
                local: event.integer(family) == AF_UNIX
                    && SOCK_CONNECTED.contains(&(event.integer(ty) & SOCK_TYPE)),
                close_on_exec: event.integer(ty) & O_CLOEXEC != 0,
            },
            Entry::Connect(fd) => {
                let fd = event.descriptor(fd);
                if let Some(Endpoint::DownstreamClient(client)) = self.uses(event, fd, facts) {
                    self.tell(event, facts, Fact::Connects(client));
                    return Effect::Connect(client);
                }
                let descriptors = &mut self.descriptors;
                self.inferred.connects(process, fd, descriptors);
                Effect::Nothing
            }
            Entry::SocketOption { fd, level } => {
                let (fd, level) = (event.descriptor(fd), event.integer(level));
                self.uses(event, fd, facts);
                let descriptors = &self.descriptors;
                self.inferred.has_option(process, fd, level, descriptors);
                Effect::Nothing
            }
            _ => unreachable!("called for these"),
        }
    }

    /// Calls that copy descriptors, or work on their numbers.
    fn copies_or_closes(
        &mut self,
        event: &Current,
        entry: Entry,
        facts: &mut impl Facts,
    ) -> Effect {
        match entry {
            Entry::Dup(fd) => Effect::Dup {
                of: self.uses_socket(event, event.integer(fd), facts),
                close_on_exec: false,
            },
            Entry::DupTo { old, new, flags } => Effect::DupTo {
                of: self.uses_socket(event, event.integer(old), facts),
                to: event.descriptor(new),
                close_on_exec: event.flags(flags) & O_CLOEXEC != 0,
            },
            Entry::Fcntl {
                fd,
                command,
                argument,
            } => {
                let fd = event.descriptor(fd);
                let of = self.uses_socket(event, fd, facts);
                let dup = |close_on_exec| Effect::Dup { of, close_on_exec };
                match event.integer(command) {
                    F_DUPFD => dup(false),
                    F_DUPFD_CLOEXEC => dup(true),
                    F_SETFD => {
                        Effect::SetCloseOnExec(fd, event.integer(argument) & FD_CLOEXEC != 0)
                    }
                    _ => Effect::Nothing,
                }
            }
            Entry::CloseRange { first, last, flags } => Effect::CloseRange {
                first: event.integer(first) as u32 as i64,
                last: event.integer(last) as u32 as i64,
                flags: event.flags(flags),
            },
            _ => unreachable!("called for these"),
        }
    }

    /// Calls by which a thread waits, or leaves a connection to others that wait.
    fn waits(&mut self, event: &Current, entry: Entry, facts: &mut impl Facts) {
        let fact = match entry {
            Entry::Poll(at) => self.awaited(event, AwaitedFds::Poll(at)),
            Entry::Select(at) => self.awaited(event, AwaitedFds::Select(at)),
            Entry::EventLoop => Fact::WaitsForAnything,
            Entry::EpollControl(fd) => {
                let end = self.uses(event, event.integer(fd), facts);
                match end {
                    Some(end) if end.draws_attention() => Fact::HandsOver,
                    _ => return,
                }
            }
            Entry::Futex(op) if FUTEX_WAITS.contains(&(event.integer(op) & FUTEX_COMMAND)) => {
                Fact::WaitsForThread
            }
            Entry::Futex(_) => return,
            _ => unreachable!("called for these"),
        };
        self.tell(event, facts, fact);
    }

    fn awaited<'a>(&'a self, event: &'a Current<'a>, fds: AwaitedFds) -> Fact<'a> {
        Fact::WaitsFor(Awaited {
            descriptors: &self.descriptors,
            event,
            fds,
        })
    }

    /// A call that the tracer has no name for.
    fn unnamed(&mut self, event: &Current, number: i64, arguments: &[i64]) -> Effect {
        let argument = |i: usize| arguments.get(i).copied().unwrap_or(0);
        let unsigned = |i: usize| argument(i) as u32 as i64;
        match number {
            CLOSE_RANGE => Effect::CloseRange {
                first: unsigned(0),
                last: unsigned(1),
                flags: argument(2),
            },
            CLONE3 => self.children.forks(event.thread, None),
            FORK | VFORK => self.children.forks(event.thread, Some(0)),
            _ if HARMLESS.contains(&number) => Effect::Nothing,
            _ => Effect::Unnamed,
        }
    }
}
