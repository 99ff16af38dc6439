//! What the columns of `syscalls` are, and which columns of `events` they come from.

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::{Result, plan_err};
use std::collections::HashMap;
use std::sync::Arc;

/// Names of error numbers.
pub(crate) type Errnos = HashMap<i64, String>;

/// Which event of a call has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Its entry.
    Entry,
    /// Its exit.
    Exit,
    /// Its exit, or its entry where the exit has none.
    ExitElseEntry,
    /// Its entry, or its exit where the entry has none.
    EntryElseExit,
    /// Its exit, as the name of an error.
    Errno,
}

/// The columns, in order: name, the event, its column.
const COLUMNS: [(&str, Of, &str); 20] = [
    ("trace_id", Of::ExitElseEntry, "trace_id"),
    ("label", Of::ExitElseEntry, "label"),
    ("entry_id", Of::Entry, "event_id"),
    ("exit_id", Of::Exit, "event_id"),
    ("entered", Of::Entry, "timestamp"),
    ("returned", Of::Exit, "timestamp"),
    ("cpu", Of::ExitElseEntry, "cpu"),
    ("pid", Of::ExitElseEntry, "pid"),
    ("tid", Of::ExitElseEntry, "tid"),
    ("procname", Of::ExitElseEntry, "procname"),
    ("name", Of::ExitElseEntry, "name"),
    ("fd", Of::EntryElseExit, "fd"),
    ("path", Of::EntryElseExit, "path"),
    ("ret", Of::Exit, "ret"),
    ("errno", Of::Errno, "ret"),
    ("duration_ns", Of::Exit, "duration_ns"),
    ("entry_args", Of::Entry, ARGS),
    ("exit_args", Of::Exit, ARGS),
    ("request_id", Of::ExitElseEntry, "request_id"),
    ("service_id", Of::ExitElseEntry, "service_id"),
];

/// The column of `events` that is not there where no event has a payload.
const ARGS: &str = "args";

/// Columns that both events of a call have, with the same value.
pub(super) const SHARED: [&str; 4] = ["trace_id", "label", "tid", "name"];

/// What pairing itself reads, in the order in which it does.
pub(super) const READ: [&str; 5] = ["trace_id", "event_id", "tid", "phase", "entry_id"];

/// Where [`Layout::input`] has what pairing reads.
pub(super) struct At;

impl At {
    pub(super) const TRACE: usize = 0;
    pub(super) const EVENT: usize = 1;
    pub(super) const TID: usize = 2;
    pub(super) const PHASE: usize = 3;
    pub(super) const ENTRY: usize = 4;
}

/// A column that comes out.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// The event that has its value.
    pub of: Of,
    /// The number of the column that has it, in [`Layout::input`]; `None` where there is none.
    pub from: Option<usize>,
}

/// Columns that come out, and columns that are read for them.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Numbers of the columns of `events` that are read; first come those that pairing reads.
    pub input: Vec<usize>,
    /// What comes out.
    pub columns: Vec<Column>,
    /// The same as a schema.
    pub schema: SchemaRef,
    /// Names of error numbers.
    pub errnos: Arc<Errnos>,
}

/// All columns of `syscalls` over `events`.
///
/// # Errors
/// A plan error where `events` lacks a column.
pub(super) fn schema(events: &Schema) -> Result<SchemaRef> {
    let field = |(name, of, from): &(&str, Of, &str)| -> Result<FieldRef> {
        let field = match events.column_with_name(from) {
            Some((_, field)) => field.clone(),
            None if *from == ARGS => Field::new(ARGS, DataType::Null, true),
            None => return plan_err!("events.{from} is not there"),
        };
        let field = match of {
            Of::Errno => Field::new(*name, DataType::Utf8, true),
            _ => field,
        };
        Ok(Arc::new(field.with_name(*name).with_nullable(true)))
    };
    for read in READ {
        events.field_with_name(read)?;
    }
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

impl Layout {
    /// The columns with the numbers `chosen` of [`schema`], which is `whole`; `None` for all.
    ///
    /// # Errors
    /// As [`schema`].
    pub(super) fn new(
        events: &Schema,
        whole: &Schema,
        chosen: Option<&Vec<usize>>,
        errnos: &Arc<Errnos>,
    ) -> Result<Layout> {
        let mut input = READ
            .iter()
            .map(|name| Ok(events.index_of(name)?))
            .collect::<Result<Vec<usize>>>()?;
        let chosen = chosen.cloned();
        let chosen = chosen.unwrap_or_else(|| (0..COLUMNS.len()).collect());
        let mut columns = Vec::new();
        for number in &chosen {
            let (_, of, from) = COLUMNS[*number];
            let from = events.column_with_name(from).map(|(number, _)| number);
            let from = from.map(|number| {
                let at = input.iter().position(|known| *known == number);
                at.unwrap_or_else(|| {
                    input.push(number);
                    input.len() - 1
                })
            });
            columns.push(Column { of, from });
        }
        Ok(Layout {
            input,
            columns,
            schema: Arc::new(whole.project(&chosen)?),
            errnos: Arc::clone(errnos),
        })
    }
}
