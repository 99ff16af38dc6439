//! Inferred connections: those whose accept is not in the trace, because they were open before it began, or were accepted
//! while the tracer discarded events.
//!
//! A trace does not say of a descriptor that comes out of nowhere whether it is a client's connection, a connection to a
//! database, or a file. So a connection is inferred only in these two cases, and its requests are marked (`accept_seen`
//! is false, and they are never complete):
//!
//! - *A lost accept.* A thread entered `accept` on a socket that has given connections over the internet protocols, and its
//!   next event shows that the exit was lost. It is the only thread of its process, and what it was given is known, because
//!   the kernel gives the lowest free number ([`free_numbers`](super::free_numbers)). Where a later call works on that
//!   number, it is taken for the connection: it could only be something else if the thread had closed that within the same
//!   loss.
//! - *A socket of the state dump* (`lttng_statedump_file_descriptor`), whose first transfer is a read that gives bytes, as
//!   a server's is, and not a write, as that of a process which asks another. That it came over the internet protocols is
//!   concluded from one of: its process has accepted others that did; an option of TCP was set on it; the process has the
//!   name that `--server` asks for. Once events have been lost, sockets that are not identified yet are forgotten.
//!
//! Their requests begin with the first event that is seen of them. This file keeps what the state dump has told; the lost
//! accepts are kept by [`descriptors`](super::descriptors).

use super::descriptors::Descriptors;
use super::endpoint::Endpoint;
use std::collections::{HashMap, HashSet};

/// `setsockopt(2)`: the level of TCP.
const IPPROTO_TCP: i64 = 6;

/// What the tracer's state dump has told.
#[derive(Debug, Default)]
pub(crate) struct Inferred {
    /// Processes by the address of their tables of files.
    owners: HashMap<i64, Vec<i32>>,
    /// Connections that sockets of the dump became, by inode.
    became: HashMap<i64, Endpoint>,
    /// Sockets of the dump that are TCP's.
    tcp: HashSet<i64>,
    /// Sockets of the dump whose first transfer was a read.
    read_first: HashSet<i64>,
}

/// A descriptor of the state dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dumped<'a> {
    /// Its process, where the event names it,
    pub process: Option<i32>,
    /// or the address of its process's files.
    pub files: Option<i64>,
    pub fd: i64,
    pub close_on_exec: bool,
    /// What the kernel shows as its file name.
    pub name: &'a str,
}

