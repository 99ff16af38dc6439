//! The table `downstream`: what other processes did for requests.
//!
//! Its events are not stored again: a row lists which they are.

use super::columns::{self, Columns, NamedColumn};
use super::part::write_part;
use super::rows::Rows;
use super::work;
use crate::columns::parquet::part::Part;
use crate::columns::schema::contract::Contract;
use crate::error::Result;
use crate::requests::{Matched, Service};
use crate::trace::event::UNKNOWN;
use arrow::array::StringArray;
use parquet::file::properties::WriterPropertiesPtr;
use std::path::PathBuf;
use std::sync::Arc;

/// Event IDs of a row group, and rows; when it ends, so does what waits in memory.
const GROUP_IDS: usize = 1 << 20;
const GROUP_ROWS: usize = 128 * 1024;

/// A recording's `downstream`, being written as parts.
pub struct DownstreamTable {
    dir: PathBuf,
    columns: Columns<[Service]>,
    properties: WriterPropertiesPtr,
    waiting: Vec<Service>,
    waiting_ids: usize,
    parts: Vec<Part>,
}

impl DownstreamTable {
    /// An empty table whose parts go to `dir`.
    ///
    /// # Errors
    /// [`Error::Fault`](crate::error::Error::Fault) where its columns are not those of the contract.
    pub fn new(
        dir: PathBuf,
        contract: &Contract,
        trace_id: &str,
        properties: WriterPropertiesPtr,
    ) -> Result<Self> {
        Ok(DownstreamTable {
            columns: columns::of(contract, columns(trace_id))?,
            dir,
            properties,
            waiting: Vec::new(),
            waiting_ids: 0,
            parts: Vec::new(),
        })
    }

    /// Appends services.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) and [`Error::Columns`](crate::error::Error::Columns) where a part cannot
    /// be written.
    pub fn append(&mut self, services: Vec<Service>) -> Result<()> {
        for service in services {
            self.waiting_ids += service.of.event_ids.len();
            self.waiting.push(service);
            if self.waiting_ids >= GROUP_IDS || self.waiting.len() >= GROUP_ROWS {
                self.end_part()?;
            }
        }
        Ok(())
    }

    /// Ends the table: its parts.
    ///
    /// # Errors
    /// As [`DownstreamTable::append`].
    pub fn finish(mut self) -> Result<Vec<Part>> {
        if !self.waiting.is_empty() {
            self.end_part()?;
        }
        Ok(self.parts)
    }

    fn end_part(&mut self) -> Result<()> {
        let services = std::mem::take(&mut self.waiting);
        self.waiting_ids = 0;
        let path = self.dir.join(format!("part-{:06}", self.parts.len()));
        let part = write_part(path, &self.columns, &services, &self.properties)?;
        self.parts.push(part);
        Ok(())
    }
}

/// What fills each column, beside those of [`work`].
pub(super) fn columns(trace_id: &str) -> Vec<NamedColumn<[Service]>> {
    let services = Rows::<Service>::all();
    let matched = Arc::new(StringArray::from(
        Matched::ALL.map(Matched::as_str).to_vec(),
    ));
    let mut columns = work::columns(|s: &Service| &s.work);
    columns.extend([
        services.column("service_id", |s| s.work.id),
        services.constant("trace_id", Some(trace_id)),
        services.column("request_id", |s| s.of.request_id),
        services.column("depth", |s| s.of.depth),
        services.column("asked_tid", |s| {
            Some(s.of.asked_tid).filter(|tid| *tid != UNKNOWN)
        }),
        services.column("asked_fd", |s| s.of.asked_fd),
        services.column("complete", Service::complete),
        services.words("matched_by", &matched, |s| s.of.matched as i32),
        services.column("n_events_omitted", |s| {
            s.work.n_events - s.of.event_ids.len() as i64
        }),
        services.longs("event_ids", |s| &s.of.event_ids),
    ]);
    columns
}
