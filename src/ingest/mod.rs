//! From traces to a dataset: joins reading, cutting, columns and files. The only place that knows the whole way.
//!
//! ```text
//! traces ──find, check, open──► recordings ──jobs, pipeline──► parts of each ──assemble──► tables, manifest
//! ```

mod abreast;
mod append;
mod assemble;
mod continued;
mod csv;
mod described;
pub(crate) mod fleet;
mod jobs;
mod labels;
mod logged;
mod open;
mod options;
mod pipeline;
mod plan;
mod progress;
mod shares;
mod task;
mod told;
mod worker;
mod writing;

use crate::dataset::joint::JointFields;
use crate::dataset::making::Making;
use crate::dataset::manifest::{Manifest, Recording};
use crate::error::{Error, Result};
use crate::process::stop::go_on;
use crate::shown::path_text;
use crate::trace::reader::Reader;
pub use crate::trace::reader::ReaderChoice;
pub use crate::trace::select::Selection;
use append::{Appended, Old};
use assemble::Made;
use continued::{Found, Seen, find_all};
use described::Described;
pub use labels::LabelFile;
use labels::{Names, Wanted, assigned};
pub use open::MAX_COLUMNS;
use open::{open_all, trace_id};
pub use options::IngestOptions;
use plan::{Ingested, Plan};
pub use progress::{Control, Progress};
use shares::Machine;
use std::path::{Path, PathBuf};
use task::{About, Task};

/// Makes a dataset, or appends to one, which it makes where nothing is there.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read and [`Error::Damaged`] for streams (both with a place),
/// [`Error::Usage`] for a target that must not be replaced, [`Error::Io`] and [`Error::Columns`] where files cannot be
/// written, [`Error::Interrupted`]. After an error the target is as it was before.
pub fn ingest(options: IngestOptions, control: &mut Control) -> Result<Manifest> {
    ingest_on(Machine::here(), options, control)
}

/// What came of an ingest.
enum Outcome {
    /// The dataset is as its manifest says; these recordings came into it.
    Done {
        manifest: Box<Manifest>,
        recordings: Vec<Recording>,
    },
    /// The dataset that was to be appended to has all recordings already, under these names; with the error that says so.
    Already {
        trace_ids: Vec<String>,
        error: Error,
    },
}

/// The same; that a dataset which is appended to has everything already is no error.
fn ingest_unless_there(options: IngestOptions, control: &mut Control) -> Result<Outcome> {
    outcome(&Machine::here(), options, control)
}

/// Ingests with what `machine` has.
fn ingest_on(machine: Machine, options: IngestOptions, control: &mut Control) -> Result<Manifest> {
    match outcome(&machine, options, control)? {
        Outcome::Done { manifest, .. } => Ok(*manifest),
        Outcome::Already { error, .. } => Err(error),
    }
}

fn outcome(
    machine: &Machine,
    mut options: IngestOptions,
    control: &mut Control,
) -> Result<Outcome> {
    options.selection.needed = options::needed();
    options.check_labels()?;
    if !options.append {
        return ingest_new(machine, options, control);
    }
    loop {
        if let Some(outcome) = ingest_more(machine, options.clone(), control)? {
            return Ok(outcome);
        }
    }
}

/// Makes a dataset.
fn ingest_new(machine: &Machine, options: IngestOptions, control: &mut Control) -> Result<Outcome> {
    let mut found = continued::find_new(&options)?;
    let described = described::all(&found, &options, None)?;
    let making = Making::begin(&options.output, options.force)?;
    let (plan, made) = make(
        machine,
        options,
        None,
        (&mut found, &described),
        &making,
        control,
    )?;
    let fields = JointFields::of(&plan.layout.class());
    let manifest = told::of_new(&plan.options, &made, fields);
    manifest.write(making.dir())?;
    making.commit()?;
    Ok(done(manifest, made))
}

fn done(manifest: Manifest, made: Vec<Made>) -> Outcome {
    Outcome::Done {
        manifest: Box::new(manifest),
        recordings: made.into_iter().map(|made| made.recording).collect(),
    }
}

/// Appends to a dataset; gives nothing where that has to be begun again, because it has changed.
fn ingest_more(
    machine: &Machine,
    options: IngestOptions,
    control: &mut Control,
) -> Result<Option<Outcome>> {
    let old = Old::open(&options.output, &options)?;
    let mut found = match find_all(&options, &old)? {
        Seen::New(found) => found,
        Seen::Already(trace_ids, error) => {
            return Ok(Some(Outcome::Already { trace_ids, error }));
        }
    };
    let described = described::all(&found, &options, Some(&old))?;
    let making = match old.is_there() {
        true => Making::beside(&options.output)?,
        false => Making::for_nothing(&options.output)?,
    };
    let (plan, made) = make(
        machine,
        options,
        Some(&old),
        (&mut found, &described),
        &making,
        control,
    )?;
    let places: Vec<Option<usize>> = found.iter().map(|f| f.replaces).collect();
    let go_on = || go_on(control.interrupted);
    Ok(
        match append::append(old, &plan, (&made, &places), making, &go_on)? {
            Appended::Done(manifest) => Some(done(*manifest, made)),
            Appended::StartOver => None,
        },
    )
}

