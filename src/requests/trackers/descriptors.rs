//! Which descriptor of which process is which end of a connection.
//!
//! A connection belongs to a table of descriptors, not to a thread (`fork(2)`, `clone(2)`, `dup(2)`, `close_range(2)`,
//! `execve(2)`): threads share their process's table, a forked child gets a copy, with CLONE_FILES the same one, and a
//! program that is executed loses what is marked close-on-exec. A connection ends when the last descriptor of it is
//! closed. Only sockets are kept; every other number is nothing to us.

use super::endpoint::Endpoint;
use super::free_numbers::FreeNumbers;
use std::collections::{BTreeMap, HashMap};

/// Number of a process: its ID at first, and that of the process whose table it shares.
type Pid = i32;

/// The descriptors of a process.
#[derive(Debug, Clone, Default)]
struct Table {
    connections: BTreeMap<i64, Slot>,
    /// Descriptors that connections come from, and whether some came over the internet protocols.
    listening: HashMap<i64, bool>,
    /// Of a process that listens.
    numbers: FreeNumbers,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    end: Endpoint,
    close_on_exec: bool,
}

/// The descriptors of all processes.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    tables: HashMap<Pid, Table>,
    /// Processes that use the table of another.
    shared: HashMap<Pid, Pid>,
    references: HashMap<Endpoint, usize>,
    /// What accepts must have returned whose exits were lost, and whether it is close-on-exec.
    missed: HashMap<(Pid, i64), bool>,
}

impl Descriptors {
    fn owner(&self, pid: Pid) -> Pid {
        match self.shared.is_empty() {
            true => pid,
            false => *self.shared.get(&pid).unwrap_or(&pid),
        }
    }

    fn table(&self, pid: Pid) -> Option<&Table> {
        self.tables.get(&self.owner(pid))
    }

    fn table_mut(&mut self, pid: Pid) -> &mut Table {
        let owner = self.owner(pid);
        self.tables.entry(owner).or_default()
    }

    /// The connection behind a descriptor.
    pub(crate) fn connection(&self, pid: Pid, fd: i64) -> Option<Endpoint> {
        self.socket(pid, fd)
            .filter(|end| !matches!(end, Endpoint::Unidentified(_)))
    }

    /// The socket behind a descriptor, be it a known end of a connection or not.
    pub(crate) fn socket(&self, pid: Pid, fd: i64) -> Option<Endpoint> {
        Some(self.table(pid)?.connections.get(&fd)?.end)
    }

    /// Whether any process has a descriptor of this end.
    pub(crate) fn has(&self, end: Endpoint) -> bool {
        self.references.contains_key(&end)
    }

    /// Notes that connections come from this descriptor, and whether one came over the internet protocols.
    pub(crate) fn listens(&mut self, pid: Pid, fd: i64, inet: bool) {
        *self.table_mut(pid).listening.entry(fd).or_insert(inet) |= inet;
    }

    /// Whether connections over the internet protocols have come from `fd`; from any descriptor of the process where
    /// none is given.
    pub(crate) fn accepts_inet(&self, pid: Pid, fd: Option<i64>) -> bool {
        self.table(pid).is_some_and(|t| match fd {
            Some(fd) => t.listening.get(&fd) == Some(&true),
            None => t.listening.values().any(|inet| *inet),
        })
    }

    /// A call was given `fd`, the lowest free number.
    pub(crate) fn gave(&mut self, pid: Pid, fd: i64) {
        self.note_numbers(pid, |numbers| numbers.gave(fd));
    }

    /// A call took `fd`, which need not be the lowest free number.
    pub(crate) fn took(&mut self, pid: Pid, fd: i64) {
        self.note_numbers(pid, |numbers| numbers.took(fd));
    }

    /// The process may have opened descriptors that nobody saw.
    pub(crate) fn doubt(&mut self, pid: Pid) {
        self.note_numbers(pid, FreeNumbers::forget);
    }

