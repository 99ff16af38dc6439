//! The thread in the middle of an ingest: pairs events, cuts requests, and writes `events`.

use super::plan::Plan;
use crate::calls::{Calls, Pairing};
use crate::columns::parquet::part::Part;
use crate::columns::tables::events::{EventsTable, EventsUsage};
use crate::error::Result;
use crate::requests::{Cutter, Observed, Request, Service};
use crate::trace::event::{EventBatch, EventClass, Loss};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

/// The thread that pairs, cuts, and writes `events`.
pub(super) struct Worker {
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
pub(super) struct Worked {
    pub events: (Vec<Part>, EventsUsage),
    /// Times of the first and the last event.
    pub times: Option<(i64, i64)>,
    pub losses: Vec<Loss>,
    /// Requests that are not complete.
    pub incomplete: u64,
}

impl Worker {
    /// For a recording with events of these classes.
    pub(super) fn new(plan: &Plan, classes: &Arc<Vec<EventClass>>, events: EventsTable) -> Self {
        let fd_arguments = &plan.contracts.events.fd_arguments;
        Worker {
            calls: Calls::new(classes, fd_arguments),
            cutter: Cutter::new(Arc::clone(classes), plan.options.rule.clone(), fd_arguments),
            classes: Arc::clone(classes),
            events,
            next_id: 0,
            times: None,
            losses: Vec::new(),
            incomplete: 0,
        }
    }

    /// Works on `batches` to the end, and gives each back through `empty`; what has ended goes to `ended`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) and [`Error::Columns`](crate::error::Error::Columns) where `events` cannot be
    /// written.
    pub(super) fn run(
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
pub(super) struct Ended {
    pub requests: Vec<Request>,
    pub services: Vec<Service>,
}
