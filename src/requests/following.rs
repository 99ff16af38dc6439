//! The rules `connection` and `exchange`: requests follow the connection, over the descriptors and threads that have it.
//!
//! `connection`: from the return of `accept4` or `accept` on an internet socket to the return of the `close` of its last
//! descriptor (or `shutdown`). The wait before a connection comes is no part of it. `exchange`, for servers that keep
//! connections alive: from the return of the first successful read to the return of the last successful write before the
//! next successful read, or before the close.
//!
//! A thread works on a connection from its first call on it until it
//! - makes a call on another connection, or waits in `accept` or `epoll_wait`;
//! - waits in `poll` or `select` for another connection, or for a new one (a wait for its database is part of its work);
//! - waits in `futex` after it has given the connection to `epoll_ctl`, as a worker that is done with it does.
//!
//! What the trace leaves open is kept and marked: a connection whose number comes up again (its close was lost) ends with
//! its last event before that, and one that is open at the end of the trace ends there. A trace does not tell which
//! descriptor is in a message (`SCM_RIGHTS`), so one that is passed over a socket stays with the process that passed it.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::roles::{Entry, Role, accepted, polled, selected};
use super::{Client, EndReason, Observed, Rule};
use crate::calls::as_descriptor;
use crate::trace::event::UNKNOWN;

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
const FUTEX_COMMAND: i64 = 0x7f;
const FUTEX_WAITS: [i64; 5] = [0, 6, 9, 11, 13];

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Connection {
    fd: i64,
    client: Client,
    accept_entry: Option<i64>,
    /// Threads that work on it.
    threads: Vec<i32>,
    open: Option<usize>,
    /// Number of its next request.
    next: i64,
    /// Since when it has waited for it.
    idle_since: i64,
}

