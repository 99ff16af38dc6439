//! What fields with a meaning have to be.
//!
//! The one idea: CTF gives some fields a meaning by their names (1.8.3 sections 5 and 6) or roles (2.0), and readers rely
//! on it. babeltrace2 refuses metadata in which such a field cannot mean what it should; so does this, before a stream is
//! looked at.

use super::meanings;
use super::model::*;
use crate::error::{Error, Place, Result};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Fields of a packet's context that are unsigned integers.
const OF_CONTEXT: [&str; 6] = [
    "timestamp_begin",
    "timestamp_end",
    "events_discarded",
    "packet_seq_num",
    "packet_size",
    "content_size",
];

/// Checks metadata of either version. `file` is what errors name.
///
/// # Errors
/// [`Error::Input`] that says what is wrong.
pub(super) fn validate(metadata: &Metadata, file: &Path) -> Result<()> {
    let has = |class: &Option<Arc<FieldClass>>, role| {
        class
            .as_ref()
            .is_some_and(|class| meanings::any(class, role))
    };
    let header = &metadata.packet_header;
    let checked = if metadata.streams.len() > 1 && !has(header, Role::StreamClass) {
        Err("several stream classes, and no field stream_id in packets' headers".to_owned())
    } else if header.as_ref().is_some_and(|root| !clocks(root).is_empty()) {
        Err("a clock is mapped to a field of packets' headers".to_owned())
    } else {
        metadata.streams.iter().try_for_each(|stream| {
            if !has(&stream.event_header, Role::EventClass) {
                several_classes(stream)?;
            }
            one_clock(stream)
        })
    };
    checked.map_err(|what| fault(what, file))
}

/// Checks the fields to whose names CTF 1.8 gives a meaning. `file` is what errors name.
///
/// # Errors
/// [`Error::Input`] that names the field.
pub(super) fn names(metadata: &Metadata, file: &Path) -> Result<()> {
    let checked = header(metadata).and_then(|()| metadata.streams.iter().try_for_each(stream));
    checked.map_err(|what| fault(what, file))
}

/// Checks that events of CTF 1.8 have names, without which babeltrace2 refuses a trace, too. `file` is what errors name.
///
/// # Errors
/// [`Error::Input`] that names the event by its numbers.
pub(super) fn events_have_names(metadata: &Metadata, file: &Path) -> Result<()> {
    for stream in &metadata.streams {
        if let Some(event) = stream.events.iter().find(|event| event.name.is_none()) {
            let (id, stream) = (event.id, stream.id);
            let what = format!("the event {id} of the stream class {stream} has no name");
            return Err(fault(what, file));
        }
    }
    Ok(())
}

/// An error in what the metadata as a whole says.
pub(super) fn fault(what: String, file: &Path) -> Error {
    Error::input(
        what,
        Place::file(file),
        "Take the metadata that the tracer wrote: this one is damaged, or was changed by hand.",
    )
}

fn header(metadata: &Metadata) -> Result<(), String> {
    let root = metadata.packet_header.as_deref();
    let name = |field: &str| format!("trace.packet.header.{field}");
    if let Some(magic) = member(root, "magic") {
        let size = unsigned(&name("magic"), magic)?.size;
        if size != 32 {
            return Err(format!("{}: expected 32 bits, found {size}", name("magic")));
        }
        let first = root.and_then(FieldClass::structure).map(|s| &s.fields[0]);
        if first.is_some_and(|f| plain(&f.name) != "magic") {
            return Err(format!("{}: is not the first field", name("magic")));
        }
    }
    for field in ["stream_id", "stream_instance_id"] {
        if let Some(class) = member(root, field) {
            unsigned(&name(field), class)?;
        }
    }
    let Some(class) = member(root, "uuid") else {
        return Ok(());
    };
    let bytes = match class {
        FieldClass::Array {
            length, element, ..
        } => {
            let byte = matches!(&**element, FieldClass::Integer(i) if i.size == 8 && !i.signed && i.align == 8);
            *length == 16 && byte
        }
        _ => false,
    };
    match bytes {
        true => Ok(()),
        false => Err(format!("{}: expected an array of 16 bytes", name("uuid"))),
    }
}

fn stream(stream: &StreamClass) -> Result<(), String> {
    let id = stream.id;
    for field in OF_CONTEXT {
        if let Some(class) = member(stream.packet_context.as_deref(), field) {
            unsigned(
                &format!("stream.packet.context.{field} (stream class {id})"),
                class,
            )?;
        }
    }
    match member(stream.event_header.as_deref(), "id") {
        Some(class) => unsigned(
            &format!("stream.event.header.id (stream class {id})"),
            class,
        )
        .map(|_| ()),
        None => several_classes(stream),
    }
}

fn several_classes(stream: &StreamClass) -> Result<(), String> {
    match stream.events.len() {
        0 | 1 => Ok(()),
        _ => Err(format!(
            "several event classes in the stream class {}, and no field id in events' headers",
            stream.id
        )),
    }
}

fn one_clock(stream: &StreamClass) -> Result<(), String> {
    let mapped: BTreeSet<usize> = stream.roots().flat_map(clocks).collect();
    match mapped.len() {
        0 | 1 => Ok(()),
        _ => Err(format!(
            "several clocks are mapped to fields of the stream class {}",
            stream.id
        )),
    }
}

fn member<'m>(root: Option<&'m FieldClass>, name: &str) -> Option<&'m FieldClass> {
    let fields = &root?.structure()?.fields;
    let written = fields.iter().map(|f| f.name.as_str()).collect();
    let mut fields = fields.iter();
    let found = fields.find(|f| known_name(&f.name, &written) == name);
    found.map(|f| &*f.class)
}

fn unsigned<'m>(name: &str, class: &'m FieldClass) -> Result<&'m Integer, String> {
    match class.integer() {
        Some(integer) if !integer.signed => Ok(integer),
        Some(_) => Err(format!(
            "{name}: expected an unsigned integer, found a signed one"
        )),
        None => Err(format!(
            "{name}: expected an unsigned integer, found {}",
            class.kind()
        )),
    }
}

/// The clocks that are mapped to fields of this class.
fn clocks(class: &FieldClass) -> BTreeSet<usize> {
    let of = |fields: &[Field]| fields.iter().flat_map(|f| clocks(&f.class)).collect();
    match class {
        FieldClass::Struct(structure) => of(&structure.fields),
        FieldClass::Variant(variant) => of(&variant.options),
        FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => clocks(element),
        _ => class.integer().and_then(|i| i.clock).into_iter().collect(),
    }
}
