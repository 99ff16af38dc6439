//! The table `requests`: requests that have ended into columns, columns into row groups.
//!
//! Requests wait in encoded form until there are enough for a row group. Then their events go to columns of their own
//! (see `request_events`).

use super::columns::{self, Columns, NamedColumn};
use super::plans::Plans;
use super::request_events::RequestEvents;
use super::rows::Rows;
use super::value::Time;
use super::work;
use crate::columns::parquet::nested::NestedWriter;
use crate::columns::parquet::part::{Part, write_group};
use crate::columns::parquet::side_by_side::RowsWriter;
use crate::columns::schema::contract::Contract;
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::Usage;
use crate::error::{Error, Result};
use crate::requests::Request;
use crate::trace::event::{EventClass, bare_names};
use arrow::datatypes::Schema;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

/// Nested events of a row group; with it ends, too, what waits in memory.
const GROUP_EVENTS: usize = 128 * 1024;
/// Requests of a row group.
const GROUP_ROWS: usize = 128 * 1024;
/// Encoded bytes of a row group.
const GROUP_BYTES: usize = 32 << 20;
/// Nested events that are turned into columns at once.
const CHUNK_EVENTS: usize = 16 * 1024;

/// What of the table's columns came to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestsUsage {
    /// Per column of the nested `args`.
    pub args: Vec<Usage>,
    /// Per event class, whether a request has such an event.
    pub classes: Vec<bool>,
    /// Number of requests.
    pub requests: i64,
    /// Number of nested events.
    pub nested: i64,
    /// Number of events that requests have but do not carry.
    pub omitted: i64,
}

/// What all rows have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// The trace.
    pub trace_id: String,
    /// Its label.
    pub label: Option<String>,
    /// The rule's name.
    pub rule: &'static str,
    /// Whether nested events carry their arguments.
    pub with_args: bool,
}

/// A recording's `requests`, being written as parts.
pub struct RequestsTable {
    dir: PathBuf,
    columns: Columns<[Request]>,
    events: RequestEvents,
    properties: WriterPropertiesPtr,
    waiting: Vec<Request>,
    waiting_events: usize,
    waiting_bytes: usize,
    parts: Vec<Part>,
    usage: RequestsUsage,
}

impl RequestsTable {
    /// An empty table whose parts go to `dir`.
    ///
    /// # Errors
    /// [`Error::Fault`] where its columns are not those of the contract.
    pub fn new(
        dir: PathBuf,
        contract: &Contract,
        common: &Common,
        classes: Arc<Vec<EventClass>>,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
        properties: WriterPropertiesPtr,
    ) -> Result<Self> {
        let columns = columns(common, bare_names(&classes).0);
        let usage = RequestsUsage {
            args: Vec::new(),
            classes: vec![false; classes.len()],
            requests: 0,
            nested: 0,
            omitted: 0,
        };
        Ok(RequestsTable {
            columns: columns::of(contract, columns)?,
            events: RequestEvents::open(contract, common.with_args, classes, layout, plans)?,
            dir,
            properties,
            waiting: Vec::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            parts: Vec::new(),
            usage,
        })
    }

    /// Appends requests.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where a part cannot be written.
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
        self.usage.args = self.events.usage();
        Ok((self.parts, self.usage))
    }

    fn end_part(&mut self) -> Result<()> {
        let requests = std::mem::take(&mut self.waiting);
        self.waiting_events = 0;
        self.waiting_bytes = 0;
        let path = self.dir.join(format!("part-{:06}", self.parts.len()));
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        self.write_group(&requests, file)
            .map_err(Error::columns(&path))?;
        self.parts.push(Part {
            path,
            rows: requests.len(),
            group: None,
        });
        Ok(())
    }

    fn write_group(&mut self, requests: &[Request], file: File) -> Result<(), ParquetError> {
        self.count(requests);
        let mut plain = RowsWriter::new(Arc::clone(&self.properties));
        let mut nested = NestedWriter::new("events", Arc::clone(&self.properties));
        let mut from = 0;
        while from < requests.len() {
            let chunk = from..from + rows_of_chunk(&requests[from..]);
            let rows = &requests[chunk.clone()];
            plain.write(rows.len(), self.columns.fill(rows, rows.len()))?;
            self.events.write(&mut nested, rows, chunk.clone())?;
            from = chunk.end;
        }
        let mut fields = plain.fields();
        fields.push(Arc::new(nested.field()));
        let schema = Schema::new(fields);
        write_group(BufWriter::new(file), &schema, &self.properties, |group| {
            plain.append_to(group)?;
            nested.append_to(group)
        })
    }

    /// Notes classes and counts of `requests`.
    fn count(&mut self, requests: &[Request]) {
        for request in requests {
            self.usage.requests += 1;
            self.usage.nested += request.nested.len() as i64;
            self.usage.omitted += request.n_events - request.nested.len() as i64;
            for event in request.nested.iter() {
                self.usage.classes[event.class as usize] = true;
            }
        }
    }
}

/// What fills each column, beside those of [`work`]; `calls` are the bare names in the order of their numbers.
pub(super) fn columns(common: &Common, calls: Vec<String>) -> Vec<NamedColumn<[Request]>> {
    let requests = Rows::<Request>::all();
    let mut columns = work::columns(|r: &Request| r);
    columns.extend([
        requests.column("request_id", |r| r.id),
        requests.constant("trace_id", Some(&common.trace_id)),
        requests.constant("label", common.label.as_deref()),
        requests.constant("rule", Some(common.rule)),
        requests.column("client_addr", |r| r.client.0.map(|a| a.to_string())),
        requests.column("client_port", |r| r.client.1),
        requests.column("connection_id", |r| r.connection.map(|(id, _)| id)),
        requests.column("exchange", |r| r.connection.map(|(_, exchange)| exchange)),
        requests.column("accept_seen", |r| r.accept_seen),
        requests.column("accept_entry", |r| r.accept_entry.map(Time)),
        requests.column("idle_ns", |r| r.accept_entry.map(|a| r.start - a)),
        requests.structs("blocked", blocked(calls), |r| {
            r.times.as_ref().map(|t| &t.by_call[..])
        }),
        requests.column("window_syscalls", |r| r.window_syscalls),
        requests.column("complete", Request::complete),
        requests.column("n_events_omitted", |r| r.n_events - r.nested.len() as i64),
        NamedColumn::apart("events"),
    ]);
    columns
}

/// Time that was spent blocked, in nanoseconds: in a call, by the number of its name, or outside of one.
type Span = (Option<u32>, i64);

/// What fills each member of `blocked`.
fn blocked(calls: Vec<String>) -> Vec<NamedColumn<[Span]>> {
    let spans = Rows::<Span>::all();
    vec![
        spans.column("name", move |(call, _)| {
            call.map(|call| calls[call as usize].clone())
        }),
        spans.column("duration_ns", |(_, ns)| *ns),
    ]
}

/// How many of `requests` come into one chunk.
fn rows_of_chunk(requests: &[Request]) -> usize {
    let mut events = 0;
    let full = requests.iter().position(|r| {
        events += r.nested.len();
        events > CHUNK_EVENTS
    });
    full.unwrap_or(requests.len()).max(1)
}
