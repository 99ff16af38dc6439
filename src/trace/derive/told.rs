//! What events of the kernel say of threads, by their classes.

use crate::trace::event::{EventClass, FieldType, NO_NAME, Phase, escape};
use std::collections::HashMap;

/// The payload fields that are read.
pub const ARGUMENTS: [&str; 17] = [
    "child_comm",
    "child_pid",
    "child_tid",
    "filename",
    "name",
    "next_comm",
    "next_tid",
    "old_tid",
    "option",
    "parent_comm",
    "parent_pid",
    "parent_tid",
    "pid",
    "prev_comm",
    "prev_tid",
    "ret",
    "tid",
];

/// The kernel knows so many bytes of a thread's name, `prctl(2)`.
const NAME_BYTES: usize = 15;
/// The operation of `prctl` that sets the name, `PR_SET_NAME`.
const SET_NAME: i64 = 15;

/// A thread, as an event tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    /// Its number.
    pub tid: i32,
    /// Its process, where that is told.
    pub pid: Option<i32>,
    /// Number of its name, where that is told.
    pub name: Option<u32>,
}

/// A call that may change the name of its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renames {
    /// `execve` or `execveat`.
    Execve,
    /// `prctl` with `PR_SET_NAME`.
    Prctl,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing about threads.
    Nothing,
    /// The CPU turns from one thread to the next.
    Switch { prev: Person, next: Person },
    /// The thread makes another.
    Fork { parent: Person, child: Person },
    /// The thread has executed a program; `old` is the number that it had before, if another.
    Exec { person: Person, old: Option<i32> },
    /// The thread exits.
    Exit(i32),
    /// The kernel forgets a thread.
    Freed(i32),
    /// The state dump tells of a thread.
    Dumped(Person),
    /// A system call, and on its exit whether it failed.
    Call {
        phase: Phase,
        renames: Option<Renames>,
        failed: bool,
    },
}

impl Said {
    /// The thread that the event is recorded in, where it says that itself.
    pub(super) fn current(&self) -> Option<i32> {
        match self {
            Said::Switch { prev, .. } => Some(prev.tid),
            Said::Fork { parent, .. } => Some(parent.tid),
            Said::Exec { person, .. } => Some(person.tid),
            Said::Exit(tid) => Some(*tid),
            _ => None,
        }
    }
}

/// Positions of the payload fields that tell of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    tid: usize,
    pid: Option<usize>,
    name: Option<usize>,
}

/// How events of a class tell what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// They are not the kernel's.
    Foreign,
    /// They say nothing.
    Nothing,
    /// `sched_switch`.
    Switch(Fields, Fields),
    /// `sched_process_fork`.
    Fork(Fields, Fields),
    /// `sched_process_exec`: the thread, its old number, the program's file.
    Exec(usize, Option<usize>, Option<usize>),
    /// `sched_process_exit`.
    Exit(usize),
    /// `sched_process_free`.
    Freed(usize),
    /// `lttng_statedump_process_state`.
    Dumped(Fields),
    /// A side of a system call: which one, whether it may rename the thread (where it is `prctl` the position of its
    /// operation), and the position of what it returned.
    Call(Phase, Option<(Renames, Option<usize>)>, Option<usize>),
}

impl Told {
    /// How events of `class`, which are the kernel's, tell it.
    pub(super) fn of(class: &EventClass) -> Told {
        let int = |name: &str| class.field(name).filter(|i| is_integer(class, *i));
        let text = |name: &str| {
            class
                .field(name)
                .filter(|i| class.payload[*i].ty == FieldType::Text)
        };
        let fields = |tid: &str, pid: &str, name: &str| {
            Some(Fields {
                tid: int(tid)?,
                pid: int(pid),
                name: text(name),
            })
        };
        let told = match class.full_name.as_str() {
            "sched_switch" => fields("prev_tid", "", "prev_comm")
                .zip(fields("next_tid", "", "next_comm"))
                .map(|(prev, next)| Told::Switch(prev, next)),
            "sched_process_fork" => fields("parent_tid", "parent_pid", "parent_comm")
                .zip(fields("child_tid", "child_pid", "child_comm"))
                .map(|(parent, child)| Told::Fork(parent, child)),
            "sched_process_exec" => {
                int("tid").map(|tid| Told::Exec(tid, int("old_tid"), text("filename")))
            }
            "sched_process_exit" => int("tid").map(Told::Exit),
            "sched_process_free" => int("tid").map(Told::Freed),
            "lttng_statedump_process_state" => fields("tid", "pid", "name").map(Told::Dumped),
            _ if class.phase != Phase::Point => {
                let renames = match class.name.strip_prefix("compat_").unwrap_or(&class.name) {
                    "execve" | "execveat" => Some((Renames::Execve, None)),
                    "prctl" => Some((Renames::Prctl, int("option"))),
                    _ => None,
                };
                Some(Told::Call(class.phase, renames, int("ret")))
            }
            _ => None,
        };
        told.unwrap_or(Told::Nothing)
    }

