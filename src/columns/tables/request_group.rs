//! A row group of `requests`: what fills its columns, and how they are encoded, by one thread.
//!
//! A row group knows nothing of the one before it, so that several threads can write several of them.

use super::columns::{self, Columns, NamedColumn};
use super::plans::Plans;
use super::request_events::RequestEvents;
use super::rows::Rows;
use super::value::Time;
use super::{spans, work};
use crate::columns::parquet::nested::NestedWriter;
use crate::columns::parquet::part::{Part, write_group};
use crate::columns::parquet::side_by_side::RowsWriter;
use crate::columns::schema::contract::Contract;
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::{Usage, merge};
use crate::error::{Error, Result};
use crate::label_spans::LabelSpan;
use crate::requests::{LoggedLine, Request};
use crate::trace::event::{EventClass, bare_names};
use arrow::datatypes::Schema;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Its parts that have labels of their own, in the order of time.
    pub spans: Arc<[LabelSpan]>,
    /// The rule's name.
    pub rule: &'static str,
    /// Whether nested events carry their arguments.
    pub with_args: bool,
}

/// Writes row groups, one after the other.
pub(super) struct GroupWriter {
    columns: Columns<[Request]>,
    events: RequestEvents,
    properties: WriterPropertiesPtr,
    usage: RequestsUsage,
}

impl GroupWriter {
    /// For requests of a recording with events of these `classes`.
    ///
    /// # Errors
    /// [`Error::Fault`] where its columns are not those of the contract.
    pub(super) fn new(
        contract: &Contract,
        common: &Common,
        classes: Arc<Vec<EventClass>>,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
        properties: WriterPropertiesPtr,
    ) -> Result<Self> {
        let columns = columns(common, bare_names(&classes).0);
        Ok(GroupWriter {
            columns: columns::of(contract, columns)?,
            usage: RequestsUsage::nothing(classes.len()),
            events: RequestEvents::open(contract, common.with_args, classes, layout, plans)?,
            properties,
        })
    }

    /// What its row groups have used so far.
    pub(super) fn usage(&self) -> RequestsUsage {
        RequestsUsage {
            args: self.events.usage(),
            ..self.usage.clone()
        }
    }

    /// Writes a row group of `requests` to the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where it cannot be written.
    pub(super) fn write(&mut self, path: PathBuf, requests: &[Request]) -> Result<Part> {
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        self.write_group(requests, file)
            .map_err(Error::columns(&path))?;
        Ok(Part {
            path,
            rows: requests.len(),
        })
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

impl RequestsUsage {
    /// Of `classes` event classes none.
    pub(super) fn nothing(classes: usize) -> Self {
        RequestsUsage {
            args: Vec::new(),
            classes: vec![false; classes],
            requests: 0,
            nested: 0,
            omitted: 0,
        }
    }

    /// With what other row groups of the recording have used.
    pub(super) fn and(mut self, other: &RequestsUsage) -> Self {
        match self.args.is_empty() {
            true => self.args.clone_from(&other.args),
            false => merge(&mut self.args, &other.args),
        }
        for (used, other) in self.classes.iter_mut().zip(&other.classes) {
            *used |= other;
        }
        self.requests += other.requests;
        self.nested += other.nested;
        self.omitted += other.omitted;
        self
    }
}

/// What fills each column, beside those of [`work`]; `calls` are the bare names in the order of their numbers.
pub(super) fn columns(common: &Common, calls: Vec<String>) -> Vec<NamedColumn<[Request]>> {
    let requests = Rows::<Request>::all();
    let mut columns = work::columns(|r: &Request| r);
    columns.extend(spans::columns(&common.spans));
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
    columns.extend(logged());
    columns
}

/// What the server's access log says; null where there is none.
fn logged() -> [NamedColumn<[Request]>; 6] {
    let requests = Rows::<Request>::all();
    [
        requests.column("access_lines", |r| r.logged.as_ref().map(|l| l.lines)),
        requests.column("log_time", |r| only(r).map(|line| Time(line.begin))),
        requests.texts("http_method", |r| only(r)?.method.as_deref()),
        requests.column("url", |r| only(r)?.url.as_deref().map(str::to_owned)),
        requests.column("http_status", |r| only(r)?.status),
        requests.column("response_bytes", |r| only(r).map(|line| line.bytes)),
    ]
}

/// What the log says of a request that has one line.
fn only(request: &Request) -> Option<&LoggedLine> {
    request.logged.as_ref()?.only.as_ref()
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
