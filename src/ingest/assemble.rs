//! The end of an ingest: the parts of all recordings become tables of one schema each, and the manifest tells of them.

use super::{Ingested, Plan};
use crate::columns::describe::described;
use crate::columns::downstream;
use crate::columns::join::{Target, join};
use crate::columns::losses;
use crate::columns::parquet::key_values;
use crate::columns::types::Usage;
use crate::dataset::manifest::{
    FORMAT_VERSION, Manifest, Recording, StreamLoss, TableFiles, Tool, describe_file, sum_losses,
};
use crate::dataset::staging::Staging;
use crate::error::{Error, Result};
use crate::trace::babeltrace;
use crate::trace::event::EventClass;
use arrow::datatypes::{Fields, Schema};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All tables.
const TABLES: [&str; 4] = ["events", "requests", "downstream", "losses"];

/// Joins the parts of all recordings into tables of one schema each, and describes the result.
pub(super) fn assemble(
    plan: &Plan,
    staging: &Staging,
    ingested: Vec<(Ingested, PathBuf)>,
) -> Result<Manifest> {
    let [events_dir, requests_dir, downstream_dir, losses_dir] =
        TABLES.map(|table| staging.create_dir(table));
    let (events_dir, requests_dir) = (events_dir?, requests_dir?);
    let (downstream_dir, losses_dir) = (downstream_dir?, losses_dir?);
    let all: Vec<&Ingested> = ingested.iter().map(|(i, _)| i).collect();
    let events_schema = events_schema(plan, &all);
    let requests_schema = requests_schema(plan, &all);
    let downstream_schema = downstream::schema(&plan.contracts.downstream);
    let losses_schema = losses::schema(&plan.contracts.losses);
    let mut files: [Vec<PathBuf>; 4] = Default::default();
    for (done, scratch) in &ingested {
        let table = |dir, schema, donors| Target {
            dir,
            name: "part",
            schema,
            properties: &plan.properties,
            metadata: key_values(&[("sysds:trace_id", &done.trace_id)]),
            donors,
        };
        let target = table(&events_dir, &events_schema, &[]);
        files[0].extend(join(&done.events.0, files[0].len(), &target)?);
        let target = table(
            &requests_dir,
            &requests_schema,
            &["events.list.element.event_id"],
        );
        files[1].extend(join(&done.requests.0, files[1].len(), &target)?);
        let part = losses::write(
            &scratch.join("losses"),
            &plan.contracts.losses,
            &done.trace_id,
            &done.losses,
            &plan.properties,
        )?;
        let target = table(&losses_dir, &losses_schema, &[]);
        files[3].extend(join(part.as_slice(), files[3].len(), &target)?);
        let target = table(&downstream_dir, &downstream_schema, &[]);
        files[2].extend(join(&done.downstream, files[2].len(), &target)?);
        std::fs::remove_dir_all(scratch).map_err(Error::io("remove", scratch))?;
    }
    let mut tables = BTreeMap::new();
    for (name, files) in TABLES.into_iter().zip(&files) {
        tables.insert(name.to_owned(), table_files(staging.dir(), files)?);
    }
    Ok(manifest(
        plan,
        ingested.into_iter().map(|(i, _)| i).collect(),
        tables,
    ))
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

fn events_schema(plan: &Plan, all: &[&Ingested]) -> Schema {
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

fn requests_schema(plan: &Plan, all: &[&Ingested]) -> Schema {
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

fn manifest(plan: &Plan, all: Vec<Ingested>, tables: BTreeMap<String, TableFiles>) -> Manifest {
    let options = &plan.options;
    let recordings: Vec<Recording> = all.iter().map(recording).collect();
    let sum =
        |get: fn(&StreamLoss) -> u64| recordings.iter().flat_map(|r| &r.losses).map(get).sum();
    Manifest {
        format_version: FORMAT_VERSION,
        tool: Tool {
            name: "sysds".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reader: format!("babeltrace2 {}", babeltrace::version()),
        },
        created: now(),
        options: BTreeMap::from([
            ("requests".to_owned(), options.rule.rule.as_str().into()),
            (
                "end".to_owned(),
                if options.rule.end_at_shutdown {
                    "shutdown"
                } else {
                    "close"
                }
                .into(),
            ),
            ("server".to_owned(), options.rule.server.clone().into()),
            (
                "max_request_events".to_owned(),
                options.rule.max_nested.into(),
            ),
            (
                "request_args".to_owned(),
                if options.request_args {
                    "struct"
                } else {
                    "none"
                }
                .into(),
            ),
            (
                "compression".to_owned(),
                options.compression.1.clone().into(),
            ),
            ("keep_going".to_owned(), options.keep_going.into()),
        ]),
        events: all.iter().map(|i| i.events.1.events as u64).sum(),
        requests: all.iter().map(|i| i.requests.1.requests as u64).sum(),
        incomplete_requests: all.iter().map(|i| i.incomplete).sum(),
        discarded_events: sum(|l| l.discarded_events),
        discarded_packets: sum(|l| l.discarded_packets),
        damaged: all.iter().any(|i| !i.damage.is_empty()),
        recordings,
        tables,
    }
}

fn recording(done: &Ingested) -> Recording {
    Recording {
        trace_id: done.trace_id.clone(),
        label: done.label.clone(),
        path: done.root.display().to_string(),
        first_ns: done.times.map(|t| t.0),
        last_ns: done.times.map(|t| t.1),
        events: done.events.1.events as u64,
        requests: done.requests.1.requests as u64,
        sources: done.sources.clone(),
        losses: sum_losses(&done.losses),
        damage: done.damage.clone(),
    }
}

/// The time, UTC, RFC 3339.
fn now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |d| d.as_secs() as i64);
    let date = arrow::temporal_conversions::timestamp_s_to_datetime(seconds);
    date.map_or_else(String::new, |d| {
        format!("{}Z", d.format("%Y-%m-%dT%H:%M:%S"))
    })
}
