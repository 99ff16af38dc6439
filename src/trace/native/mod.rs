//! Reads CTF traces natively: metadata into plans, packets by plans into batches, on several threads.
//!
//! ```text
//! metadata ─► field tree (what there is) ─► stream plan (how it is decoded)
//!                                                │
//! files ─► streams (which packets) ─► chunks (in a pool of threads) ─► stream iterators ─► merge ─► batches
//! ```
//!
//! The one idea: everything is as babeltrace2 would have it, value for value and in its order, but nothing is looked up
//! or allocated for an event. There is no `unsafe` and no memory map: windows of packets are read into buffers that
//! are used again, so that a file which is cut while it is read is an error and not a signal, and memory does not grow
//! with packets. Where a rule is babeltrace2's and not the specification's, the code says so.

mod chunk;
mod count;
mod event_draft;
mod merge;
mod pool;
mod quirks;
mod source;
mod stream;
mod stream_iterator;
mod stream_plan;
mod streams;
#[cfg(test)]
mod tests;

use super::Source;
use super::check::Checked;
use super::event::{EventBatch, EventClass};
use super::select::Selection;
use crate::error::{Damage, Result};
use crate::process::machine;
use merge::Merge;
use pool::Pool;
use std::sync::Arc;
use stream::Stream;

/// Chunks that are under way in all streams together, as far as there are not more streams.
const CHUNKS: usize = 16;

/// Reads the events of one recording: of one or several CTF traces on one time line.
pub struct NativeReader {
    checked: Checked,
    sources: Vec<Source>,
    classes: Vec<EventClass>,
    contexts: Vec<String>,
    streams: Vec<Arc<Stream>>,
    threads: usize,
    /// Made when the first batch is asked for: it begins to decode.
    merge: Option<Merge>,
    keep_going: bool,
}

impl NativeReader {
    /// Opens a recording that was checked, to read what is selected. With `keep_going`, a stream that breaks ends there,
    /// and the others are read on; see [`NativeReader::damage`].
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) where the traces' clocks cannot be compared.
    pub fn open(checked: Checked, keep_going: bool, selection: Selection) -> Result<Self> {
        let opened = streams::open(&checked, &Arc::new(selection))?;
        Ok(NativeReader {
            sources: opened.sources,
            classes: opened.classes.events,
            contexts: opened.classes.contexts.into_iter().collect(),
            streams: opened.streams,
            threads: machine::cpus(),
            merge: None,
            keep_going,
            checked,
        })
    }

    /// Has so many threads decode, from the first batch on.
    pub fn decode_with(&mut self, threads: usize) {
        self.threads = threads;
    }

    /// What was learned when the recording was checked.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// All event classes of the traces, whether such events occur or not.
    pub fn classes(&self) -> &[EventClass] {
        &self.classes
    }

    /// Names of the context fields that events carry, sorted.
    pub fn contexts(&self) -> &[String] {
        &self.contexts
    }

    /// What the CTF traces say of themselves.
    pub fn sources(&self) -> Vec<Source> {
        self.sources.clone()
    }

    /// What could not be read: streams that broke so far, and what the check found.
    pub fn damage(&self) -> Vec<Damage> {
        let broken = self.merge.iter().flat_map(|merge| &merge.damage);
        let all = broken.chain(&self.checked.damage);
        all.cloned().collect()
    }

    /// Fills `batch`, which is cleared first, with at least `events` events, or with fewer at the end or where they are
    /// very large. Returns false when there was nothing more.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::error::Error::Damaged) where a stream breaks (without `keep_going`),
    /// [`Error::Input`](crate::error::Error::Input) where an event's time cannot be told.
    pub fn next(&mut self, events: usize, batch: &mut EventBatch) -> Result<bool> {
        batch.clear();
        if self.merge.is_none() {
            let found = self.checked.losses.iter();
            batch.losses.extend(found.map(|loss| (0, loss.clone())));
        }
        let merge = match &mut self.merge {
            Some(merge) => merge,
            None => {
                let iterators = self.streams.len().max(1);
                let ahead = (CHUNKS.max(2 * self.threads) / iterators).max(2);
                let pool = Pool::new(self.threads)?;
                let end = self.checked.span.map(|(_, end)| end);
                let merge = Merge::new(&self.streams, pool, ahead, self.keep_going, end);
                self.merge.insert(merge)
            }
        };
        merge.fill(events, batch)?;
        Ok(!(batch.heads.is_empty() && batch.losses.is_empty()))
    }

    /// Decodes every event, and counts those of each class without putting them in order; `None` where a stream cannot
    /// be read to its end, so that only reading in order tells how far it goes.
    pub fn count(&self) -> Option<Vec<u64>> {
        count::count(&self.streams, self.threads, self.classes.len())
    }
}
