//! The table `requests`: requests that have ended into columns, columns into row groups.
//!
//! Requests wait in encoded form until there are enough for a row group. Then their events go to columns of their own
//! (see `nested`), with columns for those arguments alone that they have.

use super::contract::Contract;
use super::events::{Layout, Plans, coded};
use super::nested::NestedWriter;
use super::numbers::Numbers;
use super::parquet::{Content, Part, Slot, Writers, array_writers, write_array, write_group};
use super::types::{Usage, main_type, sibling_type};
use super::values::{Values, push_field};
use crate::error::{Error, Result};
use crate::requests::{EndReason, NestedEvent, Request};
use crate::trace::event::{Cursor, EventClass, UNKNOWN, bare_names};
use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampNanosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Nested events of a row group; with it ends, too, what waits in memory.
const GROUP_EVENTS: usize = 128 * 1024;
/// Requests of a row group.
const GROUP_ROWS: usize = 128 * 1024;
/// Encoded bytes of a row group.
const GROUP_BYTES: usize = 32 << 20;
/// Nested events that are turned into columns at once.
const BATCH_EVENTS: usize = 16 * 1024;

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
    contract: Contract,
    properties: WriterPropertiesPtr,
    layout: Arc<Layout>,
    plans: Arc<Plans>,
    classes: Arc<Vec<EventClass>>,
    common: Common,
    /// Bare names in the order of their numbers.
    calls: Vec<String>,
    /// Members of an event, but `args`.
    members: Arc<Vec<Field>>,
    args: Vec<Values>,
    waiting: Vec<Request>,
    waiting_events: usize,
    waiting_bytes: usize,
    parts: Vec<Part>,
    usage: RequestsUsage,
}

