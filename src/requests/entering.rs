//! What system calls do to connections when they begin, for the rules that follow them.
//!
//! The arguments say which connection the thread turns to, and what the call will do: a [`Doing`], until it returns
//! ([`syscalls`](super::syscalls)).

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::following::pid;
use super::forking::{CLONE_FILES, CLONE3, FORK, VFORK};
use super::roles::{AF_UNIX, Entry, numbers, polled, selected};
use super::syscalls::Doing;
use super::{EndReason, Observed};
use crate::calls::as_descriptor;
use crate::trace::event::EventClass;
use std::sync::Arc;

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

/// The arguments of a call.
#[derive(Clone, Copy)]
struct Args<'a> {
    class: &'a EventClass,
    values: &'a [u8],
}

impl Args<'_> {
    fn integer(self, at: usize) -> i64 {
        self.class.integer(self.values, at).unwrap_or(0)
    }

    fn descriptor(self, at: usize) -> i64 {
        as_descriptor(self.integer(at))
    }

    /// Flags; none where the trace has no field for them.
    fn flags(self, at: Option<usize>) -> i64 {
        at.map_or(0, |at| self.integer(at))
    }
}

impl Cutter {
    /// A call begins.
    pub(super) fn enter(&mut self, event: &Observed, entry: Entry) {
        let head = event.head;
        let call = self.threads.get(&head.tid).and_then(|t| t.call);
        if let Some((_, doing)) = call {
            self.exit_lost(event, doing);
        }
        let doing = self.doing(event, entry);
        self.count(event);
        if let Doing::Close(conn) = doing
            && self.is_exchanged(conn)
        {
            self.close_connection(event, conn, EndReason::Close, None);
        }
        if entry == Entry::ExitGroup {
            let ended = self.descriptors.exit(pid(event));
            self.close_all(event, ended);
        }
        let thread = self.threads.entry(head.tid).or_default();
        if matches!(
            entry,
            Entry::Accept(..) | Entry::Poll(_) | Entry::Select(_) | Entry::EventLoop
        ) {
            thread.woken_by = None;
        }
        thread.call = Some((self.calls[head.class as usize], doing));
        thread.pid = pid(event);
        thread.procname = head.procname;
    }

    /// What the call will do; the thread turns to the connection that it is on, or away from the one that it was on.
    fn doing(&mut self, event: &Observed, entry: Entry) -> Doing {
        let classes = Arc::clone(&self.classes);
        let args = Args {
            class: &classes[event.head.class as usize],
            values: event.values,
        };
        match entry {
            Entry::Uses(fd) => {
                fd.and_then(|fd| self.turn(event, args.integer(fd)));
                Doing::Nothing
            }
            Entry::Read(_) | Entry::Write(..) | Entry::Shutdown(_) | Entry::Close(_) => {
                self.transfers(event, entry, args)
            }
            Entry::Accept(..) | Entry::Socket(..) | Entry::Connect(_) | Entry::SocketOption(..) => {
                self.connects_or_accepts(event, entry, args)
            }
            Entry::Dup(_) | Entry::DupTo(..) | Entry::Fcntl(..) | Entry::CloseRange(..) => {
                self.copies_or_closes(event, entry, args)
            }
            Entry::Poll(_)
            | Entry::Select(_)
            | Entry::EventLoop
            | Entry::EpollControl(_)
            | Entry::Futex(_) => {
                self.waits(event, entry, args);
                Doing::Nothing
            }
            Entry::Fork(flags) => self.forks(event, flags.map(|at| args.integer(at))),
            Entry::Unnamed(id, list) => {
                let list = numbers(args.class, args.values, list);
                self.unnamed(event, args.integer(id), &list)
            }
            Entry::Unshare(what) if args.integer(what) & CLONE_FILES != 0 => Doing::Unshare,
            Entry::Unshare(_) | Entry::ExitGroup => Doing::Nothing,
            Entry::Exec => Doing::Exec,
        }
    }

    /// Calls on a connection that is there.
    fn transfers(&mut self, event: &Observed, entry: Entry, args: Args) -> Doing {
        match entry {
            Entry::Read(fd) => {
                let fd = args.descriptor(fd);
                let conn = self.turn(event, fd);
                conn.map_or(Doing::ReadUnknown(fd), Doing::Read)
            }
            Entry::Write(fd, sends) => {
                let fd = args.descriptor(fd);
                let conn = self.turn(event, fd);
                if conn.is_none() {
                    self.writes_unknown(event, fd);
                }
                let conn = conn.or_else(|| sends.then(|| self.unknown_socket(event, fd))?);
                match conn {
                    Some(Conn::Asking(ask)) => self.ask(event, ask),
                    Some(conn) => self.answers_unseen(event, conn),
                    None => {}
                }
                conn.map_or(Doing::Nothing, Doing::Write)
            }
            Entry::Shutdown(fd) => {
                let conn = self.turn(event, args.integer(fd));
                conn.map_or(Doing::Nothing, Doing::Shutdown)
            }
            Entry::Close(fd) => {
                let fd = args.descriptor(fd);
                self.turn(event, fd);
                // The number is free as soon as the call has begun.
                let conn = self.descriptors.close(pid(event), fd);
                conn.map_or(Doing::Nothing, Doing::Close)
            }
            _ => unreachable!("called for these"),
        }
    }