    /// What an event of this class says; names are numbered by `names`, and `new` gets those that are new.
    pub(super) fn said(
        &self,
        class: &EventClass,
        values: &[u8],
        names: &mut Names,
        new: &mut Vec<String>,
    ) -> Said {
        let int = |i: usize| class.integer(values, i).unwrap_or(0);
        let id = |i: usize| int(i) as i32;
        let mut person = |fields: &Fields| Person {
            tid: id(fields.tid),
            pid: fields.pid.map(id),
            name: fields
                .name
                .map(|i| names.number(class.seek(values, i).text(), new)),
        };
        match self {
            Told::Foreign | Told::Nothing => Said::Nothing,
            Told::Switch(prev, next) => Said::Switch {
                prev: person(prev),
                next: person(next),
            },
            Told::Fork(parent, child) => Said::Fork {
                parent: person(parent),
                child: person(child),
            },
            Told::Exec(tid, old, file) => Said::Exec {
                person: Person {
                    tid: id(*tid),
                    pid: None,
                    name: file
                        .and_then(|i| program(class.seek(values, i).text()))
                        .map(|name| names.number(name, new)),
                },
                old: old.map(id).filter(|old| *old != id(*tid)),
            },
            Told::Exit(tid) => Said::Exit(id(*tid)),
            Told::Freed(tid) => Said::Freed(id(*tid)),
            Told::Dumped(fields) => Said::Dumped(person(fields)),
            Told::Call(phase, renames, ret) => {
                let applies = |i: &Option<usize>| {
                    *phase == Phase::Exit || i.is_none_or(|i| int(i) == SET_NAME)
                };
                let renames = renames.filter(|(_, option)| applies(option));
                Said::Call {
                    phase: *phase,
                    renames: renames.map(|(renames, _)| renames),
                    failed: ret.is_some_and(|i| int(i) < 0),
                }
            }
        }
    }
}

fn is_integer(class: &EventClass, position: usize) -> bool {
    let ty = &class.payload[position].ty;
    matches!(ty, FieldType::Unsigned(..) | FieldType::Signed(..))
}

/// The name of a thread that has executed the program in this file. By a descriptor (`/dev/fd/N`) it depends on the
/// kernel's version.
fn program(file: &[u8]) -> Option<&[u8]> {
    if file.starts_with(b"/dev/fd/") {
        return None;
    }
    let name = file.rsplit(|b| *b == b'/').next()?;
    Some(&name[..name.len().min(NAME_BYTES)])
}

/// Names of threads, numbered in the order in which they come: those of contexts and those of payloads together.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    /// For each of the reader's numbers ours.
    ours: Vec<u32>,
}

impl Names {
    /// Takes in names of contexts, in the order of the reader's numbers.
    pub(super) fn take_in(&mut self, theirs: &[String], new: &mut Vec<String>) {
        for name in theirs {
            let number = self.number_of(name, new);
            self.ours.push(number);
        }
    }

    /// Our number for the reader's.
    pub(super) fn ours(&self, theirs: u32) -> u32 {
        match theirs {
            NO_NAME => NO_NAME,
            theirs => self.ours[theirs as usize],
        }
    }

    /// The number of the name of these bytes.
    pub(super) fn number(&mut self, bytes: &[u8], new: &mut Vec<String>) -> u32 {
        match std::str::from_utf8(bytes) {
            Ok(name) => self.number_of(name, new),
            Err(_) => self.number_of(&escape(bytes), new),
        }
    }

    fn number_of(&mut self, name: &str, new: &mut Vec<String>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        new.push(name.to_owned());
        number
    }
}