/// Makes the files of the recordings `found` in the folder of `making`, where nothing else is left then.
fn make(
    machine: &Machine,
    options: IngestOptions,
    old: Option<&Old>,
    (found, described): (&mut [Found], &[Described]),
    making: &Making,
    control: &mut Control,
) -> Result<(Plan, Vec<Made>)> {
    let copies = making.create_dir("checks")?;
    let opened = open_all(found, &options, old, &copies)?;
    let at_once = machine.at_once(options.jobs, found.len());
    let plan = Plan::new(options, opened.layout, machine.threads(at_once));
    old.map(|old| old.check_columns(&plan)).transpose()?;
    let first: Vec<usize> = found
        .iter()
        .map(|found| old.map_or(0, |old| old.first_file(found.replaces)))
        .collect();
    let waiting = Waiting {
        found,
        described,
        readers: opened.readers,
        bytes: opened.bytes,
        at_once,
    };
    let (ingested, scratches) = read_all(&plan, old, waiting, making, control)?;
    std::fs::remove_dir_all(&copies).map_err(Error::io("remove", &copies))?;
    let made = assemble::assemble(&plan, making, ingested, &first, machine.joining())?;
    for scratch in scratches {
        std::fs::remove_dir_all(&scratch).map_err(Error::io("remove", &scratch))?;
    }
    Ok((plan, made))
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

/// Reads all recordings into parts; gives also the folders that hold parts.
fn read_all(
    plan: &Plan,
    old: Option<&Old>,
    waiting: Waiting,
    making: &Making,
    control: &mut Control,
) -> Result<(Vec<Ingested>, Vec<PathBuf>)> {
    let names = names(old, &waiting)?;
    let labels = labels_of(plan, old, &names, &waiting)?;
    let mut tasks = Vec::new();
    let recordings = waiting.found.iter().zip(waiting.described);
    let named = names.into_iter().zip(labels);
    for (number, (reader, ((found, described), (names, labels)))) in waiting
        .readers
        .into_iter()
        .zip(recordings.zip(named))
        .enumerate()
    {
        let about = About {
            trace_id: names.trace_id,
            recording: &found.recording,
            described,
            labels,
            scratch: making.create_dir(&format!("parts-{number}"))?,
        };
        tasks.push(Task { reader, about });
    }
    let scratches = tasks.iter().map(|t| t.about.scratch.clone()).collect();
    let ingested = jobs::read_all(plan, tasks, waiting.at_once, waiting.bytes, control)?;
    Ok((ingested, scratches))
}

/// What recordings that wait are called.
fn names(old: Option<&Old>, waiting: &Waiting) -> Result<Vec<Names>> {
    let mut ids = old.map(Old::trace_ids).unwrap_or_default();
    let recordings = waiting.readers.iter().zip(waiting.found);
    let names = recordings.map(|(reader, found)| {
        let folders = found.recording.parts.iter();
        Ok(Names {
            trace_id: match (old, found.replaces) {
                (Some(old), Some(place)) => old.manifest.recordings[place].trace_id.clone(),
                _ => trace_id(reader, &found.recording, &mut ids)?,
            },
            folders: folders.map(|part| path_text(&part.folder)).collect(),
        })
    });
    names.collect()
}

/// The labels of the parts of each: those that it has in the dataset, and those that the user says.
fn labels_of(
    plan: &Plan,
    old: Option<&Old>,
    names: &[Names],
    waiting: &Waiting,
) -> Result<Vec<Wanted>> {
    let file = plan.options.label_file.as_deref();
    let lines = file.map(|file| assigned(file, names)).transpose()?;
    let mut lines = lines.into_iter().flatten();
    let recordings = waiting.readers.iter().zip(waiting.found).zip(names);
    let wanted = recordings.map(|((reader, found), names)| {
        let had = found.replaces.zip(old);
        let had = had.map(|(place, old)| old.manifest.recordings[place].spans.clone());
        let said = (
            file.map_or(Path::new(""), LabelFile::path),
            lines.next().unwrap_or_default(),
        );
        let wanted = Wanted::new(&names.trace_id, said, had.unwrap_or_default());
        wanted.check_before(reader.checked().span)?;
        Ok(wanted)
    });
    wanted.collect()
}

#[cfg(test)]
mod tests;
