//! From traces to a dataset: joins reading, cutting, columns and files. The only place that knows the whole way.
//!
//! ```text
//! reader (this thread) ──batches──► pairing, rule, `events` (thread) ──what ended──► `requests`, `downstream` (thread)
//! ```
//!
//! Batches go through channels that hold only a few, so memory does not grow with the trace.

mod append;
mod assemble;
mod continued;
mod described;
mod open;
mod options;
mod pipeline;
mod plan;
mod progress;
mod worker;

use crate::dataset::manifest::Manifest;
use crate::dataset::staging::Staging;
use crate::error::{Error, Result};
use crate::trace::reader::Reader;
pub use crate::trace::reader::ReaderChoice;
pub use crate::trace::select::Selection;
use append::Old;
use continued::{Found, find_all};
use described::Described;
pub use open::MAX_COLUMNS;
use open::{open_all, trace_id};
pub use options::IngestOptions;
use plan::{Ingested, Plan};
pub use progress::{Control, Progress};
use std::path::PathBuf;

/// Makes a dataset, or appends to one.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read and [`Error::Damaged`] for streams (both with a place),
/// [`Error::Usage`] for a target that must not be replaced, [`Error::Io`] and [`Error::Columns`] where files cannot be
/// written, [`Error::Interrupted`]. After an error the target is as it was before.
pub fn ingest(mut options: IngestOptions, control: &mut Control) -> Result<Manifest> {
    options.selection.needed = options::needed();
    options.check_labels()?;
    let old = match options.append {
        true => Some(Old::open(&options.output, &options)?),
        false => None,
    };
    let mut found = find_all(&options, old.as_ref())?;
    let described = described::all(&found, &options, old.as_ref())?;
    let staging = Staging::begin(&options.output, options.force || options.append)?;
    let copies = staging.create_dir("checks")?;
    let opened = open_all(&mut found, &options, old.as_ref(), &copies)?;
    let plan = Plan::new(options, opened.layout);
    let waiting = Waiting {
        found: &found,
        described: &described,
        readers: opened.readers,
        bytes: opened.bytes,
    };
    let (ingested, scratches) = read_all(&plan, old.as_ref(), waiting, &staging, control)?;
    std::fs::remove_dir_all(&copies).map_err(Error::io("remove", &copies))?;
    let manifest =
        assemble::assemble(&plan, &staging, ingested, old.as_ref().map(|o| &o.manifest))?;
    for scratch in scratches {
        std::fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))?;
    }
    manifest.write(staging.dir())?;
    if let Some(old) = &old {
        old.check_unchanged()?;
    }
    staging.commit()?;
    Ok(manifest)
}

/// Recordings that wait to be read.
struct Waiting<'a> {
    found: &'a [Found],
    described: &'a [Described],
    readers: Vec<Reader>,
    bytes: u64,
}

/// Reads all recordings, one after the other, into parts; gives those of the `old` dataset too, each in its place, and the
/// folders that hold parts.
fn read_all(
    plan: &Plan,
    old: Option<&Old>,
    waiting: Waiting,
    staging: &Staging,
    control: &mut Control,
) -> Result<(Vec<Ingested>, Vec<PathBuf>)> {
    let replaced: Vec<usize> = waiting.found.iter().filter_map(|f| f.replaces).collect();
    let mut ingested = match old {
        Some(old) => old.recordings(plan, &replaced)?,
        None => Vec::new(),
    };
    let mut ids = old.map(Old::trace_ids).unwrap_or_default();
    let mut progress = Progress {
        total_bytes: waiting.bytes,
        ..Progress::default()
    };
    let mut scratches = Vec::new();
    let recordings = waiting.found.iter().zip(waiting.described);
    for (number, (reader, (found, described))) in
        waiting.readers.into_iter().zip(recordings).enumerate()
    {
        let trace_id = match (old, found.replaces) {
            (Some(old), Some(place)) => old.manifest.recordings[place].trace_id.clone(),
            _ => trace_id(&reader, &found.recording, &mut ids)?,
        };
        let scratch = staging.create_dir(&format!("parts-{number}"))?;
        let task = pipeline::Task {
            reader,
            trace_id: &trace_id,
            recording: &found.recording,
            described,
        };
        let done = pipeline::run(plan, task, &scratch, control, &mut progress)?;
        match found.replaces {
            Some(place) => ingested[place] = Some(done),
            None => ingested.push(Some(done)),
        }
        scratches.push(scratch);
    }
    let ingested = ingested.into_iter();
    let ingested = ingested.map(|i| i.expect("what is replaced was read"));
    Ok((ingested.collect(), scratches))
}
