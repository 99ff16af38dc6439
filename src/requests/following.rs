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
//! Connections whose accept is not in the trace are in `found`. What the trace leaves open is kept and marked: a connection whose number comes up again (its close was lost) ends with
//! its last event before that, and one that is open at the end of the trace ends there. A trace does not tell which
//! descriptor is in a message (`SCM_RIGHTS`), so one that is passed over a socket stays with the process that passed it.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::roles::Role;
use super::serving::{Asked, Link};
use super::{Client, EndReason, Observed, Rule};
use crate::calls::as_descriptor;
use crate::trace::event::UNKNOWN;

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Connection {
    pub fd: i64,
    client: Client,
    accept_entry: Option<i64>,
    /// Threads that work on it.
    threads: Vec<i32>,
    open: Option<usize>,
    /// Number of its next request.
    next: i64,
    /// Since when it has waited for it.
    idle_since: i64,
    /// Whether its accept is in the trace.
    accept_seen: bool,
    /// Who asks, where it is one at which a process serves others.
    pub link: Option<Link>,
    /// For what it is asked and has not begun.
    pub asked: Option<Asked>,
}

impl Connection {
    /// One that begins.
    pub fn new(fd: i64, now: i64) -> Self {
        Connection {
            fd,
            client: (None, None),
            accept_entry: None,
            threads: Vec::new(),
            open: None,
            next: 0,
            idle_since: now,
            accept_seen: true,
            link: None,
            asked: None,
        }
    }

    /// One whose accept is not in the trace.
    pub fn found(fd: i64, now: i64) -> Self {
        Connection {
            accept_seen: false,
            ..Connection::new(fd, now)
        }
    }

