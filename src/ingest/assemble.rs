//! The end of an ingest: the parts of all recordings become tables of one schema each, and the manifest tells of them.

use super::abreast::{Stop, abreast};
use super::plan::{Ingested, Plan};
use crate::columns::parquet::join::{Planned, Target, planned};
use crate::columns::parquet::late::Late;
use crate::columns::parquet::part::Part;
use crate::columns::parquet::properties::key_values;
use crate::columns::schema::describe::described;
use crate::columns::schema::types::{Usage, merge};
use crate::dataset::classes::{self, Class, Classes};
use crate::dataset::manifest::{
    DataFile, FORMAT_VERSION, Manifest, Recording, StreamLoss, TableFiles, Tool, describe_file,
};
use crate::dataset::staging::Staging;
use crate::dataset::tables;
use crate::dataset::timestamp;
use crate::error::Result;
use crate::trace::event::EventClass;
use arrow::datatypes::{Fields, Schema};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Joins the parts of all recordings into tables of one schema each, so many files at the same time, and describes the
/// result; `old` is the manifest of the dataset that is appended to, whose recordings are the first.
pub(super) fn assemble(
    plan: &Plan,
    staging: &Staging,
    all: Vec<Ingested>,
    old: Option<&Manifest>,
    at_once: usize,
) -> Result<Manifest> {
    let tables = joined_tables(plan, staging, &all, at_once)?;
    let classes: Vec<Classes> = all.iter().map(classes_of).collect();
    let classes = classes::write(staging.dir(), &classes)?;
    let recordings = all.into_iter().map(|i| i.recording).collect();
    Ok(manifest(plan, recordings, tables, classes, old))
}

/// A table, all of whose files have one schema.
struct Table {
    name: &'static str,
    schema: Schema,
    dir: PathBuf,
}

/// A file of a table, for parts of a recording.
struct Joining<'a> {
    table: &'a Table,
    recording: &'a Ingested,
    file: Planned<'a>,
}

/// Joins the parts of all recordings. Each file is a task of its own: an ingest ends with them, and they do not share
/// anything.
fn joined_tables(
    plan: &Plan,
    staging: &Staging,
    all: &[Ingested],
    at_once: usize,
) -> Result<BTreeMap<String, TableFiles>> {
    let schemas = [
        events_schema(plan, all),
        requests_schema(plan, all),
        plan.contracts.downstream.schema(),
        plan.contracts.losses.schema(),
    ];
    let tables = tables::ALL.into_iter().zip(schemas);
    let tables = tables.map(|(name, schema)| {
        let dir = staging.create_dir(name)?;
        Ok(Table { name, schema, dir })
    });
    let tables = tables.collect::<Result<Vec<_>>>()?;
    let tasks: Vec<Joining> = tables
        .iter()
        .flat_map(|table| joining(table, all))
        .collect();
    let names: Vec<&str> = tasks.iter().map(|task| task.table.name).collect();
    let work = |task: Joining, stop: &Stop| {
        stop.check()?;
        task.join(plan, staging)
    };
    let files = abreast(("join", at_once), tasks, work, || {})?;
    let mut joined: BTreeMap<String, TableFiles> = BTreeMap::new();
    for (name, file) in names.into_iter().zip(files) {
        let table = joined.entry(name.to_owned()).or_default();
        table.rows += file.rows;
        table.bytes += file.bytes;
        table.files.push(file);
    }
    Ok(joined)
}

/// The files of a table, in their order.
fn joining<'a>(table: &'a Table, all: &'a [Ingested]) -> Vec<Joining<'a>> {
    let mut files: Vec<Joining> = Vec::new();
    for recording in all {
        let parts: &[Part] = match table.name {
            tables::EVENTS => &recording.events.0,
            tables::REQUESTS => &recording.requests.0,
            tables::DOWNSTREAM => &recording.downstream,
            _ => &recording.losses,
        };
        let planned = planned(parts, files.len()).into_iter();
        files.extend(planned.map(|file| Joining {
            table,
            recording,
            file,
        }));
    }
    files
}

