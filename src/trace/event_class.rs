//! Event classes: what is known of an event before it occurs. Their fields and types, and their names.

use super::event_values::Cursor;
use super::field_type::{Field, FieldType};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Which side of a system call an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The call begins.
    Entry,
    /// The call returns.
    Exit,
    /// Not a system call's event.
    Point,
}

impl Phase {
    /// The word for it in the column `phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Entry => "entry",
            Phase::Exit => "exit",
            Phase::Point => "point",
        }
    }
}

/// A kind of event: its name and the fields that every such event has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventClass {
    /// The tracer's name for it: `syscall_entry_openat`.
    pub full_name: String,
    /// The bare name: `openat`. See [`split_name`].
    pub name: String,
    /// Which side of a system call it is.
    pub phase: Phase,
    /// Context fields that have no place in [`Head`](super::event::Head); encoded before the payload.
    pub context: Vec<Field>,
    /// Payload fields.
    pub payload: Vec<Field>,
}

impl EventClass {
    /// A class of the tracer's `full_name`.
    pub fn new(full_name: &str, context: Vec<Field>, payload: Vec<Field>) -> Self {
        let (name, phase) = split_name(full_name);
        EventClass {
            full_name: full_name.to_owned(),
            name,
            phase,
            context,
            payload,
        }
    }

    /// Position of the payload field called `name`.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.payload.iter().position(|f| f.name == name)
    }

    /// A cursor at payload field `index` of an event of this class, whose values start at the start of `values`.
    pub fn seek<'a>(&self, values: &'a [u8], index: usize) -> Cursor<'a> {
        let mut cursor = Cursor::new(values);
        for field in self.context.iter().chain(&self.payload[..index]) {
            cursor.skip(&field.ty);
        }
        cursor
    }

    /// The value of the integer payload field `index` as its 64 bits; `None` where the field is not an integer.
    pub fn integer(&self, values: &[u8], index: usize) -> Option<i64> {
        match self.payload[index].ty {
            FieldType::Unsigned(..) | FieldType::Signed(..) => {
                Some(self.seek(values, index).integer() as i64)
            }
            _ => None,
        }
    }
}

/// Bare names of classes, each once, in the order of their first appearance, which is that of their numbers; and the
/// number of each class's name.
pub fn bare_names(classes: &[EventClass]) -> (Vec<String>, Vec<u32>) {
    let mut names: Vec<String> = Vec::new();
    let mut numbers = HashMap::new();
    let mut of_classes = Vec::with_capacity(classes.len());
    for class in classes {
        let number = *numbers.entry(class.name.as_str()).or_insert_with(|| {
            names.push(class.name.clone());
            names.len() as u32 - 1
        });
        of_classes.push(number);
    }
    (names, of_classes)
}

/// Splits the tracer's name of an event into the bare name of the system call and the side of it. LTTng calls the events
/// of native calls `syscall_entry_NAME` and `syscall_exit_NAME`, those of 32-bit calls `compat_syscall_entry_NAME` and
/// `compat_syscall_exit_NAME`; perf calls them `syscalls:sys_enter_NAME` and `syscalls:sys_exit_NAME`. For LTTng's,
/// [`full_name`] gives the tracer's name back.
pub fn split_name(full: &str) -> (String, Phase) {
    for (side, phase) in [
        ("syscalls:sys_enter_", Phase::Entry),
        ("syscalls:sys_exit_", Phase::Exit),
    ] {
        if let Some(call) = full.strip_prefix(side) {
            return (call.to_owned(), phase);
        }
    }
    let (prefix, rest) = match full.strip_prefix("compat_") {
        Some(rest) => ("compat_", rest),
        None => ("", full),
    };
    for (side, phase) in [
        ("syscall_entry_", Phase::Entry),
        ("syscall_exit_", Phase::Exit),
    ] {
        if let Some(call) = rest.strip_prefix(side) {
            return (format!("{prefix}{call}"), phase);
        }
    }
    (full.to_owned(), Phase::Point)
}

/// LTTng's name of an event, from its bare name and phase.
pub fn full_name(name: &str, phase: Phase) -> String {
    let (prefix, call) = match name.strip_prefix("compat_") {
        Some(call) => ("compat_", call),
        None => ("", name),
    };
    match phase {
        Phase::Point => name.to_owned(),
        side => format!("{prefix}syscall_{}_{call}", side.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_and_join_without_loss() {
        for (full, name, phase) in [
            ("syscall_entry_openat", "openat", Phase::Entry),
            ("syscall_exit_openat", "openat", Phase::Exit),
            ("compat_syscall_entry_read", "compat_read", Phase::Entry),
            ("compat_syscall_exit_read", "compat_read", Phase::Exit),
            ("sched_switch", "sched_switch", Phase::Point),
            ("irq_handler_entry", "irq_handler_entry", Phase::Point),
            (
                "httpd:enter_event_handler",
                "httpd:enter_event_handler",
                Phase::Point,
            ),
        ] {
            assert_eq!(split_name(full), (name.to_owned(), phase));
            assert_eq!(full_name(name, phase), full);
        }
    }

    #[test]
    fn a_cursor_skips_every_type() {
        let int = || FieldType::Unsigned(8, vec![]);
        let field = |ty| Field {
            name: "x".into(),
            ty,
            index: 0,
        };
        let class = EventClass::new(
            "e",
            vec![field(FieldType::Text)],
            vec![
                field(FieldType::List(
                    Box::new(FieldType::Struct(vec![
                        field(int()),
                        field(FieldType::Text),
                    ])),
                    None,
                )),
                field(FieldType::Variant(vec![
                    field(int()),
                    field(FieldType::Text),
                ])),
                field(FieldType::Float(64)),
                field(int()),
            ],
        );
        let mut v = Vec::new();
        v.extend(2u32.to_le_bytes());
        v.extend(b"ab");
        v.extend(2u32.to_le_bytes());
        for text in ["c", ""] {
            v.extend(5u64.to_le_bytes());
            v.extend((text.len() as u32).to_le_bytes());
            v.extend(text.as_bytes());
        }
        v.extend(1u32.to_le_bytes());
        v.extend(3u32.to_le_bytes());
        v.extend(b"xyz");
        v.extend(1.5f64.to_bits().to_le_bytes());
        v.extend((-1i64).to_le_bytes());
        assert_eq!(class.seek(&v, 2).float(), 1.5);
        assert_eq!(class.integer(&v, 3), Some(-1));
        assert_eq!(class.integer(&v, 2), None);
        let mut end = class.seek(&v, 3);
        end.integer();
        assert!(end.rest().is_empty());
    }
}
