//! The metadata of a CTF 2 trace (CTF2-SPEC-2.0), into the same model as that of CTF 1.8.
//!
//! The one idea: the streams of CTF 2 are laid out as those of CTF 1.8, only said otherwise, and with a few field classes
//! more. `object` reads JSON's values, `scalars` and `fields` make field classes, `locations` finds the fields that those
//! refer to, `roles` says what fields mean, and this file puts the fragments together.
//!
//! What is understood but has no exact value here is refused by name: floating point numbers of 128 bits and more, other
//! numbers of more than 64 bits, and lengths and selectors that are themselves variants.

mod fields;
mod locations;
mod object;
mod roles;
mod scalars;
#[cfg(test)]
mod tests;

use super::lexer::error_at;
use super::model::*;
use crate::error::Result;
use fields::Builder;
use object::{Fault, Object, fault};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Begins each fragment (RFC 7464).
pub(super) const RECORD_SEPARATOR: char = '\u{1E}';

/// Parses a sequence of JSON texts. `file` is what errors name.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) with the line and column of a mistake in JSON, and with those of its
/// fragment where something else is wrong.
pub(super) fn parse(text: &str, file: &Path) -> Result<Metadata> {
    let mut sequence = Sequence::default();
    let mut line = 1;
    for (number, fragment) in text.split(RECORD_SEPARATOR).enumerate() {
        let begin = Position { line, column: 1 };
        line += fragment.matches('\n').count() as u64;
        if fragment.trim().is_empty() {
            continue;
        }
        if number == 0 {
            return Err(error_at(file, begin, "text before the first fragment"));
        }
        let value: Value = serde_json::from_str(fragment).map_err(|e| {
            let at = Position {
                line: begin.line + e.line().max(1) as u64 - 1,
                column: e.column() as u64,
            };
            error_at(file, at, format!("a fragment that is no JSON: {e}"))
        })?;
        sequence
            .fragment(&value)
            .map_err(|what| error_at(file, begin, what))?;
    }
    let end = Position { line, column: 1 };
    sequence.finish().map_err(|what| error_at(file, end, what))
}

/// The fragments read so far.
#[derive(Default)]
struct Sequence {
    begun: bool,
    uuid: Option<[u8; 16]>,
    env: Vec<(String, EnvValue)>,
    clocks: Vec<ClockClass>,
    /// IDs of the clocks.
    clock_ids: Vec<String>,
    streams: Vec<StreamClass>,
    builder: Builder,
    packet_header: Option<Arc<FieldClass>>,
    has_trace_class: bool,
}

impl Sequence {
    fn fragment(&mut self, value: &Value) -> Result<(), Fault> {
        let object = Object::new(value, "a fragment")?;
        let kind = object.text("type")?;
        if self.begun == (kind == "preamble") {
            return Err(fault("expected one preamble, as the first fragment"));
        }
        object.no_extensions()?;
        if let Some(names) = properties(kind) {
            object.only(&format!("a fragment of the type {kind:?}"), names)?;
        }
        match kind {
            "preamble" => self.preamble(&object),
            "field-class-alias" => {
                let class = object.required("field-class")?;
                self.builder.alias(object.text("name")?, class)
            }
            "trace-class" => self.trace_class(&object),
            "clock-class" => self.clock_class(&object),
            "data-stream-class" => self.data_stream_class(&object),
            "event-record-class" => self.event_record_class(&object),
            other => Err(format!(
                "a fragment of the type {other:?}, which is unknown"
            )),
        }
    }

    fn preamble(&mut self, object: &Object) -> Result<(), Fault> {
        self.begun = true;
        match object.unsigned("version")? {
            Some(2) => {}
            Some(other) => return Err(format!("expected CTF 2, found version {other}")),
            None => return Err(fault("a preamble without `version`")),
        }
        self.uuid = object.uuid("uuid")?;
        self.builder.has_uuid = self.uuid.is_some();
        Ok(())
    }

    fn trace_class(&mut self, object: &Object) -> Result<(), Fault> {
        if std::mem::replace(&mut self.has_trace_class, true) || !self.streams.is_empty() {
            return Err(fault(
                "expected one trace class, before all data stream classes",
            ));
        }
        if let Some(environment) = object.object("environment")? {
            for (name, value) in environment.entries() {
                self.env.push((name.to_owned(), env_value(name, value)?));
            }
        }
        let header = object.get("packet-header-field-class");
        self.packet_header = self.builder.root(header, Scope::PacketHeader, None)?;
        Ok(())
    }

    fn clock_class(&mut self, object: &Object) -> Result<(), Fault> {
        let name = object.optional_text("name")?;
        // Before the specification's version 2.0 the name was the ID.
        let id = object.optional_text("id")?.or(name);
        let id = id.ok_or_else(|| fault("a clock class without `id`"))?;
        if self.clock_ids.iter().any(|known| known == id) {
            return Err(format!("a second clock class with the ID {id:?}"));
        }
        let frequency = object.unsigned("frequency")?;
        let frequency = frequency.ok_or_else(|| fault("a clock class without `frequency`"))?;
        if frequency == 0 {
            return Err(fault("a clock class with the frequency 0"));
        }
        let offset = object.object("offset-from-origin")?;
        let (mut offset_s, mut offset_cycles) = (0, 0);
        if let Some(offset) = &offset {
            offset.only("an offset from the origin", &["seconds", "cycles"])?;
            offset_s = offset.signed("seconds")?.unwrap_or(0);
            offset_cycles = offset.unsigned("cycles")?.unwrap_or(0);
        }
        if offset_cycles >= frequency {
            return Err(format!("`cycles`: {offset_cycles} are a second or more"));
        }
        self.clock_ids.push(id.to_owned());
        self.clocks.push(ClockClass {
            name: name.unwrap_or(id).to_owned(),
            uuid: object.uuid("uuid")?,
            description: object.optional_text("description")?.map(str::to_owned),
            frequency,
            frequency_said: true,
            precision: object.unsigned("precision")?.unwrap_or(0),
            offset_s,
            offset_cycles,
            absolute: is_unix_epoch(object)?,
        });
        Ok(())
    }

