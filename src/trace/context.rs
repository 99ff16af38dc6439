//! What the context fields of events serve as: process, thread and its name, whichever of the tracer's fields tells them.

use super::event::{Field, FieldType};

/// What a context field is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The process ID of the head.
    Pid,
    /// The thread ID of the head.
    Tid,
    /// The process name of the head.
    Procname,
    /// A value of its own.
    Other,
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
