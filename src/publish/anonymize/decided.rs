//! What an argument on the exit of a call depends on, where only its entry has it: `ret` of `fcntl` is a process if `cmd`
//! was F_GETOWN.
//!
//! One run over a few columns of the events, before any is published: requests, which go first, have the same events
//! nested, without the entries that came before them; both must become the same.

use super::table::{Of, Table};
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::Result;
use crate::process::stop::go_on;
use crate::publish::rows::{self, Rows};
use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Of the exits of a recording, the values of their entries' arguments that others depend on.
#[derive(Debug, Default)]
pub(super) struct ByExit {
    /// Ids of the exits, rising.
    ids: Vec<i64>,
    values: Vec<i64>,
}

impl ByExit {
    /// The value for the exit of this id.
    pub(super) fn value(&self, id: i64) -> Option<i64> {
        let at = self.ids.binary_search(&id).ok()?;
        Some(self.values[at])
    }
}

/// Finds them, by the `trace_id` of the recording.
///
/// # Errors
/// [`Error::Io`], [`Error::Columns`] and [`Error::Input`] where the events cannot be read, [`Error::Interrupted`].
///
/// [`Error::Io`]: crate::error::Error::Io
/// [`Error::Columns`]: crate::error::Error::Columns
/// [`Error::Input`]: crate::error::Error::Input
/// [`Error::Interrupted`]: crate::error::Error::Interrupted
pub(super) fn find(
    root: &Root,
    manifest: &Manifest,
    table: &Table,
    interrupted: &AtomicBool,
) -> Result<HashMap<String, Arc<ByExit>>> {
    let mut all = HashMap::new();
    let files = rows::by_recording(root, manifest, tables::EVENTS)?;
    for (recording, files) in manifest.recordings.iter().zip(files) {
        let mut search = Search::new(table);
        for file in files {
            let rows = Rows::open(root, &file)?;
            let Some(only) = columns(rows.schema(), &table.all_deciders()) else {
                continue;
            };
            let only: Vec<&str> = only.iter().map(String::as_str).collect();
            for batch in rows.batches(Some(&only))? {
                go_on(interrupted)?;
                search.take(&batch?)?;
            }
        }
        all.insert(recording.trace_id.clone(), Arc::new(search.found));
    }
    Ok(all)
}

/// The columns to read; nothing where there is nothing to find.
fn columns(schema: &Schema, deciders: &BTreeSet<&str>) -> Option<Vec<String>> {
    let DataType::Struct(args) = schema.field_with_name("args").ok()?.data_type() else {
        return None;
    };
    let there = |name: &&&str| {
        let found = args.iter().find(|f| f.name() == **name);
        found.is_some_and(|f| *f.data_type() == DataType::Int64)
    };
    let mut only: Vec<String> = deciders
        .iter()
        .filter(there)
        .map(|d| format!("args.{d}"))
        .collect();
    let fixed = ["event_id", "entry_id", "name"];
    if only.is_empty()
        || fixed
            .iter()
            .any(|name| schema.field_with_name(name).is_err())
    {
        return None;
    }
    only.extend(fixed.map(str::to_owned));
    Some(only)
}

struct Search<'a> {
    table: &'a Table,
    /// The argument that matters, by the name of the call.
    deciders: HashMap<String, Option<String>>,
    /// Values of entries that have not ended, by their ids.
    open: HashMap<i64, i64>,
    found: ByExit,
}

impl<'a> Search<'a> {
    fn new(table: &'a Table) -> Self {
        Search {
            table,
            deciders: HashMap::new(),
            open: HashMap::new(),
            found: ByExit::default(),
        }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let names = cast(&batch["name"], &DataType::Utf8).map_err(super::arrays::failed)?;
        let names = names.as_string::<i32>();
        let longs = |name: &str| batch[name].as_primitive::<Int64Type>().clone();
        let (ids, entries) = (longs("event_id"), longs("entry_id"));
        let args = batch["args"].as_struct();
        let values = |name: &str| args.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        for row in 0..batch.num_rows() {
            let Some(decider) = self.decider(names.value(row)) else {
                continue;
            };
            let own = values(decider).filter(|v: &&Int64Array| v.is_valid(row));
            if let Some(own) = own {
                self.open.insert(ids.value(row), own.value(row));
            } else if entries.is_valid(row)
                && let Some(value) = self.open.remove(&entries.value(row))
            {
                self.found.ids.push(ids.value(row));
                self.found.values.push(value);
            }
        }
        Ok(())
    }

    fn decider(&mut self, name: &str) -> Option<&str> {
        if !self.deciders.contains_key(name) {
            let decider = self.table.deciders(Of::Call(name)).into_iter().next();
            self.deciders
                .insert(name.to_owned(), decider.map(str::to_owned));
        }
        self.deciders[name].as_deref()
    }
}