impl RequestsTable {
    /// An empty table whose parts go to `dir`.
    pub fn new(
        dir: PathBuf,
        contract: Contract,
        common: Common,
        classes: Arc<Vec<EventClass>>,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
        properties: WriterPropertiesPtr,
    ) -> Self {
        RequestsTable {
            members: Arc::new(members(&contract)),
            args: layout.args.iter().map(Values::new).collect(),
            usage: RequestsUsage {
                args: Vec::new(),
                classes: vec![false; classes.len()],
                requests: 0,
                nested: 0,
                omitted: 0,
            },
            calls: bare_names(&classes).0,
            waiting: Vec::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            parts: Vec::new(),
            dir,
            contract,
            properties,
            layout,
            plans,
            classes,
            common,
        }
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
        self.usage.args = self.args.iter().map(Values::usage).collect();
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
        let mut fields = self.contract.fields(&HashMap::new()).to_vec();
        // The last one is the list of events.
        fields.pop();
        let plain = fields.iter().map(|field| {
            let schema = Schema::new(vec![Arc::clone(field)]);
            array_writers(schema, &self.properties)
        });
        let mut plain = plain.collect::<Result<Vec<_>, _>>()?;
        let lengths = requests.iter().map(|r| r.nested.len());
        let mut nested = NestedWriter::new("events", lengths, Arc::clone(&self.properties));
        let mut from = 0;
        while from < requests.len() {
            let batch = from..from + rows_of_batch(&requests[from..]);
            let arrays = self.plain_columns(&requests[batch.clone()]);
            for ((writers, field), array) in plain.iter_mut().zip(&fields).zip(arrays) {
                write_array(writers, field, &array)?;
            }
            self.write_nested(&mut nested, &requests[batch.clone()], batch.clone())?;
            from = batch.end;
        }
        fields.push(Arc::new(nested.field()));
        let schema = Schema::new(fields);
        write_group(BufWriter::new(file), &schema, &self.properties, |group| {
            let mut plain = plain.into_iter();
            plain.try_for_each(|writers| Writers::Arrays(writers).append_to(group))?;
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

    /// All columns of the contract but the last, `events`.
    fn plain_columns(&self, requests: &[Request]) -> Vec<ArrayRef> {
        let n = requests.len();
        let long = |get: &dyn Fn(&Request) -> Option<i64>| -> ArrayRef {
            Arc::new(requests.iter().map(get).collect::<Int64Array>())
        };
        let int = |get: &dyn Fn(&Request) -> Option<i32>| -> ArrayRef {
            Arc::new(requests.iter().map(get).collect::<Int32Array>())
        };
        let time = |get: &dyn Fn(&Request) -> Option<i64>| -> ArrayRef {
            let times = requests
                .iter()
                .map(get)
                .collect::<TimestampNanosecondArray>();
            Arc::new(times.with_timezone("UTC"))
        };
        let flag = |get: &dyn Fn(&Request) -> Option<bool>| -> ArrayRef {
            Arc::new(requests.iter().map(get).collect::<BooleanArray>())
        };
        let known = |n: i32| (n != UNKNOWN).then_some(n);
        let reasons = EndReason::ALL.map(EndReason::as_str).to_vec();
        let reason = requests.iter().map(|r| r.end_reason as i32);
        let addresses = requests.iter().map(|r| r.client.0.map(|a| a.to_string()));
        vec![
            long(&|r| Some(r.id)),
            constant(Some(&self.common.trace_id), n),
            constant(self.common.label.as_deref(), n),
            constant(Some(self.common.rule), n),
            procnames(requests.iter()),
            int(&|r| known(r.pid)),
            int(&|r| known(r.tid)),
            long(&|r| r.fd),
            Arc::new(addresses.collect::<StringArray>()),
            int(&|r| r.client.1),
            long(&|r| r.connection.map(|(id, _)| id)),
            long(&|r| r.connection.map(|(_, exchange)| exchange)),
            flag(&|r| r.accept_seen),
            time(&|r| r.accept_entry),
            time(&|r| Some(r.start)),
            time(&|r| Some(r.end)),
            long(&|r| Some(r.end - r.start)),
            long(&|r| r.accept_entry.map(|a| r.start - a)),
            long(&|r| r.wait),
            long(&|r| r.times.as_ref().map(|t| t.on_cpu)),
            long(&|r| r.times.as_ref().map(|t| t.runnable)),
            long(&|r| r.times.as_ref().map(|t| t.blocked)),
            long(&|r| r.times.as_ref().map(|t| t.unattended)),
            self.blocked(requests),
            long(&|r| r.read_bytes),
            long(&|r| r.written_bytes),
            long(&|r| Some(r.n_events)),
            long(&|r| Some(r.first_event)),
            long(&|r| Some(r.last_event)),
            long(&|r| Some(r.window_syscalls)),
            coded(
                Int32Array::from_iter_values(reason),
                &Arc::new(reasons.into()),
            ),
            flag(&|r| Some(r.complete())),
            long(&|r| i64::try_from(r.lost_events).ok()),
            long(&|r| Some(r.n_events - r.nested.len() as i64)),
        ]
    }

    /// The column `blocked`.
    fn blocked(&self, requests: &[Request]) -> ArrayRef {
        let field = self.contract.field("blocked");
        let DataType::List(element) = field.data_type() else {
            unreachable!("the contract says list<struct>")
        };
        let DataType::Struct(fields) = element.data_type() else {
            unreachable!("the contract says list<struct>")
        };
        let spans = |r: &Request| r.times.as_ref().map_or(0, |t| t.by_call.len());
        let all = || {
            let times = requests.iter().filter_map(|r| r.times.as_ref());
            times.flat_map(|t| &t.by_call)
        };
        let names: StringArray = all()
            .map(|(call, _)| call.map(|call| self.calls[call as usize].as_str()))
            .collect();
        let times = Int64Array::from_iter_values(all().map(|(_, ns)| *ns));
        let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(times)];
        let known: NullBuffer = requests.iter().map(|r| r.times.is_some()).collect();
        Arc::new(ListArray::new(
            Arc::clone(element),
            OffsetBuffer::from_lengths(requests.iter().map(spans)),
            Arc::new(StructArray::new(fields.clone(), columns, None)),
            Some(known),
        ))
    }

    /// The columns of the events of `requests`, which have these numbers in the group.
    fn write_nested(
        &mut self,
        nested: &mut NestedWriter,
        requests: &[Request],
        numbers: Range<usize>,
    ) -> Result<(), ParquetError> {
        let events: Vec<NestedEvent> = requests.iter().flat_map(|r| r.nested.iter()).collect();
        let long = |get: &dyn Fn(&NestedEvent) -> Option<i64>| {
            Content::Numbers(Numbers::Long(events.iter().map(get).collect()))
        };
        let code = |get: &dyn Fn(&NestedEvent) -> i32, values: &Arc<StringArray>| {
            let keys = events.iter().map(get);
            Content::Array(coded(Int32Array::from_iter_values(keys), values))
        };
        let tids = events.iter().map(|e| Some(e.tid).filter(|n| *n != UNKNOWN));
        let plans = Arc::clone(&self.plans);
        let fixed = [
            long(&|e| Some(e.event_id)),
            long(&|e| Some(e.offset_ns)),
            code(&|e| plans.classes[e.class as usize].name, &plans.names),
            code(&|e| plans.classes[e.class as usize].phase, &plans.phases),
            Content::Numbers(Numbers::Int(tids.collect())),
            long(&|e| self.ret(e)),
            long(&|e| e.duration_ns),
        ];
        let members = Arc::clone(&self.members);
        for (number, (member, content)) in members.iter().zip(&fixed).enumerate() {
            let describe = || Slot {
                parent: None,
                field: as_encoded(member, content),
            };
            nested.write(number, numbers.clone(), describe, content)?;
        }
        if self.common.with_args {
            self.gather_args(&events);
            self.write_args(nested, events.len(), &numbers)?;
        }
        Ok(())
    }

    fn gather_args(&mut self, events: &[NestedEvent]) {
        for (row, event) in events.iter().enumerate() {
            let class = &self.classes[event.class as usize];
            let mut cursor = Cursor::new(event.values);
            class.context.iter().for_each(|f| cursor.skip(&f.ty));
            let plan = &self.plans.classes[event.class as usize];
            for (field, route) in class.payload.iter().zip(&plan.args) {
                push_field(&mut self.args, row, &field.ty, route, &mut cursor);
            }
        }
    }

    /// The columns that some of so many events have.
    fn write_args(
        &mut self,
        nested: &mut NestedWriter,
        events: usize,
        numbers: &Range<usize>,
    ) -> Result<(), ParquetError> {
        let layout = Arc::clone(&self.layout);
        let parent = Some("args");
        for (i, (column, values)) in layout.args.iter().zip(&mut self.args).enumerate() {
            if !values.touched() {
                continue;
            }
            let (main, sibling) = values.finish(events, column);
            let number = self.members.len() + 2 * i;
            let describe = || Slot {
                parent,
                field: Field::new(&column.name, main_type(column), true),
            };
            nested.write(number, numbers.clone(), describe, &main)?;
            if let Some(sibling) = sibling {
                let describe = || Slot {
                    parent,
                    field: Field::new(&column.sibling, sibling_type(column), true),
                };
                nested.write(number + 1, numbers.clone(), describe, &sibling)?;
            }
        }
        Ok(())
    }

    fn ret(&self, event: &NestedEvent) -> Option<i64> {
        let ret = self.plans.classes[event.class as usize].ret?;
        self.classes[event.class as usize].integer(event.values, ret)
    }
}

/// The field of values that are encoded from a dictionary, which Parquet does not tell from others.
fn as_encoded(field: &Field, content: &Content) -> Field {
    match content {
        Content::Array(array) => field.clone().with_data_type(array.data_type().clone()),
        Content::Numbers(_) => field.clone(),
    }
}

/// The members of a nested event that every one has.
fn members(contract: &Contract) -> Vec<Field> {
    let events = contract.field("events");
    let DataType::List(element) = events.data_type() else {
        unreachable!("the contract says list<struct>")
    };
    let DataType::Struct(fields) = element.data_type() else {
        unreachable!("the contract says list<struct>")
    };
    fields.iter().map(|f| f.as_ref().clone()).collect()
}

/// How many of `requests` come into one batch.
fn rows_of_batch(requests: &[Request]) -> usize {
    let mut events = 0;
    let full = requests.iter().position(|r| {
        events += r.nested.len();
        events > BATCH_EVENTS
    });
    full.unwrap_or(requests.len()).max(1)
}

/// A column of `n` equal values.
pub(super) fn constant(value: Option<&str>, n: usize) -> ArrayRef {
    match value {
        Some(value) => coded(vec![0; n].into(), &Arc::new(StringArray::from(vec![value]))),
        None => coded(
            Int32Array::new_null(n),
            &Arc::new(StringArray::from(vec![""])),
        ),
    }
}

/// The names of the threads that began what these are.
pub(super) fn procnames<'a>(requests: impl Iterator<Item = &'a Request>) -> ArrayRef {
    let mut names: Vec<&str> = Vec::new();
    let keys: Int32Array = requests
        .map(|r| {
            let name = r.procname.as_deref()?;
            let known = names.iter().position(|n| *n == name);
            Some(known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            }) as i32)
        })
        .collect();
    coded(keys, &Arc::new(StringArray::from(names)))
}
