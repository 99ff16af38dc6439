//! New processes, and whose children they are: each begins with a copy of its parent's descriptors, or shares them.
//!
//! `sched_process_fork` tells who the parent is, where the trace has the scheduler's events. Otherwise the parent's call
//! returns the child, but the child may have made calls before that, and may even have ended. The child's own first event
//! is that a call which it never entered returns 0; so its parent is one that is still in such a call.

use super::pending::{Effect, PendingSyscall};
use super::threads::{Slot, Threads};

/// `clone(2)`.
pub(crate) const CLONE_FILES: i64 = 0x400;
const CLONE_THREAD: i64 = 0x10000;
/// Numbers of the calls that make processes and that LTTng 2.13 has no name for, on x86-64, or (`clone3`) everywhere.
pub(crate) const FORK: i64 = 57;
pub(crate) const VFORK: i64 = 58;
pub(crate) const CLONE3: i64 = 435;
pub(crate) const FORKS: [i64; 3] = [FORK, VFORK, CLONE3];

/// Threads that are making processes, in the order in which they began to.
#[derive(Debug, Default)]
pub(crate) struct Children {
    forking: Vec<Slot>,
}

/// A thread that is making a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    pub thread: Slot,
    pub process: i32,
    /// Whether the child shares its descriptors.
    pub share: bool,
}

impl Children {
    /// A thread begins to make a process or thread; `flags` are those of `clone`, where the trace has them.
    pub(crate) fn forks(&mut self, thread: Slot, flags: Option<i64>) -> Effect {
        self.forked(thread);
        self.forking.push(thread);
        Effect::Fork {
            share: flags.unwrap_or(0) & CLONE_FILES != 0,
            process: flags.map(|flags| flags & CLONE_THREAD == 0),
        }
    }

    /// The call of a thread that made a process has returned.
    pub(crate) fn forked(&mut self, thread: Slot) {
        self.forking.retain(|t| *t != thread);
    }

    /// Whether no thread is making a process.
    pub(crate) fn none(&self) -> bool {
        self.forking.is_empty()
    }

    /// Who may be making the process `child`. Of several it is the last, which is a guess.
    pub(crate) fn parent(&self, child: i32, threads: &Threads) -> Option<Parent> {
        let is_of_child = |t: &Slot| threads.at(*t).pid == child;
        if self.forking.iter().any(is_of_child) {
            // The new thread is another one of its process.
            return None;
        }
        let mut parents = self.forking.iter().rev().filter_map(|slot| {
            let thread = threads.at(*slot);
            match thread.pending?.effect {
                Effect::Fork { share, process } if process != Some(false) => Some(Parent {
                    thread: *slot,
                    process: thread.pid,
                    share,
                }),
                _ => None,
            }
        });
        parents.next()
    }
}

/// The child of a thread is known: what its call returns is not another.
pub(crate) fn child_is_known(pending: &mut Option<PendingSyscall>) {
    let effect = pending.as_mut().map(|p| &mut p.effect);
    if let Some(Effect::Fork { process, .. }) = effect {
        *process = Some(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_the_last_that_is_still_making_a_process() {
        let mut threads = Threads::default();
        let mut children = Children::default();
        let mut begins = |tid: i32, flags: Option<i64>| {
            let slot = threads.slot(tid);
            let effect = children.forks(slot, flags);
            let thread = threads.at_mut(slot);
            thread.pid = tid / 10;
            thread.pending = Some(PendingSyscall { call: 0, effect });
            slot
        };
        let first = begins(11, Some(CLONE_FILES));
        let second = begins(21, None);
        begins(31, Some(CLONE_THREAD));
        let parent = |c: &Children, t: &Threads, pid| c.parent(pid, t).map(|p| (p.thread, p.share));
        assert_eq!(parent(&children, &threads, 7), Some((second, false)));
        assert_eq!(
            parent(&children, &threads, 2),
            None,
            "a thread of process 2"
        );
        child_is_known(&mut threads.at_mut(second).pending);
        assert_eq!(parent(&children, &threads, 7), Some((first, true)));
        children.forked(first);
        assert_eq!(parent(&children, &threads, 7), None);
        assert!(!children.none());
    }
}
