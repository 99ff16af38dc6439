//! Batches that are held back, because it is not decided yet whether what was filled in is right.
//!
//! Events are numbered in their order. What is decided depends on events and times only, never on where batches end, so
//! that all readers give the same.

use crate::trace::event::{EventBatch, NO_NAME, UNKNOWN};
use std::collections::{BTreeMap, VecDeque};

/// So many events are held back at most; what is not decided then is unknown.
const MOST: u64 = 1 << 16;

/// Something for each column that is filled in: whether it was, or how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Filled<T> {
    pub tid: T,
    pub pid: T,
    pub name: T,
}

impl Filled<u64> {
    /// Counts what was filled in.
    pub(super) fn add(&mut self, one: Filled<bool>) {
        self.tid += u64::from(one.tid);
        self.pid += u64::from(one.pid);
        self.name += u64::from(one.name);
    }

    fn take_back(&mut self, one: Filled<bool>) {
        self.tid -= u64::from(one.tid);
        self.pid -= u64::from(one.pid);
        self.name -= u64::from(one.name);
    }
}

/// The batches, and their events that are not decided.
#[derive(Debug, Default)]
pub(super) struct Held {
    batches: VecDeque<EventBatch>,
    /// Number of the first event of the first batch, and of the event after the last.
    first: u64,
    end: u64,
    /// By CPU the events that are not decided, in order, with what was filled in.
    open: BTreeMap<i32, Vec<(u64, Filled<bool>)>>,
    spare: Vec<EventBatch>,
}

impl Held {
    /// A batch to read into.
    pub(super) fn spare(&mut self) -> EventBatch {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes in the next batch; gives the number of its first event.
    pub(super) fn begin(&mut self, batch: EventBatch) -> u64 {
        let first = self.end;
        self.end += batch.heads.len() as u64;
        self.batches.push_back(batch);
        first
    }

    /// The batch that was taken in last.
    ///
    /// # Panics
    /// Where there is none.
    pub(super) fn last(&mut self) -> &mut EventBatch {
        self.batches.back_mut().expect("a batch was taken in")
    }

    /// Whether the first batch is decided.
    pub(super) fn is_ready(&self) -> bool {
        let Some(batch) = self.batches.front() else {
            return false;
        };
        let end = self.first + batch.heads.len() as u64;
        let oldest = self.open.values().filter_map(|open| open.first());
        oldest
            .map(|(number, _)| *number)
            .all(|number| number >= end)
    }

    /// Gives the first batch; false where there is none, and `batch` is empty then.
    pub(super) fn give(&mut self, batch: &mut EventBatch) -> bool {
        batch.clear();
        let Some(first) = self.batches.pop_front() else {
            return false;
        };
        self.first += first.heads.len() as u64;
        self.spare.push(std::mem::replace(batch, first));
        true
    }

    /// An event of `cpu` is not decided, for which this was filled in.
    pub(super) fn hold(&mut self, cpu: i32, number: u64, filled: Filled<bool>) {
        self.open.entry(cpu).or_default().push((number, filled));
    }

    /// What was filled in on `cpu` is right.
    pub(super) fn confirm(&mut self, cpu: i32) {
        self.open.remove(&cpu);
    }

    /// What was filled in and is not decided may be wrong, on `cpu` or on all: it is taken back.
    pub(super) fn deny(&mut self, cpu: Option<i32>, counts: &mut Filled<u64>) {
        if self.open.is_empty() {
            return;
        }
        let open = match cpu {
            Some(cpu) => self.open.remove(&cpu).unwrap_or_default(),
            None => std::mem::take(&mut self.open)
                .into_values()
                .flatten()
                .collect(),
        };
        for (number, filled) in open {
            self.take_back(number, filled);
            counts.take_back(filled);
        }
    }

    /// The same for all.
    pub(super) fn deny_all(&mut self, counts: &mut Filled<u64>) {
        self.deny(None, counts);
    }

    /// Event `number` comes: those that have waited too long are not decided any more.
    pub(super) fn limit(&mut self, number: u64, counts: &mut Filled<u64>) {
        let late = |open: &Vec<(u64, Filled<bool>)>| number - open[0].0 > MOST;
        while let Some((cpu, _)) = self.open.iter().find(|(_, open)| late(open)) {
            let cpu = *cpu;
            self.deny(Some(cpu), counts);
        }
    }

    fn take_back(&mut self, number: u64, filled: Filled<bool>) {
        let mut at = (number - self.first) as usize;
        for batch in &mut self.batches {
            match batch.heads.get_mut(at) {
                None => at -= batch.heads.len(),
                Some(head) => {
                    if filled.tid {
                        head.tid = UNKNOWN;
                    }
                    if filled.pid {
                        head.pid = UNKNOWN;
                    }
                    if filled.name {
                        head.procname = NO_NAME;
                    }
                    return;
                }
            }
        }
    }
}
