//! Rows that are read ahead: a thread decodes the next batches while those at hand are rewritten and encoded.
//!
//! Decoding is a third of the work of a release, and needs nothing of the rest.

use super::rows::Rows;
use crate::error::Result;
use crate::process::threads;
use arrow::array::RecordBatch;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Batches that wait.
const WAITING: usize = 2;

/// The batches of a file in order, read ahead.
pub(super) struct Ahead {
    batches: Option<Receiver<Result<RecordBatch>>>,
    thread: Option<JoinHandle<()>>,
}

/// The rows of a file, all columns of them.
///
/// # Errors
/// As [`Rows::batches`], and [`Error::Io`](crate::error::Error::Io) where the system gives no thread.
pub(super) fn ahead(rows: &Rows) -> Result<Ahead> {
    let mut read = rows.batches(None)?;
    let (full, batches) = sync_channel(WAITING);
    // Where nobody waits for more, the sending fails.
    let work = move || drop(read.try_for_each(|batch| full.send(batch)));
    let thread = threads::spawn("read", work)?;
    Ok(Ahead {
        batches: Some(batches),
        thread: Some(thread),
    })
}

impl Iterator for Ahead {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.batches.as_ref()?.recv() {
            Ok(batch) => Some(batch),
            // It has read all, or panicked.
            Err(_) => {
                self.batches = None;
                let ended = threads::ended(self.thread.take()?.join());
                ended.err().map(Err)
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // Nobody is left to be told of its panic.
            let _ = thread.join();
        }
    }
}
