//! The manifest, anonymized: the same pseudonyms as in the tables.

use super::{Anonymizer, SECOND};
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::recorded::Recorded;
use crate::error::{Error, Place, Result};
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::temporal_conversions::timestamp_ns_to_datetime;
use std::path::PathBuf;

/// Parts of a trace's environment that name the machine.
const HOST: &str = "hostname";
/// Parts of a trace's environment that tell machine or time, and are left out.
const OMITTED: [&str; 2] = ["trace_creation_datetime", "product_uuid"];

/// Stands for a text that is left out.
const OUT: &str = "(left out)";

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
                self.recorded(recorded)?;
            }
        }
        Ok(manifest)
    }

    fn recording(&self, recording: &mut Recording) {
        let by = self.shift * SECOND;
        recording.trace_id = self.trace(&recording.trace_id);
        recording.path = self.hidden(&recording.path);
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

    /// What `sysds record` says: figures, versions and what was traced stay; commands name hosts, folders and people in
    /// any form, and are left out whole, as are a load generator's words for what went wrong.
    fn recorded(&self, recorded: &mut Recorded) -> Result<()> {
        recorded.started = self.moment(&recorded.started)?;
        recorded.session.name = OUT.to_owned();
        recorded.machine.kernel = self.texts.names(&recorded.machine.kernel);
        for ran in [&mut recorded.command, &mut recorded.noise]
            .into_iter()
            .flatten()
        {
            ran.command = vec![OUT.to_owned()];
        }
        let Some(load) = &mut recorded.load else {
            return Ok(());
        };
        load.command = OUT.to_owned();
        if let Some(summary) = &mut load.summary {
            let count = summary.error_count();
            summary.errors.truncate(1);
            for errors in &mut summary.errors {
                errors.what = "errors".to_owned();
                errors.count = count;
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
        let ns = string_to_timestamp_nanos(text).map_err(|_| unknown())?;
        let shifted = ns.checked_add(self.shift * SECOND).ok_or_else(unknown)?;
        let moment = timestamp_ns_to_datetime(shifted).ok_or_else(unknown)?;
        Ok(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}
