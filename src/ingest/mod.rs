//! From traces to a dataset: joins reading, cutting, columns and files. The only place that knows the whole way.
//!
//! ```text
//! traces ──find, check, open──► recordings ──jobs, pipeline──► parts of each ──assemble──► tables, manifest
//! ```

mod abreast;
mod append;
mod assemble;
mod continued;
mod described;
mod jobs;
mod open;
mod options;
mod pipeline;
mod plan;
mod progress;
mod shares;
mod worker;
mod writing;

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
use pipeline::{About, Task};
use plan::{Ingested, Plan};
pub use progress::{Control, Progress};
use shares::Machine;
use std::path::PathBuf;

/// Makes a dataset, or appends to one.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read and [`Error::Damaged`] for streams (both with a place),
/// [`Error::Usage`] for a target that must not be replaced, [`Error::Io`] and [`Error::Columns`] where files cannot be
/// written, [`Error::Interrupted`]. After an error the target is as it was before.
pub fn ingest(options: IngestOptions, control: &mut Control) -> Result<Manifest> {
    ingest_on(Machine::here(), options, control)
}

/// The same with what `machine` has.
fn ingest_on(
    machine: Machine,
    mut options: IngestOptions,
    control: &mut Control,
) -> Result<Manifest> {
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
    let at_once = machine.at_once(options.jobs, found.len());
    let plan = Plan::new(options, opened.layout, machine.threads(at_once));
    let waiting = Waiting {
        found: &found,
        described: &described,
        readers: opened.readers,
        bytes: opened.bytes,
        at_once,
    };
    let (ingested, scratches) = read_all(&plan, old.as_ref(), waiting, &staging, control)?;
    std::fs::remove_dir_all(&copies).map_err(Error::io("remove", &copies))?;
    let before = old.as_ref().map(|o| &o.manifest);
    let manifest = assemble::assemble(&plan, &staging, ingested, before, machine.joining())?;
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
    /// How many are read at the same time.
    at_once: usize,
}

/// Reads all recordings into parts; gives those of the `old` dataset too, each in its place, and the folders that hold
/// parts.
fn read_all(
    plan: &Plan,
    old: Option<&Old>,
    waiting: Waiting,
    staging: &Staging,
    control: &mut Control,
) -> Result<(Vec<Ingested>, Vec<PathBuf>)> {
    let found = waiting.found;
    let replaced: Vec<usize> = found.iter().filter_map(|f| f.replaces).collect();
    let mut ingested = match old {
        Some(old) => old.recordings(plan, &replaced)?,
        None => Vec::new(),
    };
    let mut ids = old.map(Old::trace_ids).unwrap_or_default();
    let mut tasks = Vec::new();
    let recordings = found.iter().zip(waiting.described);
    for (number, (reader, (found, described))) in
        waiting.readers.into_iter().zip(recordings).enumerate()
    {
        let trace_id = match (old, found.replaces) {
            (Some(old), Some(place)) => old.manifest.recordings[place].trace_id.clone(),
            _ => trace_id(&reader, &found.recording, &mut ids)?,
        };
        let about = About {
            trace_id,
            recording: &found.recording,
            described,
            scratch: staging.create_dir(&format!("parts-{number}"))?,
        };
        tasks.push(Task { reader, about });
    }
    let scratches = tasks.iter().map(|t| t.about.scratch.clone()).collect();
    let all = jobs::read_all(plan, tasks, waiting.at_once, waiting.bytes, control)?;
    for (found, done) in found.iter().zip(all) {
        match found.replaces {
            Some(place) => ingested[place] = Some(done),
            None => ingested.push(Some(done)),
        }
    }
    let ingested = ingested.into_iter();
    let ingested = ingested.map(|i| i.expect("what is replaced was read"));
    Ok((ingested.collect(), scratches))
}

#[cfg(test)]
mod tests;
