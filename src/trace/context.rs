//! What the context fields of events serve as: process, thread and its name, whichever of the tracer's fields tells them;
//! and how the others are called in `context`.
//!
//! The one idea: an event has several scopes of context fields (its packet's, its stream's, its own), which are one
//! structure in the tables. A field that would hide another one is called after its scope, by a rule that knows the
//! metadata only: where a packet's field has the name of an event's, it is `packet_NAME`; where the event class's own
//! field has the name of one that all events of the stream have, it is `event_NAME`.

use super::event::{Field, FieldType};
use std::collections::BTreeSet;

/// What a field is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The process ID of the head.
    Pid,
    /// The thread ID of the head.
    Tid,
    /// The process name of the head.
    Procname,
    /// The CPU of the head.
    Cpu,
    /// A value of its own.
    Other,
}

/// Whether a field can be the number of a process, a thread or a CPU: an integer of at most 32 bits.
pub fn ids_of(field: &Field) -> bool {
    matches!(field.ty, FieldType::Signed(bits, _) | FieldType::Unsigned(bits, _) if bits <= 32)
}

/// Which context field serves as what: `pid` before `vpid`, `tid` before `vtid`, signed integers of at most 32 bits.
pub fn uses_of<'a>(members: impl Iterator<Item = &'a Field> + Clone) -> Vec<Context> {
    let is_id = |f: &Field| matches!(f.ty, FieldType::Signed(bits, _) if bits <= 32);
    let find = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|n| members.clone().position(|f| f.name == *n && is_id(f)))
    };
    let (pid, tid) = (find(["pid", "vpid"]), find(["tid", "vtid"]));
    let procname = members
        .clone()
        .position(|f| f.name == "procname" && f.ty == FieldType::Text);
    (0..members.count())
        .map(|i| match Some(i) {
            p if p == pid => Context::Pid,
            t if t == tid => Context::Tid,
            n if n == procname => Context::Procname,
            _ => Context::Other,
        })
        .collect()
}

/// Whether a field of a packet's context says nothing but the CPU of the head. A `cpu_id` that has labels, a sign, or
/// more bits than the kernel's is kept in `context`, too.
pub fn is_only_cpu(field: &Field) -> bool {
    field.name == "cpu_id"
        && matches!(&field.ty, FieldType::Unsigned(bits, labels) if *bits <= 32 && labels.is_empty())
}

/// Names those of the event class's `own` fields that a field of the stream's `common` context would hide. `uses` says
/// what both serve as, the common ones first.
pub fn name_own(common: &[&Field], own: &mut [&mut Field], uses: &[Context]) {
    let others = common
        .iter()
        .zip(uses)
        .filter(|(_, u)| **u == Context::Other);
    let mut taken: BTreeSet<String> = others.map(|(f, _)| f.name.clone()).collect();
    let hidden = taken.clone();
    taken.extend(own.iter().map(|f| f.name.clone()));
    for (field, used) in own.iter_mut().zip(&uses[common.len()..]) {
        if *used == Context::Other && hidden.contains(&field.name) {
            field.name = free("event", &field.name, &mut taken);
        }
    }
}

/// Names those of the `packet`'s fields that some field of the stream's events would hide, of the names `events`.
pub fn name_packet<'a>(packet: impl Iterator<Item = &'a mut Field>, events: &BTreeSet<String>) {
    let mut packet: Vec<&mut Field> = packet.collect();
    let mut taken = events.clone();
    taken.extend(packet.iter().map(|f| f.name.clone()));
    for field in &mut packet {
        if events.contains(&field.name) {
            field.name = free("packet", &field.name, &mut taken);
        }
    }
}

fn free(scope: &str, name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = format!("{scope}_{name}");
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Field {
        Field {
            name: name.to_owned(),
            ty: FieldType::Signed(32, vec![]),
            index: 0,
        }
    }

    fn names(fields: &[Field]) -> Vec<&str> {
        fields.iter().map(|f| f.name.as_str()).collect()
    }

    #[test]
    fn what_would_hide_another_field_is_called_after_its_scope() {
        let common = [field("tid"), field("n")];
        let mut own = [field("n"), field("tid"), field("event_n"), field("m")];
        let uses = uses_of(common.iter().chain(&own));
        let shared: Vec<&Field> = common.iter().collect();
        let mut mine: Vec<&mut Field> = own.iter_mut().collect();
        name_own(&shared, &mut mine, &uses);
        // `tid` of the common context is a column of its own.
        assert_eq!(names(&own), ["event_n_", "tid", "event_n", "m"]);
        let mut packet = [field("n"), field("name"), field("packet_n")];
        let events = BTreeSet::from(["n".to_owned(), "m".to_owned()]);
        name_packet(packet.iter_mut(), &events);
        assert_eq!(names(&packet), ["packet_n_", "name", "packet_n"]);
    }
}
