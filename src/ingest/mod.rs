//! From traces to a dataset: joins reading, cutting, columns and files. The only place that knows the whole way.
//!
//! ```text
//! reader (this thread) ──batches──► pairing, rule, `events` (thread) ──ended requests──► `requests` (thread)
//! ```
//!
//! Batches go through channels that hold only a few, so memory does not grow with the trace.

mod pipeline;

use crate::columns::contract::{self, Contract};
use crate::columns::describe::described;
use crate::columns::events::{EventsUsage, Layout, Plans};
use crate::columns::join::{Target, join};
use crate::columns::losses;
use crate::columns::parquet::{Part, key_values, properties};
use crate::columns::requests::{Common, RequestsUsage};
use crate::columns::values::Usage;
use crate::dataset::manifest::{
    Damage, FORMAT_VERSION, Manifest, Recording, StreamLoss, TableFiles, Tool, describe_file,
    sum_losses,
};
use crate::dataset::staging::Staging;
use crate::error::{Error, Result};
use crate::requests::connection;
use crate::trace::babeltrace::Reader;
use crate::trace::check::check;
use crate::trace::event::{EventClass, Loss};
use crate::trace::find::{self, recordings};
use arrow::datatypes::{Fields, Schema};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What to make of which traces.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folders to look for traces in.
    pub traces: Vec<PathBuf>,
    /// The dataset's folder.
    pub output: PathBuf,
    /// Whether a dataset at `output` is replaced.
    pub force: bool,
    /// Compression of the Parquet files, and how the user wrote it.
    pub compression: (Compression, String),
    /// The label of the recordings.
    pub label: Option<String>,
    /// How requests are cut.
    pub rule: connection::Options,
    /// Whether nested events carry their arguments.
    pub request_args: bool,
    /// Whether to keep what comes before a damage instead of failing.
    pub keep_going: bool,
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
    losses: Contract,
}

/// A recording that was read: what came out, as parts.
struct Ingested {
    trace_id: String,
    root: PathBuf,
    classes: Arc<Vec<EventClass>>,
    events: (Vec<Part>, EventsUsage),
    requests: (Vec<Part>, RequestsUsage),
    incomplete: u64,
    losses: Vec<Loss>,
    times: Option<(i64, i64)>,
    sources: Vec<crate::trace::Source>,
    damage: Vec<Damage>,
}

/// Makes a dataset.
///
/// # Errors
/// [`Error::Input`] for traces that cannot be read (with a place), [`Error::Usage`] for a target that must not be
/// replaced, [`Error::Io`] and [`Error::Columns`] where files cannot be written, [`Error::Interrupted`]. After an
/// error the target is as it was before.
pub fn ingest(options: Options, control: &mut Control) -> Result<Manifest> {
    let recordings = recordings(&options.traces)?;
    let staging = Staging::begin(&options.output, options.force)?;
    let checks = staging.create_dir("checks")?;
    let (first, layout, total_bytes) = open_all(&recordings, options.keep_going, &checks)?;
    let plan = Plan {
        layout: Arc::new(layout),
        contracts: Contracts {
            events: contract::events(),
            requests: contract::requests(),
            losses: contract::losses(),
        },
        properties: properties(options.compression.0),
        options,
    };
    let mut ids = BTreeSet::new();
    let mut progress = Progress {
        total_bytes,
        ..Progress::default()
    };
    let mut ingested = Vec::new();
    let mut first = Some(first);
    for (number, recording) in recordings.iter().enumerate() {
        let reader = match first.take() {
            Some(reader) => reader,
            None => open(
                recording,
                plan.options.keep_going,
                &checks.join(format!("{number}-again")),
            )?,
        };
        let trace_id = trace_id(&reader, recording, &mut ids);
        let scratch = staging.create_dir(&format!("parts-{number}"))?;
        let done = pipeline::run(
            &plan,
            reader,
            &trace_id,
            recording,
            &scratch,
            control,
            &mut progress,
        )?;
        ingested.push((done, scratch));
    }
    std::fs::remove_dir_all(&checks).map_err(Error::io("remove", &checks))?;
    let manifest = assemble(&plan, &staging, ingested)?;
    manifest.write(staging.dir())?;
    staging.commit()?;
    Ok(manifest)
}

/// Opens all recordings, for the layout of their classes together and the bytes of their
/// streams; keeps the first open. Copies of damaged traces go to
/// folders in `checks`.
fn open_all(
    recordings: &[find::Recording],
    keep_going: bool,
    checks: &Path,
) -> Result<(Reader, Layout, u64)> {
    let first = open(&recordings[0], keep_going, &checks.join("0"))?;
    let mut classes = first.classes().to_vec();
    let mut bytes = first.checked().bytes;
    for (number, recording) in recordings.iter().enumerate().skip(1) {
        let reader = open(recording, keep_going, &checks.join(number.to_string()))?;
        classes.extend_from_slice(reader.classes());
        bytes += reader.checked().bytes;
    }
    let layout = Layout::new(classes.iter());
    Ok((first, layout, bytes))
}

