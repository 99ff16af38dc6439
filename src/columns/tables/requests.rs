//! The table `requests`: requests that have ended, row group by row group.
//!
//! Requests wait in encoded form until there are enough for a row group; then they are turned into columns (see
//! `request_group`): by the thread that brings them, or, where there are more CPUs, by one of several others.

pub use super::request_group::{Common, RequestsUsage};

use super::plans::Plans;
use super::request_group::GroupWriter;
use crate::columns::parquet::part::Part;
use crate::columns::schema::contract::Contract;
use crate::columns::schema::layout::Layout;
use crate::error::Result;
use crate::process::threads;
use crate::requests::Request;
use crate::trace::event::EventClass;
use parquet::file::properties::WriterPropertiesPtr;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Nested events of a row group; with it ends, too, what waits in memory.
const GROUP_EVENTS: usize = 128 * 1024;
/// Requests of a row group.
const GROUP_ROWS: usize = 128 * 1024;
/// Encoded bytes of a row group.
const GROUP_BYTES: usize = 32 << 20;

/// A recording's `requests`, being written as parts.
pub struct RequestsTable {
    dir: PathBuf,
    writers: Writers,
    waiting: Vec<Request>,
    waiting_events: usize,
    waiting_bytes: usize,
    /// Row groups so far.
    groups: usize,
    usage: RequestsUsage,
}

/// Those who write row groups: one, who does it in the caller's thread, or several, each in a thread of its own.
struct Writers {
    alone: bool,
    idle: Vec<GroupWriter>,
    /// The row groups that are being written, in their order.
    busy: VecDeque<JoinHandle<Result<(Part, GroupWriter)>>>,
    parts: Vec<Part>,
}

impl RequestsTable {
    /// An empty table whose parts go to `dir`, of which so many are written at the same time.
    ///
    /// # Errors
    /// [`Error::Fault`](crate::error::Error::Fault) where its columns are not those of the contract.
    pub fn new(
        dir: PathBuf,
        contract: &Contract,
        common: &Common,
        classes: &Arc<Vec<EventClass>>,
        (layout, plans): (&Arc<Layout>, &Arc<Plans>),
        (properties, at_once): (&WriterPropertiesPtr, usize),
    ) -> Result<Self> {
        let writer = |_| {
            let (classes, layout) = (Arc::clone(classes), Arc::clone(layout));
            let (plans, properties) = (Arc::clone(plans), Arc::clone(properties));
            GroupWriter::new(contract, common, classes, layout, plans, properties)
        };
        Ok(RequestsTable {
            dir,
            writers: Writers {
                alone: at_once <= 1,
                idle: (0..at_once.max(1)).map(writer).collect::<Result<_>>()?,
                busy: VecDeque::new(),
                parts: Vec::new(),
            },
            waiting: Vec::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            groups: 0,
            usage: RequestsUsage::nothing(classes.len()),
        })
    }

    /// Appends requests.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) and [`Error::Columns`](crate::error::Error::Columns) where a part cannot
    /// be written.
    pub fn append(&mut self, requests: Vec<Request>) -> Result<()> {
        for request in requests {
            self.waiting_events += request.nested.len();
            self.waiting_bytes += request.nested.size();
            self.waiting.push(request);
            if self.waiting_events >= GROUP_EVENTS
                || self.waiting_bytes >= GROUP_BYTES
                || self.waiting.len() >= GROUP_ROWS
            {
                self.end_part()?;
            }
        }
        Ok(())
    }

    /// Ends the table: its parts, and what came to be used.
    ///
    /// # Errors
    /// As [`RequestsTable::append`].
    pub fn finish(mut self) -> Result<(Vec<Part>, RequestsUsage)> {
        if !self.waiting.is_empty() {
            self.end_part()?;
        }
        self.writers.wait()?;
        let all = self.writers.idle.iter().map(GroupWriter::usage);
        let usage = all.fold(self.usage, |sum, usage| sum.and(&usage));
        Ok((std::mem::take(&mut self.writers.parts), usage))
    }

    fn end_part(&mut self) -> Result<()> {
        let requests = std::mem::take(&mut self.waiting);
        self.waiting_events = 0;
        self.waiting_bytes = 0;
        let path = self.dir.join(format!("part-{:06}", self.groups));
        self.groups += 1;
        self.writers.write(path, requests)
    }
}

impl Writers {
    /// Has a row group written, which is the next.
    fn write(&mut self, path: PathBuf, requests: Vec<Request>) -> Result<()> {
        if self.alone {
            let part = self.idle[0].write(path, &requests)?;
            self.parts.push(part);
            return Ok(());
        }
        if self.idle.is_empty() {
            self.wait_for_first()?;
        }
        let mut writer = self.idle.pop().expect("one has come back");
        let work = move || Ok((writer.write(path, &requests)?, writer));
        self.busy.push_back(threads::spawn("group", work)?);
        Ok(())
    }

    /// Waits for the first of the row groups that are being written, if there is one.
    fn wait_for_first(&mut self) -> Result<()> {
        if let Some(first) = self.busy.pop_front() {
            let written = first.join().unwrap_or_else(|panic| resume_unwind(panic));
            let (part, writer) = written?;
            self.parts.push(part);
            self.idle.push(writer);
        }
        Ok(())
    }

    /// Waits for all.
    fn wait(&mut self) -> Result<()> {
        while !self.busy.is_empty() {
            self.wait_for_first()?;
        }
        Ok(())
    }
}

impl Drop for Writers {
    /// After an error: nothing is written any more when the table is gone.
    fn drop(&mut self) {
        for busy in self.busy.drain(..) {
            let _ = busy.join();
        }
    }
}
