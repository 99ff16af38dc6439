//! Reads one recording through: three threads, and channels of a few batches between them.

use super::described::Described;
use super::plan::{Ingested, Plan};
use super::progress::{Control, Progress};
use super::worker::{Ended, Worked, Worker};
use crate::columns::parquet::part::Part;
use crate::columns::tables::downstream::DownstreamTable;
use crate::columns::tables::events::EventsTable;
use crate::columns::tables::links::{EventLinks, LinkWriter};
use crate::columns::tables::losses;
use crate::columns::tables::requests::{RequestsTable, RequestsUsage};
use crate::dataset::fingerprint::fingerprints;
use crate::dataset::manifest::{Damage, Recording, sum_losses};
use crate::dataset::tables;
use crate::error::{Error, Result};
use crate::process::threads::{joined, spawn_scoped};
use crate::shown::path_text;
use crate::trace::check::Checked;
use crate::trace::event::{EventBatch, EventClass, Loss};
use crate::trace::find;
use crate::trace::reader::Reader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Events of a batch.
const BATCH: usize = 4 * 1024;
/// Batches that wait between two threads.
const WAITING: usize = 2;
/// Batches of what has ended that wait to be written: as many as come while a row group of `requests` is written, lest
/// everything wait for it.
const ENDED_WAITING: usize = 64;

/// A recording to read.
pub(super) struct Task<'a> {
    pub reader: Reader,
    pub trace_id: &'a str,
    pub recording: &'a find::Recording,
    pub described: &'a Described,
}

/// The tables of a recording, which its threads fill.
struct Tables {
    events: EventsTable,
    requests: RequestsTable,
    downstream: DownstreamTable,
    links: Links,
}

/// The links of events, which the thread of `requests` writes.
struct Links {
    requests: LinkWriter,
    services: LinkWriter,
}

/// Reads a recording into parts in `scratch`.
///
/// # Errors
/// As [`super::ingest`].
pub(super) fn run(
    plan: &Plan,
    mut task: Task,
    scratch: &Path,
    control: &mut Control,
    progress: &mut Progress,
) -> Result<Ingested> {
    let classes = Arc::new(task.reader.classes().to_vec());
    let tables = Tables::new(plan, &task, &classes, scratch)?;
    let worker = Worker::new(plan, &classes, tables.events);
    let (requests, downstream, links) = (tables.requests, tables.downstream, tables.links);
    let (read, worked, written) = thread::scope(|scope| -> Result<_> {
        let (full, batches) = sync_channel::<EventBatch>(WAITING);
        let (empty, spent) = sync_channel::<EventBatch>(WAITING + 2);
        let (ended, ended_in) = sync_channel::<Ended>(ENDED_WAITING);
        // Both before anything is read: where one cannot be had, what the other waits for is dropped here.
        let write = move || write(requests, downstream, links, ended_in);
        let writer = spawn_scoped(scope, "requests", write)?;
        let work = move || worker.run(batches, empty, ended);
        let worker = spawn_scoped(scope, "events", work)?;
        let read = read(&mut task.reader, full, spent, control, progress);
        Ok((read, joined(worker), joined(writer)))
    })?;
    // A thread that stops makes the ones before it stop: its error is the cause.
    let written = written?;
    let worked = worked?;
    read?;
    ingested(plan, &task, classes, worked, written, scratch)
}