    fn note_numbers(&mut self, pid: Pid, note: impl FnOnce(&mut FreeNumbers)) {
        let owner = self.owner(pid);
        if let Some(table) = self.tables.get_mut(&owner)
            && !table.listening.is_empty()
        {
            note(&mut table.numbers);
        }
    }

    /// The number that the process's next descriptor gets, where it is known.
    pub(crate) fn next_number(&self, pid: Pid) -> Option<i64> {
        self.table(pid)?.numbers.next()
    }

    /// Events are missing: of what was open before the trace, of free numbers and of lost
    /// accepts, nothing is certain any more.
    pub(crate) fn lose(&mut self) {
        self.missed.clear();
        for table in self.tables.values_mut() {
            table.numbers.forget();
            let is_known =
                |_: &i64, slot: &mut Slot| !matches!(slot.end, Endpoint::Unidentified(_));
            table.connections.retain(is_known);
        }
        self.references
            .retain(|c, _| !matches!(c, Endpoint::Unidentified(_)));
    }

    /// An accept must have returned `fd`, but its exit was lost.
    pub(crate) fn miss(&mut self, pid: Pid, fd: i64, close_on_exec: bool) {
        self.missed.insert((self.owner(pid), fd), close_on_exec);
    }

    /// Whether `fd` is what an accept must have returned, and then whether it is close-on-exec; it is asked for once.
    pub(crate) fn take_missed(&mut self, pid: Pid, fd: i64) -> Option<bool> {
        match self.missed.is_empty() {
            true => None,
            false => self.missed.remove(&(self.owner(pid), fd)),
        }
    }

    /// Nothing that the process's accepts returned is still to come.
    pub(crate) fn forget_missed(&mut self, pid: Pid) {
        if !self.missed.is_empty() {
            let owner = self.owner(pid);
            self.missed.retain(|(of, _), _| *of != owner);
        }
    }

    /// The socket with this inode is `end` from now on, wherever it is open; without one it is not kept any more.
    pub(crate) fn becomes(&mut self, inode: i64, end: Option<Endpoint>) {
        let before = Endpoint::Unidentified(inode);
        let references = self.references.remove(&before);
        for table in self.tables.values_mut() {
            let connections = &mut table.connections;
            match end {
                Some(end) => {
                    let slots = connections.values_mut().filter(|s| s.end == before);
                    slots.for_each(|slot| slot.end = end);
                }
                None => connections.retain(|_, slot| slot.end != before),
            }
        }
        if let (Some(end), Some(references)) = (end, references) {
            self.references.insert(end, references);
        }
    }

    /// Whether waiting for `fd` is waiting for a connection other than `end`, or for a new one.
    pub(crate) fn is_other(&self, pid: Pid, fd: i64, end: Endpoint) -> bool {
        self.table(pid).is_some_and(|t| {
            let other = |c: Endpoint| c != end && c.draws_attention();
            t.listening.contains_key(&fd) || t.connections.get(&fd).is_some_and(|s| other(s.end))
        })
    }

    /// `fd` is a descriptor of `end` from now on. The number must be free.
    pub(crate) fn open(&mut self, pid: Pid, fd: i64, end: Endpoint, close_on_exec: bool) {
        let slot = Slot { end, close_on_exec };
        let before = self.table_mut(pid).connections.insert(fd, slot);
        debug_assert!(before.is_none());
        *self.references.entry(end).or_insert(0) += 1;
    }

    /// `fd` is free from now on. Gives its connection if that was the last descriptor of it.
    pub(crate) fn close(&mut self, pid: Pid, fd: i64) -> Option<Endpoint> {
        self.take_missed(pid, fd);
        let owner = self.owner(pid);
        let table = self.tables.get_mut(&owner)?;
        table.listening.remove(&fd);
        table.numbers.closed(fd);
        let slot = table.connections.remove(&fd)?;
        self.release(slot.end)
            .filter(|end| !matches!(end, Endpoint::Unidentified(_)))
    }

    fn release(&mut self, end: Endpoint) -> Option<Endpoint> {
        let left = self.references.get_mut(&end)?;
        *left -= 1;
        if *left > 0 {
            return None;
        }
        self.references.remove(&end);
        Some(end)
    }