    /// Calls by which connections are made.
    fn connects_or_accepts(&mut self, event: &Observed, entry: Entry, args: Args) -> Doing {
        let pid = pid(event);
        match entry {
            Entry::Accept(fd, flags) => {
                let from = fd.map(|fd| args.descriptor(fd));
                if let Some(fd) = from {
                    self.descriptors.listens(pid, fd, false);
                    self.descriptors.forget_missed(pid);
                }
                self.turn_away(event);
                Doing::Accept {
                    from,
                    close_on_exec: args.flags(flags) & O_CLOEXEC != 0,
                    next: self.descriptors.next_number(pid),
                }
            }
            Entry::Socket(family, ty) => Doing::Socket {
                local: args.integer(family) == AF_UNIX
                    && SOCK_CONNECTED.contains(&(args.integer(ty) & SOCK_TYPE)),
                close_on_exec: args.integer(ty) & O_CLOEXEC != 0,
            },
            Entry::Connect(fd) => {
                if let Some(Conn::Asking(ask)) = self.turn(event, args.integer(fd)) {
                    self.connect(event, ask);
                    return Doing::Connect(Conn::Asking(ask));
                }
                self.connects(event, args.descriptor(fd));
                Doing::Nothing
            }
            Entry::SocketOption(fd, level) => {
                self.turn(event, args.integer(fd));
                self.has_option(event, args.descriptor(fd), args.integer(level));
                Doing::Nothing
            }
            _ => unreachable!("called for these"),
        }
    }

    /// Calls that copy descriptors, or work on their numbers.
    fn copies_or_closes(&mut self, event: &Observed, entry: Entry, args: Args) -> Doing {
        match entry {
            Entry::Dup(fd) => Doing::Dup(self.turn_to_socket(event, args.integer(fd)), false),
            Entry::DupTo(old, new, flags) => Doing::DupTo(
                self.turn_to_socket(event, args.integer(old)),
                args.descriptor(new),
                args.flags(flags) & O_CLOEXEC != 0,
            ),
            Entry::Fcntl(fd, command, argument) => {
                let fd = args.descriptor(fd);
                let conn = self.turn_to_socket(event, fd);
                match args.integer(command) {
                    F_DUPFD => Doing::Dup(conn, false),
                    F_DUPFD_CLOEXEC => Doing::Dup(conn, true),
                    F_SETFD => Doing::CloseOnExec(fd, args.integer(argument) & FD_CLOEXEC != 0),
                    _ => Doing::Nothing,
                }
            }
            Entry::CloseRange(first, last, flags) => Doing::CloseRange(
                args.integer(first) as u32 as i64,
                args.integer(last) as u32 as i64,
                args.flags(flags),
            ),
            _ => unreachable!("called for these"),
        }
    }

    /// Calls by which a thread waits, or leaves a connection to others that wait.
    fn waits(&mut self, event: &Observed, entry: Entry, args: Args) {
        match entry {
            Entry::Poll(fds) => self.wait_for(event, || polled(args.class, args.values, fds)),
            Entry::Select(fds) => self.wait_for(event, || selected(args.class, args.values, fds)),
            Entry::EventLoop => self.turn_away(event),
            Entry::EpollControl(fd) => {
                let conn = self.turn(event, args.integer(fd));
                if matches!(conn, Some(Conn::Client(_) | Conn::Served(_))) {
                    self.threads.entry(event.head.tid).or_default().armed = true;
                }
            }
            Entry::Futex(op) => {
                let waits = FUTEX_WAITS.contains(&(args.integer(op) & FUTEX_COMMAND));
                if waits && self.threads.get(&event.head.tid).is_some_and(|t| t.armed) {
                    self.turn_away(event);
                }
            }
            _ => unreachable!("called for these"),
        }
    }

    /// `turn`, for calls that copy a descriptor: of a socket that is not known to be a connection, too.
    fn turn_to_socket(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let conn = self.turn(event, fd);
        conn.or_else(|| self.descriptors.socket(pid(event), as_descriptor(fd)))
    }

    /// A call that the tracer has no name for.
    fn unnamed(&mut self, event: &Observed, id: i64, args: &[i64]) -> Doing {
        let arg = |i: usize| args.get(i).copied().unwrap_or(0);
        let unsigned = |i: usize| arg(i) as u32 as i64;
        match id {
            CLOSE_RANGE => Doing::CloseRange(unsigned(0), unsigned(1), arg(2)),
            CLONE3 => self.forks(event, None),
            FORK | VFORK => self.forks(event, Some(0)),
            _ if HARMLESS.contains(&id) => Doing::Nothing,
            _ => Doing::Unnamed,
        }
    }
}