impl Tables {
    fn new(
        plan: &Plan,
        task: &Task,
        classes: &Arc<Vec<EventClass>>,
        scratch: &Path,
    ) -> Result<Self> {
        let plans = Arc::new(plan.plans(classes));
        let folder = |name: &str| {
            let dir = scratch.join(name);
            std::fs::create_dir(&dir)
                .map_err(Error::io("create", &dir))
                .map(|()| dir)
        };
        let events = EventsTable::new(
            folder(tables::EVENTS)?,
            (task.trace_id, task.described.label.as_deref()),
            &plan.contracts.events,
            Arc::clone(&plan.layout),
            Arc::clone(&plans),
            Arc::clone(&plan.of_events),
        )?;
        let requests = RequestsTable::new(
            folder(tables::REQUESTS)?,
            &plan.contracts.requests,
            &plan.common(task.trace_id, task.described.label.as_ref()),
            Arc::clone(classes),
            Arc::clone(&plan.layout),
            plans,
            Arc::clone(&plan.properties),
        )?;
        let downstream = DownstreamTable::new(
            folder(tables::DOWNSTREAM)?,
            &plan.contracts.downstream,
            task.trace_id,
            Arc::clone(&plan.properties),
        )?;
        let links = Links {
            requests: LinkWriter::new(folder("request_id")?),
            services: LinkWriter::new(folder("service_id")?),
        };
        Ok(Tables {
            events,
            requests,
            downstream,
            links,
        })
    }
}

/// What came out of a recording that was read through.
fn ingested(
    plan: &Plan,
    task: &Task,
    classes: Arc<Vec<EventClass>>,
    worked: Worked,
    (requests, downstream, links): Written,
    scratch: &Path,
) -> Result<Ingested> {
    let Task {
        reader,
        trace_id,
        recording,
        described,
    } = task;
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
            trace_id: (*trace_id).to_owned(),
            label: described.label.clone(),
            path: root,
            folders: folders(recording),
            first_ns: worked.times.map(|t| t.0),
            last_ns: worked.times.map(|t| t.1),
            events: worked.events.1.events as u64,
            requests: requests.1.requests as u64,
            incomplete_requests: worked.incomplete,
            reader: reader.name(),
            sources: reader.sources(),
            losses: sum_losses(&losses),
            derived: reader.derived(),
            damage: reader.damage().iter().map(Damage::from).collect(),
            fingerprints: Some(fingerprints(reader.checked())?),
            recorded: described.recorded.clone(),
        },
        events: worked.events,
        requests,
        downstream,
        losses: part.into_iter().collect(),
        links: Some(links),
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

/// This thread: reads batches and sends them on.
fn read(
    reader: &mut Reader,
    full: SyncSender<EventBatch>,
    spent: Receiver<EventBatch>,
    control: &mut Control,
    progress: &mut Progress,
) -> Result<()> {
    let before = progress.bytes;
    loop {
        if control.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let mut batch = spent.try_recv().unwrap_or_default();
        if !reader.next(BATCH, &mut batch)? {
            progress.bytes = before + reader.checked().bytes;
            return Ok(());
        }
        progress.events += batch.heads.len() as u64;
        if let Some(last) = batch.heads.last() {
            progress.bytes = before + bytes_until(reader.checked(), last.timestamp);
        }
        if full.send(batch).is_err() {
            // The worker has stopped, with an error that is reported.
            return Ok(());
        }
        (control.progress)(*progress);
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

/// What the thread that writes leaves.
type Written = ((Vec<Part>, RequestsUsage), Vec<Part>, EventLinks);

/// The thread that writes `requests` and `downstream`, and notes which events belong to them.
fn write(
    mut requests: RequestsTable,
    mut downstream: DownstreamTable,
    mut links: Links,
    ended: Receiver<Ended>,
) -> Result<Written> {
    for ended in ended {
        links.add(&ended)?;
        requests.append(ended.requests)?;
        downstream.append(ended.services)?;
    }
    Ok((requests.finish()?, downstream.finish()?, links.finish()?))
}

impl Links {
    fn add(&mut self, ended: &Ended) -> Result<()> {
        for request in &ended.requests {
            let events = request.nested.iter().map(|event| event.event_id);
            self.requests.link(events, request.id)?;
        }
        for service in &ended.services {
            let events = service.of.event_ids.iter().copied();
            self.services.link(events, service.work.id)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<EventLinks> {
        Ok(EventLinks {
            requests: self.requests.finish()?,
            services: self.services.finish()?,
        })
    }
}
