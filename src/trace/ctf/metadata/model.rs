//! What a trace's metadata says, as plain data; CTF 1.8 and CTF 2 come out as the same.
//!
//! The one idea: whoever reads a stream looks nothing up by name any more. Aliases are replaced by what they stand for,
//! defaults are filled in, clocks are numbers, and the tag of a variant and the length of a sequence are paths of
//! numbers to an earlier field.

pub use super::field_classes::*;
pub use super::roles::{Role, Roles};
use std::sync::Arc;

/// The metadata of one trace (CTF 1.8.3 section 7).
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The trace's UUID (`trace.uuid`); every packet repeats it.
    pub uuid: Option<[u8; 16]>,
    /// The byte order of everything that does not name one (`trace.byte_order`).
    pub byte_order: ByteOrder,
    /// `trace.packet.header`.
    pub packet_header: Option<Arc<FieldClass>>,
    /// The environment, in the order written (section 7.3.2 calls it dynamic scope `env`).
    pub env: Vec<(String, EnvValue)>,
    /// The clocks (section 8); [`Integer::clock`] is an index into this.
    pub clocks: Vec<ClockClass>,
    /// The classes of streams, in the order written.
    pub streams: Vec<StreamClass>,
    /// Whether the clock begins at 0 in each packet (CTF2-SPEC-2.0 section 6.1), instead of where the packet before
    /// left it.
    pub clock_restarts: bool,
    /// Whether fields count in a clock that they are not mapped to, by their names (see `implicit`).
    pub clock_assumed: bool,
}

impl Metadata {
    /// The class of streams that has this ID.
    pub fn stream(&self, id: u64) -> Option<&StreamClass> {
        self.streams.iter().find(|s| s.id == id)
    }
}

/// A value in the `env` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// A number.
    Integer(i128),
    /// A text; a bare word counts as one.
    Text(String),
}

/// A clock (CTF 1.8.3 section 8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockClass {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: Option<[u8; 16]>,
    /// A text for people.
    pub description: Option<String>,
    /// Cycles per second; never 0. 1,000,000,000 where the metadata says nothing.
    pub frequency: u64,
    /// Whether the metadata says so.
    pub frequency_said: bool,
    /// Its uncertainty, in cycles.
    pub precision: u64,
    /// Seconds from its origin to its value 0.
    pub offset_s: i64,
    /// Cycles on top of `offset_s`.
    pub offset_cycles: u64,
    /// Whether it can be compared with other absolute clocks without its UUID.
    pub absolute: bool,
}

/// A class of streams (CTF 1.8.3 section 7.2, block `stream`).
#[derive(Debug, Clone, PartialEq)]
pub struct StreamClass {
    /// Its ID; 0 where there is only one and it names none.
    pub id: u64,
    /// `stream.packet.context`.
    pub packet_context: Option<Arc<FieldClass>>,
    /// `stream.event.header`.
    pub event_header: Option<Arc<FieldClass>>,
    /// `stream.event.context`.
    pub event_context: Option<Arc<FieldClass>>,
    /// The classes of its events, in the order written; their IDs are distinct.
    pub events: Vec<EventClass>,
}

impl StreamClass {
    /// All of its roots of fields, in the order in which a reader meets them.
    pub fn roots(&self) -> impl Iterator<Item = &FieldClass> {
        let shared = [
            &self.packet_context,
            &self.event_header,
            &self.event_context,
        ];
        let own = self.events.iter().flat_map(|e| [&e.context, &e.fields]);
        shared.into_iter().chain(own).filter_map(Option::as_deref)
    }

    /// The clock that its fields are mapped to (there is at most one): an index into [`Metadata::clocks`].
    pub fn clock(&self) -> Option<usize> {
        self.roots()
            .find_map(|root| root.find(&|i| i.clock.is_some()))?
            .clock
    }
}

/// A class of events (CTF 1.8.3 section 7.2, block `event`).
#[derive(Debug, Clone, PartialEq)]
pub struct EventClass {
    /// Its ID; 0 where it is the only one of its stream and names none.
    pub id: u64,
    /// Its name, as written.
    pub name: Option<String>,
    /// Its log level, as the tracer counts them.
    pub loglevel: Option<i64>,
    /// `event.context`.
    pub context: Option<Arc<FieldClass>>,
    /// `event.fields`.
    pub fields: Option<Arc<FieldClass>>,
}
