//! A chunk of rows of `events`: what fills its columns, by one thread.
//!
//! A chunk knows nothing of the one before it, so that several threads can gather several of them.

use super::columns::{self, Columns, NamedColumn};
use super::gathered::gathered;
use super::plans::Plans;
use super::rows::Rows;
use super::value::Time;
use super::values::{Values, push_field};
use super::words::coded;
use crate::calls::{PairedBatch, Pairing};
use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::parquet::slot::Slot;
use crate::columns::parquet::sparse::{Sparse, SparseBytes};
use crate::columns::schema::contract::{Contract, dictionary};
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::{Usage, merge};
use crate::error::Result;
use crate::trace::event::{Cursor, EventClass, Head, NO_NAME, UNKNOWN};
use arrow::array::StringArray;
use arrow::datatypes::DataType;
use parquet::errors::ParquetError;
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

/// What all rows of a recording's `events` have in common.
#[derive(Clone)]
pub struct Common {
    /// The trace.
    pub trace_id: String,
    /// Its label.
    pub label: Option<String>,
    /// Its event classes.
    pub classes: Arc<Vec<EventClass>>,
    /// The columns of `args` and `context`.
    pub layout: Arc<Layout>,
    /// Where the fields of each class go.
    pub plans: Arc<Plans>,
}

/// Turns chunks of rows into columns, one after the other.
pub(super) struct Gatherer {
    columns: Columns<Chunk>,
    common: Common,
    args: Vec<Values>,
    context: Vec<Values>,
    waiting: Waiting,
    used: Vec<bool>,
}

/// Rows that are not turned into columns yet, beside those in `args` and `context`.
#[derive(Default)]
struct Waiting {
    heads: Vec<Head>,
    pairings: Vec<Pairing>,
    ret: Sparse<i64>,
    path: SparseBytes,
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

/// What a column has in a chunk.
pub(super) struct Filled {
    /// Its number.
    pub number: usize,
    pub slot: Slot,
    pub content: Content,
}

impl Gatherer {
    /// For rows with these in `common`.
    ///
    /// # Errors
    /// [`Error::Fault`](crate::error::Error::Fault) where the columns are not those of the contract.
    pub(super) fn new(contract: &Contract, common: &Common) -> Result<Self> {
        let of = (common.trace_id.as_str(), common.label.as_deref());
        let layout = &common.layout;
        Ok(Gatherer {
            columns: columns::of(contract, columns(of, &common.plans))?,
            args: layout.args.iter().map(Values::new).collect(),
            context: layout.context.iter().map(Values::new).collect(),
            waiting: Waiting::default(),
            used: vec![false; common.plans.classes.len()],
            common: common.clone(),
        })
    }

    /// How many columns there can be: those of the contract, then those of the structures with their siblings.
    pub(super) fn slots(&self) -> usize {
        let layout = &self.common.layout;
        self.columns.len() + 2 * (layout.args.len() + layout.context.len())
    }

    /// What its chunks have used so far, with no count of events.
    pub(super) fn usage(&self) -> EventsUsage {
        EventsUsage {
            args: self.args.iter().map(Values::usage).collect(),
            context: self.context.iter().map(Values::usage).collect(),
            classes: self.used.clone(),
            events: 0,
        }
    }

    /// Takes in the events of `range`.
    pub(super) fn take_in(&mut self, batch: &PairedBatch, range: Range<usize>) {
        let PairedBatch { events, pairings } = batch;
        let (plans, classes) = (&self.common.plans, &self.common.classes);
        let before = self.waiting.heads.len();
        for (row, i) in (before..).zip(range.clone()) {
            let class = events.heads[i].class as usize;
            let plan = &plans.classes[class];
            self.used[class] = true;
            let mut cursor = Cursor::new(events.values_of(i));
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
        let waiting = &mut self.waiting;
        waiting
            .heads
            .extend_from_slice(&events.heads[range.clone()]);
        waiting.pairings.extend_from_slice(&pairings[range]);
    }

    /// Turns the rows that were taken in into columns: those of a chunk that begins with the event `first_id`;
    /// `procnames` are the names of threads by their numbers.
    ///
    /// # Errors
    /// [`ParquetError`] where a column cannot be filled.
    pub(super) fn finish(
        &mut self,
        first_id: i64,
        procnames: &Arc<StringArray>,
    ) -> Result<Vec<Filled>, ParquetError> {
        let rows = self.waiting.heads.len();
        let mut chunk = Chunk {
            first_id,
            heads: std::mem::take(&mut self.waiting.heads),
            pairings: std::mem::take(&mut self.waiting.pairings),
            ret: Cell::new(self.waiting.ret.take()),
            path: Cell::new(self.waiting.path.take()),
            procnames: Arc::clone(procnames),
        };
        let columns = self.columns.fill(&chunk, rows).enumerate();
        let columns = columns.map(|(number, column)| {
            let (field, content) = column?;
            let slot = Slot {
                parent: None,
                field: field.clone(),
            };
            Ok(Filled {
                number,
                slot,
                content,
            })
        });
        let mut filled = columns.collect::<Result<Vec<_>, ParquetError>>()?;
        self.add_fields(&mut filled);
        chunk.heads.clear();
        chunk.pairings.clear();
        self.waiting.heads = chunk.heads;
        self.waiting.pairings = chunk.pairings;
        Ok(filled)
    }

    /// The structures: the columns that some event of the chunk has.
    fn add_fields(&mut self, filled: &mut Vec<Filled>) {
        let layout = &self.common.layout;
        let of_context = self.columns.len();
        let of_args = of_context + 2 * layout.context.len();
        let context = gathered(&layout.context, &mut self.context);
        let args = gathered(&layout.args, &mut self.args);
        let all = context
            .map(|column| ("context", of_context, column))
            .chain(args.map(|column| ("args", of_args, column)));
        filled.extend(all.map(|(parent, first, column)| Filled {
            number: first + column.number,
            slot: Slot {
                parent: Some(parent.into()),
                field: column.field,
            },
            content: column.content,
        }));
    }
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

impl EventsUsage {
    /// With what other chunks of the recording have used.
    pub(super) fn and(mut self, other: &EventsUsage) -> Self {
        merge(&mut self.args, &other.args);
        merge(&mut self.context, &other.context);
        for (used, other) in self.classes.iter_mut().zip(&other.classes) {
            *used |= other;
        }
        self.events += other.events;
        self
    }
}
