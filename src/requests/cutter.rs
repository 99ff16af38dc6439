//! What all rules share: threads and what they do, the requests that are open, losses.
//!
//! An event of a thread belongs to the request that the thread works on, if any: a thread works on one at most, so no
//! event is in two requests. A rule decides when a thread begins and ends to work on which.

use super::account::State;
use super::descriptors::{Conn, Descriptors};
use super::following::Connection;
use super::found::Dump;
use super::nested::Nested;
use super::open::{Losses, Open, Room};
use super::roles::{Role, role};
use super::serving::Serving;
use super::syscalls::Doing;
use super::{Client, EndReason, Observed, Options, Request, Rule, Serves, Service};
use crate::calls::TidHash;
use crate::trace::event::{EventClass, Loss, NO_NAME, UNKNOWN, bare_names};
use std::collections::HashMap;
use std::sync::Arc;

/// The kernel keeps so many bytes of a thread's name, `prctl(2)`.
const NAME_BYTES: usize = 15;
/// What of `prev_state` tells that a thread waits; the bit above says that it was preempted (`TASK_REPORT_MAX`).
const TASK_REPORT: i64 = 0xff;

/// Cuts the requests of one recording.
pub struct Cutter {
    pub(super) options: Options,
    pub(super) classes: Arc<Vec<EventClass>>,
    roles: Vec<Role>,
    /// Per class the number of its bare name.
    pub(super) calls: Vec<u32>,
    /// Whether the trace has the scheduler's events.
    scheduled: bool,
    procnames: Vec<Arc<str>>,
    pub(super) threads: HashMap<i32, Thread, TidHash>,
    pub(super) connections: HashMap<Conn, Connection>,
    pub(super) descriptors: Descriptors,
    pub(super) dump: Dump,
    pub(super) next_connection: usize,
    pub(super) serving: Serving,
    /// Threads that are forking.
    pub(super) forking: Vec<i32>,
    pub(super) open: Vec<Option<Open>>,
    /// Free places in `open`.
    free: Vec<usize>,
    losses: Losses,
    next_id: i64,
    next_service: i64,
    /// System-call events so far, of all threads.
    syscalls: i64,
    bytes: usize,
    ended: Vec<Request>,
    services: Vec<Service>,
}

/// A thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thread {
    pub state: State,
    /// When it last left a CPU.
    pub off_since: i64,
    /// Its process, as of its last system call.
    pub pid: i32,
    /// Number of its name, as of then.
    pub procname: u32,
    /// The system call that it is in: number of its name, and what it means to the rule.
    pub call: Option<(u32, Doing)>,
    /// The connection that it works on.
    pub at: Option<Conn>,
    /// The request that it works on.
    pub open: Option<usize>,
    /// Whether it has left that connection to an event loop.
    pub armed: bool,
    /// The asking end at which it was woken, until it waits again.
    pub woken_by: Option<usize>,
}

impl Default for Thread {
    fn default() -> Self {
        Thread {
            state: State::Running,
            off_since: i64::MIN,
            pid: UNKNOWN,
            procname: NO_NAME,
            call: None,
            at: None,
            open: None,
            armed: false,
            woken_by: None,
        }
    }
}

impl Cutter {
    /// No requests yet, for events of `classes`; `fd_arguments` names the arguments that hold a descriptor, best first.
    pub fn new(classes: Arc<Vec<EventClass>>, options: Options, fd_arguments: &[String]) -> Self {
        let (names, calls) = bare_names(&classes);
        Cutter {
            calls,
            roles: classes.iter().map(|c| role(c, fd_arguments)).collect(),
            scheduled: classes.iter().any(|c| c.full_name == "sched_switch"),
            options,
            classes,
            procnames: Vec::new(),
            threads: HashMap::default(),
            connections: HashMap::new(),
            descriptors: Descriptors::default(),
            dump: Dump::default(),
            next_connection: 0,
            serving: Serving::new(&names),
            forking: Vec::new(),
            open: Vec::new(),
            free: Vec::new(),
            losses: Losses::default(),
            next_id: 0,
            next_service: 0,
            syscalls: 0,
            bytes: 0,
            ended: Vec::new(),
            services: Vec::new(),
        }
    }

