//! Threads: their processes, their names, and the system calls that they are in.

use super::pending::PendingSyscall;
use crate::calls::TidHash;
use crate::trace::event::{Head, NO_NAME, UNKNOWN};
use std::collections::HashMap;
use std::sync::Arc;

/// The kernel keeps so many bytes of a thread's name, `prctl(2)`.
const NAME_BYTES: usize = 15;

/// The place of a thread in lists that have one entry per thread, so that an event costs one look-up by thread ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// The position that it stands for.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The entry of this thread in a list, which is lengthened to hold it.
    pub(crate) fn of<T: Default>(self, list: &mut Vec<T>) -> &mut T {
        if self.index() >= list.len() {
            list.resize_with(self.index() + 1, T::default);
        }
        &mut list[self.index()]
    }
}

/// A thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thread {
    /// Its process, as of its last system call, or [`UNKNOWN`].
    pub pid: i32,
    /// Number of its name, as of then, or [`NO_NAME`].
    pub procname: u32,
    /// The system call that it is in.
    pub pending: Option<PendingSyscall>,
}

/// All threads that the trace has named.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    slots: HashMap<i32, Slot, TidHash>,
    threads: Vec<Thread>,
    /// Names of threads, by their numbers.
    names: Vec<Arc<str>>,
}

impl Threads {
    /// The place of a thread.
    pub(crate) fn slot(&mut self, tid: i32) -> Slot {
        let next = self.threads.len();
        let slot = *self.slots.entry(tid).or_insert(Slot(next as u32));
        if slot.index() == next {
            self.threads.push(Thread {
                pid: UNKNOWN,
                procname: NO_NAME,
                pending: None,
            });
        }
        slot
    }

    /// The place of a thread, if the trace has named it before.
    pub(crate) fn find(&self, tid: i32) -> Option<Slot> {
        self.slots.get(&tid).copied()
    }

    /// The thread at a place.
    pub(crate) fn at(&self, slot: Slot) -> &Thread {
        &self.threads[slot.index()]
    }

    /// The same, to change.
    pub(crate) fn at_mut(&mut self, slot: Slot) -> &mut Thread {
        &mut self.threads[slot.index()]
    }

    /// How many threads of a process have made system calls.
    pub(crate) fn count(&self, pid: i32) -> usize {
        self.threads.iter().filter(|t| t.pid == pid).count()
    }

    /// Takes in names in the order of their numbers.
    pub(crate) fn add_names(&mut self, names: &[String]) {
        self.names
            .extend(names.iter().map(|n| Arc::from(n.as_str())));
    }

    /// The name of the thread of an event; where its trace does not tell, as of the thread's last system call.
    pub(crate) fn name(&self, head: &Head, slot: Slot) -> Option<&Arc<str>> {
        let name = match head.procname {
            NO_NAME => self.at(slot).procname,
            name => name,
        };
        (name != NO_NAME).then(|| &self.names[name as usize])
    }

    /// Whether the thread of an event has this name, as far as the kernel keeps it.
    pub(crate) fn is_named(&self, head: &Head, slot: Slot, wanted: &str) -> bool {
        let name = self.name(head, slot);
        name.is_some_and(|name| name.as_ref() == truncated(wanted))
    }
}

/// What the kernel keeps of a thread's name.
fn truncated(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(procname: u32) -> Head {
        Head {
            timestamp: 0,
            class: 0,
            values: 0,
            cpu: 0,
            pid: 1,
            tid: 7,
            procname,
        }
    }

    #[test]
    fn a_thread_keeps_its_place() {
        let mut threads = Threads::default();
        assert_eq!(threads.find(7), None);
        let seven = threads.slot(7);
        let eight = threads.slot(8);
        assert_ne!(seven, eight);
        assert_eq!((threads.slot(7), threads.find(8)), (seven, Some(eight)));
        threads.at_mut(seven).pid = 1;
        assert_eq!((threads.count(1), threads.count(2)), (1, 0));
        let mut list: Vec<u8> = Vec::new();
        *eight.of(&mut list) = 3;
        assert_eq!(list, [0, 3]);
    }

    #[test]
    fn names_are_those_of_the_event_or_of_the_last_call_to_15_bytes() {
        let mut threads = Threads::default();
        threads.add_names(&["apache2".to_owned(), "a-server-with-a".to_owned()]);
        let slot = threads.slot(7);
        assert_eq!(threads.name(&head(NO_NAME), slot), None);
        assert!(!threads.is_named(&head(NO_NAME), slot, "apache2"));
        threads.at_mut(slot).procname = 0;
        assert!(threads.is_named(&head(NO_NAME), slot, "apache2"));
        assert!(threads.is_named(&head(1), slot, "a-server-with-a-long-name"));
        assert!(!threads.is_named(&head(1), slot, "a-server"));
    }
}
