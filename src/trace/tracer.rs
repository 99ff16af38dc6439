//! What is known of the tracer that wrote a trace, from its environment and the names of its events.
//!
//! The one idea: tracers tell the same things in ways of their own. perf puts process and thread of an event into its
//! payload; LTTng-UST, where each process has buffers of its own, into the trace's environment; and LTTng before 2.6 has
//! one event for the return of all system calls. Both readers ask here, so that they cannot differ.

use super::context::{Context, ids_of};
use super::event::{EventClass, Field, FieldType, Phase};
use super::select::Selection;

/// The event with which LTTng before 2.6 tells that a system call returns, whichever.
pub const EXIT_SYSCALL: &str = "exit_syscall";

/// A trace's tracer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracer {
    perf: bool,
    /// Names of the system calls that the trace's metadata has, where it is one of LTTng before 2.6.
    old_calls: Vec<String>,
    /// The process whose events the trace has, where that is only one.
    pub pid: Option<i32>,
    /// The name of that process.
    pub procname: Option<String>,
}

impl Tracer {
    /// The tracer of a trace with this environment, whose metadata has events of these names.
    pub fn new<'a>(
        env: &[(String, String)],
        events: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let value = |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let old = events.clone().any(|name| name == EXIT_SYSCALL);
        let old_calls = events.filter_map(old_call).filter(|_| old);
        Tracer {
            perf: value("tracer_name") == Some("perf"),
            old_calls: old_calls.collect(),
            pid: value("vpid").and_then(|pid| pid.parse().ok()),
            procname: value("procname").map(str::to_owned),
        }
    }

    /// An event class of the trace.
    pub fn class(&self, full_name: &str, context: Vec<Field>, payload: Vec<Field>) -> EventClass {
        let mut class = EventClass::new(full_name, context, payload);
        if !self.old_calls.is_empty() {
            if let Some(call) = old_call(full_name) {
                (class.name, class.phase) = (call, Phase::Entry);
            } else if full_name == EXIT_SYSCALL {
                class.phase = Phase::Exit;
            }
        }
        class
    }

    /// Whether events of a class are decoded for what is selected: also the return of a call that may be selected.
    pub fn takes(&self, class: &EventClass, selection: &Selection) -> bool {
        let returns = class.phase == Phase::Exit && class.full_name == EXIT_SYSCALL;
        let call = |name: &String| selection.events.iter().any(|p| p.matches(name));
        selection.takes(class) || returns && self.old_calls.iter().any(call)
    }

    /// What the payload's fields serve as, where the context's serve as `contexts`.
    pub fn uses_of_payload(&self, payload: &[Field], contexts: &[Context]) -> Vec<Context> {
        let mut uses = vec![Context::Other; payload.len()];
        if !self.perf {
            return uses;
        }
        let is_text = |f: &Field| f.ty == FieldType::Text;
        for (name, serves, fits) in [
            ("perf_pid", Context::Pid, &ids_of as &dyn Fn(&Field) -> bool),
            ("perf_tid", Context::Tid, &ids_of),
            ("perf_cpu", Context::Cpu, &ids_of),
            ("perf_comm", Context::Procname, &is_text),
        ] {
            let found = payload.iter().position(|f| f.name == name && fits(f));
            if let Some(i) = found.filter(|_| !contexts.contains(&serves)) {
                uses[i] = serves;
            }
        }
        uses
    }
}

/// The system call that an event of LTTng before 2.6 enters: `sys_open`, `compat_sys_open`.
pub fn old_call(full_name: &str) -> Option<String> {
    if let Some(call) = full_name.strip_prefix("sys_") {
        return Some(call.to_owned());
    }
    let call = full_name.strip_prefix("compat_sys_")?;
    Some(format!("compat_{call}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer(env: &[(&str, &str)], events: &[&str]) -> Tracer {
        let env: Vec<_> = env
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Tracer::new(&env, events.iter().copied())
    }

    #[test]
    fn old_names_of_calls_count_only_beside_their_return() {
        let events = [
            "sys_open",
            "compat_sys_open",
            "exit_syscall",
            "sched_switch",
        ];
        let old = tracer(&[], &events);
        let named = |tracer: &Tracer, name| {
            let class = tracer.class(name, vec![], vec![]);
            (class.name, class.phase)
        };
        let is = |name: &str, phase| (name.to_owned(), phase);
        assert_eq!(named(&old, "sys_open"), is("open", Phase::Entry));
        assert_eq!(
            named(&old, "compat_sys_open"),
            is("compat_open", Phase::Entry)
        );
        assert_eq!(named(&old, "exit_syscall"), is("exit_syscall", Phase::Exit));
        assert_eq!(
            named(&old, "sched_switch"),
            is("sched_switch", Phase::Point)
        );
        let other = tracer(&[], &["sys_open"]);
        assert_eq!(named(&other, "sys_open"), is("sys_open", Phase::Point));
        let some = |pattern: &str| Selection {
            events: vec![glob::Pattern::new(pattern).unwrap()],
            ..Selection::default()
        };
        let exit = old.class("exit_syscall", vec![], vec![]);
        assert!(old.takes(&exit, &some("open")) && !old.takes(&exit, &some("close")));
    }

    #[test]
    fn what_perf_puts_into_payloads_serves_as_head() {
        let field = |name: &str, ty| Field {
            name: name.to_owned(),
            ty,
            index: 0,
        };
        let payload = [
            field("perf_tid", FieldType::Signed(32, vec![])),
            field("perf_pid", FieldType::Signed(64, vec![])),
            field("perf_cpu", FieldType::Unsigned(32, vec![])),
            field("perf_comm", FieldType::Text),
        ];
        use Context::*;
        let perf = tracer(&[("tracer_name", "perf")], &[]);
        assert_eq!(
            perf.uses_of_payload(&payload, &[Procname]),
            [Tid, Other, Cpu, Other],
            "a number of 64 bits is no process"
        );
        let other = tracer(&[("tracer_name", "barectf")], &[]);
        assert_eq!(other.uses_of_payload(&payload, &[]), [Other; 4]);
        let own = tracer(&[("vpid", "101"), ("procname", "app")], &[]);
        assert_eq!((own.pid, own.procname.as_deref()), (Some(101), Some("app")));
    }
}
