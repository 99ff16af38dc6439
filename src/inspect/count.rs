//! Counts the events of traces, as fast as they can be decoded.
//!
//! Every field of every event is decoded, but nothing is put in order: what this takes is what decoding takes. Where a
//! stream cannot be read to its end, the count is what `inspect` without `--count` finds.

use super::scratch::Scratch;
use crate::dataset::manifest::Damage;
use crate::error::Result;
use crate::shown::shown_path;
use crate::trace::belong::recordings;
use crate::trace::check::check;
use crate::trace::reader::{Reader, ReaderChoice};
use crate::trace::select::Selection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How many events a recording has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Count {
    /// Its folder.
    #[serde(serialize_with = "crate::shown::serialize_path")]
    pub path: PathBuf,
    /// Number of events.
    pub events: u64,
    /// The same by the tracer's names of events; those of which there are none are not here.
    pub by_name: BTreeMap<String, u64>,
    /// Streams that could not be read to their ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
}

/// Counts the selected events of the traces below `paths` with the reader of `choice`. A stream that breaks is counted up
/// to there.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where there is no trace or one cannot be opened.
pub(crate) fn count_events(
    paths: &[PathBuf],
    choice: ReaderChoice,
    selection: &Selection,
) -> Result<Vec<Count>> {
    let mut counts = Vec::new();
    for mut recording in recordings(paths)? {
        let scratch = Scratch::new(choice)?;
        let checked = check(&mut recording, true, scratch.path())?;
        let reader = Reader::open(choice, checked, true, selection.clone())?;
        let classes = reader.classes().iter();
        let names: Vec<String> = classes.map(|c| c.full_name.clone()).collect();
        let mut by_name = BTreeMap::new();
        let (events, damage) = reader.count()?;
        for (name, events) in names.into_iter().zip(events) {
            if events > 0 {
                *by_name.entry(name).or_insert(0) += events;
            }
        }
        counts.push(Count {
            path: recording.root,
            events: by_name.values().sum(),
            by_name,
            damage: damage.iter().map(Damage::from).collect(),
        });
    }
    Ok(counts)
}

/// A line for each recording: the number and the folder.
pub(crate) fn count_text(counts: &[Count]) -> String {
    let line = |count: &Count| format!("{}\t{}\n", count.events, shown_path(&count.path));
    counts.iter().map(line).collect()
}
