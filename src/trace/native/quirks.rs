//! What tracers are known to get wrong, as the manual page of babeltrace2's `source.ctf.fs` lists it.

use crate::trace::ctf::metadata::model::{EnvValue, Metadata};

/// What the tracer of a trace is known to get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quirks {
    /// LTTng: `timestamp_end` is 0 in the last packets before a crash.
    pub crash: bool,
    /// LTTng before 2.11, 2.10.10 or 2.9.13: `timestamp_end` may be before the last event.
    pub event_after_packet: bool,
    /// barectf before 2.3.1: `timestamp_begin` may be after the first event.
    pub event_before_packet: bool,
}

impl Quirks {
    /// Those of a trace's tracer, by its name and version.
    pub(super) fn of(metadata: &Metadata) -> Quirks {
        let (Some(name), Some(major)) = (
            text_of(metadata, "tracer_name"),
            number_of(metadata, "tracer_major"),
        ) else {
            return Quirks::default();
        };
        let minor = number_of(metadata, "tracer_minor");
        let patch = minor.and_then(|_| {
            number_of(metadata, "tracer_patch").or_else(|| number_of(metadata, "tracer_patchlevel"))
        });
        let (minor, patch) = (minor.unwrap_or(0), patch.unwrap_or(0));
        let version = (major, minor, patch);
        let ust = name == "lttng-ust";
        let modules = name == "lttng-modules";
        Quirks {
            crash: ust || modules,
            event_after_packet: ust && version < (2, 11, 0)
                || modules
                    && match (major, minor) {
                        (2, 10) => patch < 10,
                        (2, 9) => patch < 13,
                        _ => version < (2, 9, 0),
                    },
            event_before_packet: name == "barectf" && version < (2, 3, 1),
        }
    }
}

/// A text of the environment.
pub(super) fn text_of<'m>(metadata: &'m Metadata, name: &str) -> Option<&'m str> {
    let found = metadata.env.iter().find(|(n, _)| n == name);
    match found {
        Some((_, EnvValue::Text(text))) => Some(text),
        _ => None,
    }
}

fn number_of(metadata: &Metadata, name: &str) -> Option<i128> {
    let found = metadata.env.iter().find(|(n, _)| n == name);
    match found {
        Some((_, EnvValue::Integer(number))) => Some(*number),
        _ => None,
    }
}
