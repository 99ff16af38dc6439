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
mod pipeline;

use crate::columns::contract::{self, Contract};
use crate::columns::events::{EventsUsage, Layout, Plans};
use crate::columns::layout;
use crate::columns::parquet::{Part, properties};
use crate::columns::requests::{Common, RequestsUsage};
use crate::dataset::codec::Codec;
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::staging::Staging;
use crate::error::{Error, Place, Result};
use crate::requests::{self, HTTPD_ENTER, Rule};
use crate::trace::check::check;
use crate::trace::event::EventClass;
use crate::trace::find;
pub use crate::trace::reader::Choice as ReaderChoice;
use crate::trace::reader::Reader;
pub use crate::trace::select::Selection;
use append::Old;
use continued::{Found, find_all, folder_name};
use described::Described;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Columns that a dataset's `args` and `context` may have together, with the members of structures. LTTng's kernel tracer
/// comes to some 700; each column takes memory in every thread that encodes, and every reader of the dataset reads its
/// name.
pub const MAX_COLUMNS: usize = 4096;

/// What to make of which traces.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders to look for traces in.
    pub traces: Vec<PathBuf>,
    /// The dataset's folder.
    pub output: PathBuf,
    /// Whether a dataset at `output` is replaced.
    pub force: bool,
    /// Whether the traces are appended to the dataset at `output`.
    pub append: bool,
    /// Compression of the Parquet files.
    pub codec: Codec,
    /// Labels of the recordings: none, one for all, or one for each of `traces`. A recording of `sysds record` brings its
    /// own, where none is given.
    pub labels: Vec<String>,
    /// How requests are cut.
    pub rule: requests::Options,
    /// Whether nested events carry their arguments.
    pub request_args: bool,
    /// Whether to keep what comes before a damage instead of failing.
    pub keep_going: bool,
    /// Which reader decodes the traces.
    pub reader: ReaderChoice,
    /// What of them is read.
    pub selection: Selection,
}

/// How far an ingest is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events read so far, of all recordings.
    pub events: u64,
    /// About how many bytes of the streams that is, by the time of the last event.
    pub bytes: u64,
    /// Bytes of all streams.
    pub total_bytes: u64,
}

/// The caller's hold on a running ingest.
pub struct Control<'a> {
    /// Set to stop it: it then ends with [`Error::Interrupted`].
    pub interrupted: &'a AtomicBool,
    /// Called after every batch.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// What all recordings of an ingest share.
struct Plan {
    options: Options,
    layout: Arc<Layout>,
    contracts: Contracts,
    properties: WriterProperties,
}

struct Contracts {
    events: Contract,
    requests: Contract,
    downstream: Contract,
    losses: Contract,
}

/// A recording that was read: what came out, as parts.
struct Ingested {
    recording: Recording,
    classes: Arc<Vec<EventClass>>,
    events: (Vec<Part>, EventsUsage),
    requests: (Vec<Part>, RequestsUsage),
    downstream: Vec<Part>,
    losses: Vec<Part>,
}

