//! What is known of threads: process and name.
//!
//! - A thread's process is told by its fork and by the state dump, and is the thread itself where another has it for its
//!   process, or where it has executed a program. A number is taken for the same thread until a fork gives it anew: the
//!   kernel gives numbers in a cycle, so that one comes again only after thousands of others.
//! - Its name is told by every switch to it and from it, by its fork and by the state dump, and is the file name's last
//!   part, at most 15 bytes, where it has executed a program. While it executes one the name changes, and
//!   `prctl(PR_SET_NAME)` changes it to what the trace does not tell: unknown until the next switch. (A name that another
//!   thread writes to `/proc/PID/comm` is the old one until then.)
//! - The idle thread of each CPU has the number 0, which is its process, too.

use super::told::{Person, Renames, Said};
use crate::trace::event::Phase;
use std::collections::HashMap;

/// What is known of a thread.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Thread {
    /// Its process.
    pub pid: Option<i32>,
    name: Option<u32>,
    /// A call that it is in and that may change its name.
    renaming: Option<Renames>,
    /// Whether the last switch told its name, and nothing was recorded since.
    switching: bool,
    exited: bool,
    /// Its number.
    tid: i32,
}

impl Thread {
    /// The number of its name.
    pub(super) fn name(&self) -> Option<u32> {
        self.name
            .filter(|_| self.renaming.is_none() || self.switching)
    }

    /// Whether it may have another number by now: a thread that executes a program becomes the first of its process.
    pub(super) fn may_change_number(&self) -> bool {
        let first = self.pid == Some(self.tid);
        self.renaming == Some(Renames::Execve) && !first && !self.switching
    }
}

/// All threads.
#[derive(Debug, Default)]
pub(super) struct Threads {
    threads: HashMap<i32, Thread>,
}

/// Idle threads have the number 0 on all CPUs.
fn key(cpu: i32, tid: i32) -> i32 {
    match tid {
        0 => -1 - cpu,
        tid => tid,
    }
}

impl Threads {
    /// What is known of thread `tid`, which is on `cpu`.
    pub(super) fn of(&self, cpu: i32, tid: i32) -> Thread {
        let known = self.threads.get(&key(cpu, tid)).copied();
        Thread {
            pid: if tid == 0 {
                Some(0)
            } else {
                known.and_then(|t| t.pid)
            },
            tid,
            ..known.unwrap_or_default()
        }
    }

    fn entry(&mut self, cpu: i32, tid: i32) -> &mut Thread {
        self.threads.entry(key(cpu, tid)).or_default()
    }

    /// A thread has this process and name, so far as they are told.
    pub(super) fn is(&mut self, cpu: i32, person: Person) {
        let thread = self.entry(cpu, person.tid);
        thread.pid = person.pid.or(thread.pid);
        thread.name = person.name.or(thread.name);
        if let Some(pid) = person.pid.filter(|pid| *pid > 0) {
            self.entry(cpu, pid).pid = Some(pid);
        }
    }

    /// What an event says that holds for itself.
    pub(super) fn before(&mut self, cpu: i32, said: &Said) {
        match *said {
            Said::Switch { prev, .. } => {
                self.is(cpu, prev);
                self.entry(cpu, prev.tid).switching = prev.name.is_some();
            }
            Said::Fork { parent, child } => {
                self.is(cpu, parent);
                *self.entry(cpu, child.tid) = Thread::default();
                self.is(cpu, child);
            }
            Said::Exec { person, old } => {
                if let Some(old) = old {
                    self.threads.remove(&old);
                }
                *self.entry(cpu, person.tid) = Thread::default();
                let pid = Some(person.tid);
                self.is(cpu, Person { pid, ..person });
            }
            Said::Dumped(person) if person.tid != 0 => self.is(cpu, person),
            Said::Freed(tid) if self.threads.get(&tid).is_some_and(|t| t.exited) => {
                self.threads.remove(&tid);
            }
            _ => {}
        }
    }

    /// What an event of thread `tid` changes for what follows it.
    pub(super) fn after(&mut self, cpu: i32, tid: i32, said: &Said) {
        match *said {
            Said::Switch { prev, .. } => self.entry(cpu, prev.tid).switching = false,
            Said::Exit(tid) => self.entry(cpu, tid).exited = true,
            Said::Call {
                phase: Phase::Entry,
                renames: Some(renames),
                ..
            } => self.entry(cpu, tid).renaming = Some(renames),
            _ => {}
        }
    }

    /// Thread `tid` enters a call or returns from one: what its last call did to its name is decided.
    pub(super) fn calls(&mut self, cpu: i32, tid: i32, said: &Said) {
        let Said::Call {
            phase,
            renames,
            failed,
        } = *said
        else {
            return;
        };
        let Some(thread) = self.threads.get_mut(&key(cpu, tid)) else {
            return;
        };
        if let Some(renaming) = thread.renaming.take() {
            let failed = phase == Phase::Exit && renames == Some(renaming) && failed;
            thread.name = thread.name.filter(|_| failed);
        }
    }
}
