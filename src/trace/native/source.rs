//! What a trace says of itself, for the manifest.

use super::stream::Stream;
use crate::trace::ctf::metadata::model::{EnvValue, Metadata};
use crate::trace::{Source, SourceStream, uuid_text};
use std::path::Path;

/// The environment of a trace, all values as texts.
pub(super) fn env_of(metadata: &Metadata) -> Vec<(String, String)> {
    let env = metadata.env.iter().map(|(name, value)| {
        let value = match value {
            EnvValue::Integer(number) => number.to_string(),
            EnvValue::Text(text) => text.clone(),
        };
        (name.clone(), value)
    });
    env.collect()
}

/// The trace of these streams.
pub(super) fn source(metadata: &Metadata, streams: &[Stream]) -> Source {
    let first = streams.first().map(|s| &s.files[0].path);
    let clocks = streams.iter().rev();
    let clocks = clocks.filter_map(|s| s.plan.clock.as_ref().map(|c| &c.clock));
    let path = first.and_then(|f| f.parent());
    let mut source = Source {
        path: path.map(Path::to_path_buf).unwrap_or_default(),
        uuid: metadata.uuid.map(uuid_text),
        env: env_of(metadata),
        clock: None,
        clocks: Vec::new(),
        streams: streams
            .iter()
            .map(|s| SourceStream {
                file: s.files[0].path.clone(),
                class_id: s.plan.id,
            })
            .collect(),
    };
    source.set_clocks(clocks.cloned(), metadata.clock_assumed);
    source
}
