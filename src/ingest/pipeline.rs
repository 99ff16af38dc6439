//! Reads one recording through: three threads, and channels of a few batches between them.

use super::{Control, Described, Ingested, Plan, Progress};
use crate::calls::{Calls, Pairing};
use crate::columns::downstream::DownstreamTable;
use crate::columns::events::EventsTable;
use crate::columns::events::EventsUsage;
use crate::columns::losses;
use crate::columns::parquet::Part;
use crate::columns::requests::{RequestsTable, RequestsUsage};
use crate::dataset::fingerprint::fingerprints;
use crate::dataset::manifest::{Damage, Recording, sum_losses};
use crate::error::{Error, Result};
use crate::process::threads::spawn_scoped;
use crate::requests::{Cutter, Observed, Request, Service};
use crate::shown::path_text;
use crate::trace::check::Checked;
use crate::trace::event::{EventBatch, EventClass, Loss};
use crate::trace::find;
use crate::trace::reader::Reader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

/// Events of a batch.
const BATCH: usize = 4 * 1024;
/// Batches that wait between two threads.
const WAITING: usize = 2;
/// Batches of what has ended that wait to be written: as many as come while a row group of `requests` is written, lest
/// everything wait for it.
const ENDED_WAITING: usize = 64;

/// Reads `recording` with `reader` into parts in `scratch`.
///
/// # Errors
/// As [`super::ingest`].
pub(super) fn run(
    plan: &Plan,
    mut reader: Reader,
    trace_id: &str,
    (recording, described): (&find::Recording, &Described),
    scratch: &Path,
    control: &mut Control,
    progress: &mut Progress,
) -> Result<Ingested> {
    let classes = Arc::new(reader.classes().to_vec());
    let plans = Arc::new(plan.plans(&classes));
    let tables = |name: &str| {
        let dir = scratch.join(name);
        std::fs::create_dir(&dir)
            .map_err(Error::io("create", &dir))
            .map(|()| dir)
    };
    let events = EventsTable::new(
        tables("events")?,
        trace_id,
        plan.contracts.events.clone(),
        Arc::clone(&plan.layout),
        Arc::clone(&plans),
        Arc::new(plan.properties.clone()),
    )?;
    let requests = RequestsTable::new(
        tables("requests")?,
        plan.contracts.requests.clone(),
        plan.common(trace_id, described),
        Arc::clone(&classes),
        Arc::clone(&plan.layout),
        plans,
        Arc::new(plan.properties.clone()),
    );
    let downstream = DownstreamTable::new(
        tables("downstream")?,
        plan.contracts.downstream.clone(),
        trace_id,
        plan.properties.clone(),
    );
    let worker = Worker {
        calls: Calls::new(&classes, &plan.contracts.events.fd_arguments),
        cutter: Cutter::new(
            Arc::clone(&classes),
            plan.options.rule.clone(),
            &plan.contracts.events.fd_arguments,
        ),
        classes: Arc::clone(&classes),
        events,
        next_id: 0,
        times: None,
        losses: Vec::new(),
        incomplete: 0,
    };
    let root = recording.root.clone();
    let (read, worked, written) = thread::scope(|scope| -> Result<_> {
        let (full, batches) = sync_channel::<EventBatch>(WAITING);
        let (empty, spent) = sync_channel::<EventBatch>(WAITING + 2);
        let (ended, ended_in) = sync_channel::<Ended>(ENDED_WAITING);
        // Both before anything is read: where one cannot be had, what the other waits for is dropped here.
        let write = move || write(requests, downstream, ended_in);
        let writer = spawn_scoped(scope, "requests", write)?;
        let work = move || worker.run(batches, empty, ended);
        let worker = spawn_scoped(scope, "events", work)?;
        let read = read(&mut reader, full, spent, control, progress);
        Ok((read, joined(worker), joined(writer)))
    })?;
    // A thread that stops makes the ones before it stop: its error is the cause.
    let (requests, downstream) = written?;
    let worked = worked?;
    read?;
    let folder = path_text(&root);
    let relative = |stream: &str| {
        let path = Path::new(stream);
        path_text(path.strip_prefix(&folder).unwrap_or(path))
    };
    let mut losses = worked.losses;
    for loss in &mut losses {
        loss.stream = relative(&loss.stream);
    }
    // A loss that a packet hides is told by a later one.
    losses.sort_by_key(|loss| loss.begin);
    let part = losses::write(
        &scratch.join("losses"),
        &plan.contracts.losses,
        trace_id,
        &losses,
        &plan.properties,
    )?;
    Ok(Ingested {
        recording: Recording {
            trace_id: trace_id.to_owned(),
            label: described.label.clone(),
            path: path_text(&root),
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
        classes,
    })
}

/// The folders of a recording that was put together from several.
fn folders(recording: &find::Recording) -> Vec<String> {
    match &recording.parts[..] {
        [_] => Vec::new(),
        several => several.iter().map(|p| path_text(&p.folder)).collect(),
    }
}

/// The result of a thread; its panic goes on here.
pub(super) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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

/// The thread that pairs, cuts, and writes `events`.
struct Worker {
    classes: Arc<Vec<EventClass>>,
    calls: Calls,
    cutter: Cutter,
    events: EventsTable,
    next_id: i64,
    times: Option<(i64, i64)>,
    losses: Vec<Loss>,
    incomplete: u64,
}

/// What it leaves.
struct Worked {
    events: (Vec<Part>, EventsUsage),
    times: Option<(i64, i64)>,
    losses: Vec<Loss>,
    incomplete: u64,
}

impl Worker {
    fn run(
        mut self,
        batches: Receiver<EventBatch>,
        empty: SyncSender<EventBatch>,
        ended: SyncSender<Ended>,
    ) -> Result<Worked> {
        let mut pairings = Vec::new();
        for mut batch in batches {
            self.observe(&batch, &mut pairings);
            let requests = self.cutter.take_ended();
            self.send(requests, &ended);
            self.events.append(&batch, &self.classes, &pairings)?;
            batch.clear();
            // The reader may have finished.
            let _ = empty.try_send(batch);
        }
        let last = self.times.map_or(0, |t| t.1);
        let requests = self.cutter.finish(last);
        self.send(requests, &ended);
        Ok(Worked {
            events: self.events.finish()?,
            times: self.times,
            losses: self.losses,
            incomplete: self.incomplete,
        })
    }

    fn send(&mut self, requests: Vec<Request>, ended: &SyncSender<Ended>) {
        self.incomplete += requests.iter().filter(|r| !r.complete()).count() as u64;
        let services = self.cutter.take_services();
        if !requests.is_empty() || !services.is_empty() {
            // Where the writer has stopped, its error is reported.
            let _ = ended.send(Ended { requests, services });
        }
    }

    /// Shows each event of the batch to the pairing and to the rule.
    fn observe(&mut self, batch: &EventBatch, pairings: &mut Vec<Pairing>) {
        pairings.clear();
        self.cutter.name(&batch.new_procnames);
        let mut losses = batch.losses.iter().peekable();
        for (i, head) in batch.heads.iter().enumerate() {
            while let Some((_, loss)) = losses.next_if(|(before, _)| *before <= i) {
                self.cutter.lose(loss);
            }
            let class = &self.classes[head.class as usize];
            let values = batch.values_of(i);
            let event_id = self.next_id + i as i64;
            let pairing = self.calls.observe(event_id, head, class, values);
            self.cutter.observe(Observed {
                event_id,
                head,
                values,
                duration_ns: pairing.entry.map(|(_, ns)| ns),
            });
            pairings.push(pairing);
        }
        losses.for_each(|(_, loss)| self.cutter.lose(loss));
        self.losses
            .extend(batch.losses.iter().map(|(_, loss)| loss.clone()));
        if let (Some(first), Some(last)) = (batch.heads.first(), batch.heads.last()) {
            let begin = self.times.map_or(first.timestamp, |t| t.0);
            self.times = Some((begin, last.timestamp));
        }
        self.next_id += batch.heads.len() as i64;
    }
}

/// What has ended with a batch.
struct Ended {
    requests: Vec<Request>,
    services: Vec<Service>,
}

/// What the thread that writes leaves.
type Written = ((Vec<Part>, RequestsUsage), Vec<Part>);

/// The thread that writes `requests` and `downstream`.
fn write(
    mut requests: RequestsTable,
    mut downstream: DownstreamTable,
    ended: Receiver<Ended>,
) -> Result<Written> {
    for ended in ended {
        requests.append(ended.requests)?;
        downstream.append(ended.services)?;
    }
    Ok((requests.finish()?, downstream.finish()?))
}