fn open(recording: &find::Recording, keep_going: bool, scratch: &Path) -> Result<Reader> {
    std::fs::create_dir(scratch).map_err(Error::io("create", scratch))?;
    Reader::open(check(recording, keep_going, scratch)?, keep_going)
}

/// The recording's name in the tables: the UUID of its first trace, else its folder's name; made unique by a number.
fn trace_id(reader: &Reader, recording: &find::Recording, ids: &mut BTreeSet<String>) -> String {
    let uuid = reader.sources().into_iter().find_map(|s| s.uuid);
    let folder = || {
        let real = recording
            .root
            .canonicalize()
            .unwrap_or_else(|_| recording.root.clone());
        let name = real.file_name().map(|n| n.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "trace".to_owned())
    };
    let base = uuid.unwrap_or_else(folder);
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let id = std::iter::once(base.clone())
        .chain(numbered)
        .find(|id| !ids.contains(id));
    let id = id.expect("there is always another number");
    ids.insert(id.clone());
    id
}

/// Joins the parts of all recordings into tables of one schema each, and describes the result.
fn assemble(
    plan: &Plan,
    staging: &Staging,
    ingested: Vec<(Ingested, PathBuf)>,
) -> Result<Manifest> {
    let dirs = ["events", "requests", "losses"].map(|table| staging.create_dir(table));
    let [events_dir, requests_dir, losses_dir] = dirs;
    let (events_dir, requests_dir, losses_dir) = (events_dir?, requests_dir?, losses_dir?);
    let all: Vec<&Ingested> = ingested.iter().map(|(i, _)| i).collect();
    let events_schema = events_schema(plan, &all);
    let requests_schema = requests_schema(plan, &all);
    let losses_schema = losses::schema(&plan.contracts.losses);
    let mut files: [Vec<PathBuf>; 3] = Default::default();
    for (done, scratch) in &ingested {
        let table = |dir, schema, donors| Target {
            dir,
            name: "part",
            schema,
            properties: &plan.properties,
            metadata: key_values(&[("sysds:trace_id", &done.trace_id)]),
            donors,
        };
        let target = table(&events_dir, &events_schema, &[]);
        files[0].extend(join(&done.events.0, files[0].len(), &target)?);
        let target = table(
            &requests_dir,
            &requests_schema,
            &["events.list.element.event_id"],
        );
        files[1].extend(join(&done.requests.0, files[1].len(), &target)?);
        let part = losses::write(
            &scratch.join("losses"),
            &plan.contracts.losses,
            &done.trace_id,
            &done.losses,
            &plan.properties,
        )?;
        let target = table(&losses_dir, &losses_schema, &[]);
        files[2].extend(join(part.as_slice(), files[2].len(), &target)?);
        std::fs::remove_dir_all(scratch).map_err(Error::io("remove", scratch))?;
    }
    let mut tables = BTreeMap::new();
    for (name, files) in ["events", "requests", "losses"].into_iter().zip(&files) {
        tables.insert(name.to_owned(), table_files(staging.dir(), files)?);
    }
    Ok(manifest(
        plan,
        ingested.into_iter().map(|(i, _)| i).collect(),
        tables,
    ))
}

fn table_files(root: &Path, files: &[PathBuf]) -> Result<TableFiles> {
    let files = files
        .iter()
        .map(|f| describe_file(root, f))
        .collect::<Result<Vec<_>>>()?;
    Ok(TableFiles {
        rows: files.iter().map(|f| f.rows).sum(),
        bytes: files.iter().map(|f| f.bytes).sum(),
        files,
    })
}

fn events_schema(plan: &Plan, all: &[&Ingested]) -> Schema {
    let occurring = || {
        let pairs = all.iter().map(|i| (&i.classes, &i.events.1.classes));
        pairs.flat_map(|(classes, used)| occurring(classes, used))
    };
    let classes: Vec<&EventClass> = occurring().collect();
    let args = merged(all.iter().map(|i| &i.events.1.args));
    let context = merged(all.iter().map(|i| &i.events.1.context));
    let classes = classes.into_iter();
    let mut structs = HashMap::new();
    let columns = [
        ("args", &plan.layout.args, args),
        ("context", &plan.layout.context, context),
    ];
    for (name, columns, usage) in columns {
        let fields = described(columns, &usage, classes.clone(), name == "args");
        insert(&mut structs, name, fields);
    }
    Schema::new(plan.contracts.events.fields(&structs))
}

