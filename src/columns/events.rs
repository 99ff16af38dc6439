//! The table `events`: events of batches into columns, columns into row groups.

use super::contract::Contract;
use super::layout::{Column, Kind, Route, route, unite};
use super::numbers::Numbers;
use super::parquet::{Content, Finishing, Part, PartWriter, Slot};
use super::sparse::{Sparse, SparseBytes};
use super::types::{Usage, main_type, sibling_type};
use super::values::{Values, push_field};
use crate::calls::Pairing;
use crate::error::{Error, Result};
use crate::trace::event::{
    Cursor, EventBatch, EventClass, FieldType, Head, NO_NAME, Phase, UNKNOWN, bare_names,
};
use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{Field, Int32Type};
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
/// Threads that encode columns: they take turns with the thread that makes the columns, so that two of them leave two
/// CPUs idle now and then, and three do not.
const ENCODERS: usize = 3;
/// Columns of the contract before the structures.
const FIXED: usize = 14;

/// Which columns the fields of a set of event classes go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Columns of `args`.
    pub args: Vec<Column>,
    /// Columns of `context`.
    pub context: Vec<Column>,
}

impl Layout {
    /// The layout for all of `classes`, of those payload fields of which `stores` says that they get columns.
    pub fn new<'a>(
        classes: impl Iterator<Item = &'a EventClass> + Clone,
        stores: impl Fn(&str) -> bool,
    ) -> Self {
        let payload = classes.clone().flat_map(|c| &c.payload);
        Layout {
            args: unite(payload.filter(|field| stores(&field.name))),
            context: unite(classes.flat_map(|c| &c.context)),
        }
    }
}

/// What a class's events need to be put into columns.
pub struct ClassPlan {
    /// Number of the bare name, and the phase.
    pub(super) name: i32,
    pub(super) phase: i32,
    /// Per field its column and route.
    context: Vec<(usize, Route)>,
    /// The same for the payload.
    pub args: Vec<(usize, Route)>,
    pub(super) ret: Option<usize>,
    path: Option<usize>,
}

/// Plans for all classes of a recording, and what their numbers of names and phases stand for.
pub struct Plans {
    /// One per class.
    pub classes: Vec<ClassPlan>,
    /// Bare names, by their numbers.
    pub names: Arc<StringArray>,
    /// Phases, by theirs.
    pub phases: Arc<StringArray>,
}

impl Plans {
    /// The plans of `classes` for `layout`.
    pub fn new(classes: &[EventClass], layout: &Layout, contract: &Contract) -> Self {
        let (names, numbers) = bare_names(classes);
        let plan = |(class, name): (&EventClass, u32)| ClassPlan {
            name: name as i32,
            phase: class.phase as i32,
            context: class
                .context
                .iter()
                .map(|f| route(&layout.context, f))
                .collect(),
            args: class
                .payload
                .iter()
                .map(|f| route(&layout.args, f))
                .collect(),
            ret: class.field("ret").filter(|i| {
                class.phase == Phase::Exit && Kind::of(&class.payload[*i].ty) == Kind::Int
            }),
            path: contract.path_arguments.iter().find_map(|name| {
                class
                    .field(name)
                    .filter(|i| class.payload[*i].ty == FieldType::Text)
            }),
        };
        let plans = classes.iter().zip(numbers).map(plan).collect();
        let phases = [Phase::Entry, Phase::Exit, Phase::Point].map(Phase::as_str);
        Plans {
            classes: plans,
            names: Arc::new(StringArray::from(names)),
            phases: Arc::new(StringArray::from(phases.to_vec())),
        }
    }
}

/// A recording's `events`, being written as parts.
pub struct EventsTable {
    dir: PathBuf,
    contract: Contract,
    properties: WriterPropertiesPtr,
    layout: Arc<Layout>,
    plans: Arc<Plans>,
    trace_id: Arc<StringArray>,
    procnames: Vec<String>,
    args: Vec<Values>,
    context: Vec<Values>,
    waiting: Waiting,
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
    sides: Vec<Pairing>,
    ret: Sparse<i64>,
    path: SparseBytes,
    bytes: usize,
}

