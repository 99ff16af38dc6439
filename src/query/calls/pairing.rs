//! One partition of `events`, in which entries wait for their exits.

use super::layout::Layout;
use super::read::{Phase, Read};
use super::rows::{Call, Place, copy, rows};
use crate::calls::TidHash;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use std::collections::HashMap;
use std::sync::Arc;

/// The batch of entries that wait, and the one that is looked at.
const WAITING: usize = 0;
const CURRENT: usize = 1;

/// What a partition holds.
pub(super) struct Pairing {
    layout: Arc<Layout>,
    schema: SchemaRef,
    /// The recording that is looked at.
    trace: Option<String>,
    /// Entries that wait for their exits, by thread.
    threads: HashMap<i32, Waiting, TidHash>,
    waiting: RecordBatch,
    /// Events whose others are elsewhere, if anywhere.
    remains: Vec<RecordBatch>,
    remaining: usize,
    /// The last event, and how often the one after it was not the next one of the recording.
    last: Option<i64>,
    gaps: u64,
    memory: MemoryReservation,
}

/// An entry that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    event_id: i64,
    place: Place,
    gaps: u64,
}

impl Pairing {
    /// Nothing waits. Events are of type `schema`; what is held is accounted for in `memory`.
    pub(super) fn new(layout: Arc<Layout>, schema: SchemaRef, memory: MemoryReservation) -> Self {
        Pairing {
            layout,
            waiting: RecordBatch::new_empty(Arc::clone(&schema)),
            schema,
            trace: None,
            threads: HashMap::default(),
            remains: Vec::new(),
            remaining: 0,
            last: None,
            gaps: 0,
            memory,
        }
    }

    /// Takes in events, and gives the calls that are complete by them, or known to stay incomplete.
    ///
    /// # Errors
    /// Where columns are of other types than those of events, and where memory is short.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let read = Read::of(batch)?;
        let (mut calls, mut left) = (Vec::new(), Vec::new());
        for row in 0..batch.num_rows() {
            self.follow(&read, row, &mut left);
            let place = (CURRENT, row);
            match read.phase(row) {
                Phase::Point => {}
                Phase::Entry => self.entry(&read, row, &mut calls, &mut left),
                Phase::Exit => match read.entry.is_valid(row) {
                    true => match self.entry_of(&read, row) {
                        Some(entry) => calls.push(Call::of(Some(entry), Some(place))),
                        None => left.push(place),
                    },
                    false => calls.push(Call::of(None, Some(place))),
                },
            }
        }
        let batches = [self.waiting.clone(), batch.clone()];
        let done = rows(&self.layout, &batches, &calls)?;
        self.keep(&batches, &left)?;
        Ok(done)
    }

    /// Sees whether an event is the next one after the last.
    fn follow(&mut self, read: &Read, row: usize, left: &mut Vec<Place>) {
        let event = read.event.value(row);
        if !read.continues(row) && read.trace(row) != self.trace.as_deref() {
            self.trace = read.trace(row).map(str::to_owned);
            left.extend(self.threads.drain().map(|(_, waiting)| waiting.place));
            self.last = None;
        }
        if self
            .last
            .is_none_or(|last| last.checked_add(1) != Some(event))
        {
            self.gaps += 1;
        }
        self.last = Some(event);
    }

    /// An entry waits, and that of its thread before it does so no more. Its exit was lost, if all events between the two
    /// were seen; else it may be elsewhere.
    fn entry(&mut self, read: &Read, row: usize, calls: &mut Vec<Call>, left: &mut Vec<Place>) {
        let place = (CURRENT, row);
        // Without a thread nothing is paired.
        if read.tid.is_null(row) {
            calls.push(Call::of(Some(place), None));
            return;
        }
        let waiting = Waiting {
            event_id: read.event.value(row),
            place,
            gaps: self.gaps,
        };
        match self.threads.insert(read.tid.value(row), waiting) {
            Some(before) if before.gaps == self.gaps => {
                calls.push(Call::of(Some(before.place), None));
            }
            Some(before) => left.push(before.place),
            None => {}
        }
    }

    /// The entry that an exit names, if it waits.
    fn entry_of(&mut self, read: &Read, row: usize) -> Option<Place> {
        let tid = read.tid.is_valid(row).then(|| read.tid.value(row))?;
        let waiting = self.threads.get(&tid)?;
        (waiting.event_id == read.entry.value(row)).then_some(())?;
        self.threads.remove(&tid).map(|waiting| waiting.place)
    }

    /// Copies what is still wanted of the batches, of which then nothing is held.
    fn keep(&mut self, batches: &[RecordBatch; 2], left: &[Place]) -> Result<()> {
        let waiting = self.threads.values_mut().enumerate();
        let places =
            waiting.map(|(row, waiting)| std::mem::replace(&mut waiting.place, (WAITING, row)));
        let places: Vec<Place> = places.collect();
        self.waiting = copy(&self.schema, batches, &places)?;
        if !left.is_empty() {
            let left = copy(&self.schema, batches, left)?;
            self.remaining += left.get_array_memory_size();
            self.remains.push(left);
        }
        let held = self.waiting.get_array_memory_size() + self.remaining;
        self.memory.try_resize(held)
    }

    /// What is left over at the end, and the memory it takes.
    pub(super) fn end(mut self) -> (Vec<RecordBatch>, MemoryReservation) {
        self.remains.push(self.waiting);
        (self.remains, self.memory)
    }
}