    fn data_stream_class(&mut self, object: &Object) -> Result<(), Fault> {
        let id = object.unsigned("id")?.unwrap_or(0);
        if self.streams.iter().any(|s| s.id == id) {
            return Err(format!("a second data stream class with the ID {id}"));
        }
        let clock = match object.optional_text("default-clock-class-id")? {
            Some(id) => Some(id),
            None => object.optional_text("default-clock-class-name")?,
        };
        let clock = match clock {
            None => None,
            Some(id) => {
                let number = self.clock_ids.iter().position(|known| known == id);
                Some(number.ok_or_else(|| format!("a clock class {id:?} that is not declared"))?)
            }
        };
        self.builder.enter(self.packet_header.as_ref(), None);
        let mut root = |name: &str, scope| self.builder.root(object.get(name), scope, clock);
        let packet_context = root("packet-context-field-class", Scope::PacketContext)?;
        let event_header = root("event-record-header-field-class", Scope::EventHeader)?;
        let event_context = root(
            "event-record-common-context-field-class",
            Scope::StreamEventContext,
        )?;
        self.streams.push(StreamClass {
            id,
            packet_context,
            event_header,
            event_context,
            events: Vec::new(),
        });
        Ok(())
    }

    fn event_record_class(&mut self, object: &Object) -> Result<(), Fault> {
        let stream_id = object.unsigned("data-stream-class-id")?.unwrap_or(0);
        let stream = self.streams.iter_mut().find(|s| s.id == stream_id);
        let stream = stream.ok_or_else(|| {
            format!(
                "an event record class of the data stream class {stream_id}, which is not declared"
            )
        })?;
        let id = object.unsigned("id")?.unwrap_or(0);
        if stream.events.iter().any(|e| e.id == id) {
            return Err(format!(
                "a second event record class with the ID {id} in the data stream class {stream_id}"
            ));
        }
        self.builder
            .enter(self.packet_header.as_ref(), Some(stream));
        let mut root = |name: &str, scope| self.builder.root(object.get(name), scope, None);
        let context = root("specific-context-field-class", Scope::EventContext)?;
        let fields = root("payload-field-class", Scope::EventFields)?;
        stream.events.push(EventClass {
            id,
            name: object.optional_text("name")?.map(str::to_owned),
            loglevel: None,
            context,
            fields,
        });
        Ok(())
    }

    fn finish(self) -> Result<Metadata, Fault> {
        if self.streams.is_empty() {
            return Err(fault("metadata without a data stream class: it is cut off"));
        }
        Ok(Metadata {
            uuid: self.uuid,
            // Each field names its own.
            byte_order: ByteOrder::Little,
            packet_header: self.packet_header,
            env: self.env,
            clocks: self.clocks,
            streams: self.streams,
            clock_restarts: true,
            clock_assumed: false,
        })
    }
}

/// What a fragment of this type may tell (CTF2-SPEC-2.0 section 5), with what release candidates of the specification
/// had in the clock's place.
fn properties(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "preamble" => &["version", "uuid"],
        "field-class-alias" => &["name", "field-class"],
        "trace-class" => &[
            "namespace",
            "name",
            "uid",
            "environment",
            "packet-header-field-class",
        ],
        "clock-class" => &[
            "namespace",
            "name",
            "uid",
            "uuid",
            "id",
            "frequency",
            "origin",
            "offset-from-origin",
            "precision",
            "accuracy",
            "description",
        ],
        "data-stream-class" => &[
            "namespace",
            "name",
            "uid",
            "id",
            "default-clock-class-id",
            "default-clock-class-name",
            "packet-context-field-class",
            "event-record-header-field-class",
            "event-record-common-context-field-class",
        ],
        "event-record-class" => &[
            "namespace",
            "name",
            "uid",
            "id",
            "data-stream-class-id",
            "specific-context-field-class",
            "payload-field-class",
        ],
        _ => return None,
    })
}

/// Whether a clock's origin is the Unix epoch, and not one of its own.
fn is_unix_epoch(clock: &Object) -> Result<bool, Fault> {
    match clock.get("origin") {
        None => Ok(false),
        Some(Value::String(origin)) if origin == "unix-epoch" => Ok(true),
        Some(origin @ Value::Object(_)) => {
            let origin = Object::new(origin, "a clock's origin")?;
            origin.only("a clock's origin", &["namespace", "name", "uid"])?;
            for name in ["name", "uid"] {
                origin.text(name)?;
            }
            Ok(false)
        }
        Some(other) => Err(format!(
            "`origin`: expected \"unix-epoch\" or an object, found {other}"
        )),
    }
}

fn env_value(name: &str, value: &Value) -> Result<EnvValue, Fault> {
    match value {
        Value::String(text) => Ok(EnvValue::Text(text.clone())),
        Value::Number(number) => {
            let number = number.as_i128();
            let number =
                number.ok_or_else(|| format!("`environment`: {name} is no whole number"))?;
            Ok(EnvValue::Integer(number))
        }
        _ => Err(format!(
            "`environment`: {name} is neither a number nor a text"
        )),
    }
}
