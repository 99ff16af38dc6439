//! Pairs the entries and exits of system calls.
//!
//! A thread is in at most one system call: the exit of a call belongs to the last entry on its thread, if that was of
//! the same call. Where the tracer lost one side, the other stays alone; nothing is paired across other calls.

use crate::trace::event::{EventBatch, EventClass, FieldType, Head, Phase, UNKNOWN, bare_names};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What an event is paired with: what its call's entry and arguments add to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairing {
    /// On an exit: `event_id` of its entry and the nanoseconds since.
    pub entry: Option<(i64, i64)>,
    /// The descriptor that the call works on.
    pub fd: Option<i64>,
}

/// Events, with what each is paired with.
#[derive(Debug, Default)]
pub struct PairedBatch {
    /// The events.
    pub events: EventBatch,
    /// One for each of them, once they are paired.
    pub pairings: Vec<Pairing>,
}

/// The calls that threads are in.
pub(crate) struct Calls {
    classes: Vec<Class>,
    pending: HashMap<i32, Pending, TidHash>,
}

struct Class {
    phase: Phase,
    /// Number of the call's name.
    call: u32,
    fd: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    call: u32,
    event_id: i64,
    timestamp: i64,
    fd: Option<i64>,
}

impl Calls {
    /// No thread is in a call. `fd_arguments` names the arguments that hold a descriptor, best first.
    pub(crate) fn new(classes: &[EventClass], fd_arguments: &[String]) -> Self {
        let (_, numbers) = bare_names(classes);
        let classes = classes.iter().zip(numbers).map(|(class, call)| Class {
            phase: class.phase,
            call,
            fd: match class.phase {
                Phase::Point => None,
                _ => descriptor(class, fd_arguments),
            },
        });
        Calls {
            classes: classes.collect(),
            pending: HashMap::default(),
        }
    }

    /// Takes in the next event in time order, with its class and encoded values.
    pub(crate) fn observe(
        &mut self,
        event_id: i64,
        head: &Head,
        class: &EventClass,
        values: &[u8],
    ) -> Pairing {
        let known = &self.classes[head.class as usize];
        let own_fd = known
            .fd
            .and_then(|i| class.integer(values, i))
            .map(as_descriptor);
        match known.phase {
            Phase::Point => Pairing::default(),
            _ if head.tid == UNKNOWN => Pairing {
                entry: None,
                fd: own_fd,
            },
            Phase::Entry => {
                let entry = Pending {
                    call: known.call,
                    event_id,
                    timestamp: head.timestamp,
                    fd: own_fd,
                };
                self.pending.insert(head.tid, entry);
                Pairing {
                    entry: None,
                    fd: own_fd,
                }
            }
            Phase::Exit => {
                let entry = self.pending.remove(&head.tid);
                let entry = entry.filter(|e| e.call == known.call);
                Pairing {
                    entry: entry.map(|e| (e.event_id, head.timestamp - e.timestamp)),
                    fd: entry.and_then(|e| e.fd).or(own_fd),
                }
            }
        }
    }
}

/// The field of a class that holds the descriptor the call works on.
fn descriptor(class: &EventClass, names: &[String]) -> Option<usize> {
    let is_integer = |i: &usize| {
        matches!(
            class.payload[*i].ty,
            FieldType::Signed(..) | FieldType::Unsigned(..)
        )
    };
    names
        .iter()
        .find_map(|name| class.field(name).filter(is_integer))
}

/// A descriptor argument as the kernel reads it: a C `int`, whatever the width of the register that carried it.
pub(crate) fn as_descriptor(value: i64) -> i64 {
    i64::from(value as i32)
}

/// Hashes thread IDs, which are small and different: their spread over the table is all that is needed.
#[derive(Default)]
pub(crate) struct TidHasher(u64);

/// Makes [`TidHasher`]s.
pub(crate) type TidHash = BuildHasherDefault<TidHasher>;

impl Hasher for TidHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("thread IDs hash as i32")
    }
    fn write_i32(&mut self, tid: i32) {
        self.0 = (tid as u32 as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(26);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::{Field, NO_NAME};

    fn classes() -> Vec<EventClass> {
        let int = |name: &str| Field {
            name: name.to_owned(),
            ty: FieldType::Unsigned(64, vec![]),
            index: 0,
        };
        vec![
            EventClass::new("syscall_entry_close", vec![], vec![int("fd")]),
            EventClass::new("syscall_exit_close", vec![], vec![int("ret")]),
            EventClass::new("syscall_entry_read", vec![], vec![int("fd")]),
            EventClass::new("syscall_exit_read", vec![], vec![int("ret")]),
            EventClass::new("sched_switch", vec![], vec![int("fd")]),
        ]
    }

    fn observe(calls: &mut Calls, id: i64, class: u32, tid: i32, value: u64) -> Pairing {
        let head = Head {
            timestamp: id * 10,
            class,
            values: 0,
            cpu: 0,
            pid: 1,
            tid,
            procname: NO_NAME,
        };
        let classes = classes();
        calls.observe(id, &head, &classes[class as usize], &value.to_le_bytes())
    }

    #[test]
    fn an_exit_belongs_to_the_last_entry_of_its_thread_if_of_the_same_call() {
        let mut calls = Calls::new(&classes(), &["dfd".to_owned(), "fd".to_owned()]);
        let pairing = |entry, fd| Pairing { entry, fd };
        assert_eq!(observe(&mut calls, 0, 0, 7, 5), pairing(None, Some(5)));
        assert_eq!(observe(&mut calls, 1, 2, 8, 6), pairing(None, Some(6)));
        assert_eq!(
            observe(&mut calls, 2, 4, 7, 9),
            pairing(None, None),
            "no system call"
        );
        assert_eq!(
            observe(&mut calls, 3, 1, 7, 0),
            pairing(Some((0, 30)), Some(5))
        );
        assert_eq!(
            observe(&mut calls, 4, 1, 8, 0),
            pairing(None, None),
            "of another call"
        );
        assert_eq!(
            observe(&mut calls, 5, 3, 8, 0),
            pairing(None, None),
            "its entry is spent"
        );
    }

    #[test]
    fn descriptors_are_c_ints() {
        let mut calls = Calls::new(&classes(), &["fd".to_owned()]);
        assert_eq!(observe(&mut calls, 0, 0, 7, u64::MAX).fd, Some(-1));
        assert_eq!(observe(&mut calls, 1, 0, 7, 0xffff_ffff).fd, Some(-1));
    }
}
