//! The events inside requests: the column `events` of the table `requests`.
//!
//! Each member is a column of its own (see [`nested`](crate::columns::parquet::nested)), and of the arguments only those
//! that some event of the row group has.

use super::columns::{Columns, NamedColumn};
use super::gathered::gathered;
use super::mismatch::Mismatch;
use super::plans::Plans;
use super::rows::Rows;
use super::values::{Values, push_field};
use crate::columns::parquet::nested::NestedWriter;
use crate::columns::parquet::slot::Slot;
use crate::columns::schema::contract::Contract;
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::Usage;
use crate::error::Result;
use crate::requests::{NestedEvent, Request};
use crate::trace::event::{Cursor, EventClass, UNKNOWN};
use parquet::errors::ParquetError;
use std::ops::Range;
use std::sync::Arc;

/// What turns the events of requests into columns.
pub(super) struct RequestEvents {
    columns: Columns<[Event]>,
    with_args: bool,
    layout: Arc<Layout>,
    plans: Arc<Plans>,
    classes: Arc<Vec<EventClass>>,
    args: Vec<Values>,
}

/// What an event in a request has beside `args`.
pub(super) struct Event {
    event_id: i64,
    offset_ns: i64,
    class: u32,
    tid: i32,
    ret: Option<i64>,
    duration_ns: Option<i64>,
}

impl RequestEvents {
    /// For the column `events` of the `contract` of requests; `with_args` says whether events carry their arguments.
    ///
    /// # Errors
    /// [`Error::Fault`](crate::error::Error::Fault) where the members are not those of the contract.
    pub(super) fn open(
        contract: &Contract,
        with_args: bool,
        classes: Arc<Vec<EventClass>>,
        layout: Arc<Layout>,
        plans: Arc<Plans>,
    ) -> Result<Self> {
        let events = contract.columns.iter().find(|c| c.name == "events");
        let members = events.map_or(&[][..], |events| &events.items);
        let place = format!("{}.events", contract.table);
        Ok(RequestEvents {
            columns: Columns::open(&place, members, columns(&plans))
                .map_err(Mismatch::into_fault)?,
            with_args,
            args: layout.args.iter().map(Values::new).collect(),
            layout,
            plans,
            classes,
        })
    }

    /// Which columns of `args` came to be used.
    pub(super) fn usage(&self) -> Vec<Usage> {
        self.args.iter().map(Values::usage).collect()
    }

    /// Writes the events of the next `requests`, which have these numbers in the row group.
    pub(super) fn write(
        &mut self,
        nested: &mut NestedWriter,
        requests: &[Request],
        numbers: Range<usize>,
    ) -> Result<(), ParquetError> {
        nested.add(requests.iter().map(|r| r.nested.len()));
        let encoded: Vec<NestedEvent> = requests.iter().flat_map(|r| r.nested.iter()).collect();
        let events: Vec<Event> = encoded.iter().map(|event| self.event(event)).collect();
        for (number, column) in self.columns.fill(&events, events.len()).enumerate() {
            let (field, content) = column?;
            let describe = || Slot {
                parent: None,
                field: field.clone(),
            };
            nested.write(number, numbers.clone(), describe, &content)?;
        }
        if !self.with_args {
            return Ok(());
        }
        self.gather_args(&encoded);
        for column in gathered(&self.layout.args, &mut self.args) {
            let describe = || Slot {
                parent: Some("args".into()),
                field: column.field,
            };
            let number = self.columns.len() + column.number;
            nested.write(number, numbers.clone(), describe, &column.content)?;
        }
        Ok(())
    }

    fn event(&self, event: &NestedEvent) -> Event {
        let class = event.class as usize;
        let ret = self.plans.classes[class].ret;
        Event {
            event_id: event.event_id,
            offset_ns: event.offset_ns,
            class: event.class,
            tid: event.tid,
            ret: ret.and_then(|ret| self.classes[class].integer(event.values, ret)),
            duration_ns: event.duration_ns,
        }
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
}

/// What fills each member of an event.
pub(super) fn columns(plans: &Arc<Plans>) -> Vec<NamedColumn<[Event]>> {
    let events = Rows::<Event>::all();
    let (of_name, of_phase) = (Arc::clone(plans), Arc::clone(plans));
    vec![
        events.column("event_id", |e| e.event_id),
        events.column("offset_ns", |e| e.offset_ns),
        events.words("name", &plans.names, move |e| {
            of_name.classes[e.class as usize].name
        }),
        events.words("phase", &plans.phases, move |e| {
            of_phase.classes[e.class as usize].phase
        }),
        events.column("tid", |e| Some(e.tid).filter(|tid| *tid != UNKNOWN)),
        events.column("ret", |e| e.ret),
        events.column("duration_ns", |e| e.duration_ns),
        NamedColumn::apart("args"),
    ]
}
