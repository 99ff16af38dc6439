//! Where the time of a request goes: on a CPU, waiting for one, blocked, or with no thread at work on it.
//!
//! At every instant exactly one of these holds, so that the parts add up to the duration to the nanosecond: a request
//! that several threads work on at once is on a CPU when one of them is, else runnable when one of them is, else blocked.
//! Blocked time goes to the system call in which the thread blocked; with several, to that of the one that blocked last.

use super::request::Times;
use super::trackers::scheduler::State;

/// What can hold at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    OnCpu,
    Runnable,
    Blocked(Option<u32>),
    Unattended,
}

/// The time of a request so far, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TimeBreakdown {
    /// Until when it is counted, nanoseconds since the Unix epoch.
    now: i64,
    running: u32,
    runnable: u32,
    blocked_in: Vec<Option<u32>>,
    /// Counted since the last event of the request, and so not part of it if that was its end.
    unsettled: Vec<(Part, i64)>,
    times: Times,
}

impl TimeBreakdown {
    /// Begins to count at `now`, without threads.
    pub(crate) fn new(now: i64) -> Self {
        TimeBreakdown {
            now,
            ..TimeBreakdown::default()
        }
    }

    /// Counts the time until `now` to what holds.
    fn advance(&mut self, now: i64) {
        let passed = now - self.now;
        self.now = now;
        if passed == 0 {
            return;
        }
        let part = if self.running > 0 {
            Part::OnCpu
        } else if self.runnable > 0 {
            Part::Runnable
        } else if let Some(call) = self.blocked_in.last() {
            Part::Blocked(*call)
        } else {
            Part::Unattended
        };
        self.unsettled.push((part, passed));
    }

    /// Settles what has been counted until `now`, the time of an event of the request.
    pub(crate) fn commit(&mut self, now: i64) {
        self.advance(now);
        let times = &mut self.times;
        for (part, ns) in self.unsettled.drain(..) {
            match part {
                Part::OnCpu => times.on_cpu += ns,
                Part::Runnable => times.runnable += ns,
                Part::Unattended => times.unattended += ns,
                Part::Blocked(call) => {
                    times.blocked += ns;
                    match times.by_call.iter_mut().find(|(c, _)| *c == call) {
                        Some((_, sum)) => *sum += ns,
                        None => times.by_call.push((call, ns)),
                    }
                }
            }
        }
    }

    /// Where the time went until `end`: the time of the last event of the request, or later than anything counted.
    pub(crate) fn finish(mut self, end: i64) -> Times {
        if end < self.now {
            self.unsettled.clear();
        } else {
            self.commit(end);
        }
        self.times
    }

    /// A thread in `state` begins to work on the request.
    pub(crate) fn enter(&mut self, now: i64, state: State) {
        self.advance(now);
        match state {
            State::Running => self.running += 1,
            State::Runnable => self.runnable += 1,
            State::Blocked(call) => self.blocked_in.push(call),
        }
    }

    /// A thread in `state` ends its work on the request.
    pub(crate) fn leave(&mut self, now: i64, state: State) {
        self.advance(now);
        match state {
            State::Running => self.running -= 1,
            State::Runnable => self.runnable -= 1,
            State::Blocked(call) => {
                let position = self.blocked_in.iter().rposition(|c| *c == call);
                self.blocked_in.remove(position.expect("it entered"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_and_the_busiest_thread_counts() {
        let mut a = TimeBreakdown::new(100);
        a.enter(103, State::Running);
        a.leave(110, State::Running);
        a.enter(110, State::Blocked(Some(4)));
        a.enter(115, State::Blocked(None));
        a.leave(118, State::Blocked(None));
        a.enter(118, State::Runnable);
        a.enter(120, State::Running);
        a.leave(121, State::Runnable);
        a.leave(130, State::Running);
        a.leave(131, State::Blocked(Some(4)));
        a.commit(140);
        a.advance(150);
        let t = a.finish(140);
        assert_eq!((t.on_cpu, t.runnable, t.blocked), (17, 2, 9));
        assert_eq!(t.unattended, 3 + 9);
        assert_eq!(t.by_call, [(Some(4), 6), (None, 3)]);
        assert_eq!(t.on_cpu + t.runnable + t.blocked + t.unattended, 40);
    }
}
