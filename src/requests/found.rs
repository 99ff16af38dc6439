//! Connections whose accept is not in the trace: open before it began, or accepted while the tracer discarded events.
//!
//! A trace does not say of a descriptor that comes out of nowhere whether it is a client's connection, a connection to a
//! database, or a file. So a request begins on one only in these two cases, and is marked (`accept_seen` is false, and it is
//! never complete):
//!
//! - *A lost accept.* A thread entered `accept` on a socket that has given connections over the internet protocols, and its
//!   next event shows that the exit was lost. It is the only thread of its process, and what it was given is known, because
//!   the kernel gives the lowest free number ([`numbers`](super::numbers)). Where a later call works on that number, it is
//!   taken for the connection: it could only be something else if the thread had closed that within the same loss.
//! - *A socket of the state dump* (`lttng_statedump_file_descriptor`), whose first transfer is a read that gives bytes, as
//!   a server's is, and not a write, as that of a process which asks another. That it came over the internet protocols is
//!   concluded from one of: its process has accepted others that did; an option of TCP was set on it; the process has the
//!   name that `--server` asks for. Once events have been lost, sockets that are not found yet are forgotten.
//!
//! Its requests begin with the first event that is seen of it.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::following::{Connection, pid};
use super::roles::{DumpedFile, Role};
use super::syscalls::Doing;
use super::{Observed, Rule};
use crate::calls::as_descriptor;
use crate::trace::event::EventClass;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// `open(2)`: `O_CLOEXEC`.
const O_CLOEXEC: i64 = 0o2_000_000;
/// `setsockopt(2)`: the level of TCP.
const IPPROTO_TCP: i64 = 6;

/// What the tracer's state dump has told.
#[derive(Debug, Default)]
pub(super) struct Dump {
    /// Processes by the address of their tables of files.
    owners: HashMap<i64, Vec<i32>>,
    /// Connections that sockets of the dump became, by inode.
    became: HashMap<i64, Conn>,
    /// Sockets of the dump that are TCP's.
    tcp: HashSet<i64>,
    /// Sockets of the dump whose first transfer was a read.
    read_first: HashSet<i64>,
}

/// The inode of a socket, from what the kernel shows as its file name.
fn inode(name: &str) -> Option<i64> {
    name.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

impl Cutter {
    /// Takes in an event of the state dump.
    pub(super) fn dumped(&mut self, event: &Observed, role: Role) {
        let classes = Arc::clone(&self.classes);
        let class = &classes[event.head.class as usize];
        let integer = |i| class.integer(event.values, i).unwrap_or(0);
        match role {
            Role::DumpStart => self.dump.owners.clear(),
            Role::DumpedProcess(tid, pid, Some(files)) if integer(tid) == integer(pid) => {
                let owners = self.dump.owners.entry(integer(files)).or_default();
                owners.push(integer(pid) as i32);
            }
            Role::DumpedFile(file) => self.dumped_file(event, class, file),
            _ => {}
        }
    }

    fn dumped_file(&mut self, event: &Observed, class: &EventClass, file: DumpedFile) {
        let integer = |i| class.integer(event.values, i).unwrap_or(0);
        let name = class.seek(event.values, file.name).utf8();
        let Some(inode) = name.ok().and_then(inode) else {
            return;
        };
        let named: Vec<i32> = file.pid.map(|i| integer(i) as i32).into_iter().collect();
        let owners = file.files.and_then(|i| self.dump.owners.get(&integer(i)));
        let owners = owners.unwrap_or(&named);
        let Some(owner) = owners.first().copied() else {
            return;
        };
        for sharer in &owners[1..] {
            self.descriptors.fork(owner, *sharer, true);
        }
        let became = self.dump.became.get(&inode).copied();
        let became = became.filter(|conn| self.connections.contains_key(conn));
        let fd = as_descriptor(integer(file.fd));
        if self.descriptors.socket(owner, fd).is_none() {
            let on_exec = integer(file.flags) & O_CLOEXEC != 0;
            let conn = became.unwrap_or(Conn::Before(inode));
            self.descriptors.open(owner, fd, conn, on_exec);
        }
    }

    /// The inode of a socket that was open before the trace and is not known to be anything.
    fn unused(&self, event: &Observed, fd: i64) -> Option<i64> {
        match self.descriptors.socket(pid(event), fd)? {
            Conn::Before(inode) => Some(inode),
            _ => None,
        }
    }

    /// A connection is made on `fd`: it is no client's.
    pub(super) fn connects(&mut self, event: &Observed, fd: i64) {
        if let Some(inode) = self.unused(event, fd) {
            self.descriptors.becomes(inode, None);
        }
    }

    /// A call that writes begins on `fd`: unless it was read from before, it is no client's connection.
    pub(super) fn writes_unknown(&mut self, event: &Observed, fd: i64) {
        if let Some(inode) = self.unused(event, fd)
            && !self.dump.read_first.contains(&inode)
        {
            self.descriptors.becomes(inode, None);
        }
    }

    /// An option of this level was set on `fd`, or asked for.
    pub(super) fn has_option(&mut self, event: &Observed, fd: i64, level: i64) {
        if let (IPPROTO_TCP, Some(inode)) = (level, self.unused(event, fd)) {
            self.dump.tcp.insert(inode);
        }
    }

    /// A read from an unknown descriptor has given bytes: whether it is a client's connection of before the trace.
    pub(super) fn found_by_read(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let inode = self.unused(event, fd)?;
        self.dump.read_first.insert(inode);
        let inet = self.descriptors.accepts_inet(pid(event), None)
            || self.dump.tcp.contains(&inode)
            || self.options.server.is_some();
        if !inet || !self.may_follow(event) {
            return None;
        }
        let conn = self.next_client();
        self.dump.became.insert(inode, conn);
        self.descriptors.becomes(inode, Some(conn));
        self.begin_connection(event, conn, Connection::found(fd, event.head.timestamp));
        Some(conn)
    }

    /// A call begins on an unknown descriptor: whether it is what a lost accept returned.
    pub(super) fn found_by_number(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let close_on_exec = self.descriptors.take_missed(pid(event), fd)?;
        if !self.may_follow(event) {
            return None;
        }
        let conn = self.next_client();
        self.descriptors.open(pid(event), fd, conn, close_on_exec);
        self.begin_connection(event, conn, Connection::found(fd, event.head.timestamp));
        Some(conn)
    }

    /// A call that writes begins on a connection: if it is the first that is seen of a found one, the read of the exchange
    /// that it answers was not.
    pub(super) fn answers_unseen(&mut self, event: &Observed, conn: Conn) {
        let unread = self
            .connections
            .get(&conn)
            .is_some_and(Connection::is_fresh);
        if self.options.rule == Rule::Exchange && unread {
            self.begin_request(event, conn);
        }
    }

    /// The exit of the call that the event's thread was in was lost.
    pub(super) fn exit_lost(&mut self, event: &Observed, doing: Doing) {
        match doing {
            Doing::Close(conn) => {
                self.close_connection(event, conn, super::EndReason::Close, None);
            }
            Doing::Accept {
                from: Some(from),
                close_on_exec,
                next: Some(next),
            } => {
                let pid = pid(event);
                let alone = self.threads.values().filter(|t| t.pid == pid).count() == 1;
                if alone && self.descriptors.accepts_inet(pid, Some(from)) {
                    self.descriptors.miss(pid, next, close_on_exec);
                }
            }
            _ => {}
        }
    }
}
