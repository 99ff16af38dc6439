//! The table `events`: events of batches into columns, columns into row groups.

use super::columns::{self, Columns, NamedColumn};
use super::gathered::gathered;
use super::plans::Plans;
use super::rows::Rows;
use super::value::Time;
use super::values::{Values, push_field};
use super::words::coded;
use crate::calls::Pairing;
use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::parquet::encoders::{Finishing, PartWriter};
use crate::columns::parquet::part::Part;
use crate::columns::parquet::slot::Slot;
use crate::columns::parquet::sparse::{Sparse, SparseBytes};
use crate::columns::schema::contract::{Contract, dictionary};
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::Usage;
use crate::error::{Error, Result};
use crate::trace::event::{Cursor, EventBatch, EventClass, Head, NO_NAME, UNKNOWN};
use arrow::array::StringArray;
use arrow::datatypes::DataType;
use parquet::file::properties::WriterPropertiesPtr;
use std::cell::Cell;
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
    columns: Columns<Chunk>,
    properties: WriterPropertiesPtr,
    layout: Arc<Layout>,
    plans: Arc<Plans>,
    procnames: Vec<String>,
    args: Vec<Values>,
    context: Vec<Values>,
    waiting: Waiting,
    /// Threads that encode the columns of a part.
    encoders: usize,
    part: PartWriter,
    finishing: Option<Finishing>,
    parts: Vec<Part>,
    next_id: i64,
    used: Vec<bool>,
}

/// Rows that are not turned into columns yet, beside those in `args` and `context`.
#[derive(Default)]
struct Waiting {
    heads: Vec<Head>,
    pairings: Vec<Pairing>,
    ret: Sparse<i64>,
    path: SparseBytes,
    bytes: usize,
}

/// Rows that are turned into columns: what all of them have beside `args` and `context`.
pub(super) struct Chunk {
    first_id: i64,
    heads: Vec<Head>,
    pairings: Vec<Pairing>,
    /// Given to their columns, once.
    ret: Cell<Sparse<i64>>,
    path: Cell<SparseBytes>,
    /// Names of threads, by the numbers that the rows have.
    procnames: Arc<StringArray>,
}

impl EventsTable {
    /// An empty table whose parts go to `dir`, encoded by so many threads; `of` is the recording and its label.
    ///
    /// # Errors
    /// [`Error::Fault`] where its columns are not those of the contract, and as [`PartWriter::new`].
    pub fn new(
        dir: PathBuf,
        of: (&str, Option<&str>),
        contract: &Contract,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
        (properties, encoders): (WriterPropertiesPtr, usize),
    ) -> Result<Self> {
        let columns = columns(of, &plans);
        let columns = columns::of(contract, columns)?;
        let slots = slots(&columns, &layout);
        Ok(EventsTable {
            procnames: Vec::new(),
            args: layout.args.iter().map(Values::new).collect(),
            context: layout.context.iter().map(Values::new).collect(),
            waiting: Waiting::default(),
            part: PartWriter::new(slots, Arc::clone(&properties), encoders)?,
            encoders,
            finishing: None,
            parts: Vec::new(),
            next_id: 0,
            used: vec![false; plans.classes.len()],
            dir,
            columns,
            properties,
            layout,
            plans,
        })
    }

    /// Appends the events of `batch`, of `classes`, with what pairing added to each.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where a part cannot be written.
    pub fn append(
        &mut self,
        batch: &EventBatch,
        classes: &[EventClass],
        pairings: &[Pairing],
    ) -> Result<()> {
        self.procnames.extend(batch.new_procnames.iter().cloned());
        let mut start = 0;
        while start < batch.heads.len() {
            let rows = self.waiting.heads.len();
            let room = (CHUNK_ROWS - rows).min(GROUP_ROWS - self.part.rows() - rows);
            let end = batch.heads.len().min(start + room);
            self.take_in(batch, start..end, classes, pairings);
            let full = end - start == room || self.waiting.bytes >= CHUNK_BYTES;
            if full {
                self.write_waiting()?;
            }
            if self.part.rows() == GROUP_ROWS {
                self.end_part()?;
            }
            start = end;
        }
        Ok(())
    }

    /// Ends the table: its parts, and what came to be used.
    pub fn finish(mut self) -> Result<(Vec<Part>, EventsUsage)> {
        self.write_waiting()?;
        if self.part.rows() > 0 {
            self.end_part()?;
        }
        self.wait()?;
        let usage = EventsUsage {
            args: self.args.iter().map(Values::usage).collect(),
            context: self.context.iter().map(Values::usage).collect(),
            classes: self.used,
            events: self.next_id,
        };
        Ok((self.parts, usage))
    }

