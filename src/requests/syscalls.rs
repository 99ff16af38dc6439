//! What system calls do to connections, for the rules that follow them.
//!
//! At its entry a call's arguments say which connection the thread turns to, and what the call will do; at its exit,
//! which may come much later or never, its value says whether it did. In between it is a [`Doing`] of its thread.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::following::pid;
use super::forking::CLONE_FILES;
use super::roles::{
    AF_UNIX, Entry, Opens, Role, accepted, accepted_local, numbers, polled, selected,
};
use super::{EndReason, Observed};
use crate::calls::as_descriptor;
use std::sync::Arc;

/// `fcntl(2)`, `accept4(2)`, `close_range(2)`, `futex(2)`.
const F_DUPFD: i64 = 0;
const F_SETFD: i64 = 2;
const F_DUPFD_CLOEXEC: i64 = 1030;
const FD_CLOEXEC: i64 = 1;
const O_CLOEXEC: i64 = 0o2_000_000;
const CLOSE_RANGE_UNSHARE: i64 = 2;
const CLOSE_RANGE_CLOEXEC: i64 = 4;
/// `socket(2)`: the types that connections are made of, and what of `type` they are.
const SOCK_CONNECTED: [i64; 2] = [1, 5];
const SOCK_TYPE: i64 = 0xf;
/// `accept(2)`: `-EAGAIN`.
const NONE_WAITS: i64 = -11;
/// Numbers of system calls that LTTng 2.13 has no name for, on x86-64, or (from 424 on) on every architecture.
const FORK: i64 = 57;
const VFORK: i64 = 58;
const CLONE3: i64 = 435;
const CLOSE_RANGE: i64 = 436;
pub(super) const FORKS: [i64; 3] = [FORK, VFORK, CLONE3];
/// Calls of that kind which servers make all the time and which open nothing: `getrandom`, `rseq`.
const HARMLESS: [i64; 2] = [318, 334];
const FUTEX_COMMAND: i64 = 0x7f;
const FUTEX_WAITS: [i64; 5] = [0, 6, 9, 11, 13];

