//! What is said of a recording beside its trace: its label, and how `sysds record` made it.

use super::append::Old;
use super::continued::Found;
use super::logged::LogFile;
use super::options::IngestOptions;
use crate::dataset::record_metadata::{ACCESS_LOG, RECORD, RecordMetadata};
use crate::error::{Error, Hint, Place, Remedy, Result};
use crate::trace::find;
use std::path::PathBuf;

/// What is said of a recording.
pub(super) struct Described {
    /// Its label: the one that was given now, else the one that it has in the dataset, else that it was recorded with.
    pub label: Option<String>,
    /// How it was recorded, where `sysds record` did it.
    pub recorded: Option<RecordMetadata>,
    /// Its access log, where it was recorded with one.
    pub access_log: Option<LogFile>,
}

/// What is said of each of `found`.
///
/// # Errors
/// [`Error::Usage`] where parts of one recording got several labels, or one that it does not have in the dataset;
/// [`Error::Input`] where records of it differ, or cannot be read.
pub(super) fn all(
    found: &[Found],
    options: &IngestOptions,
    old: Option<&Old>,
) -> Result<Vec<Described>> {
    let describe = |found: &Found| {
        let had = found.replaces.zip(old);
        let had = had.map(|(place, old)| &old.manifest.recordings[place]);
        let (dir, recorded) = recorded(&found.recording)?.unzip();
        let recorded = recorded.or_else(|| had?.recorded.clone());
        let copied = recorded.as_ref().and_then(|r| r.access_log.clone());
        let access_log = match (copied, dir) {
            (Some(copied), Some(dir)) => Some(LogFile { dir, copied }),
            // The requests had what it says: it must not be gone when they are read again.
            (Some(_), None) => return Err(not_at_hand(found)),
            (None, _) => None,
        };
        let given = given(found, options)?;
        if let (Some(given), Some(had)) = (&given, had)
            && had.label.as_ref() != Some(given)
        {
            let label = had.label.as_deref().unwrap_or("none");
            return Err(Error::usage(
                format!(
                    "the recording {} has the label {label} in the dataset, not {given}",
                    had.trace_id
                ),
                Remedy::with("A recording has one label.", Hint::OmitLabel),
            ));
        }
        let label = match had {
            Some(had) => had.label.clone(),
            None => given.or_else(|| recorded.as_ref()?.label.clone()),
        };
        Ok(Described {
            label,
            recorded,
            access_log,
        })
    };
    found.iter().map(describe).collect()
}

/// The label that was given to a recording.
fn given(found: &Found, options: &IngestOptions) -> Result<Option<String>> {
    let parts = &found.recording.parts;
    let of = |part: &find::Part| match &options.labels[..] {
        [all] => part.argument.map(|_| all),
        each => each.get(part.argument?),
    };
    let mut labels = parts.iter().filter_map(|p| Some((p, of(p)?)));
    let Some((first, label)) = labels.next() else {
        return Ok(None);
    };
    if let Some((part, other)) = labels.find(|(_, other)| *other != label) {
        let (one, two) = (first.folder.display(), part.folder.display());
        return Err(Error::usage(
            format!(
                "{one} and {two} are of one recording, which cannot have the labels {label} and {other}"
            ),
            Hint::SameLabel,
        ));
    }
    Ok(Some(label.clone()))
}

/// The error of a recording that is read again, and has an access log in the dataset, but none where it lies.
fn not_at_hand(found: &Found) -> Error {
    Error::input(
        format!(
            "the recording has an access log in the dataset, but there is no {RECORD} beside this trace now"
        ),
        Place::file(&found.recording.root),
        format!("Put {RECORD} and {ACCESS_LOG} back beside it."),
    )
}

/// What `sysds record` says of a recording, and in which folder, where it made it.
fn recorded(recording: &find::Recording) -> Result<Option<(PathBuf, RecordMetadata)>> {
    let mut found: Option<(PathBuf, RecordMetadata)> = None;
    for part in &recording.parts {
        let Some(recorded) = RecordMetadata::beside(&part.folder)? else {
            continue;
        };
        if found.as_ref().is_some_and(|(_, f)| *f != recorded.1) {
            return Err(Error::input(
                "beside this part of a recording lies another record than beside another part of it",
                Place::file(&part.folder),
                "Keep the record.json that is right, and move the other away.",
            ));
        }
        found = Some(recorded);
    }
    Ok(found)
}
