//! Field locations of CTF 2: from the names of a location to the earlier field that it means.
//!
//! The one idea: what can be meant was met before (CTF2-SPEC-2.0 section 6.4.2): the members so far of the structures
//! around the place, and the roots that are done. Where a location leads into the member that is being made, it goes on
//! in the structure inside of that: the element that is being decoded, the option that was chosen.

use super::object::{Fault, Object, fault};
use crate::trace::ctf::metadata::model::*;
use serde_json::Value;
use std::sync::Arc;

/// A structure whose members are being made.
pub(super) struct Frame {
    /// Length of its own path.
    pub depth: usize,
    /// The members met so far, by their own names.
    pub members: Vec<(String, Arc<FieldClass>)>,
    /// The member that is being made.
    pub current: String,
}

/// What was met before the place whose class is being made.
pub(super) struct Met {
    /// The roots that are done.
    pub done: Vec<(Scope, Arc<FieldClass>)>,
    /// The structures around the place, the outermost first.
    pub open: Vec<Frame>,
    /// The way down to it from its root.
    pub path: Vec<usize>,
    /// Its root.
    pub scope: Scope,
}

impl Met {
    /// The field at a field location.
    pub(super) fn located(&self, location: &Value) -> Result<(Reference, Arc<FieldClass>), Fault> {
        let object = Object::new(location, "a field location")?;
        object.only("a field location", &["origin", "path"])?;
        let steps = object
            .array("path")?
            .ok_or_else(|| fault("a field location without `path`"))?;
        let unknown = || format!("a field location {location} that is no earlier field");
        let mut names = Vec::new();
        // Each null goes one structure up.
        let mut up = 0;
        for step in steps {
            match step {
                Value::Null if names.pop().is_none() => up += 1,
                Value::Null => {}
                Value::String(name) => names.push(name.as_str()),
                _ => return Err(unknown()),
            }
        }
        if steps.last().is_none_or(Value::is_null) {
            return Err(unknown());
        }
        let Some(origin) = object.optional_text("origin")? else {
            let frame = self.open.len().checked_sub(1 + up).ok_or_else(unknown)?;
            return self.descend_open(frame, &names).ok_or_else(unknown);
        };
        let scope = scope_of(origin)
            .ok_or_else(|| format!("a field location with the origin {origin:?}"))?;
        if up > 0 {
            return Err(unknown());
        }
        if scope == self.scope && !self.open.is_empty() {
            return self.descend_open(0, &names).ok_or_else(unknown);
        }
        let done = self.done.iter().find(|(s, _)| *s == scope);
        let (_, class) = done.ok_or_else(unknown)?;
        descend(scope, class, &names, Vec::new()).ok_or_else(unknown)
    }

    fn descend_open(&self, frame: usize, names: &[&str]) -> Option<(Reference, Arc<FieldClass>)> {
        let (first, rest) = names.split_first()?;
        let open = self.open.get(frame)?;
        match open.members.iter().position(|(name, _)| name == first) {
            Some(index) => {
                let mut path = self.path[..open.depth].to_vec();
                path.push(index);
                descend(self.scope, &open.members[index].1, rest, path)
            }
            None if open.current == *first => self.descend_open(frame + 1, rest),
            None => None,
        }
    }
}

/// Follows `names` down from a class whose path is `path`.
fn descend(
    scope: Scope,
    class: &Arc<FieldClass>,
    names: &[&str],
    mut path: Vec<usize>,
) -> Option<(Reference, Arc<FieldClass>)> {
    let mut class = Arc::clone(class);
    for name in names {
        let fields = &class.structure()?.fields;
        let index = fields.iter().position(|f| f.name == written(name))?;
        path.push(index);
        let next = Arc::clone(&fields[index].class);
        class = next;
    }
    (!path.is_empty()).then_some((Reference { scope, path }, class))
}

fn scope_of(origin: &str) -> Option<Scope> {
    Some(match origin {
        "packet-header" => Scope::PacketHeader,
        "packet-context" => Scope::PacketContext,
        "event-record-header" => Scope::EventHeader,
        "event-record-common-context" => Scope::StreamEventContext,
        "event-record-specific-context" => Scope::EventContext,
        "event-record-payload" => Scope::EventFields,
        _ => return None,
    })
}

/// A name as CTF 1.8 would write it, where the first underscore is not shown.
pub(super) fn written(name: &str) -> String {
    match name.starts_with('_') {
        true => format!("_{name}"),
        false => name.to_owned(),
    }
}
