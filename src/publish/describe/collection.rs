//! How the data came to be: what the traces tell of machine and tracer.

use super::metadata::ReleaseMetadata;
use crate::dataset::manifest::Recording;

/// A value of a recording's environment, as the tracer tells it.
fn environment<'a>(recording: &'a Recording, key: &str) -> Option<&'a str> {
    let mut env = recording.sources.iter().flat_map(|s| &s.env);
    let found = env.find(|(k, _)| k == key);
    found.map(|(_, value)| value.as_str())
}

/// The kernel of a recording: system and release.
pub(super) fn kernel(recording: &Recording) -> String {
    let of = |key| environment(recording, key).unwrap_or_default();
    let words = [of("sysname"), of("kernel_release")].join(" ");
    words.trim().to_owned()
}

/// The tracers of a recording, with their versions.
pub(super) fn tracer(recording: &Recording) -> String {
    recording.tracers().join(" and ")
}

/// How the data came to be, in a few sentences.
pub(super) fn collection(metadata: &ReleaseMetadata) -> String {
    let m = &metadata.manifest.dataset;
    let unique = |of: fn(&Recording) -> String| {
        let mut all: Vec<String> = m
            .recordings
            .iter()
            .map(of)
            .filter(|t| !t.is_empty())
            .collect();
        all.sort();
        all.dedup();
        all.join(", ")
    };
    let mut text = format!(
        "{} recordings of a web server by the tracer {} on {}, read by {} {} ({}).",
        m.recordings.len(),
        unique(tracer),
        unique(kernel),
        m.tool.name,
        m.tool.version,
        m.tool.reader
    );
    let about = metadata.about;
    for more in [&about.server, &about.load, &about.conditions]
        .into_iter()
        .flatten()
    {
        text.push(' ');
        text.push_str(more);
    }
    text
}