fn requests_schema(plan: &Plan, all: &[&Ingested]) -> Schema {
    let pairs = all.iter().map(|i| (&i.classes, &i.requests.1.classes));
    let classes: Vec<&EventClass> = pairs.flat_map(|(c, used)| occurring(c, used)).collect();
    let args = merged(all.iter().map(|i| &i.requests.1.args));
    let mut structs = HashMap::new();
    if plan.options.request_args {
        let fields = described(&plan.layout.args, &args, classes.into_iter(), true);
        insert(&mut structs, "args", fields);
    }
    Schema::new(plan.contracts.requests.fields(&structs))
}

/// Gives a structure its fields; one without fields is left out, because Parquet has no such.
fn insert(structs: &mut HashMap<String, Fields>, name: &str, fields: Fields) {
    if !fields.is_empty() {
        structs.insert(name.to_owned(), fields);
    }
}

fn occurring<'a>(
    classes: &'a Arc<Vec<EventClass>>,
    used: &'a [bool],
) -> impl Iterator<Item = &'a EventClass> {
    classes
        .iter()
        .zip(used)
        .filter(|(_, used)| **used)
        .map(|(class, _)| class)
}

/// What is used in any of several usages of the same columns.
fn merged<'a>(mut all: impl Iterator<Item = &'a Vec<Usage>>) -> Vec<Usage> {
    let mut sum = all.next().cloned().unwrap_or_default();
    all.for_each(|usage| merge(&mut sum, usage));
    sum
}

fn merge(sum: &mut [Usage], other: &[Usage]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        sum.main |= other.main;
        sum.sibling |= other.sibling;
        merge(&mut sum.members, &other.members);
    }
}

fn manifest(plan: &Plan, all: Vec<Ingested>, tables: BTreeMap<String, TableFiles>) -> Manifest {
    let options = &plan.options;
    let recordings: Vec<Recording> = all.iter().map(|i| recording(options, i)).collect();
    let sum =
        |get: fn(&StreamLoss) -> u64| recordings.iter().flat_map(|r| &r.losses).map(get).sum();
    Manifest {
        format_version: FORMAT_VERSION,
        tool: Tool {
            name: "sysds".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reader: format!("babeltrace2 {}", crate::trace::babeltrace::version()),
        },
        created: now(),
        options: BTreeMap::from([
            ("requests".to_owned(), "connection".into()),
            (
                "end".to_owned(),
                if options.rule.end_at_shutdown {
                    "shutdown"
                } else {
                    "close"
                }
                .into(),
            ),
            ("server".to_owned(), options.rule.server.clone().into()),
            (
                "max_request_events".to_owned(),
                options.rule.max_nested.into(),
            ),
            (
                "request_args".to_owned(),
                if options.request_args {
                    "struct"
                } else {
                    "none"
                }
                .into(),
            ),
            (
                "compression".to_owned(),
                options.compression.1.clone().into(),
            ),
            ("keep_going".to_owned(), options.keep_going.into()),
        ]),
        events: all.iter().map(|i| i.events.1.events as u64).sum(),
        requests: all.iter().map(|i| i.requests.1.requests as u64).sum(),
        incomplete_requests: all.iter().map(|i| i.incomplete).sum(),
        discarded_events: sum(|l| l.discarded_events),
        discarded_packets: sum(|l| l.discarded_packets),
        damaged: all.iter().any(|i| !i.damage.is_empty()),
        recordings,
        tables,
    }
}

fn recording(options: &Options, done: &Ingested) -> Recording {
    Recording {
        trace_id: done.trace_id.clone(),
        label: options.label.clone(),
        path: done.root.display().to_string(),
        first_ns: done.times.map(|t| t.0),
        last_ns: done.times.map(|t| t.1),
        events: done.events.1.events as u64,
        requests: done.requests.1.requests as u64,
        sources: done.sources.clone(),
        losses: sum_losses(&done.losses),
        damage: done.damage.clone(),
    }
}

/// The time, UTC, RFC 3339.
fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |d| d.as_secs() as i64);
    let date = arrow::temporal_conversions::timestamp_s_to_datetime(seconds);
    date.map_or_else(String::new, |d| {
        format!("{}Z", d.format("%Y-%m-%dT%H:%M:%S"))
    })
}

impl Plan {
    fn common(&self, trace_id: &str) -> Common {
        Common {
            trace_id: trace_id.to_owned(),
            label: self.options.label.clone(),
            rule: "connection",
            with_args: self.options.request_args,
        }
    }

    fn plans(&self, classes: &[EventClass]) -> Plans {
        Plans::new(classes, &self.layout, &self.contracts.events)
    }
}
