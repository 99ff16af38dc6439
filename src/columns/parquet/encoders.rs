//! A row group whose columns are encoded by threads.
//!
//! Columns that turn up late begin with as many nulls as rows have passed. Each column is encoded by one of the threads,
//! so that what comes out does not depend on how many there are.

use super::column::ColumnWriter;
use super::content::Content;
use super::part::{Part, write_group};
use super::slot::{Slot, schema_of};
use super::tree::{Ended, Tools};
use crate::error::{Error, Result};
use crate::process::threads;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Chunks of rows that wait for an encoder.
const WAITING: usize = 1;

/// A row group being written: columns in fixed order, each begun when its first value comes.
pub struct PartWriter {
    properties: WriterPropertiesPtr,
    encoders: Vec<Encoder>,
    /// Which columns were begun.
    begun: Vec<bool>,
    rows: usize,
}

/// A part that is being finished by a thread.
pub struct Finishing(JoinHandle<Result<Part>>);

/// A thread that encodes some of the columns.
struct Encoder {
    /// What it is to do with the rows at hand.
    tasks: Vec<Task>,
    queue: SyncSender<Work>,
    thread: JoinHandle<Encoded>,
}

/// The columns of an encoder, by their numbers, with all rows.
type Encoded = Result<Vec<(usize, (Slot, Ended))>, ParquetError>;

/// Values of a column, after so many rows.
struct Task {
    column: usize,
    /// What the column is, the first time.
    slot: Option<Slot>,
    before: usize,
    content: Content,
}

/// What is to be done for so many rows.
type Work = (Vec<Task>, usize);

impl PartWriter {
    /// An empty row group of at most `slots` columns, encoded by so many threads.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no threads.
    pub fn new(slots: usize, properties: WriterPropertiesPtr, threads: usize) -> Result<Self> {
        let encoders = (0..threads.max(1)).map(|_| Encoder::new(Arc::clone(&properties)));
        Ok(PartWriter {
            encoders: encoders.collect::<Result<_>>()?,
            properties,
            begun: vec![false; slots],
            rows: 0,
        })
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the values of column number `column` for the rows that the next [`PartWriter::advance`] counts;
    /// `describe` says what the column is and is asked at its first values. Columns that are not written are null there.
    pub fn write(&mut self, column: usize, describe: impl FnOnce() -> Slot, content: Content) {
        let first = !std::mem::replace(&mut self.begun[column], true);
        let number = column % self.encoders.len();
        self.encoders[number].tasks.push(Task {
            column,
            slot: first.then(describe),
            before: self.rows,
            content,
        });
    }

    /// Counts `rows` rows as written.
    ///
    /// # Errors
    /// [`ParquetError`] where a column cannot be encoded.
    pub fn advance(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.rows += rows;
        for number in 0..self.encoders.len() {
            let encoder = &mut self.encoders[number];
            let tasks = std::mem::take(&mut encoder.tasks);
            if encoder.queue.send((tasks, rows)).is_err() {
                // The thread has stopped, with an error.
                return self.encoders.swap_remove(number).end().map(|_| ());
            }
        }
        Ok(())
    }

    /// Ends the row group, and has it written to the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no thread.
    pub fn finish(self, path: PathBuf) -> Result<Finishing> {
        let work = move || {
            let rows = self.rows;
            let file = File::create(&path).map_err(Error::io("create", &path))?;
            let written = self.write_to(BufWriter::new(file));
            written.map_err(Error::columns(&path))?;
            Ok(Part { path, rows })
        };
        Ok(Finishing(threads::spawn("part", work)?))
    }

    fn write_to(self, file: BufWriter<File>) -> Result<(), ParquetError> {
        let mut open = Vec::new();
        for encoder in self.encoders {
            open.extend(encoder.end()?);
        }
        open.sort_by_key(|(column, _)| *column);
        let schema = schema_of(open.iter().map(|(_, (slot, _))| slot));
        write_group(file, &schema, &self.properties, |group| {
            let mut columns = open.into_iter();
            columns.try_for_each(|(_, (_, column))| column.append_to(group))
        })
    }
}

impl Finishing {
    /// Waits for the part.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where it cannot be written.
    pub fn wait(self) -> Result<Part> {
        let part = self.0.join();
        part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Encoder {
    fn new(properties: WriterPropertiesPtr) -> Result<Self> {
        let (queue, tasks) = sync_channel(WAITING);
        Ok(Encoder {
            tasks: Vec::new(),
            queue,
            thread: threads::spawn("encode", move || encode(tasks, &properties))?,
        })
    }

    fn end(self) -> Encoded {
        drop(self.queue);
        let encoded = self.thread.join();
        encoded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The thread of an encoder.
fn encode(queue: Receiver<Work>, properties: &WriterPropertiesPtr) -> Encoded {
    let mut columns: BTreeMap<usize, ColumnWriter> = BTreeMap::new();
    let (mut tools, mut all) = (Tools::default(), 0);
    for (tasks, rows) in queue {
        all += rows;
        for task in tasks {
            let column = match columns.entry(task.column) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let slot = task.slot.expect("told with the first values");
                    entry.insert(ColumnWriter::new(slot, properties)?)
                }
            };
            column.write_nulls(task.before, &mut tools)?;
            column.write(&task.content, rows, &mut tools)?;
        }
    }
    let columns = columns.into_iter().map(|(number, mut column)| {
        column.write_nulls(all, &mut tools)?;
        Ok((number, column.end(&mut tools)?))
    });
    columns.collect()
}