impl EventsTable {
    /// An empty table whose parts go to `dir`.
    ///
    /// # Errors
    /// As [`PartWriter::new`].
    pub fn new(
        dir: PathBuf,
        trace_id: &str,
        contract: Contract,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
        properties: WriterPropertiesPtr,
    ) -> Result<Self> {
        let slots = FIXED + 2 * (layout.args.len() + layout.context.len());
        Ok(EventsTable {
            trace_id: Arc::new(StringArray::from(vec![trace_id])),
            procnames: Vec::new(),
            args: layout.args.iter().map(Values::new).collect(),
            context: layout.context.iter().map(Values::new).collect(),
            waiting: Waiting::default(),
            part: PartWriter::new(slots, Arc::clone(&properties), ENCODERS)?,
            finishing: None,
            parts: Vec::new(),
            next_id: 0,
            used: vec![false; plans.classes.len()],
            dir,
            contract,
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
        sides: &[Pairing],
    ) -> Result<()> {
        self.procnames.extend(batch.new_procnames.iter().cloned());
        let mut start = 0;
        while start < batch.heads.len() {
            let rows = self.waiting.heads.len();
            let room = (CHUNK_ROWS - rows).min(GROUP_ROWS - self.part.rows() - rows);
            let end = batch.heads.len().min(start + room);
            self.take_in(batch, start..end, classes, sides);
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
        let slots = FIXED + 2 * (self.layout.args.len() + self.layout.context.len());
        let next = PartWriter::new(slots, Arc::clone(&self.properties), ENCODERS)?;
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
        sides: &[Pairing],
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
        self.waiting.sides.extend_from_slice(&sides[range]);
    }

    /// Turns the rows that wait into columns.
    fn write_waiting(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let rows = waiting.heads.len();
        if rows == 0 {
            return Ok(());
        }
        self.write_heads(&waiting.heads);
        self.write_sides(&mut waiting);
        self.write_fields(rows);
        let advanced = self.part.advance(rows);
        advanced.map_err(Error::columns(&self.dir))?;
        self.next_id += rows as i64;
        waiting.heads.clear();
        waiting.sides.clear();
        waiting.bytes = 0;
        self.waiting = waiting;
        Ok(())
    }

    /// Columns 0 to 8: what every event has.
    fn write_heads(&mut self, heads: &[Head]) {
        let rows = heads.len();
        let plans = Arc::clone(&self.plans);
        let long = |get: &dyn Fn(usize, &Head) -> i64| {
            let values = heads.iter().enumerate().map(|(i, h)| Some(get(i, h)));
            Content::Numbers(Numbers::Long(values.collect()))
        };
        let int = |get: &dyn Fn(&Head) -> i32| {
            let values = heads.iter().map(|h| Some(get(h)).filter(|n| *n != UNKNOWN));
            Content::Numbers(Numbers::Int(values.collect()))
        };
        let code = |get: &dyn Fn(&Head) -> Option<i32>, values: &Arc<StringArray>| {
            Content::Array(coded(heads.iter().map(get).collect(), values))
        };
        let class = |h: &Head| &plans.classes[h.class as usize];
        let procnames = Arc::new(StringArray::from(self.procnames.clone()));
        let columns = [
            long(&|i, _| self.next_id + i as i64),
            Content::Array(coded(Int32Array::from(vec![0; rows]), &self.trace_id)),
            long(&|_, h| h.timestamp),
            int(&|h| h.cpu),
            int(&|h| h.pid),
            int(&|h| h.tid),
            code(
                &|h| (h.procname != NO_NAME).then_some(h.procname as i32),
                &procnames,
            ),
            code(&|h| Some(class(h).name), &plans.names),
            code(&|h| Some(class(h).phase), &plans.phases),
        ];
        for (slot, content) in columns.into_iter().enumerate() {
            self.write_fixed(slot, content);
        }
    }

    /// Columns 9 to 13: what system calls have.
    fn write_sides(&mut self, waiting: &mut Waiting) {
        let sides = &waiting.sides;
        let rows = sides.len();
        let long = |get: &dyn Fn(&Pairing) -> Option<i64>| {
            Content::Numbers(Numbers::Long(sides.iter().map(get).collect()))
        };
        let columns = [
            Content::Numbers(Numbers::Long(waiting.ret.take())),
            long(&|s| s.fd),
            Content::Array(Arc::new(waiting.path.finish_text(rows))),
            long(&|s| s.entry.map(|(id, _)| id)),
            long(&|s| s.entry.map(|(_, ns)| ns)),
        ];
        for (i, content) in columns.into_iter().enumerate() {
            self.write_fixed(9 + i, content);
        }
    }

    fn write_fixed(&mut self, slot: usize, content: Content) {
        let contract = &self.contract;
        let describe = || Slot {
            parent: None,
            field: contract.field(&contract.columns[slot].name),
        };
        self.part.write(slot, describe, content);
    }

    /// The structures: the columns that some event of the batch has.
    fn write_fields(&mut self, rows: usize) {
        let layout = Arc::clone(&self.layout);
        let context = layout.context.iter().zip(&mut self.context);
        let args = layout.args.iter().zip(&mut self.args);
        let all = context
            .map(|c| ("context", c))
            .chain(args.map(|a| ("args", a)));
        for (i, (parent, (column, values))) in all.enumerate() {
            if !values.touched() {
                continue;
            }
            let (main, sibling) = values.finish(rows, column);
            let slot = FIXED + 2 * i;
            let parent = Some(parent);
            let describe = || Slot {
                parent,
                field: Field::new(&column.name, main_type(column), true),
            };
            self.part.write(slot, describe, main);
            if let Some(sibling) = sibling {
                let describe = || Slot {
                    parent,
                    field: Field::new(&column.sibling, sibling_type(column), true),
                };
                self.part.write(slot + 1, describe, sibling);
            }
        }
    }
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

/// A dictionary array.
pub fn coded(keys: Int32Array, values: &Arc<StringArray>) -> ArrayRef {
    let values: ArrayRef = Arc::clone(values) as ArrayRef;
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}