/// The inode of a socket, from what the kernel shows as its file name.
fn inode(name: &str) -> Option<i64> {
    name.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// The inode of a socket that was open before the trace and is not known to be anything.
fn unidentified(descriptors: &Descriptors, process: i32, fd: i64) -> Option<i64> {
    match descriptors.socket(process, fd)? {
        Endpoint::Unidentified(inode) => Some(inode),
        _ => None,
    }
}

impl Inferred {
    /// A state dump begins.
    pub(crate) fn dump_starts(&mut self) {
        self.owners.clear();
    }

    /// The state dump tells of a process and the address of its files.
    pub(crate) fn dumped_process(&mut self, process: i32, files: i64) {
        self.owners.entry(files).or_default().push(process);
    }

    /// The state dump tells of a descriptor.
    pub(crate) fn dumped_file(&mut self, file: &Dumped, descriptors: &mut Descriptors) {
        let Some(inode) = inode(file.name) else {
            return;
        };
        let named: Vec<i32> = file.process.into_iter().collect();
        let owners = file.files.and_then(|files| self.owners.get(&files));
        let owners = owners.unwrap_or(&named);
        let Some(owner) = owners.first().copied() else {
            return;
        };
        for sharer in &owners[1..] {
            descriptors.fork(owner, *sharer, true);
        }
        let became = self.became.get(&inode).copied();
        let became = became.filter(|end| descriptors.has(*end));
        if descriptors.socket(owner, file.fd).is_none() {
            let end = became.unwrap_or(Endpoint::Unidentified(inode));
            descriptors.open(owner, file.fd, end, file.close_on_exec);
        }
    }

    /// A connection is made on `fd`: it is no client's.
    pub(crate) fn connects(&mut self, process: i32, fd: i64, descriptors: &mut Descriptors) {
        if let Some(inode) = unidentified(descriptors, process, fd) {
            descriptors.becomes(inode, None);
        }
    }

    /// A call that writes begins on `fd`: unless it was read from before, it is no client's connection.
    pub(crate) fn writes(&mut self, process: i32, fd: i64, descriptors: &mut Descriptors) {
        if let Some(inode) = unidentified(descriptors, process, fd)
            && !self.read_first.contains(&inode)
        {
            descriptors.becomes(inode, None);
        }
    }

    /// An option of this level was set on `fd`, or asked for.
    pub(crate) fn has_option(
        &mut self,
        process: i32,
        fd: i64,
        level: i64,
        descriptors: &Descriptors,
    ) {
        if level == IPPROTO_TCP
            && let Some(inode) = unidentified(descriptors, process, fd)
        {
            self.tcp.insert(inode);
        }
    }

    /// A read from `fd` has given bytes: the inode of the socket if it may be a client's connection of before the trace.
    /// `is_server` tells that the process is known to serve clients.
    pub(crate) fn read(
        &mut self,
        process: i32,
        fd: i64,
        is_server: bool,
        descriptors: &Descriptors,
    ) -> Option<i64> {
        let inode = unidentified(descriptors, process, fd)?;
        self.read_first.insert(inode);
        let inet =
            is_server || descriptors.accepts_inet(process, None) || self.tcp.contains(&inode);
        inet.then_some(inode)
    }

    /// The socket with this inode is `end` from now on.
    pub(crate) fn becomes(&mut self, inode: i64, end: Endpoint, descriptors: &mut Descriptors) {
        self.became.insert(inode, end);
        descriptors.becomes(inode, Some(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Endpoint = Endpoint::Inbound(0);

    fn dumped(inferred: &mut Inferred, descriptors: &mut Descriptors, fd: i64) {
        let file = Dumped {
            process: Some(1),
            files: None,
            fd,
            close_on_exec: false,
            name: "socket:[77]",
        };
        inferred.dumped_file(&file, descriptors);
    }

    #[test]
    fn a_dumped_socket_is_a_clients_only_if_it_is_read_first() {
        for (reads_first, expected) in [(true, Some(77)), (false, None)] {
            let (mut i, mut d) = (Inferred::default(), Descriptors::default());
            dumped(&mut i, &mut d, 5);
            i.has_option(1, 5, IPPROTO_TCP, &d);
            if !reads_first {
                i.writes(1, 5, &mut d);
            }
            assert_eq!(i.read(1, 5, false, &d), expected);
            i.writes(1, 5, &mut d);
            assert_eq!(i.read(1, 5, false, &d), expected);
        }
    }

    #[test]
    fn a_dumped_socket_must_be_known_to_be_of_the_internet() {
        let (mut i, mut d) = (Inferred::default(), Descriptors::default());
        dumped(&mut i, &mut d, 5);
        assert_eq!(i.read(1, 5, false, &d), None);
        assert_eq!(i.read(1, 5, true, &d), Some(77));
        i.becomes(77, END, &mut d);
        assert_eq!(d.connection(1, 5), Some(END));
        dumped(&mut i, &mut d, 6);
        assert_eq!(d.connection(1, 6), Some(END), "a copy of it");
        d.close(1, 5);
        d.close(1, 6);
        dumped(&mut i, &mut d, 5);
        assert_eq!(d.connection(1, 5), None, "it has ended");
    }

    #[test]
    fn processes_that_share_their_files_are_told_by_the_address() {
        let (mut i, mut d) = (Inferred::default(), Descriptors::default());
        i.dumped_process(1, 0xf);
        i.dumped_process(2, 0xf);
        let file = Dumped {
            process: None,
            files: Some(0xf),
            fd: 5,
            close_on_exec: false,
            name: "socket:[77]",
        };
        i.dumped_file(&file, &mut d);
        let end = Some(Endpoint::Unidentified(77));
        assert_eq!((d.socket(1, 5), d.socket(2, 5)), (end, end));
        i.dump_starts();
        i.dumped_file(&Dumped { fd: 6, ..file }, &mut d);
        assert_eq!(d.socket(1, 6), None, "addresses of an older dump");
    }
}
