//! What the scheduler does with each thread.

use super::threads::Slot;

/// What of `prev_state` tells that a thread waits; the bit above says that it was preempted (`TASK_REPORT_MAX`).
const TASK_REPORT: i64 = 0xff;

/// What the scheduler does with a thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// On a CPU.
    #[default]
    Running,
    /// Ready and waiting for a CPU: preempted, or woken up.
    Runnable,
    /// Waiting, in the system call whose name has this number; in none where the kernel made it wait by itself, as for
    /// a page.
    Blocked(Option<u32>),
}

impl State {
    /// The state that `prev_state` of `sched_switch` tells, of a thread in this system call.
    pub(crate) fn left(prev_state: i64, call: Option<u32>) -> Self {
        match prev_state & TASK_REPORT {
            0 => State::Runnable,
            _ => State::Blocked(call),
        }
    }
}

/// The states of all threads.
#[derive(Debug, Default)]
pub(crate) struct Scheduler(Vec<Scheduled>);

#[derive(Debug, Clone, Copy)]
struct Scheduled {
    state: State,
    off_cpu_since: i64,
}

impl Default for Scheduled {
    fn default() -> Self {
        Scheduled {
            state: State::Running,
            off_cpu_since: i64::MIN,
        }
    }
}

impl Scheduler {
    /// A thread is in `state` from `now` on, in nanoseconds; gives the state before where that was another.
    pub(crate) fn set(&mut self, thread: Slot, state: State, now: i64) -> Option<State> {
        let scheduled = thread.of(&mut self.0);
        let before = scheduled.state;
        if before == state {
            return None;
        }
        scheduled.state = state;
        if before == State::Running {
            scheduled.off_cpu_since = now;
        }
        Some(before)
    }

    fn of(&self, thread: Slot) -> Scheduled {
        self.0.get(thread.index()).copied().unwrap_or_default()
    }

    /// The state of a thread. One of which nothing is known runs.
    pub(crate) fn state(&self, thread: Slot) -> State {
        self.of(thread).state
    }

    /// Whether a thread may have run between `begin` and now.
    pub(crate) fn ran_since(&self, thread: Slot, begin: i64) -> bool {
        let scheduled = self.of(thread);
        scheduled.state == State::Running || scheduled.off_cpu_since > begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::trackers::threads::Threads;

    #[test]
    fn a_change_gives_the_state_before() {
        let mut threads = Threads::default();
        let (a, b) = (threads.slot(1), threads.slot(2));
        let mut s = Scheduler::default();
        assert_eq!(s.set(b, State::Running, 5), None);
        let waits = State::left(1, Some(3));
        assert_eq!(waits, State::Blocked(Some(3)));
        assert_eq!(s.set(b, waits, 10), Some(State::Running));
        assert_eq!(s.set(b, State::Runnable, 20), Some(waits));
        assert!(s.ran_since(b, 9) && !s.ran_since(b, 10));
        assert_eq!((s.state(a), s.state(b)), (State::Running, State::Runnable));
        assert_eq!(s.set(b, State::Running, 30), Some(State::Runnable));
        assert!(s.ran_since(a, 100) && s.ran_since(b, 100));
        assert_eq!(State::left(256, None), State::Runnable, "preempted");
    }
}
