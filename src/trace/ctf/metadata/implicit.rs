//! Fields that count in a clock which the metadata does not map them to.
//!
//! The one idea: some tracers (Zephyr's, the CTF writer of babeltrace 1) write `timestamp` into the header of an event,
//! or `timestamp_begin` and `timestamp_end` into the context of a packet, and map them to no clock. By their names they
//! are times all the same, as babeltrace 1 and 2 and yactfr take them ("Trace quirks" in babeltrace2-source.ctf.fs(7)): of
//! the only clock, or, where there is none, of one that counts nanoseconds from 0.

use super::model::*;
use super::validate::fault;
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;

/// Maps such fields, and notes that it was done.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where there are several clocks to choose from.
pub(super) fn map(metadata: &mut Metadata, file: &Path) -> Result<()> {
    let Metadata {
        streams, clocks, ..
    } = metadata;
    let mut assumed = false;
    for stream in streams {
        let roots = [
            (&mut stream.event_header, &["timestamp"][..]),
            (
                &mut stream.packet_context,
                &["timestamp_begin", "timestamp_end"],
            ),
        ];
        for (root, names) in roots {
            let unmapped = |field: &Field| {
                let integer = field.class.integer();
                names.contains(&plain(&field.name)) && integer.is_some_and(|i| i.clock.is_none())
            };
            let Some(root) = root.as_mut().filter(|root| any(root, &unmapped)) else {
                continue;
            };
            if clocks.is_empty() {
                clocks.push(default_clock());
            }
            if clocks.len() > 1 {
                let known: Vec<String> = clocks.iter().map(|c| format!("`{}`", c.name)).collect();
                let what = format!(
                    "a field {} of the stream class {} is mapped to no clock, and there are several: {}",
                    names[0],
                    stream.id,
                    known.join(", ")
                );
                return Err(fault(what, file));
            }
            give(root, &unmapped);
            assumed = true;
        }
    }
    metadata.clock_assumed = assumed;
    Ok(())
}

fn default_clock() -> ClockClass {
    ClockClass {
        name: "default".to_owned(),
        uuid: None,
        description: None,
        frequency: 1_000_000_000,
        frequency_said: true,
        precision: 0,
        offset_s: 0,
        offset_cycles: 0,
        absolute: false,
    }
}

/// Whether some member or option is wanted, at any depth of structures and variants.
fn any(class: &FieldClass, wanted: &dyn Fn(&Field) -> bool) -> bool {
    let among = |fields: &[Field]| fields.iter().any(|f| wanted(f) || any(&f.class, wanted));
    match class {
        FieldClass::Struct(structure) => among(&structure.fields),
        FieldClass::Variant(variant) => among(&variant.options),
        _ => false,
    }
}

/// Maps those to the first clock.
fn give(class: &mut Arc<FieldClass>, wanted: &dyn Fn(&Field) -> bool) {
    let fields = match Arc::make_mut(class) {
        FieldClass::Struct(structure) => &mut structure.fields,
        FieldClass::Variant(variant) => &mut variant.options,
        _ => return,
    };
    for field in fields {
        if wanted(field)
            && let Some(integer) = Arc::make_mut(&mut field.class).integer_mut()
        {
            integer.clock = Some(0);
        }
        give(&mut field.class, wanted);
    }
}
