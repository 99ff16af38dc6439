//! Which kernel events have no context for which columns, by the metadata.

use super::told::Told;
use crate::trace::check::Checked;
use crate::trace::ctf::metadata::model::{EnvValue, FieldClass, Metadata};
use crate::trace::event::EventClass;
use std::collections::BTreeSet;

/// The columns that some kernel event has no context for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lacking {
    /// `tid`.
    pub tid: bool,
    /// `pid`.
    pub pid: bool,
    /// `procname`.
    pub procname: bool,
}

/// The kernel's traces of a recording, where some of their events lack contexts.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// What they lack.
    pub lacking: Lacking,
    /// Names of their events; user space's are not among them.
    names: BTreeSet<String>,
    /// Whether all of them are of one machine, so that a CPU's number is one CPU.
    one_machine: bool,
}

impl Kernel {
    /// What the kernel's traces in `checked` lack; `None` where there is none, or nothing to fill in. Contexts `vtid` and
    /// `vpid` stand for `tid` and `pid`, as everywhere.
    pub fn of(checked: &Checked) -> Option<Kernel> {
        let all = || checked.traces.iter().map(|t| &t.metadata);
        let ours = || all().filter(|m| is_kernel(m));
        let mut lacking = Lacking::default();
        for stream in ours().flat_map(|m| &m.streams) {
            for event in &stream.events {
                let contexts = [stream.event_context.as_deref(), event.context.as_deref()];
                let has = |names: &[&str]| contexts.iter().flatten().any(|c| has_field(c, names));
                lacking.tid |= !has(&["tid", "vtid"]);
                lacking.pid |= !has(&["pid", "vpid"]);
                lacking.procname |= !has(&["procname"]);
            }
        }
        let names = |metadata: &Metadata| -> Vec<String> {
            let events = metadata.streams.iter().flat_map(|s| &s.events);
            events.filter_map(|e| e.name.clone()).collect()
        };
        let foreign: BTreeSet<String> = all().filter(|m| !is_kernel(m)).flat_map(names).collect();
        let mut hosts: Vec<_> = ours().map(|m| text_of(m, "hostname")).collect();
        hosts.dedup();
        (lacking != Lacking::default()).then(|| Kernel {
            lacking,
            names: ours()
                .flat_map(names)
                .filter(|n| !foreign.contains(n))
                .collect(),
            one_machine: hosts.len() == 1,
        })
    }

    /// Whether events of this class are the kernel's.
    pub fn has(&self, class: &EventClass) -> bool {
        self.names.contains(&class.full_name)
    }

    /// Whether something can be filled in, of events of `classes`: where threads are not told by contexts, switches tell
    /// them. A context of another PID namespace (`vtid` without `tid`) is not mixed with the kernel's own numbers.
    pub fn can_be_told<'a>(
        &self,
        mut classes: impl Iterator<Item = &'a EventClass>,
        contexts: &[String],
    ) -> bool {
        let has = |name: &str| contexts.iter().any(|c| c == name);
        let switches = |c: &EventClass| self.has(c) && matches!(Told::of(c), Told::Switch(..));
        self.one_machine
            && match self.lacking.tid {
                true => classes.any(switches),
                false => has("tid"),
            }
    }
}

fn is_kernel(metadata: &Metadata) -> bool {
    text_of(metadata, "domain") == Some("kernel")
}

fn text_of<'m>(metadata: &'m Metadata, name: &str) -> Option<&'m str> {
    metadata.env.iter().find_map(|(n, value)| match value {
        EnvValue::Text(text) if n == name => Some(text.as_str()),
        _ => None,
    })
}

/// Whether a structure has a field of one of these names, as they are shown.
fn has_field(class: &FieldClass, names: &[&str]) -> bool {
    let fields = class.structure().map(|s| &s.fields);
    let mut fields = fields.into_iter().flatten();
    fields.any(|f| names.contains(&f.name.strip_prefix('_').unwrap_or(&f.name)))
}
