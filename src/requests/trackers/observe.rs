//! What each event means to the trackers.

use super::children::child_is_known;
use super::endpoint::Endpoint;
use super::inferred::Dumped;
use super::pending::Effect;
use super::scheduler::State;
use super::state::Trackers;
use super::threads::Slot;
use crate::requests::binding::{Binding, DumpedFile};
use crate::requests::current::Current;
use crate::requests::facts::{Fact, Facts, Woken};
use crate::trace::event::UNKNOWN;

/// `open(2)`.
const O_CLOEXEC: i64 = 0o2_000_000;

impl Trackers {
    /// The thread of an event is on a CPU, whatever was lost before.
    pub(crate) fn runs(&mut self, event: &Current, facts: &mut impl Facts) {
        self.schedule(event, event.thread, State::Running, facts);
    }

    /// What an event of a known thread tells of what its process does.
    pub(crate) fn observe(&mut self, event: &Current, binding: &Binding, facts: &mut impl Facts) {
        match binding {
            Binding::Entry(entry) => self.enter(event, *entry, facts),
            Binding::Exit(exit) => self.leave(event, exit, facts),
            Binding::Fork { parent, child } => {
                self.tell(event, facts, Fact::Happens);
                let pid = |at: usize| event.value(at).map(|pid| pid as i32);
                if let (Some(parent), Some(child)) = (pid(*parent), pid(*child)) {
                    self.child_of(event.thread, parent, child);
                }
            }
            Binding::ProcessExit { tid } => {
                self.tell(event, facts, Fact::Happens);
                if event.value(*tid).map(|tid| tid as i32) == Some(event.process) {
                    let ended = self.descriptors.exit(event.process);
                    self.close_all(event, ended, facts);
                }
            }
            Binding::DumpStart => {
                self.tell(event, facts, Fact::Happens);
                self.inferred.dump_starts();
            }
            Binding::DumpedProcess { tid, pid, files } => {
                self.tell(event, facts, Fact::Happens);
                let (tid, pid) = (event.integer(*tid), event.integer(*pid));
                if let (Some(files), true) = (files, tid == pid) {
                    let files = event.integer(*files);
                    self.inferred.dumped_process(pid as i32, files);
                }
            }
            Binding::DumpedFile(file) => {
                self.tell(event, facts, Fact::Happens);
                self.dumped_file(event, file);
            }
            Binding::Switch { .. } | Binding::Waking { .. } | Binding::Other => {
                self.tell(event, facts, Fact::Happens);
            }
        }
    }

    /// `sched_process_fork`, of the thread that forks.
    fn child_of(&mut self, thread: Slot, parent: i32, child: i32) {
        let pending = &mut self.threads.at_mut(thread).pending;
        let effect = pending.map(|p| p.effect);
        let share = matches!(effect, Some(Effect::Fork { share: true, .. }));
        child_is_known(pending);
        self.descriptors.fork(parent, child, share);
    }

    fn dumped_file(&mut self, event: &Current, file: &DumpedFile) {
        let Some(name) = event.text(file.name) else {
            return;
        };
        let dumped = Dumped {
            process: file.pid.map(|at| event.integer(at) as i32),
            files: file.files.map(|at| event.integer(at)),
            fd: event.descriptor(file.fd),
            close_on_exec: event.integer(file.flags) & O_CLOEXEC != 0,
            name,
        };
        self.inferred.dumped_file(&dumped, &mut self.descriptors);
    }

    /// What the scheduler's events tell of other threads.
    pub(crate) fn observe_scheduler(
        &mut self,
        event: &Current,
        binding: &Binding,
        facts: &mut impl Facts,
    ) {
        match binding {
            Binding::Switch {
                prev_tid,
                prev_state,
                next_tid,
            } => {
                let tid = |at: usize| event.integer(at) as i32;
                let prev = self.threads.slot(tid(*prev_tid));
                let next = self.threads.slot(tid(*next_tid));
                let pending = self.threads.at(prev).pending;
                let left = State::left(event.integer(*prev_state), pending.map(|p| p.call));
                self.schedule(event, prev, left, facts);
                self.schedule(event, next, State::Running, facts);
            }
            Binding::Waking { tid } => {
                let Some(woken) = self.threads.find(event.integer(*tid) as i32) else {
                    return;
                };
                let state = self.scheduler.state(woken);
                if let State::Blocked(Some(call)) = state {
                    self.wakes(event, woken, call, facts);
                }
                if let State::Blocked(_) = state {
                    self.schedule(event, woken, State::Runnable, facts);
                }
            }
            _ => {}
        }
    }

    fn schedule(&mut self, event: &Current, thread: Slot, after: State, facts: &mut impl Facts) {
        if let Some(before) = self.scheduler.set(thread, after, event.timestamp()) {
            let scheduled = Fact::Scheduled {
                thread,
                before,
                after,
            };
            self.tell(event, facts, scheduled);
        }
    }

    /// The event's thread wakes one that is blocked in this call.
    fn wakes(&mut self, event: &Current, woken: Slot, call: u32, facts: &mut impl Facts) {
        let waker = self.threads.at(event.thread);
        let (client, connects) = match waker.pending.map(|p| p.effect) {
            Some(Effect::Connect(client)) => (client, true),
            Some(Effect::Write(Endpoint::DownstreamClient(client))) => (client, false),
            _ => return,
        };
        let other = self.threads.at(woken);
        if other.pid == UNKNOWN || other.pid == waker.pid {
            return;
        }
        let woke = Fact::Woke(Woken {
            client,
            connects,
            thread: woken,
            procname: other.procname,
            call,
        });
        self.tell(event, facts, woke);
    }
}
