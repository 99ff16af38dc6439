//! The manifest, anonymized: the same pseudonyms as in the tables.

use super::{Anonymizer, SECOND};
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::moment;
use crate::dataset::recorded::{Count, Recorded};
use crate::error::{Error, Place, Result};
use std::path::PathBuf;

/// Parts of a trace's environment that name the machine.
const HOST: &str = "hostname";
/// Parts of a trace's environment that tell machine or time, and are left out.
const OMITTED: [&str; 2] = ["trace_creation_datetime", "product_uuid"];

/// Stands for a text that is left out.
const OUT: &str = "(left out)";
/// Kinds of errors in the fixed words of wrk and wrk2, and of oha.
const ERRORS: [&str; 6] = [
    "connect",
    "read",
    "write",
    "timeout",
    "Non-2xx or 3xx responses",
    "aborted due to deadline",
];

/// Names of the machines that a dataset was recorded on.
pub fn host_names(manifest: &Manifest) -> Vec<String> {
    let sources = manifest.recordings.iter().flat_map(|r| &r.sources);
    let env = sources.flat_map(|s| &s.env);
    env.filter(|(name, _)| name == HOST)
        .map(|(_, value)| value.clone())
        .collect()
}

impl Anonymizer {
    /// The manifest of the release.
    pub(super) fn rewritten(&self, mut manifest: Manifest) -> Result<Manifest> {
        manifest.created = self.moment(&manifest.created)?;
        for moment in &mut manifest.appended {
            *moment = self.moment(moment)?;
        }
        for value in manifest.options.values_mut() {
            if let serde_json::Value::String(text) = value {
                *text = self.texts.names(text);
            }
        }
        for recording in &mut manifest.recordings {
            self.recording(recording);
            if let Some(recorded) = &mut recording.recorded {
                self.recorded(recorded, recording.label.as_deref())?;
            }
        }
        Ok(manifest)
    }

    fn recording(&self, recording: &mut Recording) {
        let by = self.shift * SECOND;
        recording.trace_id = self.trace(&recording.trace_id);
        recording.path = self.hidden(&recording.path);
        for folder in &mut recording.folders {
            *folder = self.hidden(folder);
        }
        // Whoever has the trace would find it by them.
        recording.fingerprints = None;
        recording.fallback = recording
            .fallback
            .as_deref()
            .map(|why| self.texts.names(why));
        recording.first_ns = recording.first_ns.map(|ns| ns.saturating_add(by));
        recording.last_ns = recording.last_ns.map(|ns| ns.saturating_add(by));
        for source in &mut recording.sources {
            source.path = PathBuf::from(self.hidden(&source.path.to_string_lossy()));
            source.uuid = source.uuid.as_deref().map(|uuid| self.trace(uuid));
            source.env.retain(|(name, _)| !OMITTED.contains(&&**name));
            for (_, value) in &mut source.env {
                *value = self.texts.names(value);
            }
            if let Some(clock) = &mut source.clock {
                clock.offset_s = clock.offset_s.saturating_add(self.shift);
            }
            for stream in &mut source.streams {
                let file = stream.file.file_name().unwrap_or_default();
                stream.file = PathBuf::from(self.texts.names(&file.to_string_lossy()));
            }
        }
        for loss in &mut recording.losses {
            loss.stream = self.texts.text("stream", &loss.stream);
        }
        for damage in &mut recording.damage {
            damage.place = self.hidden(&damage.place);
            damage.what = self.texts.names(&damage.what);
        }
    }

    /// What `sysds record` says: figures, versions and what was traced stay. Commands name hosts, folders and people in any
    /// form, and are left out whole; `label` is the one that the tables have, and another is left out.
    fn recorded(&self, recorded: &mut Recorded, label: Option<&str>) -> Result<()> {
        recorded.started = self.moment(&recorded.started)?;
        recorded.label.take_if(|own| Some(&**own) != label);
        let session = &mut recorded.session;
        session.name = OUT.to_owned();
        let lists = [
            &mut session.kernel_events,
            &mut session.user_events,
            &mut session.contexts,
        ];
        for event in lists.into_iter().flatten() {
            *event = self.texts.names(event);
        }
        let machine = &mut recorded.machine;
        for version in [&mut machine.sysds, &mut machine.lttng, &mut machine.kernel] {
            *version = self.texts.names(version);
        }
        let commands = [&mut recorded.command, &mut recorded.noise];
        for ran in commands.into_iter().flatten() {
            ran.command = vec![OUT.to_owned()];
        }
        if let Some(load) = &mut recorded.load {
            load.command = OUT.to_owned();
            if let Some(summary) = &mut load.summary {
                anonymous(&mut summary.errors);
            }
        }
        Ok(())
    }

    /// A path of the machine that made the dataset: nothing of it is of use elsewhere.
    fn hidden(&self, path: &str) -> String {
        format!("f{}", self.texts.whole("paths", path.as_bytes()))
    }

    /// A moment, shifted as the times in the tables.
    fn moment(&self, text: &str) -> Result<String> {
        let unknown = || {
            Error::input(
                format!("'{text}' is no time"),
                Place::file(crate::dataset::MANIFEST),
                "Make the dataset again with sysds ingest.",
            )
        };
        moment::later(text, self.shift).ok_or_else(unknown)
    }
}

/// Errors by kind; those that a load generator tells in words of its own, which may have addresses in them, as one.
fn anonymous(errors: &mut Vec<Count>) {
    let all: u64 = errors.iter().map(|e| e.count).sum();
    errors.retain(|e| is_kind(&e.what));
    let count = all - errors.iter().map(|e| e.count).sum::<u64>();
    if count > 0 {
        let what = "other".to_owned();
        errors.push(Count { what, count });
    }
}

/// Whether this is one of the fixed words of wrk, wrk2 or oha for a kind of error: those say nothing of who and where.
fn is_kind(what: &str) -> bool {
    let status = what.strip_prefix("status ");
    ERRORS.contains(&what)
        || status.is_some_and(|s| s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_kinds_and_their_sum() {
        let errors = [
            ("timeout", 2),
            ("status 503", 5),
            ("error trying to connect to 10.1.2.3:80", 7),
            ("status of web01", 11),
        ];
        let count = |(what, count): (&str, u64)| Count {
            what: what.to_owned(),
            count,
        };
        let mut left = errors.map(count).to_vec();
        anonymous(&mut left);
        let expected = [("timeout", 2), ("status 503", 5), ("other", 18)];
        assert_eq!(left, expected.map(count));
        let mut none = Vec::new();
        anonymous(&mut none);
        assert_eq!(none, []);
    }
}
