//! What system calls do to connections, for the rules that follow them.
//!
//! At its entry a call's arguments say which connection the thread turns to, and what the call will do; at its exit,
//! which may come much later or never, its value says whether it did. In between it is a [`Doing`] of its thread.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::following::pid;
use super::roles::{AF_UNIX, Entry, Role, accepted, accepted_local, polled, selected};
use super::{EndReason, Observed};
use crate::calls::as_descriptor;
use std::sync::Arc;

/// `fcntl(2)`, `accept4(2)`, `close_range(2)`, `clone(2)`, `futex(2)`.
const F_DUPFD: i64 = 0;
const F_SETFD: i64 = 2;
const F_DUPFD_CLOEXEC: i64 = 1030;
const FD_CLOEXEC: i64 = 1;
const O_CLOEXEC: i64 = 0o2_000_000;
const CLOSE_RANGE_UNSHARE: i64 = 2;
const CLOSE_RANGE_CLOEXEC: i64 = 4;
const CLONE_FILES: i64 = 0x400;
const CLONE_THREAD: i64 = 0x10000;
/// `socket(2)`: the types that connections are made of, and what of `type` they are.
const SOCK_CONNECTED: [i64; 2] = [1, 5];
const SOCK_TYPE: i64 = 0xf;
/// `accept(2)`: `-EAGAIN`.
const NONE_WAITS: i64 = -11;
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
    CloseRange(i64, i64, i64),
    Fork {
        share: bool,
        /// Whether the child is a process of its own; unknown where the trace lacks the flags.
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
        if let Some((_, Doing::Close(conn))) = call {
            // Its exit was lost.
            self.close_connection(event, conn, EndReason::Close, None);
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
                let conn = conn.or_else(|| sends.then(|| self.unknown_socket(event, fd))?);
                if let Some(Conn::Asking(ask)) = conn {
                    self.ask(event, ask);
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
                _ => Doing::Nothing,
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
                    self.descriptors.listens(pid, fd);
                }
                self.turn_away(event);
                Doing::Accept {
                    from,
                    close_on_exec: flags(accept_flags) & O_CLOEXEC != 0,
                }
            }
            Entry::Dup(fd) => {
                let conn = self.turn(event, integer(fd));
                conn.map_or(Doing::Nothing, |conn| Doing::Dup(conn, false))
            }
            Entry::DupTo(old, new, dup_flags) => Doing::DupTo(
                self.turn(event, integer(old)),
                as_descriptor(integer(new)),
                flags(dup_flags) & O_CLOEXEC != 0,
            ),
            Entry::Fcntl(fd, command, argument) => {
                let fd = as_descriptor(integer(fd));
                let conn = self.turn(event, fd);
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
            Entry::Fork(clone_flags) => {
                self.forking.retain(|tid| *tid != event.head.tid);
                self.forking.push(event.head.tid);
                Doing::Fork {
                    share: flags(clone_flags) & CLONE_FILES != 0,
                    process: clone_flags.map(|i| integer(i) & CLONE_THREAD == 0),
                }
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

    /// A call returns.
    pub(super) fn leave(&mut self, event: &Observed, role: Role) {
        let Role::Exit { ret, accept, opens } = role else {
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
            Some((_, Doing::Close(conn))) => {
                self.close_connection(event, conn, EndReason::Close, None);
                Doing::Nothing
            }
            _ => Doing::Nothing,
        };
        let new = ret.filter(|fd| *fd >= 0 && (opens || accept.is_some()));
        if let Some(fd) = new {
            let reason = match accept {
                Some(_) => EndReason::NextAccept,
                None => EndReason::Reused,
            };
            self.reuse(event, fd, reason);
        }
        if let Some((fd, client)) = accept.and_then(|a| accepted(&a, class, event.values)) {
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
        if conn.is_some() && self.descriptors.connection(pid, new) == conn {
            return;
        }
        if let Some(ended) = self.descriptors.close(pid, new) {
            let now = Some(event.head.timestamp);
            self.close_connection(event, ended, EndReason::Close, now);
        }
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

    /// The first event of a child is that a call which it never entered returns 0: it is a fork. Its parent is still in
    /// that call, where the scheduler's events have not told; of several it is the last, which is a guess.
    fn born(&mut self, event: &Observed) {
        let name = self.classes[event.head.class as usize].name.as_str();
        if self.forking.is_empty() || !matches!(name, "clone" | "clone3" | "fork" | "vfork") {
            return;
        }
        let call = |tid: &i32| self.threads.get(tid).and_then(|t| t.call);
        let parent = self.forking.iter().rev().find_map(|tid| match call(tid) {
            Some((_, Doing::Fork { share, .. })) => Some((*tid, share)),
            _ => None,
        });
        let pid_of = |tid: i32| self.threads.get(&tid).map(|t| t.pid);
        if let Some((tid, share)) = parent
            && let Some(parent) = pid_of(tid)
        {
            self.descriptors.fork(parent, pid(event), share);
        }
    }
}
