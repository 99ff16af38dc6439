//! The table `events`: chunks of rows into row groups.
//!
//! A chunk is turned into columns (see `event_chunk`) as its rows come, or, where there are more CPUs, by several threads in
//! turn (see `gatherers`).

pub use super::event_chunk::{Common, EventsUsage};

use super::event_chunk::{Filled, Gatherer};
use super::gatherers::{Chunk, Gatherers};
use crate::calls::PairedBatch;
use crate::columns::parquet::encoders::{Finishing, PartWriter};
use crate::columns::parquet::part::Part;
use crate::columns::schema::contract::Contract;
use crate::error::{Error, Result};
use arrow::array::StringArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 20;
/// Rows that are turned into columns at once. Most columns are null in most rows, and each costs something for every
/// array, so that many rows at once are cheaper.
const CHUNK_ROWS: usize = 1 << 15;
/// Encoded bytes of such rows after which they are turned into columns, however few they are.
const CHUNK_BYTES: usize = 32 << 20;

/// A recording's `events`, being written as parts.
pub struct EventsTable {
    dir: PathBuf,
    gathering: Gathering,
    procnames: Vec<String>,
    /// Rows of the chunk at hand, and their encoded bytes.
    rows: usize,
    bytes: usize,
    /// Rows before that chunk in its row group, and in all.
    group_rows: usize,
    next_id: i64,
    properties: WriterPropertiesPtr,
    slots: usize,
    /// Threads that encode the columns of a part.
    encoders: usize,
    part: PartWriter,
    finishing: Option<Finishing>,
    parts: Vec<Part>,
}

/// Who turns chunks into columns: this thread, as rows come, or several others.
enum Gathering {
    Here(Box<Gatherer>),
    InThreads(Gatherers),
}

/// How many threads fill the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// Those that turn chunks into columns; one is the caller's.
    pub gather: usize,
    /// Those that encode.
    pub encode: usize,
}

impl EventsTable {
    /// An empty table whose parts go to `dir`.
    ///
    /// # Errors
    /// [`Error::Fault`] where its columns are not those of the contract, and [`Error::Io`] where the system gives no threads.
    pub fn new(
        dir: PathBuf,
        contract: &Contract,
        common: &Common,
        properties: WriterPropertiesPtr,
        threads: Filling,
    ) -> Result<Self> {
        let first = Gatherer::new(contract, common)?;
        let slots = first.slots();
        let gathering = match threads.gather {
            0 | 1 => Gathering::Here(Box::new(first)),
            several => {
                let others = (1..several).map(|_| Gatherer::new(contract, common));
                let all = std::iter::once(Ok(first)).chain(others);
                Gathering::InThreads(Gatherers::start(all.collect::<Result<_>>()?)?)
            }
        };
        Ok(EventsTable {
            dir,
            gathering,
            procnames: Vec::new(),
            rows: 0,
            bytes: 0,
            group_rows: 0,
            next_id: 0,
            part: PartWriter::new(slots, Arc::clone(&properties), threads.encode)?,
            properties,
            slots,
            encoders: threads.encode,
            finishing: None,
            parts: Vec::new(),
        })
    }

    /// Appends the events of `batch`. Where several threads gather, it is kept for a while.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where a part cannot be written.
    pub fn append(&mut self, batch: &Arc<PairedBatch>) -> Result<()> {
        let events = &batch.events;
        self.procnames.extend(events.new_procnames.iter().cloned());
        let mut start = 0;
        while start < events.heads.len() {
            let room = (CHUNK_ROWS - self.rows).min(GROUP_ROWS - self.group_rows - self.rows);
            let end = events.heads.len().min(start + room);
            self.rows += end - start;
            self.bytes += events.bytes_of(start..end);
            match &mut self.gathering {
                Gathering::Here(gatherer) => gatherer.take_in(batch, start..end),
                Gathering::InThreads(threads) => threads.take_in(batch, start..end),
            }
            if end - start == room || self.bytes >= CHUNK_BYTES {
                self.end_chunk()?;
            }
            start = end;
        }
        Ok(())
    }

    /// Ends the table: its parts, and what came to be used.
    ///
    /// # Errors
    /// As [`EventsTable::append`].
    pub fn finish(mut self) -> Result<(Vec<Part>, EventsUsage)> {
        self.end_chunk()?;
        while let Gathering::InThreads(threads) = &mut self.gathering
            && let Some((chunk, filled)) = threads.first()
        {
            self.write(&chunk, filled)?;
        }
        if self.part.rows() > 0 {
            self.end_part()?;
        }
        self.wait()?;
        let usage = match self.gathering {
            Gathering::Here(gatherer) => gatherer.usage(),
            Gathering::InThreads(threads) => threads.finish(),
        };
        let events = self.next_id;
        Ok((self.parts, EventsUsage { events, ..usage }))
    }

    /// Has the rows of the chunk at hand turned into columns.
    fn end_chunk(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let chunk = Chunk {
            first_id: self.next_id,
            rows,
            ends_group: self.group_rows + rows == GROUP_ROWS,
            procnames: Arc::new(StringArray::from_iter_values(&self.procnames)),
        };
        self.bytes = 0;
        self.next_id += rows as i64;
        self.group_rows = match chunk.ends_group {
            true => 0,
            false => self.group_rows + rows,
        };
        match &mut self.gathering {
            Gathering::Here(gatherer) => {
                let filled = gatherer.finish(chunk.first_id, &chunk.procnames);
                self.write(&chunk, filled)
            }
            Gathering::InThreads(threads) => {
                let first = match threads.are_busy() {
                    true => threads.first(),
                    false => None,
                };
                threads.give(chunk);
                match first {
                    Some((chunk, filled)) => self.write(&chunk, filled),
                    None => Ok(()),
                }
            }
        }
    }

    /// Has the columns of a chunk encoded, which is the next.
    fn write(&mut self, chunk: &Chunk, filled: Result<Vec<Filled>, ParquetError>) -> Result<()> {
        for column in filled.map_err(Error::columns(&self.dir))? {
            self.part
                .write(column.number, || column.slot, column.content);
        }
        let advanced = self.part.advance(chunk.rows);
        advanced.map_err(Error::columns(&self.dir))?;
        match chunk.ends_group {
            true => self.end_part(),
            false => Ok(()),
        }
    }

    fn end_part(&mut self) -> Result<()> {
        let next = PartWriter::new(self.slots, Arc::clone(&self.properties), self.encoders)?;
        let part = std::mem::replace(&mut self.part, next);
        // One at a time, lest memory grow.
        self.wait()?;
        let path = self.dir.join(format!("part-{:06}", self.parts.len()));
        self.finishing = Some(part.finish(path)?);
        Ok(())
    }

    /// Waits for the part that is being finished.
    fn wait(&mut self) -> Result<()> {
        if let Some(finishing) = self.finishing.take() {
            self.parts.push(finishing.wait()?);
        }
        Ok(())
    }
}
