//! Where the time of a request goes: on a CPU, waiting for one, blocked, or with no thread at work on it.
//!
//! At every instant exactly one of these holds, so that the parts add up to the duration to the nanosecond: a request
//! that several threads work on at once is on a CPU when one of them is, else runnable when one of them is, else blocked.
//! Blocked time goes to the system call in which the thread blocked; with several, to that of the one that blocked last.

/// What the scheduler does with a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On a CPU.
    Running,
    /// Ready and waiting for a CPU: preempted, or woken up.
    Runnable,
    /// Waiting, in this system call; in none where the kernel made it wait by itself, as for a page.
    Blocked(Option<u32>),
}

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
pub struct Account {
    /// Until when it is counted, nanoseconds since the Unix epoch.
    now: i64,
    running: u32,
    runnable: u32,
    blocked_in: Vec<Option<u32>>,
    /// Counted since the last event of the request, and so not part of it if that was its end.
    unsettled: Vec<(Part, i64)>,
    /// A thread of it was on a CPU.
    pub on_cpu: i64,
    /// A thread of it waited for a CPU.
    pub runnable_ns: i64,
    /// Its threads were blocked.
    pub blocked: i64,
    /// No thread was at work on it.
    pub unattended: i64,
    /// Blocked time by system call, in the order of their first blocking.
    pub by_call: Vec<(Option<u32>, i64)>,
}

impl Account {
    /// Begins to count at `now`, without threads.
    pub fn new(now: i64) -> Self {
        Account {
            now,
            ..Account::default()
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
    pub fn commit(&mut self, now: i64) {
        self.advance(now);
        for (part, ns) in self.unsettled.drain(..) {
            match part {
                Part::OnCpu => self.on_cpu += ns,
                Part::Runnable => self.runnable_ns += ns,
                Part::Unattended => self.unattended += ns,
                Part::Blocked(call) => {
                    self.blocked += ns;
                    match self.by_call.iter_mut().find(|(c, _)| *c == call) {
                        Some((_, sum)) => *sum += ns,
                        None => self.by_call.push((call, ns)),
                    }
                }
            }
        }
    }

    /// Ends the account at `end`: the time of the last event of the request, or later than anything counted.
    pub fn close(&mut self, end: i64) {
        if end < self.now {
            self.unsettled.clear();
        } else {
            self.commit(end);
        }
    }

    /// A thread in `state` begins to work on the request.
    pub fn enter(&mut self, now: i64, state: State) {
        self.advance(now);
        match state {
            State::Running => self.running += 1,
            State::Runnable => self.runnable += 1,
            State::Blocked(call) => self.blocked_in.push(call),
        }
    }

    /// A thread in `state` ends its work on the request.
    pub fn leave(&mut self, now: i64, state: State) {
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
        let mut a = Account::new(100);
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
        a.close(140);
        assert_eq!((a.on_cpu, a.runnable_ns, a.blocked), (17, 2, 9));
        assert_eq!(a.unattended, 3 + 9);
        assert_eq!(a.by_call, [(Some(4), 6), (None, 3)]);
        assert_eq!(a.on_cpu + a.runnable_ns + a.blocked + a.unattended, 40);
    }
}
