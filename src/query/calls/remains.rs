//! What the partitions left over: sides of calls that were parted, which find one another here.

use super::layout::Layout;
use super::read::{Phase, Read};
use super::rows::{Call, Place, rows};
use arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The remains of all partitions.
#[derive(Debug)]
pub(super) struct Remains {
    partitions: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Partitions that have not ended.
    running: usize,
    batches: Vec<RecordBatch>,
    memory: Vec<MemoryReservation>,
}

impl Remains {
    /// Of so many partitions.
    pub(super) fn new(partitions: usize) -> Self {
        Remains {
            partitions,
            state: Mutex::new(State {
                running: partitions,
                batches: Vec::new(),
                memory: Vec::new(),
            }),
        }
    }

    /// A partition ends and leaves `batches`. The last one gets those of all, with their memory.
    pub(super) fn leave(
        &self,
        batches: Vec<RecordBatch>,
        memory: MemoryReservation,
    ) -> Option<(Vec<RecordBatch>, Vec<MemoryReservation>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.batches.extend(batches);
        state.memory.push(memory);
        state.running -= 1;
        (state.running == 0).then(|| {
            // Whoever runs the same plan once more finds it as it was.
            state.running = self.partitions;
            (
                std::mem::take(&mut state.batches),
                std::mem::take(&mut state.memory),
            )
        })
    }
}

/// The calls of what is left over, in batches of at most `size` rows.
///
/// # Errors
/// Where memory is short.
pub(super) fn calls(
    layout: &Layout,
    batches: &[RecordBatch],
    memory: &mut [MemoryReservation],
    size: usize,
) -> Result<Vec<RecordBatch>> {
    if let Some(memory) = memory.first_mut() {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let held: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        // A table of entries, the calls, and what comes out.
        let each = 2 * size_of::<(Key<'_>, Place)>() + size_of::<Call>();
        memory.try_grow(rows * each + held)?;
    }
    let read = batches.iter().map(Read::of).collect::<Result<Vec<_>>>()?;
    let calls = paired(&read, batches);
    let calls = calls.chunks(size.max(1));
    calls.map(|calls| rows(layout, batches, calls)).collect()
}

/// What an entry is named by: its recording and its number there.
type Key<'t> = (Option<&'t str>, i64);

fn paired(read: &[Read], batches: &[RecordBatch]) -> Vec<Call> {
    let all = || {
        let batches = batches.iter().enumerate();
        batches.flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch, row)))
    };
    let (mut entries, mut calls) = (HashMap::<Key<'_>, Place>::new(), Vec::new());
    for (batch, row) in all() {
        let read = &read[batch];
        if read.phase(row) == Phase::Entry {
            let key = (read.trace(row), read.event.value(row));
            let same = entries.insert(key, (batch, row));
            calls.extend(same.map(|entry| Call::of(Some(entry), None)));
        }
    }
    for (batch, row) in all() {
        let read = &read[batch];
        if read.phase(row) == Phase::Exit {
            let key = (read.trace(row), read.entry.value(row));
            calls.push(Call::of(entries.remove(&key), Some((batch, row))));
        }
    }
    calls.extend(
        entries
            .into_values()
            .map(|entry| Call::of(Some(entry), None)),
    );
    calls
}