impl Joining<'_> {
    fn join(&self, plan: &Plan, staging: &Staging) -> Result<DataFile> {
        let links = self.recording.links.as_ref();
        let links = links.map(|links| links as &dyn Late);
        let (properties, late) = match self.table.name {
            tables::EVENTS => (&plan.of_events, links),
            _ => (&plan.properties, None),
        };
        let donors: &[&str] = match self.table.name {
            tables::REQUESTS => &["events.list.element.event_id"],
            _ => &[],
        };
        let path = self.file.join(&Target {
            dir: &self.table.dir,
            name: "part",
            schema: &self.table.schema,
            properties,
            metadata: key_values(&[("sysds:trace_id", &self.recording.recording.trace_id)]),
            donors,
            late,
        })?;
        describe_file(staging.dir(), &path)
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
    let occurring = || {
        let pairs = all.iter().map(|i| (&i.classes, &i.events.1.classes));
        pairs.flat_map(|(classes, used)| occurring(classes, used))
    };
    let classes: Vec<&EventClass> = occurring().collect();
    let args = merged(all.iter().map(|i| &i.events.1.args));
    let context = merged(all.iter().map(|i| &i.events.1.context));
    let classes = classes.into_iter();
    let mut structs = HashMap::new();
    let columns = [
        ("args", &plan.layout.args, args),
        ("context", &plan.layout.context, context),
    ];
    for (name, columns, usage) in columns {
        let fields = described(columns, &usage, classes.clone(), name == "args");
        insert(&mut structs, name, fields);
    }
    Schema::new(plan.contracts.events.fields(&structs))
}

fn requests_schema(plan: &Plan, all: &[Ingested]) -> Schema {
    let pairs = all.iter().map(|i| (&i.classes, &i.requests.1.classes));
    let classes: Vec<&EventClass> = pairs.flat_map(|(c, used)| occurring(c, used)).collect();
    let args = merged(all.iter().map(|i| &i.requests.1.args));
    let mut structs = HashMap::new();
    if plan.options.request_args {
        let fields = described(&plan.layout.args, &args, classes.into_iter(), true);
        insert(&mut structs, "args", fields);
    }
    Schema::new(plan.contracts.requests.fields(&structs))
}

/// Gives a structure its fields; one without fields is left out, because Parquet has no such.
fn insert(structs: &mut HashMap<String, Fields>, name: &str, fields: Fields) {
    if !fields.is_empty() {
        structs.insert(name.to_owned(), fields);
    }
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

/// What is used in any of several usages of the same columns.
fn merged<'a>(mut all: impl Iterator<Item = &'a Vec<Usage>>) -> Vec<Usage> {
    let mut sum = all.next().cloned().unwrap_or_default();
    all.for_each(|usage| merge(&mut sum, usage));
    sum
}

fn manifest(
    plan: &Plan,
    recordings: Vec<Recording>,
    tables: BTreeMap<String, TableFiles>,
    classes: DataFile,
    old: Option<&Manifest>,
) -> Manifest {
    let count = |get: fn(&Recording) -> u64| recordings.iter().map(get).sum();
    let lost =
        |get: fn(&StreamLoss) -> u64| recordings.iter().flat_map(|r| &r.losses).map(get).sum();
    let mut appended = old.map(|o| o.appended.clone()).unwrap_or_default();
    if old.is_some() {
        appended.push(timestamp::now());
    }
    Manifest {
        format_version: FORMAT_VERSION,
        tool: Tool {
            name: "sysds".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reader: readers(&recordings),
        },
        created: old.map_or_else(timestamp::now, |o| o.created.clone()),
        appended,
        options: plan.options.told(),
        events: count(|r| r.events),
        requests: count(|r| r.requests),
        incomplete_requests: count(|r| r.incomplete_requests),
        discarded_events: lost(|l| l.discarded_events),
        discarded_packets: lost(|l| l.discarded_packets),
        damaged: recordings.iter().any(|r| !r.damage.is_empty()),
        recordings,
        tables,
        classes,
    }
}

/// The readers of all recordings, each once.
fn readers(recordings: &[Recording]) -> String {
    let mut names: Vec<&str> = recordings.iter().map(|r| r.reader.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
