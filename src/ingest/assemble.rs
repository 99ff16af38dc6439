//! The end of an ingest: the parts of all recordings become files of one schema for each table.

use super::abreast::{Stop, abreast};
use super::plan::{Ingested, Plan};
use crate::columns::parquet::join::{Planned, Target, planned};
use crate::columns::parquet::late::Late;
use crate::columns::parquet::part::Part;
use crate::columns::parquet::properties::key_values;
use crate::columns::schema::united::{self, merged};
use crate::dataset::classes::{self, Class, Classes};
use crate::dataset::making::Making;
use crate::dataset::manifest::{DataFile, Recording};
use crate::dataset::{paths, tables};
use crate::error::Result;
use crate::trace::event::EventClass;
use arrow::datatypes::Schema;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A recording whose files are made.
pub(super) struct Made {
    /// What the manifest says of it.
    pub recording: Recording,
    /// Its event classes.
    pub classes: Arc<Vec<EventClass>>,
    /// Its files of each table.
    pub files: BTreeMap<String, Vec<DataFile>>,
}

/// A table, all of whose files have one schema.
struct Table {
    name: &'static str,
    schema: Schema,
}

/// A file of a table, for parts of a recording.
struct Joining<'a> {
    table: &'a Table,
    /// The number of the recording, and the recording.
    number: usize,
    recording: &'a Ingested,
    dir: PathBuf,
    file: Planned<'a>,
}

/// Joins the parts of all recordings into tables of one schema each, so many files at the same time. `first` is the number of
/// the first file that a recording, told by its own number, gets for each table.
pub(super) fn assemble(
    plan: &Plan,
    making: &Making,
    all: Vec<Ingested>,
    first: &[usize],
    at_once: usize,
) -> Result<Vec<Made>> {
    let mut files = joined_files(plan, making, &all, first, at_once)?.into_iter();
    let made = all.into_iter().zip(first).map(|(done, first)| {
        let told = classes::write((making.dir(), making.part()), &classes_of(&done), *first)?;
        making.keep(&told.path)?;
        Ok(Made {
            files: files.next().unwrap_or_default(),
            classes: done.classes,
            recording: Recording {
                classes: Some(told),
                ..done.recording
            },
        })
    });
    made.collect()
}

/// Joins the parts; gives the files of each recording by table. Each file is a task of its own: an ingest ends with them,
/// and they do not share anything.
fn joined_files(
    plan: &Plan,
    making: &Making,
    all: &[Ingested],
    first: &[usize],
    at_once: usize,
) -> Result<Vec<BTreeMap<String, Vec<DataFile>>>> {
    let schemas = [
        events_schema(plan, all),
        requests_schema(plan, all),
        plan.contracts.downstream.schema(),
        plan.contracts.losses.schema(),
    ];
    let tables = tables::ALL.into_iter().zip(schemas);
    let tables: Vec<Table> = tables
        .map(|(name, schema)| Table { name, schema })
        .collect();
    let mut tasks = Vec::new();
    for table in &tables {
        for (number, (recording, first)) in all.iter().zip(first).enumerate() {
            let trace_id = &recording.recording.trace_id;
            let dir = making.create_dir(&paths::folder(table.name, trace_id))?;
            let planned = planned(recording.parts(table.name), *first).into_iter();
            tasks.extend(planned.map(|file| Joining {
                table,
                number,
                recording,
                dir: dir.clone(),
                file,
            }));
        }
    }
    let of: Vec<(usize, &str)> = tasks.iter().map(|t| (t.number, t.table.name)).collect();
    let work = |task: Joining, stop: &Stop| {
        stop.check()?;
        task.join(plan, making)
    };
    let files = abreast(("join", at_once), tasks, work, || {})?;
    let mut joined: Vec<BTreeMap<String, Vec<DataFile>>> = vec![BTreeMap::new(); all.len()];
    for ((number, table), file) in of.into_iter().zip(files) {
        joined[number]
            .entry(table.to_owned())
            .or_default()
            .push(file);
    }
    Ok(joined)
}

impl Ingested {
    fn parts(&self, table: &str) -> &[Part] {
        match table {
            tables::EVENTS => &self.events.0,
            tables::REQUESTS => &self.requests.0,
            tables::DOWNSTREAM => &self.downstream,
            _ => &self.losses,
        }
    }
}

impl Joining<'_> {
    fn join(&self, plan: &Plan, making: &Making) -> Result<DataFile> {
        let (properties, late) = match self.table.name {
            tables::EVENTS => (&plan.of_events, Some(&self.recording.links as &dyn Late)),
            _ => (&plan.properties, None),
        };
        let path = self.file.join(&Target {
            dir: &self.dir,
            name: making.part(),
            schema: &self.table.schema,
            properties,
            metadata: key_values(&[("sysds:trace_id", &self.recording.recording.trace_id)]),
            donors: tables::donors(self.table.name),
            late,
        })?;
        making.described(&path)
    }
}

fn classes_of(done: &Ingested) -> Classes {
    let used = done.events.1.classes.iter().zip(&done.requests.1.classes);
    let classes = done.classes.iter().zip(used);
    Classes {
        trace_id: done.recording.trace_id.clone(),
        classes: classes
            .map(|(class, (in_events, in_requests))| Class {
                class: class.clone(),
                in_events: *in_events,
                in_requests: *in_requests,
            })
            .collect(),
    }
}

fn events_schema(plan: &Plan, all: &[Ingested]) -> Schema {
    let classes = all.iter().map(|i| (&i.classes, &i.events.1.classes));
    let classes = classes.flat_map(|(classes, used)| occurring(classes, used));
    let classes: Vec<&EventClass> = classes.collect();
    let args = merged(all.iter().map(|i| &i.events.1.args));
    let context = merged(all.iter().map(|i| &i.events.1.context));
    let used = (&args[..], &context[..]);
    united::events(&plan.contracts.events, &plan.layout, used, &classes)
}

fn requests_schema(plan: &Plan, all: &[Ingested]) -> Schema {
    let classes = all.iter().map(|i| (&i.classes, &i.requests.1.classes));
    let classes = classes.flat_map(|(classes, used)| occurring(classes, used));
    let classes: Vec<&EventClass> = classes.collect();
    let args = merged(all.iter().map(|i| &i.requests.1.args));
    let args = plan.options.request_args.then_some(&args[..]);
    united::requests(&plan.contracts.requests, &plan.layout, args, &classes)
}

fn occurring<'a>(
    classes: &'a Arc<Vec<EventClass>>,
    used: &'a [bool],
) -> impl Iterator<Item = &'a EventClass> {
    classes
        .iter()
        .zip(used)
        .filter(|(_, used)| **used)
        .map(|(class, _)| class)
}
