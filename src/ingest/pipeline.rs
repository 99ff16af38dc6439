//! Reads one recording through: four threads, and channels of a few batches between them.
//!
//! ```text
//! reader (this thread) ──► `events`: pairing, rule ──► `columns`: the table events
//!                                      └──what ended──► `requests`: requests, downstream, links
//! ```

use super::plan::{Ingested, Plan};
use super::task::Task;
use super::worker::{Ended, Worked, Worker};
use super::writing::{Tables, Written, columns, requests};
use crate::calls::PairedBatch;
use crate::columns::parquet::part::Part;
use crate::columns::tables::events::EventsUsage;
use crate::columns::tables::losses;
use crate::dataset::fingerprint::fingerprints;
use crate::dataset::manifest::{Damage, Recording, sum_losses};
use crate::dataset::tables;
use crate::error::Result;
use crate::label_spans::LabelSpan;
use crate::process::threads::{joined, spawn_scoped};
use crate::shown::path_text;
use crate::trace::check::Checked;
use crate::trace::event::{EventClass, Loss};
use crate::trace::find;
use crate::trace::reader::Reader;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Events of a batch.
const BATCH: usize = 4 * 1024;
/// Batches that wait for the thread `events`.
const WAITING: usize = 2;
/// Batches that wait for the thread `columns`.
const OBSERVED_WAITING: usize = 2;
/// Batches of what has ended that wait to be written: as many as come while a row group of `requests` is written, lest
/// everything wait for it.
const ENDED_WAITING: usize = 64;

/// How far a recording is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    pub events: u64,
    /// About how many bytes of its streams that is.
    pub bytes: u64,
}

/// Reads a recording into parts. After every batch `tell` is told how far that is; its error stops it.
///
/// # Errors
/// As [`super::ingest`], and those of `tell`.
pub(super) fn run(
    plan: &Plan,
    mut task: Task,
    tell: &mut dyn FnMut(Read) -> Result<()>,
) -> Result<Ingested> {
    task.reader.decode_with(plan.threads.decode);
    let classes = Arc::new(task.reader.classes().to_vec());
    tell(Read::default())?;
    let begun = begun(&mut task.reader)?;
    let labels = task.about.labels.resolved(begun.first)?;
    let Tables { events, others } = Tables::new(plan, &task.about, &labels, &classes)?;
    let worker = Worker::new(plan, &classes);
    let reader = &mut task.reader;
    let (read, worked, filled, written) = thread::scope(|scope| -> Result<_> {
        let (full, batches) = sync_channel::<PairedBatch>(WAITING);
        let (observed, observed_in) = sync_channel::<PairedBatch>(OBSERVED_WAITING);
        let (empty, spent) = sync_channel::<PairedBatch>(WAITING + OBSERVED_WAITING + 3);
        let (ended, ended_in) = sync_channel::<Ended>(ENDED_WAITING);
        // All before anything is read: where one cannot be had, what the others wait for is dropped here.
        let writer = spawn_scoped(scope, "requests", move || requests(others, ended_in))?;
        let fill = move || columns(events, observed_in, empty);
        let filler = spawn_scoped(scope, "columns", fill)?;
        let work = move || worker.run(batches, observed, ended);
        let worker = spawn_scoped(scope, "events", work)?;
        let read = read(reader, begun, full, spent, tell);
        Ok((read, joined(worker), joined(filler), joined(writer)))
    })?;
    // A thread that stops makes the ones before it stop: its error is the cause.
    let written = written?;
    let events = filled?;
    read?;
    let spans = labels.ended(worked.times.map(|times| times.1))?;
    ingested(plan, &task, classes, (worked, spans), events, written)
}