    /// Takes in process names in the order of their numbers.
    pub fn name(&mut self, names: &[String]) {
        self.procnames
            .extend(names.iter().map(|n| Arc::from(n.as_str())));
    }

    /// Takes in a loss, which must come before the events that follow its beginning.
    pub fn lose(&mut self, loss: &Loss) {
        self.serving.lose(loss);
        self.descriptors.lose();
        if loss.begin.is_some() || loss.end.is_some() {
            self.losses.push(loss);
            return;
        }
        // Nobody knows when: whatever is open may be touched.
        for open in self.open.iter_mut().flatten() {
            open.request.touched_by_loss = true;
            open.request.lost_events += loss.events.unwrap_or(0);
        }
    }

    /// Takes in the next event.
    pub fn observe(&mut self, event: Observed) {
        let role = self.roles[event.head.class as usize];
        if matches!(role, Role::Entry(_) | Role::Exit { .. }) {
            self.syscalls += 1;
        }
        let tid = event.head.tid;
        if tid != UNKNOWN {
            // Whoever has an event is on a CPU, whatever was lost before.
            self.set_state(tid, State::Running, event.head.timestamp);
            match self.options.rule {
                Rule::Connection | Rule::Exchange => self.follow(&event, role),
                Rule::Httpd | Rule::FirstClose => self.observe_thread(&event, role),
            }
        }
        self.schedule(&event, role);
    }

    /// Counts an event to the request that its thread works on.
    pub(super) fn count(&mut self, event: &Observed) {
        let open = self.threads.get(&event.head.tid).and_then(|t| t.open);
        if let Some(open) = open.and_then(|i| self.open[i].as_mut()) {
            let room = Room {
                events: self.options.max_nested,
                bytes: self.options.max_bytes.saturating_sub(self.bytes),
            };
            self.bytes += open.add(event, self.syscalls, room);
        }
    }

    /// What the scheduler's events say of threads.
    fn schedule(&mut self, event: &Observed, role: Role) {
        let class = &self.classes[event.head.class as usize];
        let integer = |i| class.integer(event.values, i).unwrap_or(0);
        let now = event.head.timestamp;
        match role {
            Role::Switch(prev, state, next) => {
                let (prev, state, next) = (integer(prev) as i32, integer(state), integer(next));
                let call = self.threads.get(&prev).and_then(|t| t.call);
                let state = match state & TASK_REPORT {
                    0 => State::Runnable,
                    _ => State::Blocked(call.map(|(call, _)| call)),
                };
                self.set_state(prev, state, now);
                self.set_state(next as i32, State::Running, now);
            }
            Role::Waking(tid) => {
                let tid = integer(tid) as i32;
                self.wakes(event, tid);
                let state = self.threads.get(&tid).map(|t| t.state);
                if matches!(state, Some(State::Blocked(_))) {
                    self.set_state(tid, State::Runnable, now);
                }
            }
            _ => {}
        }
    }

    fn set_state(&mut self, tid: i32, state: State, now: i64) {
        let thread = self.threads.entry(tid).or_default();
        let before = std::mem::replace(&mut thread.state, state);
        if before == State::Running && state != State::Running {
            thread.off_since = now;
        }
        if before != state
            && let Some(open) = thread.open.and_then(|i| self.open[i].as_mut())
        {
            open.account.leave(now, before);
            open.account.enter(now, state);
        }
    }

    /// The thread's request is this one from now on, or none.
    pub(super) fn work_on(&mut self, tid: i32, open: Option<usize>, now: i64) {
        let thread = self.threads.entry(tid).or_default();
        let before = std::mem::replace(&mut thread.open, open);
        if before == open {
            return;
        }
        let state = thread.state;
        if let Some(before) = before.and_then(|i| self.open[i].as_mut()) {
            before.account.leave(now, state);
        }
        if let Some(open) = open.and_then(|i| self.open[i].as_mut()) {
            open.account.enter(now, state);
        }
    }