    fn end_part(&mut self) -> Result<()> {
        let slots = slots(&self.columns, &self.layout);
        let next = PartWriter::new(slots, Arc::clone(&self.properties), self.encoders)?;
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

    /// Takes in the events of `range`.
    fn take_in(
        &mut self,
        batch: &EventBatch,
        range: std::ops::Range<usize>,
        classes: &[EventClass],
        pairings: &[Pairing],
    ) {
        let before = self.waiting.heads.len();
        for (row, i) in (before..).zip(range.clone()) {
            let class = batch.heads[i].class as usize;
            let plan = &self.plans.classes[class];
            self.used[class] = true;
            let values = batch.values_of(i);
            self.waiting.bytes += values.len();
            let mut cursor = Cursor::new(values);
            for (field, route) in classes[class].context.iter().zip(&plan.context) {
                push_field(&mut self.context, row, &field.ty, route, &mut cursor);
            }
            let payload = classes[class].payload.iter().zip(&plan.args).enumerate();
            for (n, (field, route)) in payload {
                if plan.ret == Some(n) {
                    let ret = cursor.clone().integer() as i64;
                    self.waiting.ret.push(row, ret);
                } else if plan.path == Some(n)
                    && let Ok(text) = cursor.clone().utf8()
                {
                    self.waiting.path.push(row, text.as_bytes());
                }
                push_field(&mut self.args, row, &field.ty, route, &mut cursor);
            }
        }
        self.waiting
            .heads
            .extend_from_slice(&batch.heads[range.clone()]);
        self.waiting.pairings.extend_from_slice(&pairings[range]);
    }

    /// Turns the rows that wait into columns.
    fn write_waiting(&mut self) -> Result<()> {
        let rows = self.waiting.heads.len();
        if rows == 0 {
            return Ok(());
        }
        let mut chunk = Chunk {
            first_id: self.next_id,
            heads: std::mem::take(&mut self.waiting.heads),
            pairings: std::mem::take(&mut self.waiting.pairings),
            ret: Cell::new(self.waiting.ret.take()),
            path: Cell::new(self.waiting.path.take()),
            procnames: Arc::new(StringArray::from_iter_values(&self.procnames)),
        };
        let columns = self.columns.fill(&chunk, rows).enumerate();
        for (slot, column) in columns {
            let (field, content) = column.map_err(Error::columns(&self.dir))?;
            let describe = || Slot {
                parent: None,
                field: field.clone(),
            };
            self.part.write(slot, describe, content);
        }
        self.write_fields();
        let advanced = self.part.advance(rows);
        advanced.map_err(Error::columns(&self.dir))?;
        self.next_id += rows as i64;
        chunk.heads.clear();
        chunk.pairings.clear();
        self.waiting.heads = chunk.heads;
        self.waiting.pairings = chunk.pairings;
        self.waiting.bytes = 0;
        Ok(())
    }

    /// The structures: the columns that some event of the chunk has.
    fn write_fields(&mut self) {
        let layout = &self.layout;
        let context = gathered(&layout.context, &mut self.context);
        let args = gathered(&layout.args, &mut self.args);
        let (of_context, of_args) = (
            self.columns.len(),
            self.columns.len() + 2 * layout.context.len(),
        );
        let all = context
            .map(|column| ("context", of_context, column))
            .chain(args.map(|column| ("args", of_args, column)));
        for (parent, first, column) in all {
            let describe = || Slot {
                parent: Some(parent.into()),
                field: column.field,
            };
            let slot = first + column.number;
            self.part.write(slot, describe, column.content);
        }
    }
}

/// How many columns a part can have: those of the contract, then those of the structures with their siblings.
fn slots(columns: &Columns<Chunk>, layout: &Layout) -> usize {
    columns.len() + 2 * (layout.args.len() + layout.context.len())
}

/// What fills each column.
pub(super) fn columns(
    (trace_id, label): (&str, Option<&str>),
    plans: &Arc<Plans>,
) -> Vec<NamedColumn<Chunk>> {
    let heads = Rows::of(|chunk: &Chunk| &chunk.heads);
    let pairings = Rows::of(|chunk: &Chunk| &chunk.pairings);
    let known = |n: i32| (n != UNKNOWN).then_some(n);
    let (of_name, of_phase) = (Arc::clone(plans), Arc::clone(plans));
    vec![
        NamedColumn::new("event_id", DataType::Int64, |chunk: &Chunk, _| {
            let ids = (chunk.first_id..).take(chunk.heads.len());
            Content::Numbers(Numbers::Long(ids.map(Some).collect()))
        }),
        heads.constant("trace_id", Some(trace_id)),
        heads.constant("label", label),
        NamedColumn::late("request_id"),
        NamedColumn::late("service_id"),
        heads.column("timestamp", |head| Time(head.timestamp)),
        heads.column("cpu", move |head| known(head.cpu)),
        heads.column("pid", move |head| known(head.pid)),
        heads.column("tid", move |head| known(head.tid)),
        NamedColumn::new("procname", dictionary(), |chunk: &Chunk, _| {
            let numbers = chunk.heads.iter().map(|head| head.procname);
            let keys = numbers.map(|n| (n != NO_NAME).then_some(n as i32));
            coded(keys.collect(), &chunk.procnames)
        }),
        heads.words("name", &plans.names, move |head| {
            of_name.classes[head.class as usize].name
        }),
        heads.words("phase", &plans.phases, move |head| {
            of_phase.classes[head.class as usize].phase
        }),
        NamedColumn::new("ret", DataType::Int64, |chunk: &Chunk, _| {
            Content::Numbers(Numbers::Long(chunk.ret.take()))
        }),
        pairings.column("fd", |pairings| pairings.fd),
        NamedColumn::new("path", DataType::Utf8, |chunk: &Chunk, _| {
            Content::Texts(chunk.path.take())
        }),
        pairings.column("entry_id", |pairings| pairings.entry.map(|(id, _)| id)),
        pairings.column("duration_ns", |pairings| pairings.entry.map(|(_, ns)| ns)),
        NamedColumn::apart("context"),
        NamedColumn::apart("args"),
    ]
}

/// What of a recording's classes and columns came to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsUsage {
    /// Per column of `args`.
    pub args: Vec<Usage>,
    /// Per column of `context`.
    pub context: Vec<Usage>,
    /// Per event class, whether such events occurred.
    pub classes: Vec<bool>,
    /// Number of events.
    pub events: i64,
}
