//! Threads that turn chunks of rows into columns, in turn, so that what comes out is in order.
//!
//! The rows of a chunk are those of batches, which are shared until the chunk is done.

use super::event_chunk::{EventsUsage, Filled, Gatherer};
use crate::calls::PairedBatch;
use crate::error::Result;
use crate::process::threads;
use arrow::array::StringArray;
use parquet::errors::ParquetError;
use std::collections::VecDeque;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What is to be known of a chunk beside its rows.
pub(super) struct Chunk {
    /// `event_id` of its first row.
    pub first_id: i64,
    /// How many rows it has.
    pub rows: usize,
    /// Whether it is the last of its row group.
    pub ends_group: bool,
    /// Names of threads, by the numbers that the rows have.
    pub procnames: Arc<StringArray>,
}

/// Rows of a batch.
type Piece = (Arc<PairedBatch>, Range<usize>);

/// The columns of a chunk.
type Columns = Result<Vec<Filled>, ParquetError>;

/// The threads.
pub(super) struct Gatherers {
    threads: Vec<Thread>,
    /// Rows of the chunk at hand.
    pieces: Vec<Piece>,
    /// The chunks that are being worked on, in their order, with the numbers of the threads.
    away: VecDeque<(usize, Chunk)>,
    /// Number of the thread whose turn it is.
    next: usize,
}

struct Thread {
    chunks: SyncSender<(i64, Arc<StringArray>, Vec<Piece>)>,
    columns: Receiver<Columns>,
    thread: JoinHandle<EventsUsage>,
}

impl Gatherers {
    /// Starts a thread for each.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where the system gives none.
    pub(super) fn start(gatherers: Vec<Gatherer>) -> Result<Self> {
        let threads = gatherers.into_iter().map(Thread::start);
        Ok(Gatherers {
            threads: threads.collect::<Result<_>>()?,
            pieces: Vec::new(),
            away: VecDeque::new(),
            next: 0,
        })
    }

    /// Takes in the events of `range`, for the chunk at hand.
    pub(super) fn take_in(&mut self, batch: &Arc<PairedBatch>, range: Range<usize>) {
        self.pieces.push((Arc::clone(batch), range));
    }

    /// Whether each thread has a chunk.
    pub(super) fn are_busy(&self) -> bool {
        self.away.len() == self.threads.len()
    }

    /// Gives the chunk at hand to a thread, one of which must have none.
    pub(super) fn give(&mut self, chunk: Chunk) {
        let pieces = std::mem::take(&mut self.pieces);
        let work = (chunk.first_id, Arc::clone(&chunk.procnames), pieces);
        // Where the thread is gone, it has panicked, and that is told when its columns are asked for.
        let _ = self.threads[self.next].chunks.send(work);
        self.away.push_back((self.next, chunk));
        self.next = (self.next + 1) % self.threads.len();
    }

    /// Waits for the first chunk that is being worked on.
    pub(super) fn first(&mut self) -> Option<(Chunk, Columns)> {
        let (number, chunk) = self.away.pop_front()?;
        match self.threads[number].columns.recv() {
            Ok(columns) => Some((chunk, columns)),
            Err(_) => {
                // It has panicked, which goes on here.
                self.threads.swap_remove(number).end();
                unreachable!("a thread goes on as long as there are chunks")
            }
        }
    }

    /// Ends the threads: what came to be used, with no count of events.
    pub(super) fn finish(self) -> EventsUsage {
        let usages = self.threads.into_iter().map(Thread::end);
        let sum = usages.reduce(|sum, usage| sum.and(&usage));
        sum.expect("there is at least one thread")
    }
}

impl Thread {
    fn start(mut gatherer: Gatherer) -> Result<Self> {
        let (chunks, waiting) = sync_channel::<(i64, Arc<StringArray>, Vec<Piece>)>(1);
        let (done, columns) = sync_channel(1);
        let work = move || {
            for (first_id, procnames, pieces) in waiting {
                for (batch, range) in pieces {
                    gatherer.take_in(&batch, range);
                }
                if done.send(gatherer.finish(first_id, &procnames)).is_err() {
                    break;
                }
            }
            gatherer.usage()
        };
        Ok(Thread {
            chunks,
            columns,
            thread: threads::spawn("gather", work)?,
        })
    }

    /// Waits for its end; its panic goes on here.
    fn end(self) -> EventsUsage {
        drop((self.chunks, self.columns));
        let ended = self.thread.join();
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
