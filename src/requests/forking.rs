//! Processes that are made: each begins with a copy of its parent's descriptors, or shares them.
//!
//! Who the parent is tells `sched_process_fork`, where the trace has the scheduler's events. Else the parent's call returns
//! the child, but the child may have made calls before that, and even have ended. Its own first event is that a call which
//! it never entered returns 0; so its parent is one that is still in such a call.

use super::Observed;
use super::cutter::Cutter;
use super::following::pid;
use super::syscalls::Doing;

/// `clone(2)`.
pub(super) const CLONE_FILES: i64 = 0x400;
/// Numbers of the calls that make processes and that LTTng 2.13 has no name for, on x86-64, or (`clone3`) everywhere.
pub(super) const FORK: i64 = 57;
pub(super) const VFORK: i64 = 58;
pub(super) const CLONE3: i64 = 435;
const FORKS: [i64; 3] = [FORK, VFORK, CLONE3];
const CLONE_THREAD: i64 = 0x10000;

impl Cutter {
    /// A process or thread is made; `flags` are those of `clone`.
    pub(super) fn forks(&mut self, event: &Observed, flags: Option<i64>) -> Doing {
        self.forking.retain(|tid| *tid != event.head.tid);
        self.forking.push(event.head.tid);
        Doing::Fork {
            share: flags.unwrap_or(0) & CLONE_FILES != 0,
            process: flags.map(|flags| flags & CLONE_THREAD == 0),
        }
    }

    /// `sched_process_fork` of the event's thread.
    pub(super) fn forked(&mut self, event: &Observed, parent: i32, child: i32) {
        let call = self.threads.get(&event.head.tid).and_then(|t| t.call);
        let share = matches!(call, Some((_, Doing::Fork { share: true, .. })));
        self.descriptors.fork(parent, child, share);
        self.has_come(event.head.tid);
    }

    /// The child of a thread that forks is known: what its call returns is not another.
    fn has_come(&mut self, parent: i32) {
        let call = self.threads.get_mut(&parent).and_then(|t| t.call.as_mut());
        if let Some((_, Doing::Fork { process, .. })) = call {
            *process = Some(false);
        }
    }

    /// A call that the event's thread never entered returns 0: if it is a fork, the thread is a child. Of several parents it
    /// is the last, which is a guess.
    pub(super) fn born(&mut self, event: &Observed) {
        let class = &self.classes[event.head.class as usize];
        let id = || class.integer(event.values, class.field("id")?);
        let forks = match class.name.as_str() {
            "clone" | "clone3" | "fork" | "vfork" => true,
            "unknown" => id().is_some_and(|id| FORKS.contains(&id)),
            _ => false,
        };
        if self.forking.is_empty() || !forks {
            return;
        }
        let child = pid(event);
        let is_of_child = |tid: &i32| self.threads.get(tid).is_some_and(|t| t.pid == child);
        if self.forking.iter().any(is_of_child) {
            // It is another thread of its process.
            return;
        }
        let mut parents = self.forking.iter().rev().filter_map(|tid| {
            let thread = self.threads.get(tid)?;
            match thread.call {
                Some((_, Doing::Fork { share, process })) if process != Some(false) => {
                    Some((*tid, thread.pid, share))
                }
                _ => None,
            }
        });
        let last = parents.next();
        // A child may be slower than its parent, which may be making the next one.
        if let Some((tid, parent, share)) = last
            && self.descriptors.fork(parent, child, share)
        {
            self.has_come(tid);
        }
    }
}
