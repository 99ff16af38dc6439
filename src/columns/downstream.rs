//! The table `downstream`: what other processes did for requests, in columns.
//!
//! Its events are not stored again: a row lists which they are.

use super::contract::Contract;
use super::events::coded;
use super::parquet::Part;
use super::requests::{constant, procnames};
use crate::error::{Error, Result};
use crate::requests::{EndReason, Matched, Request, Service};
use crate::trace::event::UNKNOWN;
use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch,
    TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Event IDs of a row group, and rows; with it ends, too, what waits in memory.
const GROUP_IDS: usize = 1 << 20;
const GROUP_ROWS: usize = 128 * 1024;

/// The schema of the table.
pub fn schema(contract: &Contract) -> Schema {
    Schema::new(contract.fields(&HashMap::new()))
}

/// A recording's `downstream`, being written as parts.
pub struct DownstreamTable {
    dir: PathBuf,
    contract: Contract,
    trace_id: String,
    properties: WriterProperties,
    waiting: Vec<Service>,
    waiting_ids: usize,
    parts: Vec<Part>,
}

impl DownstreamTable {
    /// An empty table whose parts go to `dir`.
    pub fn new(
        dir: PathBuf,
        contract: Contract,
        trace_id: &str,
        properties: WriterProperties,
    ) -> Self {
        DownstreamTable {
            dir,
            contract,
            trace_id: trace_id.to_owned(),
            properties,
            waiting: Vec::new(),
            waiting_ids: 0,
            parts: Vec::new(),
        }
    }

    /// Appends services.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where a part cannot be written.
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
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        self.write(&services, file).map_err(Error::columns(&path))?;
        self.parts.push(Part {
            path,
            rows: services.len(),
            group: None,
        });
        Ok(())
    }

    fn write(&self, services: &[Service], file: File) -> Result<(), ParquetError> {
        let schema = Arc::new(schema(&self.contract));
        let batch = RecordBatch::try_new(Arc::clone(&schema), self.columns(services))?;
        let mut writer = ArrowWriter::try_new(file, schema, Some(self.properties.clone()))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(())
    }

    /// All columns of the contract.
    fn columns(&self, services: &[Service]) -> Vec<ArrayRef> {
        let long = |get: &dyn Fn(&Service) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(services.iter().map(get)))
        };
        let maybe = |get: &dyn Fn(&Request) -> Option<i64>| -> ArrayRef {
            let values = services.iter().map(|s| get(&s.work));
            Arc::new(values.collect::<Int64Array>())
        };
        let id = |get: &dyn Fn(&Service) -> i32| -> ArrayRef {
            let known = |n: i32| (n != UNKNOWN).then_some(n);
            let values = services.iter().map(|s| known(get(s)));
            Arc::new(values.collect::<Int32Array>())
        };
        let time = |get: &dyn Fn(&Request) -> i64| -> ArrayRef {
            let times = services.iter().map(|s| get(&s.work));
            let times = TimestampNanosecondArray::from_iter_values(times);
            Arc::new(times.with_timezone("UTC"))
        };
        let word = |get: &dyn Fn(&Service) -> i32, words: Vec<&str>| {
            let keys = Int32Array::from_iter_values(services.iter().map(get));
            coded(keys, &Arc::new(words.into()))
        };
        let complete = services.iter().map(|s| Some(s.complete()));
        vec![
            long(&|s| s.work.id),
            constant(Some(&self.trace_id), services.len()),
            long(&|s| s.of.request_id),
            id(&|s| s.of.depth),
            id(&|s| s.of.asked_tid),
            long(&|s| s.of.asked_fd),
            procnames(services.iter().map(|s| &s.work)),
            id(&|s| s.work.pid),
            id(&|s| s.work.tid),
            maybe(&|w| w.fd),
            time(&|w| w.start),
            time(&|w| w.end),
            long(&|s| s.work.end - s.work.start),
            maybe(&|w| w.wait),
            maybe(&|w| w.times.as_ref().map(|t| t.on_cpu)),
            maybe(&|w| w.times.as_ref().map(|t| t.runnable)),
            maybe(&|w| w.times.as_ref().map(|t| t.blocked)),
            maybe(&|w| w.times.as_ref().map(|t| t.unattended)),
            maybe(&|w| w.read_bytes),
            maybe(&|w| w.written_bytes),
            long(&|s| s.work.n_events),
            long(&|s| s.work.first_event),
            long(&|s| s.work.last_event),
            word(
                &|s| s.work.end_reason as i32,
                EndReason::ALL.map(EndReason::as_str).to_vec(),
            ),
            Arc::new(complete.collect::<BooleanArray>()),
            maybe(&|w| i64::try_from(w.lost_events).ok()),
            word(
                &|s| s.of.matched as i32,
                Matched::ALL.map(Matched::as_str).to_vec(),
            ),
            long(&|s| s.work.n_events - s.of.event_ids.len() as i64),
            self.event_ids(services),
        ]
    }

    fn event_ids(&self, services: &[Service]) -> ArrayRef {
        let field = self.contract.field("event_ids");
        let DataType::List(element) = field.data_type() else {
            unreachable!("the contract says list<int64>")
        };
        let ids = services.iter().flat_map(|s| s.of.event_ids.iter().copied());
        Arc::new(ListArray::new(
            Arc::clone(element),
            OffsetBuffer::from_lengths(services.iter().map(|s| s.of.event_ids.len())),
            Arc::new(Int64Array::from_iter_values(ids)),
            None,
        ))
    }
}