    /// Whether its accept is not in the trace, and it has had no request.
    pub fn is_fresh(&self) -> bool {
        !self.accept_seen && self.next == 0
    }
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
                    self.forked(event, parent, child);
                }
            }
            Role::ProcessExit(tid) => {
                self.count(event);
                let class = &self.classes[event.head.class as usize];
                let tid = class.integer(event.values, tid).map(|t| t as i32);
                if tid == Some(pid(event)) {
                    let ended = self.descriptors.exit(pid(event));
                    self.close_all(event, ended);
                }
            }
            Role::DumpStart | Role::DumpedProcess(..) | Role::DumpedFile(_) => {
                self.count(event);
                self.dumped(event, role);
            }
            _ => self.count(event),
        }
    }

    /// A connection has come.
    pub(super) fn accept(
        &mut self,
        event: &Observed,
        fd: i64,
        client: Client,
        close_on_exec: bool,
    ) {
        if !self.may_follow(event) {
            return;
        }
        let now = event.head.timestamp;
        let conn = self.next_client();
        let connection = Connection {
            client,
            accept_entry: event.duration_ns.map(|d| now - d),
            ..Connection::new(fd, now)
        };
        self.descriptors.open(pid(event), fd, conn, close_on_exec);
        self.begin_connection(event, conn, connection);
    }

    /// Whether a client's connection to the event's process is followed.
    pub(super) fn may_follow(&self, event: &Observed) -> bool {
        let follows = matches!(self.options.rule, Rule::Connection | Rule::Exchange);
        follows && self.is_server(event, None)
    }

    /// The number of the next connection.
    pub(super) fn next_client(&mut self) -> Conn {
        self.next_connection += 1;
        Conn::Client(self.next_connection - 1)
    }

    /// A connection begins for the rule, and the event's thread turns to it.
    pub(super) fn begin_connection(
        &mut self,
        event: &Observed,
        conn: Conn,
        connection: Connection,
    ) {
        self.connections.insert(conn, connection);
        if self.options.rule == Rule::Connection {
            self.begin_request(event, conn);
        }
        self.turn_to(event, conn);
    }

    /// A successful read has returned: it begins an exchange unless it is part of one that has not been answered.
    pub(super) fn next_exchange(&mut self, event: &Observed, conn: Conn) {
        if !self.is_exchanged(conn) || !self.connections.contains_key(&conn) {
            return;
        }
        if let Some(open) = self.open_of(conn) {
            if !self.at(open).is_marked() && !self.is_asked_by_another(conn, open) {
                return;
            }
            self.end_request(event, conn, EndReason::NoResponse, None);
        }
        match conn {
            Conn::Client(_) => self.begin_request(event, conn),
            _ => self.begin_service(event, conn),
        }
    }

    /// Whether what is read and answered on a connection is cut by exchanges.
    pub(super) fn is_exchanged(&self, conn: Conn) -> bool {
        match conn {
            Conn::Client(_) => self.options.rule == Rule::Exchange,
            Conn::Served(_) => true,
            Conn::Asking(_) | Conn::Before(_) => false,
        }
    }

    pub(super) fn open_of(&self, conn: Conn) -> Option<usize> {
        self.connections.get(&conn)?.open
    }

    pub(super) fn begin_request(&mut self, event: &Observed, conn: Conn) {
        let Conn::Client(id) = conn else { return };
        let open = self.begin(event, None);
        let exchange = self.options.rule == Rule::Exchange;
        let connection = self.connections.get_mut(&conn).expect("it is open");
        let number = connection.next;
        connection.next += 1;
        let known = connection.accept_seen || number > 0;
        let wait = known.then(|| event.head.timestamp - connection.idle_since);
        let (fd, client, entry) = (connection.fd, connection.client, connection.accept_entry);
        let accept_seen = connection.accept_seen;
        self.set_client(open, fd, client);
        let request = &mut self.at(open).request;
        request.connection = Some((id as i64, number));
        request.accept_seen = Some(accept_seen);
        if exchange {
            request.wait = wait;
        } else {
            request.accept_entry = entry;
        }
        (request.read_bytes, request.written_bytes) = (Some(0), Some(0));
        self.put_on(event, conn, open);
    }

    /// What is open at `open` is on this connection: the threads that are at it work on that.
    pub(super) fn put_on(&mut self, event: &Observed, conn: Conn, open: usize) {
        let connection = self.connections.get_mut(&conn).expect("it is open");
        connection.open = Some(open);
        for tid in connection.threads.clone() {
            self.work_on(tid, Some(open), event.head.timestamp);
        }
    }

    /// Ends the request that is open on a connection, which stays.
    pub(super) fn end_request(
        &mut self,
        event: &Observed,
        conn: Conn,
        reason: EndReason,
        end: Option<i64>,
    ) {
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
        let reason = match (self.is_exchanged(conn), reason) {
            (true, _) if marked => EndReason::Response,
            (true, EndReason::Close | EndReason::Exit) => EndReason::NoResponse,
            (_, reason) => reason,
        };
        let end = self.end(open, reason, end);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.idle_since = end;
        }
    }

    pub(super) fn close_connection(
        &mut self,
        event: &Observed,
        conn: Conn,
        reason: EndReason,
        end: Option<i64>,
    ) {
        if let Conn::Asking(ask) = conn {
            self.serving.close_asking(ask);
            return;
        }
        self.end_request(event, conn, reason, end);
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        if let Some(link) = connection.link {
            self.serving.close_served(link);
        }
        for tid in connection.threads {
            if let Some(thread) = self.threads.get_mut(&tid) {
                (thread.at, thread.armed) = (None, false);
            }
        }
    }

    /// Connections whose last process has gone or executed another program.
    pub(super) fn close_all(&mut self, event: &Observed, ended: Vec<Conn>) {
        for conn in ended {
            self.close_connection(event, conn, EndReason::Exit, Some(event.head.timestamp));
        }
    }

    /// A descriptor of this number was given out: if it was a connection, its close is missing.
    pub(super) fn reuse(&mut self, event: &Observed, fd: i64, reason: EndReason) {
        if let Some(conn) = self.descriptors.close(pid(event), fd) {
            self.close_connection(event, conn, reason, None);
        }
    }

    /// The event's thread turns to the connection behind `fd`, if it is one.
    pub(super) fn turn(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let fd = as_descriptor(fd);
        let conn = self.descriptors.connection(pid(event), fd);
        let conn = conn.or_else(|| self.found_by_number(event, fd))?;
        if !matches!(conn, Conn::Asking(_)) {
            self.turn_to(event, conn);
        }
        Some(conn)
    }

    pub(super) fn turn_to(&mut self, event: &Observed, conn: Conn) {
        let tid = event.head.tid;
        let thread = self.threads.entry(tid).or_default();
        let has_own = thread.open.is_some() && thread.at.is_none();
        if thread.at == Some(conn) || has_own {
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

    pub(super) fn turn_away(&mut self, event: &Observed) {
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
    pub(super) fn wait_for(&mut self, event: &Observed, fds: impl FnOnce() -> Vec<i64>) {
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
pub(super) fn pid(event: &Observed) -> i32 {
    match event.head.pid {
        UNKNOWN => event.head.tid,
        pid => pid,
    }
}