    /// The name of the thread of an event; where its trace does not tell, as of the thread's last system call.
    fn procname(&self, event: &Observed) -> Option<Arc<str>> {
        let name = match event.head.procname {
            NO_NAME => self.threads.get(&event.head.tid)?.procname,
            name => name,
        };
        let known = name != NO_NAME;
        known.then(|| Arc::clone(&self.procnames[name as usize]))
    }

    /// Whether the event is of the server whose requests are asked for; `default` where no name was given.
    pub(super) fn is_server(&self, event: &Observed, default: Option<&str>) -> bool {
        let wanted = self.options.server.as_deref().or(default);
        wanted.is_none_or(|w| self.procname(event).as_deref() == Some(truncated(w)))
    }

    /// Begins a request with this event, or a service. What the rule knows more is set in the request.
    pub(super) fn begin(&mut self, event: &Observed, serves: Option<Serves>) -> usize {
        let head = event.head;
        let next_id = match serves {
            Some(_) => &mut self.next_service,
            None => &mut self.next_id,
        };
        let id = *next_id;
        *next_id += 1;
        let request = Request {
            id,
            procname: self.procname(event),
            pid: head.pid,
            tid: head.tid,
            fd: None,
            client: (None, None),
            connection: None,
            accept_seen: None,
            accept_entry: None,
            start: head.timestamp,
            wait: None,
            end: head.timestamp,
            n_events: 0,
            first_event: event.event_id,
            last_event: event.event_id,
            window_syscalls: 0,
            read_bytes: None,
            written_bytes: None,
            times: None,
            end_reason: EndReason::TraceEnd,
            lost_events: 0,
            touched_by_loss: false,
            nested: Nested::default(),
        };
        let is_call = matches!(
            self.roles[head.class as usize],
            Role::Entry(_) | Role::Exit { .. }
        );
        let before = self.syscalls - i64::from(is_call);
        let open = Some(Open::new(request, serves, before));
        match self.free.pop() {
            Some(free) => {
                self.open[free] = open;
                free
            }
            None => {
                self.open.push(open);
                self.open.len() - 1
            }
        }
    }

    /// The request at `open`.
    pub(super) fn at(&mut self, open: usize) -> &mut Open {
        self.open[open].as_mut().expect("it is open")
    }

    /// The client of a connection is known.
    pub(super) fn set_client(&mut self, open: usize, fd: i64, client: Client) {
        let request = &mut self.at(open).request;
        (request.fd, request.client) = (Some(fd), client);
    }

    /// Ends a request, at `end` or with its last event. No thread may work on it any more.
    pub(super) fn end(&mut self, open: usize, reason: EndReason, end: Option<i64>) -> i64 {
        self.free.push(open);
        let open = self.open[open].take().expect("it is open");
        self.bytes -= open.size();
        let (mut request, serves) = open.close(reason, end, self.scheduled);
        self.losses.touch(&mut request);
        let end = request.end;
        match serves {
            None => self.ended.push(request),
            Some(of) => self.services.push(Service { of, work: request }),
        }
        end
    }

    /// What others did for requests and has ended since the last call, in the order in which it ended.
    pub fn take_services(&mut self) -> Vec<Service> {
        std::mem::take(&mut self.services)
    }

    /// Requests that have ended since the last call, in the order in which they ended.
    pub fn take_ended(&mut self) -> Vec<Request> {
        let open = self.open.iter().flatten();
        let oldest = open.map(|o| o.request.start).min();
        self.losses.forget(oldest);
        std::mem::take(&mut self.ended)
    }

    /// Ends what is open, with the trace, whose last event was at `timestamp`. What others did is taken after that.
    pub fn finish(&mut self, timestamp: i64) -> Vec<Request> {
        for thread in self.threads.values_mut() {
            thread.open = None;
        }
        let open = self.open.iter().enumerate();
        let mut open: Vec<(i64, usize)> = open
            .filter_map(|(i, o)| Some((o.as_ref()?.request.id, i)))
            .collect();
        open.sort_unstable();
        for (_, i) in open {
            self.end(i, EndReason::TraceEnd, Some(timestamp));
        }
        std::mem::take(&mut self.ended)
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