/// What the call that a thread is in will do when it returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Doing {
    #[default]
    Nothing,
    Accept {
        /// The listening socket.
        from: Option<i64>,
        close_on_exec: bool,
        /// The number that it will return, where that is known.
        next: Option<i64>,
    },
    Read(Conn),
    /// From a descriptor that nothing is known of.
    ReadUnknown(i64),
    Write(Conn),
    /// The last descriptor is closed already.
    Close(Conn),
    Shutdown(Conn),
    Socket {
        local: bool,
        close_on_exec: bool,
    },
    Connect(Conn),
    Dup(Conn, bool),
    DupTo(Option<Conn>, i64, bool),
    CloseOnExec(i64, bool),
    /// Who knows what.
    Unnamed,
    CloseRange(i64, i64, i64),
    Fork {
        share: bool,
        /// Whether a process is to come that has no table yet; unknown where the trace lacks the flags.
        process: Option<bool>,
    },
    Unshare,
    Exec,
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
        let class = &classes[event.head.class as usize];
        let integer = |i| class.integer(event.values, i).unwrap_or(0);
        let flags = |i: Option<usize>| i.map_or(0, integer);
        let pid = pid(event);
        match entry {
            Entry::Uses(fd) => {
                fd.and_then(|fd| self.turn(event, integer(fd)));
                Doing::Nothing
            }
            Entry::Read(fd) => {
                let fd = as_descriptor(integer(fd));
                self.turn(event, fd)
                    .map_or(Doing::ReadUnknown(fd), Doing::Read)
            }
            Entry::Write(fd, sends) => {
                let fd = as_descriptor(integer(fd));
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
            Entry::Socket(family, ty) => Doing::Socket {
                local: integer(family) == AF_UNIX
                    && SOCK_CONNECTED.contains(&(integer(ty) & SOCK_TYPE)),
                close_on_exec: integer(ty) & O_CLOEXEC != 0,
            },
            Entry::Connect(fd) => match self.turn(event, integer(fd)) {
                Some(Conn::Asking(ask)) => {
                    self.connect(event, ask);
                    Doing::Connect(Conn::Asking(ask))
                }
                _ => {
                    self.connects(event, as_descriptor(integer(fd)));
                    Doing::Nothing
                }
            },
            Entry::Shutdown(fd) => {
                let conn = self.turn(event, integer(fd));
                conn.map_or(Doing::Nothing, Doing::Shutdown)
            }
            Entry::Close(fd) => {
                let fd = as_descriptor(integer(fd));
                self.turn(event, fd);
                // The number is free as soon as the call has begun.
                let conn = self.descriptors.close(pid, fd);
                conn.map_or(Doing::Nothing, Doing::Close)
            }
            Entry::Accept(fd, accept_flags) => {
                let from = fd.map(|fd| as_descriptor(integer(fd)));
                if let Some(fd) = from {
                    self.descriptors.listens(pid, fd, false);
                    self.descriptors.forget_missed(pid);
                }
                self.turn_away(event);
                Doing::Accept {
                    from,
                    close_on_exec: flags(accept_flags) & O_CLOEXEC != 0,
                    next: self.descriptors.next_number(pid),
                }
            }
            Entry::Dup(fd) => {
                let conn = self.turn_to_socket(event, integer(fd));
                conn.map_or(Doing::Nothing, |conn| Doing::Dup(conn, false))
            }
            Entry::DupTo(old, new, dup_flags) => Doing::DupTo(
                self.turn_to_socket(event, integer(old)),
                as_descriptor(integer(new)),
                flags(dup_flags) & O_CLOEXEC != 0,
            ),
            Entry::Fcntl(fd, command, argument) => {
                let fd = as_descriptor(integer(fd));
                let conn = self.turn_to_socket(event, fd);
                match (integer(command), conn) {
                    (F_DUPFD, Some(conn)) => Doing::Dup(conn, false),
                    (F_DUPFD_CLOEXEC, Some(conn)) => Doing::Dup(conn, true),
                    (F_SETFD, _) => Doing::CloseOnExec(fd, integer(argument) & FD_CLOEXEC != 0),
                    _ => Doing::Nothing,
                }
            }
            Entry::CloseRange(first, last, range_flags) => Doing::CloseRange(
                integer(first) as u32 as i64,
                integer(last) as u32 as i64,
                flags(range_flags),
            ),
            Entry::Fork(clone_flags) => self.forks(event, clone_flags.map(integer)),
            Entry::SocketOption(fd, level) => {
                self.turn(event, integer(fd));
                self.has_option(event, as_descriptor(integer(fd)), integer(level));
                Doing::Nothing
            }
            Entry::Unnamed(id, args) => {
                let args = numbers(class, event.values, args);
                self.unnamed(event, integer(id), &args)
            }
            Entry::Unshare(what) if integer(what) & CLONE_FILES != 0 => Doing::Unshare,
            Entry::Unshare(_) | Entry::ExitGroup => Doing::Nothing,
            Entry::Exec => Doing::Exec,
            Entry::Poll(fds) => {
                self.wait_for(event, || polled(class, event.values, fds));
                Doing::Nothing
            }
            Entry::Select(fds) => {
                self.wait_for(event, || selected(class, event.values, fds));
                Doing::Nothing
            }
            Entry::EventLoop => {
                self.turn_away(event);
                Doing::Nothing
            }
            Entry::EpollControl(fd) => {
                let conn = self.turn(event, integer(fd));
                if matches!(conn, Some(Conn::Client(_) | Conn::Served(_))) {
                    self.threads.entry(event.head.tid).or_default().armed = true;
                }
                Doing::Nothing
            }
            Entry::Futex(op) => {
                let waits = FUTEX_WAITS.contains(&(integer(op) & FUTEX_COMMAND));
                if waits && self.threads.get(&event.head.tid).is_some_and(|t| t.armed) {
                    self.turn_away(event);
                }
                Doing::Nothing
            }
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

    /// Descriptors were given out: if one was a connection, its close is missing.
    fn opened(&mut self, event: &Observed, fds: &[i64], reason: EndReason) {
        for fd in fds {
            self.reuse(event, *fd, reason);
            self.descriptors.gave(pid(event), *fd);
        }
    }

    /// A call returns.
    pub(super) fn leave(&mut self, event: &Observed, role: Role) {
        let Role::Exit {
            ret,
            accept,
            opens,
            pair,
        } = role
        else {
            unreachable!("called for exits")
        };
        let head = event.head;
        let classes = Arc::clone(&self.classes);
        let class = &classes[head.class as usize];
        let ret = ret.and_then(|i| class.integer(event.values, i));
        let thread = self.threads.entry(head.tid).or_default();
        let call = thread.call.take();
        let doing = match call {
            Some((call, doing)) if call == self.calls[head.class as usize] => doing,
            Some((_, doing)) => {
                self.exit_lost(event, doing);
                Doing::Nothing
            }
            None => Doing::Nothing,
        };
        match (accept, ret) {
            (Some(_), Some(fd @ 0..)) => self.opened(event, &[fd], EndReason::NextAccept),
            (None, Some(fd @ 0..)) if opens == Opens::Value => {
                self.opened(event, &[fd], EndReason::Reused);
            }
            (None, Some(0..)) if opens == Opens::Unseen => self.descriptors.doubt(pid(event)),
            (None, Some(0)) if pair.is_some() => {
                let fds = pair.map(|i| numbers(class, event.values, i));
                self.opened(event, &fds.unwrap_or_default(), EndReason::Reused);
            }
            _ => {}
        }
        if let Some((fd, client)) = accept.and_then(|a| accepted(&a, class, event.values)) {
            if let Doing::Accept {
                from: Some(from), ..
            } = doing
            {
                self.descriptors.listens(pid(event), from, true);
            }
            let close_on_exec = matches!(
                doing,
                Doing::Accept {
                    close_on_exec: true,
                    ..
                }
            );
            self.accept(event, fd, client, close_on_exec);
        }
        if let Doing::Accept {
            from: Some(from),
            close_on_exec,
            ..
        } = doing
        {
            let local = accept.and_then(|a| accepted_local(&a, class, event.values));
            match (local, ret) {
                (Some(fd), _) => self.accept_local(event, from, fd, close_on_exec),
                (None, Some(NONE_WAITS)) => self.none_waits(event),
                _ => {}
            }
        }
        let doing = match (doing, ret) {
            (Doing::ReadUnknown(fd), Some(1..)) => self
                .served_after_waking(event, fd)
                .or_else(|| self.found_by_read(event, fd))
                .map_or(Doing::Nothing, Doing::Read),
            _ => doing,
        };
        if let (Doing::Read(conn), Some(1..)) = (doing, ret) {
            self.next_exchange(event, conn);
        }
        self.count(event);
        self.returned(event, doing, ret.unwrap_or(-1));
    }

    /// What a call has done, once its exit is counted.
    fn returned(&mut self, event: &Observed, doing: Doing, ret: i64) {
        let pid = pid(event);
        let ok = ret >= 0;
        match doing {
            Doing::Read(conn) if ret > 0 => {
                if let Some(open) = self.open_of(conn) {
                    self.at(open).read(ret);
                }
            }
            Doing::Write(conn) if ret > 0 => {
                let exchange = self.is_exchanged(conn);
                if let Some(open) = self.open_of(conn) {
                    self.at(open).written(ret);
                    if exchange {
                        self.at(open).mark();
                    }
                }
            }
            Doing::Close(conn) => self.close_connection(event, conn, EndReason::Close, None),
            Doing::Socket {
                local,
                close_on_exec,
            } if ok => self.socket(event, ret, local, close_on_exec),
            Doing::Connect(Conn::Asking(ask)) => self.connected(event, ask, ret),
            Doing::Shutdown(conn) if self.options.end_at_shutdown => {
                self.end_request(event, conn, EndReason::Shutdown, None);
            }
            Doing::Dup(conn, close_on_exec) if ok => {
                self.reuse(event, ret, EndReason::Reused);
                self.descriptors.took(pid, ret);
                self.descriptors.open(pid, ret, conn, close_on_exec);
            }
            Doing::DupTo(conn, new, close_on_exec) if ok => {
                self.dup_to(event, conn, new, close_on_exec);
            }
            Doing::CloseOnExec(fd, close) if ok => {
                self.descriptors.set_close_on_exec(pid, (fd, fd), close);
            }
            Doing::CloseRange(first, last, flags) if ok => {
                self.close_range(event, (first, last), flags);
            }
            Doing::Fork { share, process } => {
                self.forking.retain(|tid| *tid != event.head.tid);
                if ret > 0 && process == Some(true) {
                    self.descriptors.fork(pid, ret as i32, share);
                }
            }
            Doing::Nothing if ret == 0 => self.born(event),
            Doing::Unnamed => self.descriptors.doubt(pid),
            Doing::Unshare if ok => self.descriptors.unshare(pid),
            Doing::Exec if ok => {
                let ended = self.descriptors.exec(pid);
                self.close_all(event, ended);
            }
            _ => {}
        }
    }

    /// `dup2` or `dup3` has returned: `new` is closed if it was open, and is a descriptor of `conn` now.
    fn dup_to(&mut self, event: &Observed, conn: Option<Conn>, new: i64, close_on_exec: bool) {
        let pid = pid(event);
        if conn.is_some() && self.descriptors.socket(pid, new) == conn {
            return;
        }
        if let Some(ended) = self.descriptors.close(pid, new) {
            let now = Some(event.head.timestamp);
            self.close_connection(event, ended, EndReason::Close, now);
        }
        self.descriptors.took(pid, new);
        if let Some(conn) = conn {
            self.descriptors.open(pid, new, conn, close_on_exec);
        }
    }

    /// `close_range` has returned.
    fn close_range(&mut self, event: &Observed, fds: (i64, i64), flags: i64) {
        let pid = pid(event);
        if flags & CLOSE_RANGE_UNSHARE != 0 {
            self.descriptors.unshare(pid);
        }
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            self.descriptors.set_close_on_exec(pid, fds, true);
            return;
        }
        for conn in self.descriptors.close_range(pid, fds) {
            let now = Some(event.head.timestamp);
            self.close_connection(event, conn, EndReason::Close, now);
        }
    }
}