    /// Marks a descriptor as close-on-exec or not.
    pub(crate) fn set_close_on_exec(&mut self, pid: Pid, fds: (i64, i64), close: bool) {
        if fds.0 > fds.1 {
            return;
        }
        for (_, slot) in self.table_mut(pid).connections.range_mut(fds.0..=fds.1) {
            slot.close_on_exec = close;
        }
    }

    /// Closes a range of descriptors, both ends included; gives the connections that end by it.
    pub(crate) fn close_range(&mut self, pid: Pid, fds: (i64, i64)) -> Vec<Endpoint> {
        self.note_numbers(pid, |numbers| numbers.closed_range(fds));
        self.close_where(pid, |fd, _| fds.0 <= fd && fd <= fds.1)
    }

    /// The process executes another program; gives the connections that end by it.
    pub(crate) fn exec(&mut self, pid: Pid) -> Vec<Endpoint> {
        self.unshare(pid);
        self.doubt(pid);
        self.forget_missed(pid);
        self.close_where(pid, |_, slot| slot.close_on_exec)
    }

    /// The process exits; gives the connections that end by it.
    pub(crate) fn exit(&mut self, pid: Pid) -> Vec<Endpoint> {
        self.forget_missed(pid);
        if self.shared.remove(&pid).is_some() {
            return Vec::new();
        }
        if let Some(heir) = self.heir(pid) {
            // Its table lives on with those who share it.
            let table = self.tables.remove(&pid);
            self.shared.remove(&heir);
            for owner in self.shared.values_mut().filter(|o| **o == pid) {
                *owner = heir;
            }
            self.tables.extend(table.map(|t| (heir, t)));
            return Vec::new();
        }
        let ended = self.close_where(pid, |_, _| true);
        self.tables.remove(&pid);
        ended
    }

    /// Another process that uses the table of `pid`.
    fn heir(&self, pid: Pid) -> Option<Pid> {
        let sharers = self.shared.iter().filter(|(_, o)| **o == pid);
        sharers.map(|(p, _)| *p).min()
    }

    fn close_where(&mut self, pid: Pid, which: impl Fn(i64, &Slot) -> bool) -> Vec<Endpoint> {
        let chosen: Vec<i64> = self.table(pid).map_or_else(Vec::new, |t| {
            let chosen = t.connections.iter().filter(|(fd, slot)| which(**fd, slot));
            chosen.map(|(fd, _)| *fd).collect()
        });
        chosen
            .into_iter()
            .filter_map(|fd| self.close(pid, fd))
            .collect()
    }

    /// Whether a process is known, and so forking must not give it another table.
    fn knows(&self, pid: Pid) -> bool {
        self.tables.contains_key(&pid) || self.shared.contains_key(&pid)
    }

    /// `child` begins with a copy of its parent's descriptors, or shares them; gives whether that is news.
    pub(crate) fn fork(&mut self, parent: Pid, child: Pid, share: bool) -> bool {
        if parent == child || self.knows(child) {
            return false;
        }
        let owner = self.owner(parent);
        if share {
            self.shared.insert(child, owner);
            return true;
        }
        let table = self.tables.get(&owner).cloned().unwrap_or_default();
        for slot in table.connections.values() {
            *self.references.entry(slot.end).or_insert(0) += 1;
        }
        self.tables.insert(child, table);
        true
    }