/// What the call that a thread is in will do when it returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Doing {
    #[default]
    Nothing,
    Accept {
        close_on_exec: bool,
    },
    Read(Conn),
    Write(Conn),
    /// The last descriptor is closed already.
    Close(Conn),
    Shutdown(Conn),
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
    /// Takes in an event of a thread under these rules.
    pub(super) fn follow(&mut self, event: &Observed, role: Role) {
        match role {
            Role::Entry(entry) => self.enter(event, entry),
            Role::Exit { .. } => self.leave(event, role),
            Role::Fork(parent, child) => {
                self.count(event);
                let class = &self.classes[event.head.class as usize];
                let pid = |i| class.integer(event.values, i).map(|p| p as i32);
                if let (Some(parent), Some(child)) = (pid(parent), pid(child)) {
                    let call = self.threads.get(&event.head.tid).and_then(|t| t.call);
                    let share = matches!(call, Some((_, Doing::Fork { share: true, .. })));
                    self.descriptors.fork(parent, child, share);
                }
            }
            Role::ProcessExit(tid) => {
                self.count(event);
                let class = &self.classes[event.head.class as usize];
                let tid = class.integer(event.values, tid).map(|t| t as i32);
                if tid == Some(event.head.pid) {
                    let ended = self.descriptors.exit(event.head.pid);
                    self.close_all(event, ended);
                }
            }
            _ => self.count(event),
        }
    }

    /// A call begins.
    fn enter(&mut self, event: &Observed, entry: Entry) {
        let head = event.head;
        let call = self.threads.get(&head.tid).and_then(|t| t.call);
        if let Some((_, Doing::Close(conn))) = call {
            // Its exit was lost.
            self.close_connection(event, conn, EndReason::Close, None);
        }
        let doing = self.doing(event, entry);
        if let Doing::Close(conn) = doing
            && self.options.rule == Rule::Exchange
        {
            self.count(event);
            self.close_connection(event, conn, EndReason::Close, None);
        } else {
            self.count(event);
        }
        if entry == Entry::ExitGroup {
            let ended = self.descriptors.exit(pid(event));
            self.close_all(event, ended);
        }
        let thread = self.threads.entry(head.tid).or_default();
        thread.call = Some((self.calls[head.class as usize], doing));
        thread.pid = pid(event);
    }

    /// What the call will do; the thread turns to the connection that it is on, or away from the one that it was on.
    fn doing(&mut self, event: &Observed, entry: Entry) -> Doing {
        let classes = std::sync::Arc::clone(&self.classes);
        let class = &classes[event.head.class as usize];
        let integer = |i| class.integer(event.values, i).unwrap_or(0);
        let flags = |i: Option<usize>| i.map_or(0, integer);
        let pid = pid(event);
        match entry {
            Entry::Uses(fd) => {
                fd.and_then(|fd| self.turn(event, integer(fd)));
                Doing::Nothing
            }
            Entry::Read(fd) => self
                .turn(event, integer(fd))
                .map_or(Doing::Nothing, Doing::Read),
            Entry::Write(fd) => self
                .turn(event, integer(fd))
                .map_or(Doing::Nothing, Doing::Write),
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
                if let Some(fd) = fd {
                    self.descriptors.listens(pid, as_descriptor(integer(fd)));
                }
                self.turn_away(event);
                Doing::Accept {
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
                if conn.is_some() {
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
    fn leave(&mut self, event: &Observed, role: Role) {
        let Role::Exit { ret, accept, opens } = role else {
            unreachable!("called for exits")
        };
        let head = event.head;
        let classes = std::sync::Arc::clone(&self.classes);
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
                    close_on_exec: true
                }
            );
            self.accept(event, fd, client, close_on_exec);
        }
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
                let exchange = self.options.rule == Rule::Exchange;
                if let Some(open) = self.open_of(conn) {
                    self.at(open).written(ret);
                    if exchange {
                        self.at(open).mark();
                    }
                }
            }
            Doing::Close(conn) => self.close_connection(event, conn, EndReason::Close, None),
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

    /// A connection has come.
    fn accept(&mut self, event: &Observed, fd: i64, client: Client, close_on_exec: bool) {
        if !self.is_server(event, None) {
            return;
        }
        let head = event.head;
        let conn = self.next_connection;
        self.next_connection += 1;
        let connection = Connection {
            fd,
            client,
            accept_entry: event.duration_ns.map(|d| head.timestamp - d),
            threads: Vec::new(),
            open: None,
            next: 0,
            idle_since: head.timestamp,
        };
        self.connections.insert(conn, connection);
        self.descriptors.open(pid(event), fd, conn, close_on_exec);
        if self.options.rule == Rule::Connection {
            self.begin_request(event, conn);
        }
        self.turn_to(event, conn);
    }

    /// A successful read has returned: it begins an exchange unless it is part of one that has not been answered.
    fn next_exchange(&mut self, event: &Observed, conn: Conn) {
        if self.options.rule != Rule::Exchange || !self.connections.contains_key(&conn) {
            return;
        }
        if let Some(open) = self.open_of(conn) {
            if !self.at(open).is_marked() {
                return;
            }
            self.end_request(event, conn, EndReason::Response, None);
        }
        self.begin_request(event, conn);
    }

    fn open_of(&self, conn: Conn) -> Option<usize> {
        self.connections.get(&conn)?.open
    }

    fn begin_request(&mut self, event: &Observed, conn: Conn) {
        let open = self.begin(event);
        let exchange = self.options.rule == Rule::Exchange;
        let connection = self.connections.get_mut(&conn).expect("it is open");
        connection.open = Some(open);
        let number = connection.next;
        connection.next += 1;
        let wait = event.head.timestamp - connection.idle_since;
        let (fd, client, entry) = (connection.fd, connection.client, connection.accept_entry);
        let threads = connection.threads.clone();
        self.set_client(open, fd, client);
        let request = &mut self.at(open).request;
        request.connection = Some((conn as i64, number));
        if exchange {
            request.wait = Some(wait);
        } else {
            request.accept_entry = entry;
        }
        (request.read_bytes, request.written_bytes) = (Some(0), Some(0));
        for tid in threads {
            self.work_on(tid, Some(open), event.head.timestamp);
        }
    }

    /// Ends the request that is open on a connection, which stays.
    fn end_request(&mut self, event: &Observed, conn: Conn, reason: EndReason, end: Option<i64>) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Some(open) = connection.open.take() else {
            return;
        };
        for tid in connection.threads.clone() {
            self.work_on(tid, None, event.head.timestamp);
        }
        let marked = self.at(open).is_marked();
        let reason = match (self.options.rule, reason) {
            (Rule::Exchange, _) if marked => EndReason::Response,
            (Rule::Exchange, EndReason::Close | EndReason::Exit) => EndReason::NoResponse,
            (_, reason) => reason,
        };
        let end = self.end(open, reason, end);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.idle_since = end;
        }
    }

    fn close_connection(
        &mut self,
        event: &Observed,
        conn: Conn,
        reason: EndReason,
        end: Option<i64>,
    ) {
        self.end_request(event, conn, reason, end);
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        for tid in connection.threads {
            if let Some(thread) = self.threads.get_mut(&tid) {
                (thread.at, thread.armed) = (None, false);
            }
        }
    }

    /// Connections whose last process has gone or executed another program.
    fn close_all(&mut self, event: &Observed, ended: Vec<Conn>) {
        for conn in ended {
            self.close_connection(event, conn, EndReason::Exit, Some(event.head.timestamp));
        }
    }

    /// A descriptor of this number was given out: if it was a connection, its close is missing.
    fn reuse(&mut self, event: &Observed, fd: i64, reason: EndReason) {
        if let Some(conn) = self.descriptors.close(pid(event), fd) {
            self.close_connection(event, conn, reason, None);
        }
    }

    /// The event's thread turns to the connection behind `fd`, if it is one.
    fn turn(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let conn = self.descriptors.connection(pid(event), as_descriptor(fd))?;
        self.turn_to(event, conn);
        Some(conn)
    }

    fn turn_to(&mut self, event: &Observed, conn: Conn) {
        let tid = event.head.tid;
        if self.threads.get(&tid).and_then(|t| t.at) == Some(conn) {
            return;
        }
        self.turn_away(event);
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.threads.push(tid);
        let open = connection.open;
        self.threads.entry(tid).or_default().at = Some(conn);
        self.work_on(tid, open, event.head.timestamp);
    }

    fn turn_away(&mut self, event: &Observed) {
        let tid = event.head.tid;
        let thread = self.threads.entry(tid).or_default();
        thread.armed = false;
        let Some(before) = thread.at.take() else {
            return;
        };
        self.work_on(tid, None, event.head.timestamp);
        if let Some(connection) = self.connections.get_mut(&before) {
            connection.threads.retain(|t| *t != tid);
        }
    }

    /// The event's thread waits for descriptors.
    fn wait_for(&mut self, event: &Observed, fds: impl FnOnce() -> Vec<i64>) {
        let Some(conn) = self.threads.get(&event.head.tid).and_then(|t| t.at) else {
            return;
        };
        let pid = pid(event);
        if fds()
            .into_iter()
            .any(|fd| self.descriptors.is_other(pid, fd, conn))
        {
            self.turn_away(event);
        }
    }
}

/// The process of an event; a thread alone is one where the trace does not tell.
fn pid(event: &Observed) -> i32 {
    match event.head.pid {
        UNKNOWN => event.head.tid,
        pid => pid,
    }
}
