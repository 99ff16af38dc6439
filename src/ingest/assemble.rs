//! The end of an ingest: the parts of all recordings become tables of one schema each, and the manifest tells of them.

use super::plan::{Ingested, Plan};
use crate::columns::parquet::join::{Target, join};
use crate::columns::parquet::late::Late;
use crate::columns::parquet::part::Part;
use crate::columns::parquet::properties::key_values;
use crate::columns::schema::describe::described;
use crate::columns::schema::types::Usage;
use crate::dataset::classes::{self, Class, Classes};
use crate::dataset::manifest::{
    DataFile, FORMAT_VERSION, Manifest, Recording, StreamLoss, TableFiles, Tool, describe_file,
};
use crate::dataset::staging::Staging;
use crate::dataset::tables;
use crate::dataset::timestamp;
use crate::error::Result;
use crate::process::threads::{joined, spawn_scoped};
use crate::trace::event::EventClass;
use arrow::datatypes::{Fields, Schema};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// Joins the parts of all recordings into tables of one schema each, and describes the result; `old` is the manifest of
/// the dataset that is appended to, whose recordings are the first.
pub(super) fn assemble(
    plan: &Plan,
    staging: &Staging,
    all: Vec<Ingested>,
    old: Option<&Manifest>,
) -> Result<Manifest> {
    let schemas = [
        events_schema(plan, &all),
        requests_schema(plan, &all),
        plan.contracts.downstream.schema(),
        plan.contracts.losses.schema(),
    ];
    // Each beside the others: an ingest ends with them, and they do not share anything.
    let recordings = &all[..];
    let tables = thread::scope(|scope| {
        let tables = tables::ALL.into_iter().zip(&schemas);
        let threads: Vec<_> = tables
            .map(|(table, schema)| {
                let work = move || joined_table(plan, staging, recordings, table, schema);
                Ok((table, spawn_scoped(scope, "join", work)?))
            })
            .collect::<Result<_>>()?;
        let threads = threads.into_iter();
        threads
            .map(|(table, thread)| Ok((table.to_owned(), joined(thread)?)))
            .collect::<Result<BTreeMap<_, _>>>()
    })?;
    let classes: Vec<Classes> = all.iter().map(classes_of).collect();
    let classes = classes::write(staging.dir(), &classes)?;
    let recordings = all.into_iter().map(|i| i.recording).collect();
    Ok(manifest(plan, recordings, tables, classes, old))
}

/// Joins the parts that all recordings have of a table.
fn joined_table(
    plan: &Plan,
    staging: &Staging,
    all: &[Ingested],
    table: &str,
    schema: &Schema,
) -> Result<TableFiles> {
    let dir = staging.create_dir(table)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for done in all {
        let (parts, donors): (&[Part], &[&str]) = match table {
            tables::EVENTS => (&done.events.0, &[]),
            tables::REQUESTS => (&done.requests.0, &["events.list.element.event_id"]),
            tables::DOWNSTREAM => (&done.downstream, &[]),
            _ => (&done.losses, &[]),
        };
        let links = done.links.as_ref().map(|links| links as &dyn Late);
        let (properties, late) = match table {
            tables::EVENTS => (&plan.of_events, links),
            _ => (&plan.properties, None),
        };
        let target = Target {
            dir: &dir,
            name: "part",
            schema,
            properties,
            metadata: key_values(&[("sysds:trace_id", &done.recording.trace_id)]),
            donors,
            late,
        };
        files.extend(join(parts, files.len(), &target)?);
    }
    table_files(staging.dir(), &files)
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

fn table_files(root: &Path, files: &[PathBuf]) -> Result<TableFiles> {
    let files = files
        .iter()
        .map(|f| describe_file(root, f))
        .collect::<Result<Vec<_>>>()?;
    Ok(TableFiles {
        rows: files.iter().map(|f| f.rows).sum(),
        bytes: files.iter().map(|f| f.bytes).sum(),
        files,
    })
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

fn merge(sum: &mut [Usage], other: &[Usage]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        sum.main |= other.main;
        sum.sibling |= other.sibling;
        merge(&mut sum.members, &other.members);
    }
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
