//! The thread `events`, in the middle of an ingest: pairs events, and cuts requests.

use super::plan::Plan;
use crate::calls::{Calls, PairedBatch};
use crate::requests::{Cutter, Observed, Request, Service};
use crate::trace::event::{EventClass, Loss};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

/// The thread that pairs and cuts.
pub(super) struct Worker {
    classes: Arc<Vec<EventClass>>,
    calls: Calls,
    cutter: Cutter,
    next_id: i64,
    times: Option<(i64, i64)>,
    losses: Vec<Loss>,
    incomplete: u64,
}

/// What it leaves.
pub(super) struct Worked {
    /// Times of the first and the last event.
    pub times: Option<(i64, i64)>,
    pub losses: Vec<Loss>,
    /// Requests that are not complete.
    pub incomplete: u64,
}

impl Worker {
    /// For a recording with events of these classes.
    pub(super) fn new(plan: &Plan, classes: &Arc<Vec<EventClass>>) -> Self {
        let fd_arguments = &plan.contracts.events.fd_arguments;
        Worker {
            calls: Calls::new(classes, fd_arguments),
            cutter: Cutter::new(Arc::clone(classes), plan.options.rule.clone(), fd_arguments),
            classes: Arc::clone(classes),
            next_id: 0,
            times: None,
            losses: Vec::new(),
            incomplete: 0,
        }
    }

    /// Works on `batches` to the end, and sends each on through `observed`; what has ended goes to `ended`.
    pub(super) fn run(
        mut self,
        batches: Receiver<PairedBatch>,
        observed: SyncSender<PairedBatch>,
        ended: SyncSender<Ended>,
    ) -> Worked {
        for mut batch in batches {
            self.observe(&mut batch);
            let requests = self.cutter.take_ended();
            self.send(requests, &ended);
            if observed.send(batch).is_err() {
                // Where the next thread has stopped, its error is reported.
                break;
            }
        }
        let last = self.times.map_or(0, |t| t.1);
        let requests = self.cutter.finish(last);
        self.send(requests, &ended);
        Worked {
            times: self.times,
            losses: self.losses,
            incomplete: self.incomplete,
        }
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
    fn observe(&mut self, batch: &mut PairedBatch) {
        let PairedBatch {
            events: batch,
            pairings,
        } = batch;
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
