//! The way down, from an event to requests: trackers, facts, and who takes them.

use super::binding::Binding;
use super::bindings::{self, bind};
use super::consumers::Consumers;
use super::current::Current;
use super::downstream::matcher::Downstream;
use super::observed::Observed;
use super::open::Room;
use super::open_requests::OpenRequests;
use super::options::RuleOptions;
use super::request::{Request, Service};
use super::rules;
use super::trackers::state::{Followed, Trackers};
use super::work::Work;
use crate::trace::event::{EventClass, Loss, UNKNOWN, bare_names};
use std::sync::Arc;

/// Cuts the requests of one recording.
pub struct Cutter {
    classes: Arc<Vec<EventClass>>,
    bindings: Vec<Binding>,
    /// Per class, whether the rule watches it.
    watched: Vec<Option<Watched>>,
    trackers: Trackers,
    consumers: Consumers,
}

/// A class that the rule watches.
#[derive(Debug, Clone, Copy)]
struct Watched {
    /// Its position among what the rule watches.
    watch: usize,
    /// Where it has the argument that the rule needs.
    argument: Option<usize>,
}

impl Cutter {
    /// No requests yet, for events of `classes`; `fd_arguments` names the arguments that hold a descriptor, best first.
    pub fn new(
        classes: Arc<Vec<EventClass>>,
        options: RuleOptions,
        fd_arguments: &[String],
    ) -> Self {
        let (names, calls) = bare_names(&classes);
        let rule = options.rule;
        let watched = |class: &EventClass| {
            let watch = rule.watches.iter().position(|w| w.is_of(class))?;
            let argument = rule.watches[watch].argument;
            Some(Watched {
                watch,
                argument: argument.and_then(|name| class.field(name)),
            })
        };
        let room = Room {
            events: options.max_nested,
            bytes: options.max_bytes,
        };
        let scheduled = classes.iter().any(|c| c.full_name == "sched_switch");
        let followed = Followed {
            any: rule.follows_connections,
            server: options.server.clone(),
        };
        Cutter {
            bindings: classes.iter().map(|c| bind(c, fd_arguments)).collect(),
            watched: classes.iter().map(watched).collect(),
            classes,
            trackers: Trackers::new(calls, followed),
            consumers: Consumers {
                rule: (rule.start)(&options.settings()),
                downstream: Downstream::new(&names, options.end_at_shutdown),
                work: Work::new(OpenRequests::new(room, scheduled)),
            },
        }
    }

    /// The payload fields that requests are cut by, whatever the rule, beside the descriptors that calls work on. Who
    /// leaves fields out must keep these.
    pub fn arguments() -> Vec<&'static str> {
        let mut all = bindings::arguments();
        all.extend(rules::arguments());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Takes in process names in the order of their numbers.
    pub fn name(&mut self, names: &[String]) {
        self.trackers.threads.add_names(names);
    }

    /// Takes in a loss, which must come before the events that follow its beginning.
    pub fn lose(&mut self, loss: &Loss) {
        self.consumers.downstream.lose(loss);
        self.trackers.lose();
        self.consumers.work.requests.lose(loss);
    }

    /// Takes in the next event.
    pub fn observe(&mut self, event: Observed) {
        let head = event.head;
        let number = head.class as usize;
        let binding = &self.bindings[number];
        let (trackers, consumers) = (&mut self.trackers, &mut self.consumers);
        let event = Current {
            observed: &event,
            class: &self.classes[number],
            thread: trackers.threads.slot(head.tid),
            process: event.process(),
        };
        if event.is_syscall() {
            consumers.work.requests.syscall();
        }
        if head.tid != UNKNOWN {
            trackers.runs(&event, consumers);
            let watched = self.watched[number];
            if let Some(Watched { watch, argument }) = watched {
                let value = argument.and_then(|at| event.value(at));
                let (rule, work) = (&mut consumers.rule, &mut consumers.work);
                rule.before(&trackers.now(&event), watch, value, work);
            }
            trackers.observe(&event, binding, consumers);
            if let Some(Watched { watch, .. }) = watched {
                let (rule, work) = (&mut consumers.rule, &mut consumers.work);
                rule.after(&trackers.now(&event), watch, work);
            }
        }
        trackers.observe_scheduler(&event, binding, consumers);
    }

    /// What others did for requests and has ended since the last call, in the order in which it ended.
    pub fn take_services(&mut self) -> Vec<Service> {
        self.consumers.work.requests.take_services()
    }

    /// Requests that have ended since the last call, in the order in which they ended.
    pub fn take_ended(&mut self) -> Vec<Request> {
        self.consumers.work.requests.take_ended()
    }

    /// Ends what is open, with the trace, whose last event was at `timestamp`. What others did is taken after that.
    pub fn finish(&mut self, timestamp: i64) -> Vec<Request> {
        self.consumers.work.finish(timestamp)
    }
}