/// What came out of a recording that was read through.
fn ingested(
    plan: &Plan,
    task: &Task,
    classes: Arc<Vec<EventClass>>,
    (worked, spans): (Worked, Vec<LabelSpan>),
    events: (Vec<Part>, EventsUsage),
    written: Written,
) -> Result<Ingested> {
    let (reader, about) = (&task.reader, &task.about);
    let (trace_id, recording) = (&about.trace_id, &about.recording);
    let (described, scratch) = (&about.described, &about.scratch);
    let Written {
        requests,
        downstream,
        links,
        access_log,
    } = written;
    let root = path_text(&recording.root);
    let losses = losses_below(&root, worked.losses);
    let part = losses::write(
        scratch.join(tables::LOSSES),
        &plan.contracts.losses,
        trace_id,
        &losses,
        &plan.properties,
    )?;
    Ok(Ingested {
        recording: Recording {
            trace_id: trace_id.clone(),
            label: described.label.clone(),
            spans,
            path: root,
            folders: folders(recording),
            first_ns: worked.times.map(|t| t.0),
            last_ns: worked.times.map(|t| t.1),
            events: events.1.events as u64,
            requests: requests.1.requests as u64,
            incomplete_requests: worked.incomplete,
            reader: reader.name(),
            sources: reader.sources(),
            losses: sum_losses(&losses),
            derived: reader.derived(),
            damage: reader.damage().iter().map(Damage::from).collect(),
            fingerprints: Some(fingerprints(reader.checked())?),
            recorded: described.recorded.clone(),
            access_log,
            classes: None,
        },
        events,
        requests,
        downstream,
        losses: part.into_iter().collect(),
        links,
        classes,
    })
}

/// Losses in the order of time, with streams named from the folder `root` on.
fn losses_below(root: &str, mut losses: Vec<Loss>) -> Vec<Loss> {
    for loss in &mut losses {
        let path = Path::new(&loss.stream);
        loss.stream = path_text(path.strip_prefix(root).unwrap_or(path));
    }
    // A loss that a packet hides is told by a later one.
    losses.sort_by_key(|loss| loss.begin);
    losses
}

/// The folders of a recording that was put together from several.
fn folders(recording: &find::Recording) -> Vec<String> {
    match &recording.parts[..] {
        [_] => Vec::new(),
        several => several.iter().map(|p| path_text(&p.folder)).collect(),
    }
}

/// A recording whose first batches are read, up to its first event.
struct Begun {
    batches: Vec<PairedBatch>,
    /// The time of the first event; none where there is no event.
    first: Option<i64>,
}

/// Begins to read: by the first event goes to which times labels of parts of the recording come.
fn begun(reader: &mut Reader) -> Result<Begun> {
    let mut batches = Vec::new();
    while let Some(batch) = next(reader, PairedBatch::default())? {
        let first = batch.events.heads.first().map(|head| head.timestamp);
        batches.push(batch);
        if first.is_some() {
            return Ok(Begun { batches, first });
        }
    }
    Ok(Begun {
        batches,
        first: None,
    })
}

/// The next batch, in the place of one that was spent; nothing at the end.
fn next(reader: &mut Reader, mut batch: PairedBatch) -> Result<Option<PairedBatch>> {
    Ok(reader.next(BATCH, &mut batch.events)?.then_some(batch))
}

/// This thread: reads batches and sends them on, after those of what has `begun`.
fn read(
    reader: &mut Reader,
    begun: Begun,
    full: SyncSender<PairedBatch>,
    spent: Receiver<PairedBatch>,
    tell: &mut dyn FnMut(Read) -> Result<()>,
) -> Result<()> {
    let mut so_far = Read::default();
    let mut first = begun.batches.into_iter();
    loop {
        let batch = match first.next() {
            None => next(reader, spent.try_recv().unwrap_or_default())?,
            batch => batch,
        };
        let Some(batch) = batch else {
            so_far.bytes = reader.checked().bytes;
            return tell(so_far);
        };
        so_far.events += batch.events.heads.len() as u64;
        if let Some(last) = batch.events.heads.last() {
            so_far.bytes = bytes_until(reader.checked(), last.timestamp);
        }
        if full.send(batch).is_err() {
            // The next thread has stopped, with an error that is reported.
            return Ok(());
        }
        tell(so_far)?;
    }
}

/// About how many bytes of the streams lie before `timestamp`.
fn bytes_until(checked: &Checked, timestamp: i64) -> u64 {
    let Some((begin, end)) = checked.span.filter(|(begin, end)| begin < end) else {
        return 0;
    };
    let part = (timestamp.clamp(begin, end) - begin) as f64 / (end - begin) as f64;
    (part * checked.bytes as f64) as u64
}
