//! What a trace is made of, as plain data: event classes with their fields, and batches of events in time order.
//!
//! A reader (today babeltrace2) turns its events into [`EventBatch`]es: one fixed [`Head`] per event, and the values of
//! its fields one after the other in a byte buffer, in the order and by the types that its [`EventClass`] tells. So an
//! event is copied once, nothing is allocated for it, and whoever consumes batches knows nothing of the reader.
//!
//! # Encoding of values
//! | type | bytes |
//! |---|---|
//! | integer, enumeration, boolean, bit array | 8, little-endian (two's complement where signed) |
//! | float | 8, the bits of an `f64` |
//! | text | `u32` length, then the bytes as they were traced; what was UTF-16 or UTF-32 as UTF-8, or marked as no text |
//! | list | `u32` number of elements, then the elements |
//! | structure | its members |
//! | variant | `u32` index of the option, then its value |

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Stands for a `cpu`, `pid` or `tid` that the trace does not tell.
pub const UNKNOWN: i32 = i32::MIN;
/// Stands for a process name that the trace does not tell.
pub const NO_NAME: u32 = u32::MAX;

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldType {
    /// Unsigned integer of so many bits; with labels where it is an enumeration.
    Unsigned(u64, Vec<Label>),
    /// Signed integer of so many bits; with labels where it is an enumeration.
    Signed(u64, Vec<Label>),
    /// Floating-point number of 16, 32 or 64 bits; all are held as `f64`, which is exact.
    Float(u8),
    /// String: bytes up to the first NUL, meant to be UTF-8, or made UTF-8 of another encoding.
    Text,
    /// Array, with its length, or sequence.
    List(Box<FieldType>, Option<u64>),
    /// Structure.
    Struct(Vec<Field>),
    /// Variant: one of these options.
    Variant(Vec<Field>),
}

/// A named field, structure member or variant option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as babeltrace2 shows it (without the underscore that LTTng's metadata puts in front).
    pub name: String,
    /// Its type.
    pub ty: FieldType,
    /// Its position in the traced structure or variant, which may have members that are left out here.
    pub index: u64,
}

/// Leaves out LTTng's helper fields `_NAME_length` beside the sequences `NAME`: the list's own length says the same.
pub fn without_lengths<T>(
    members: &mut Vec<T>,
    name: impl Fn(&T) -> &str,
    is_sequence: impl Fn(&T) -> bool,
) {
    let sequences = members.iter().filter(|member| is_sequence(member));
    let helpers: Vec<String> = sequences.map(|m| format!("_{}_length", name(m))).collect();
    members.retain(|member| !helpers.iter().any(|helper| helper == name(member)));
}

/// A name for some values of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The name.
    pub name: String,
    /// The ranges of values that it stands for, both ends included.
    pub ranges: Vec<(i128, i128)>,
}

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
    /// Context fields that have no place in [`Head`]; encoded before the payload.
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

/// Text as it is, other bytes as `\xNN`.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// What every event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Nanoseconds since the Unix epoch.
    pub timestamp: i64,
    /// Index of its class in the reader's list.
    pub class: u32,
    /// Where its values start in the batch's buffer.
    pub values: u32,
    /// CPU, or [`UNKNOWN`].
    pub cpu: i32,
    /// Process ID, or [`UNKNOWN`].
    pub pid: i32,
    /// Thread ID, or [`UNKNOWN`].
    pub tid: i32,
    /// Number of its process name in order of first appearance, or [`NO_NAME`].
    pub procname: u32,
}

/// Events that the tracer discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Stream file, relative to the recording's folder.
    pub stream: String,
    /// CPU of the stream.
    pub cpu: Option<i32>,
    /// Nanoseconds since the Unix epoch: end of the packet before the loss.
    pub begin: Option<i64>,
    /// Nanoseconds since the Unix epoch: end of the packet that reports the loss.
    pub end: Option<i64>,
    /// Number of events; `None` where packets are counted, or the number is unknown.
    pub events: Option<u64>,
    /// Number of packets; `None` where events are counted.
    pub packets: Option<u64>,
}

/// A run of events in time order.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// One per event.
    pub heads: Vec<Head>,
    /// The values of all their fields; see the module's text.
    pub values: Vec<u8>,
    /// Process names that appear for the first time in this batch, in the order of their numbers.
    pub new_procnames: Vec<String>,
    /// Losses, each with the position in `heads` before which it was reported.
    pub losses: Vec<(usize, Loss)>,
}

/// Encoded values of a batch after which it is full, whatever the number of its events.
const BATCH_BYTES: usize = 64 << 20;

impl EventBatch {
    /// Whether it has fewer than `events` events, and they are not so large that it is full.
    pub fn has_room(&self, events: usize) -> bool {
        self.heads.len() < events && self.values.len() < BATCH_BYTES
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.values.clear();
        self.new_procnames.clear();
        self.losses.clear();
    }

    /// The encoded values of the event at `position`.
    pub fn values_of(&self, position: usize) -> &[u8] {
        let start = self.heads[position].values as usize;
        let end = self
            .heads
            .get(position + 1)
            .map_or(self.values.len(), |next| next.values as usize);
        &self.values[start..end]
    }
}

/// Set in the number of a text's bytes where they are no text, whatever they look like: those of an ill-formed text of
/// UTF-16 or UTF-32 can be good UTF-8 that says something else. An event's values never take so many bytes.
const NO_TEXT: usize = 1 << 31;

/// What is encoded before so many bytes that are no text.
pub fn no_text(bytes: usize) -> [u8; 4] {
    ((bytes | NO_TEXT) as u32).to_le_bytes()
}

/// Reads encoded values one after the other.
///
/// The buffer was written by this program, by the same types: reading past its end is a defect and panics.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.bytes.split_at(n);
        self.bytes = tail;
        head
    }

    /// Reads the 64 bits of an integer.
    pub fn integer(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("8 bytes"))
    }

    /// Reads a float.
    pub fn float(&mut self) -> f64 {
        f64::from_bits(self.integer())
    }

    /// Reads the number of a list's elements, or of a variant's option.
    pub fn count(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().expect("4 bytes")) as usize
    }

    /// Reads the bytes of a text.
    pub fn text(&mut self) -> &'a [u8] {
        let n = self.count() & !NO_TEXT;
        self.take(n)
    }

    /// Reads a text; the bytes, where they are none.
    pub fn utf8(&mut self) -> Result<&'a str, &'a [u8]> {
        let n = self.count();
        let bytes = self.take(n & !NO_TEXT);
        match n & NO_TEXT {
            0 => std::str::from_utf8(bytes).map_err(|_| bytes),
            _ => Err(bytes),
        }
    }

    /// Passes over a value.
    pub fn skip(&mut self, ty: &FieldType) {
        match ty {
            FieldType::Unsigned(..) | FieldType::Signed(..) | FieldType::Float(_) => {
                self.take(8);
            }
            FieldType::Text => {
                self.text();
            }
            FieldType::List(element, _) => {
                for _ in 0..self.count() {
                    self.skip(element);
                }
            }
            FieldType::Struct(members) => members.iter().for_each(|m| self.skip(&m.ty)),
            FieldType::Variant(options) => {
                let option = self.count();
                self.skip(&options[option].ty);
            }
        }
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
    fn names_that_are_not_utf8_keep_their_bytes() {
        assert_eq!(escape("größe".as_bytes()), "größe");
        assert_eq!(escape(b"a\xffb\x80"), "a\\xffb\\x80");
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