/// Makes a dataset, or appends to one.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read (with a place), [`Error::Usage`] for a target that must not be
/// replaced, [`Error::Io`] and [`Error::Columns`] where files cannot be written, [`Error::Interrupted`]. After an
/// error the target is as it was before.
pub fn ingest(mut options: Options, control: &mut Control) -> Result<Manifest> {
    options.selection.needed = needed();
    let (labels, traces) = (options.labels.len(), options.traces.len());
    if labels > 1 && labels != traces {
        return Err(Error::usage(
            format!("{labels} labels for {traces} traces"),
            "Give --label once for all of them, or once for each TRACE, in their order.",
        ));
    }
    let old = match options.append {
        true => Some(Old::open(&options.output, &options)?),
        false => None,
    };
    let found = find_all(&options, old.as_ref())?;
    let described = described::all(&found, &options, old.as_ref())?;
    let staging = Staging::begin(&options.output, options.force || options.append)?;
    let checks = staging.create_dir("checks")?;
    let (first, layout, total_bytes) = open_all(&found, &options, old.as_ref(), &checks)?;
    let plan = Plan {
        layout: Arc::new(layout),
        contracts: Contracts {
            events: contract::events(),
            requests: contract::requests(),
            downstream: contract::downstream(),
            losses: contract::losses(),
        },
        properties: properties(options.codec.compression()),
        options,
    };
    let replaced: Vec<usize> = found.iter().filter_map(|f| f.replaces).collect();
    let mut ingested = match &old {
        Some(old) => old.recordings(&plan, &replaced)?,
        None => Vec::new(),
    };
    let mut ids = old.as_ref().map(Old::trace_ids).unwrap_or_default();
    let mut progress = Progress {
        total_bytes,
        ..Progress::default()
    };
    let mut scratches = Vec::new();
    let mut first = Some(first);
    for (number, (found, described)) in found.iter().zip(&described).enumerate() {
        let recording = &found.recording;
        let reader = match first.take() {
            Some(reader) => reader,
            None => open(
                recording,
                &plan.options,
                &checks.join(format!("{number}-again")),
            )?,
        };
        let trace_id = match (&old, found.replaces) {
            (Some(old), Some(place)) => old.manifest.recordings[place].trace_id.clone(),
            _ => trace_id(&reader, recording, &mut ids)?,
        };
        let scratch = staging.create_dir(&format!("parts-{number}"))?;
        let done = pipeline::run(
            &plan,
            reader,
            &trace_id,
            (recording, described),
            &scratch,
            control,
            &mut progress,
        )?;
        match found.replaces {
            Some(place) => ingested[place] = Some(done),
            None => ingested.push(Some(done)),
        }
        scratches.push(scratch);
    }
    std::fs::remove_dir_all(&checks).map_err(Error::io("remove", &checks))?;
    let ingested = ingested.into_iter();
    let ingested = ingested
        .map(|i| i.expect("what is replaced was read"))
        .collect();
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

/// The payload fields that rows are made by, whether they get columns or not.
fn needed() -> Vec<String> {
    let contract = contract::events();
    let by_rules = requests::ARGUMENTS.iter().map(|name| (*name).to_owned());
    let columns = contract.fd_arguments.into_iter();
    by_rules
        .chain(columns)
        .chain(contract.path_arguments)
        .chain(std::iter::once("ret".to_owned()))
        .collect()
}

/// Opens all recordings, for the layout of their classes and those of the `old` dataset together and the bytes of their
/// streams; keeps the first open. Copies of damaged traces go to
/// folders in `checks`.
fn open_all(
    found: &[Found],
    options: &Options,
    old: Option<&Old>,
    checks: &Path,
) -> Result<(Reader, Layout, u64)> {
    let first = open(&found[0].recording, options, &checks.join("0"))?;
    let mut classes = first.classes().to_vec();
    let mut bytes = first.checked().bytes;
    for (number, found) in found.iter().enumerate().skip(1) {
        let reader = open(&found.recording, options, &checks.join(number.to_string()))?;
        classes.extend_from_slice(reader.classes());
        bytes += reader.checked().bytes;
    }
    if options.rule.rule == Rule::Httpd && !classes.iter().any(|c| c.name == HTTPD_ENTER) {
        return Err(Error::usage(
            format!("no trace here has events {HTTPD_ENTER}, which --requests httpd goes by"),
            "Trace Apache's user-space tracepoints too, or choose another rule.",
        ));
    }
    let old: Vec<&EventClass> = old.into_iter().flat_map(Old::classes).collect();
    let stores = |name: &str| options.selection.stores(name);
    let layout = Layout::new(classes.iter().chain(old), stores);
    let columns = layout::count(&layout.args) + layout::count(&layout.context);
    if columns > MAX_COLUMNS {
        return Err(Error::input(
            format!(
                "{columns} columns of args and context, more than {MAX_COLUMNS}: each field name gets one"
            ),
            Place::file(&found[0].recording.root),
            "Choose which events are read with --events GLOB, or which arguments get columns with --columns GLOB.",
        ));
    }
    Ok((first, layout, bytes))
}

fn open(recording: &find::Recording, options: &Options, scratch: &Path) -> Result<Reader> {
    std::fs::create_dir(scratch).map_err(Error::io("create", scratch))?;
    let checked = check(recording, options.keep_going, scratch)?;
    let selection = options.selection.clone();
    Reader::open(options.reader, checked, options.keep_going, selection)
}

/// The recording's name in the tables: the UUID of its first trace, else its folder's name; made unique by a number.
fn trace_id(
    reader: &Reader,
    recording: &find::Recording,
    ids: &mut BTreeSet<String>,
) -> Result<String> {
    let uuid = reader.sources().into_iter().find_map(|s| s.uuid);
    let base = uuid.map_or_else(|| folder_name(recording), Ok)?;
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let id = std::iter::once(base.clone())
        .chain(numbered)
        .find(|id| !ids.contains(id));
    let id = id.expect("there is always another number");
    ids.insert(id.clone());
    Ok(id)
}

impl Plan {
    fn common(&self, trace_id: &str, described: &Described) -> Common {
        Common {
            trace_id: trace_id.to_owned(),
            label: described.label.clone(),
            rule: self.options.rule.rule.as_str(),
            with_args: self.options.request_args,
        }
    }

    fn plans(&self, classes: &[EventClass]) -> Plans {
        Plans::new(classes, &self.layout, &self.contracts.events)
    }
}
