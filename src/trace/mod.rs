//! Traces: finding them on disk, and reading their events in time order.
//!
//! A *recording* is what one tracing session left: one or several CTF traces (kernel and user space, chunks of a
//! rotation, snapshots) on one time line.
//!
//! - `find` finds traces; `belong` says which are of one recording, by what their streams have in common (`shared`);
//!   `check` looks them over. What one of them reads is kept for the next in `readings`, so that nothing is read twice.
//! - `ctf` understands metadata and packets, and decodes fields; `clock` says at what time.
//! - `reader` reads the events of a recording with `native` or, where this program was built with it, with `babeltrace`.
//! - `event` says what comes out, and `derive` fills in whose event it is where no context tells.

#[cfg(feature = "babeltrace2")]
#[allow(unsafe_code)]
pub mod babeltrace;
pub mod belong;
pub mod call_names;
pub mod check;
mod clock;
pub mod context;
pub mod counters;
pub mod ctf;
pub mod derive;
pub mod event;
mod event_class;
mod event_values;
mod field_type;
pub mod find;
pub mod native;
pub mod reader;
pub(crate) mod readings;
pub mod select;
mod shared;
pub mod tracer;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a CTF trace says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its folder: the one that holds `metadata`.
    #[serde(serialize_with = "crate::shown::serialize_path")]
    pub path: PathBuf,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its environment, in the metadata's order: host name, kernel, tracer and their versions.
    pub env: Vec<(String, String)>,
    /// The clock of its streams.
    pub clock: Option<Clock>,
    /// All clocks of its streams, where there are several; `clock` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// Its streams.
    pub streams: Vec<SourceStream>,
}

/// A clock, as CTF 1.8.3 section 8 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Its name.
    pub name: Option<String>,
    /// Cycles per second.
    pub frequency: u64,
    /// Seconds from its origin to its value 0. An anonymized release does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_s: Option<i64>,
    /// Cycles on top of `offset_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_cycles: Option<u64>,
    /// Whether its origin is 1970-01-01 00:00 UTC.
    pub origin_is_unix_epoch: bool,
    /// Whether it was assumed for fields called `timestamp`, `timestamp_begin` or `timestamp_end`, which the metadata maps
    /// to no clock: the only one that it has, or, where it has none, one that counts nanoseconds from 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Source {
    /// Its tracer with its version, as the environment tells them: `lttng-modules 2.13.9`.
    pub(crate) fn tracer(&self) -> Option<String> {
        let of = |key: &str| {
            let mut env = self.env.iter();
            let found = env.find(|(k, value)| k == key && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        let version = ["tracer_major", "tracer_minor", "tracer_patchlevel"];
        let version: Vec<&str> = version.into_iter().filter_map(of).collect();
        let name = of("tracer_name")?;
        Some(format!("{name} {}", version.join(".")).trim().to_owned())
    }

    /// Takes in the clocks of its streams, each once; `assumed` says whether the metadata left out which they are.
    fn set_clocks(&mut self, clocks: impl Iterator<Item = Clock>, assumed: bool) {
        let mut all: Vec<Clock> = Vec::new();
        for clock in clocks.map(|clock| Clock { assumed, ..clock }) {
            if !all.contains(&clock) {
                all.push(clock);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        self.clock = all.first().cloned();
        self.clocks = if all.len() > 1 { all } else { Vec::new() };
    }
}

/// A stream of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStream {
    /// Its (first) file.
    #[serde(serialize_with = "crate::shown::serialize_path")]
    pub file: PathBuf,
    /// ID of its stream class in the metadata.
    pub class_id: u64,
}

/// A UUID in its usual form, `69f65b33-88e5-604b-a8c4-e4b2408472de`.
pub fn uuid_text(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracer_is_told_with_as_much_of_its_version_as_there_is() {
        let of = |env: &[(&str, &str)]| {
            let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            let source = Source {
                path: PathBuf::new(),
                uuid: None,
                env: env.collect(),
                clock: None,
                clocks: Vec::new(),
                streams: Vec::new(),
            };
            source.tracer()
        };
        let user = [
            ("tracer_name", "lttng-ust"),
            ("tracer_major", "2"),
            ("tracer_minor", "13"),
        ];
        assert_eq!(of(&user).as_deref(), Some("lttng-ust 2.13"));
        assert_eq!(of(&user[..1]).as_deref(), Some("lttng-ust"));
        assert_eq!(of(&user[1..]), None);
        assert_eq!(of(&[("tracer_name", "")]), None);
    }
}