    /// The process gets a table of its own, as a copy of the shared one.
    pub(crate) fn unshare(&mut self, pid: Pid) {
        if let Some(owner) = self.shared.remove(&pid) {
            self.fork(owner, pid, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C0: Endpoint = Endpoint::Inbound(0);
    const C1: Endpoint = Endpoint::Inbound(1);

    fn one() -> Descriptors {
        let mut d = Descriptors::default();
        d.open(1, 5, C0, true);
        d
    }

    #[test]
    fn the_last_of_several_descriptors_ends_a_connection() {
        let mut d = one();
        d.open(1, 9, C0, false);
        assert_eq!(d.close(1, 5), None);
        assert_eq!(d.connection(1, 9), Some(C0));
        assert_eq!(d.close_range(1, (6, i64::MAX)), [C0]);
        assert_eq!(d.close(1, 9), None, "it is free");
    }

    #[test]
    fn a_child_has_copies_until_it_closes_executes_or_exits() {
        let mut d = one();
        d.fork(1, 2, false);
        d.fork(1, 3, false);
        d.fork(1, 4, false);
        assert_eq!(d.connection(2, 5), Some(C0));
        assert_eq!(d.close(1, 5), None);
        assert!(d.exec(2).is_empty());
        assert_eq!(d.connection(2, 5), None, "close-on-exec");
        d.set_close_on_exec(3, (5, 5), false);
        assert!(d.exec(3).is_empty());
        assert!(d.exit(3).is_empty());
        assert_eq!(d.exit(4), [C0]);
    }

    #[test]
    fn a_shared_table_lives_as_long_as_one_who_shares_it() {
        let mut d = one();
        d.fork(1, 2, true);
        d.fork(2, 3, true);
        d.open(2, 6, C1, false);
        assert_eq!(d.connection(1, 6), Some(C1));
        assert!(d.exit(1).is_empty());
        assert_eq!(d.connection(3, 5), Some(C0));
        d.unshare(3);
        assert_eq!(d.close(3, 6), None, "a copy");
        assert_eq!(d.connection(2, 6), Some(C1));
        assert!(d.exit(3).is_empty());
        assert_eq!(d.exit(2), [C0, C1]);
    }

    #[test]
    fn a_socket_that_was_open_before_is_nothing_until_it_becomes_something() {
        let mut d = one();
        d.open(1, 6, Endpoint::Unidentified(77), true);
        d.open(1, 7, Endpoint::Unidentified(88), false);
        d.fork(1, 2, false);
        assert_eq!(d.connection(2, 6), None);
        assert_eq!(d.socket(2, 6), Some(Endpoint::Unidentified(77)));
        d.becomes(77, Some(C1));
        assert_eq!(
            (d.connection(1, 6), d.connection(2, 6)),
            (Some(C1), Some(C1))
        );
        assert_eq!(d.close(1, 6), None);
        assert_eq!(d.exec(2), [C1], "close-on-exec");
        d.becomes(88, None);
        assert_eq!((d.socket(1, 7), d.socket(2, 7)), (None, None));
        d.open(1, 7, Endpoint::Unidentified(99), false);
        assert_eq!(d.close(1, 7), None);
        d.open(1, 7, Endpoint::Unidentified(99), false);
        d.lose();
        assert_eq!((d.socket(1, 7), d.socket(1, 5)), (None, Some(C0)));
    }

    #[test]
    fn what_a_lost_accept_returned_is_asked_for_once() {
        let mut d = one();
        d.listens(1, 3, false);
        assert!(!d.accepts_inet(1, Some(3)));
        d.listens(1, 3, true);
        assert!(
            d.accepts_inet(1, Some(3)) && d.accepts_inet(1, None) && !d.accepts_inet(1, Some(4))
        );
        d.gave(1, 5);
        d.close(1, 5);
        assert_eq!(d.next_number(1), Some(5));
        d.miss(1, 5, true);
        d.miss(1, 6, false);
        assert_eq!(d.take_missed(1, 5), Some(true));
        assert_eq!(d.take_missed(1, 5), None);
        d.close(1, 6);
        assert_eq!(d.take_missed(1, 6), None, "it was closed");
        d.lose();
        assert_eq!(d.next_number(1), None);
    }

    #[test]
    fn waiting_for_others_is_told_from_waiting_for_the_connection() {
        let mut d = one();
        d.open(1, 6, C1, false);
        d.listens(1, 3, false);
        assert!(d.is_other(1, 3, C0) && d.is_other(1, 6, C0));
        assert!(!d.is_other(1, 5, C0) && !d.is_other(1, 7, C0));
    }
}
