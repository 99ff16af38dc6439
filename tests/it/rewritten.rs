//! What babeltrace2 makes of traces, beside what sysds does: the traces that it writes give the same rows, and each field
//! that it shows is somewhere in the dataset.

use crate::common::*;
use crate::compare::babeltrace_traces;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SHIPPED: [&str; 3] = ["apache-prefork", "apache-keepalive", "apache-lossy"];

/// The rows of a table in one batch, with dictionaries as texts, without these columns.
fn rows(dataset: &Path, name: &str, without: &[&str]) -> RecordBatch {
    let (schema, batches) = table(dataset, name);
    let all = concat_batches(&schema, &batches).unwrap();
    let kept = (0..all.num_columns()).filter(|i| !without.contains(&&**schema.field(*i).name()));
    let kept: Vec<usize> = kept.collect();
    all.project(&kept).unwrap()
}

/// `sink.ctf.fs` puts an underscore before each name, has its own layout of headers and contexts, gives the trace a UUID
/// and its streams other names. All that is values is the same, but for empty texts: babeltrace2 2.0 writes what an
/// earlier event left in the field (see docs/design/ctf-reader.md). And `sink.ctf.fs` declares the classes of which there are events only:
/// where a class without events has a field of another kind, as `args` of `sysctl`, the column's name is without the kind.
#[test]
fn what_babeltrace2_writes_gives_the_dataset_of_the_original() {
    if !has("babeltrace2", &["--version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for name in SHIPPED {
        let written = dir.path().join(format!("{name}-written"));
        let done = Command::new("babeltrace2")
            .arg(trace(name))
            .args(["-o", "ctf", "-w"])
            .arg(&written)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", stderr(&done));
        let [old, new] = ["old", "new"].map(|n| dir.path().join(format!("{name}-{n}")));
        ingest(&[&trace(name)], &old, &["-q"]);
        ingest(&[&written], &new, &["-q"]);
        for (table, without) in [
            ("events", &["trace_id"][..]),
            ("requests", &["trace_id"]),
            ("downstream", &["trace_id"]),
            ("losses", &["trace_id", "stream"]),
        ] {
            let (old, new) = (rows(&old, table, without), rows(&new, table, without));
            assert_eq!(old.num_rows(), new.num_rows(), "{name}: {table}");
            for (i, field) in old.schema().fields().iter().enumerate() {
                let other = new.column_by_name(field.name()).unwrap();
                let place = format!("{name}: {table}.{}", field.name());
                assert_eq!(difference(old.column(i), other, &place), None);
            }
            assert_eq!(old.num_columns(), new.num_columns());
        }
        for what in ["discarded_events", "discarded_packets", "events"] {
            assert_eq!(manifest(&old)[what], manifest(&new)[what], "{name}: {what}");
        }
    }
}

/// A column's name without the kind of its values.
fn without_kind(name: &str) -> String {
    ["_list", "_str", "_struct", "_float"]
        .iter()
        .fold(name.to_owned(), |name, kind| name.replace(kind, ""))
}

/// Where two columns do not hold the same, whatever the metadata of their members says of their types in the trace.
fn difference(a: &dyn Array, b: &dyn Array, name: &str) -> Option<String> {
    let same = match (a.data_type(), b.data_type()) {
        (DataType::Struct(_), DataType::Struct(_)) => {
            let (a, b) = (a.as_struct(), b.as_struct());
            if a.nulls() != b.nulls() {
                return Some(format!("{name}: null elsewhere"));
            }
            let [named, other] = [a, b].map(|s| s.column_names().into_iter().map(without_kind));
            if !named.eq(other) {
                let (a, b) = (a.column_names(), b.column_names());
                return Some(format!("{name}: {a:?}, {b:?}"));
            }
            let members = a.columns().iter().zip(b.columns());
            let mut members = members.zip(a.column_names());
            return members.find_map(|((a, b), n)| difference(a, b, &format!("{name}.{n}")));
        }
        (DataType::List(_), DataType::List(_)) => {
            let (a, b) = (a.as_list::<i32>(), b.as_list::<i32>());
            if a.nulls() != b.nulls() || a.offsets() != b.offsets() {
                return Some(format!("{name}: other lengths"));
            }
            return difference(a.values(), b.values(), &format!("{name}[]"));
        }
        (DataType::Dictionary(..), _) => texts(a) == texts(b),
        (DataType::Utf8, DataType::Utf8) => {
            let mut pairs = a.as_string::<i32>().iter().zip(b.as_string::<i32>());
            pairs.all(|(a, b)| a == b || a == Some("") && b.is_some())
        }
        _ => a.to_data() == b.to_data(),
    };
    (!same).then(|| name.to_owned())
}

/// The names of the fields in each scope that `babeltrace2` prints of a trace, with those that have a value in them
/// (a structure without members has none). `None` where it does not read the trace to its end.
fn shown(trace: &Path) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let mut run = Command::new("babeltrace2")
        .arg("--names=all")
        .arg(trace)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in BufReader::new(run.stdout.take().unwrap()).split(b'\n') {
        let line = line.unwrap();
        names_in(&String::from_utf8_lossy(&line), &mut found);
    }
    run.wait().unwrap().success().then_some(found)
}

/// Adds the names in a line of `babeltrace2 --names=all`: of the members at the first level of each scope.
fn names_in(line: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let scopes = [
        "stream.packet.context",
        "stream.event.context",
        "event.context",
        "event.fields",
    ];
    let (mut depth, mut text, mut escaped) = (0, false, false);
    let (mut scope, mut word) = (None, String::new());
    for (i, c) in line.char_indices() {
        if text {
            (text, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '"' => text = true,
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
        match (c, depth) {
            ('=', 0) => {
                let name = word.trim();
                scope = scopes.iter().find(|s| **s == name).map(|s| (*s).to_owned());
            }
            // A structure without members has nothing to store.
            ('=', 1) if !line[i + 1..].starts_with(" { }") => {
                let names = scope.as_ref().map(|s| found.entry(s.clone()).or_default());
                names.map(|names| names.insert(word.trim().to_owned()));
            }
            _ => {}
        }
        match c {
            ',' | '{' | '[' | '=' | '}' | ']' => word.clear(),
            c => word.push(c),
        }
    }
}

/// Names of the members of a structure of `events`.
fn members(schema: &arrow::datatypes::Schema, parent: &str) -> BTreeSet<String> {
    match schema
        .field_with_name(parent)
        .map(|f| f.data_type().clone())
    {
        Ok(DataType::Struct(members)) => members.iter().map(|f| f.name().clone()).collect(),
        _ => BTreeSet::new(),
    }
}

/// Whether a column holds the fields of this name, or one beside it does that has fields of another kind.
fn holds(columns: &BTreeSet<String>, name: &str) -> bool {
    let beside = |column: &String| {
        let kind = column
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('_'));
        kind.is_some_and(|kind| {
            kind.split('_')
                .all(|k| ["float", "str", "list", "struct", "u64", "bytes", ""].contains(&k))
        })
    };
    columns.contains(name) || columns.iter().any(beside)
}

/// Which fields that babeltrace2 shows have no place in a dataset.
fn dropped(found: &BTreeMap<String, BTreeSet<String>>, dataset: &Path) -> Vec<String> {
    let (schema, _) = table(dataset, "events");
    let (context, args) = (members(&schema, "context"), members(&schema, "args"));
    let head = ["cpu_id", "pid", "tid", "vpid", "vtid", "procname"];
    let mut dropped = Vec::new();
    for (scope, names) in found {
        for name in names {
            let kept = match scope.as_str() {
                // The list's own length says the same.
                "event.fields" => {
                    let of_list = name
                        .strip_prefix('_')
                        .and_then(|n| n.strip_suffix("_length"));
                    holds(&args, name) || of_list.is_some_and(|list| holds(&args, list))
                }
                _ => {
                    let of_list = name
                        .strip_prefix('_')
                        .and_then(|n| n.strip_suffix("_length"));
                    let scoped = [format!("packet_{name}"), format!("event_{name}")];
                    head.contains(&name.as_str())
                        || holds(&context, name)
                        || scoped.iter().any(|name| holds(&context, name))
                        || of_list.is_some_and(|list| holds(&context, list))
                }
            };
            if !kept {
                dropped.push(format!("{scope}.{name}"));
            }
        }
    }
    dropped
}

/// The traces at hand: those that ship, and babeltrace's own.
fn all_traces() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = SHIPPED.map(trace).into();
    if let Some(root) = babeltrace_traces() {
        let listed = fs::read_to_string(data("babeltrace-ctf-1.8.tsv")).unwrap();
        let names = listed.lines().skip(1);
        all.extend(names.map(|line| root.join(line.split('\t').next().unwrap())));
    }
    all
}

#[test]
fn each_field_that_babeltrace2_shows_is_in_the_dataset() {
    if !has("babeltrace2", &["--version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for trace in all_traces() {
        let out = dir.path().join("dataset");
        let args = ["ingest", "-q", "--force", "-o"].map(std::ffi::OsStr::new);
        let done = sysds(args.into_iter().chain([out.as_os_str(), trace.as_os_str()]));
        if done.status.success()
            && let Some(found) = shown(&trace)
        {
            assert_eq!(dropped(&found, &out), [""; 0], "{}", trace.display());
            compared += usize::from(!found.is_empty());
        }
    }
    assert!(compared >= 3, "{compared}");
}

/// The sum over all recordings of a report.
fn total(recordings: &serde_json::Value, name: &str) -> u64 {
    let all = recordings.as_array().unwrap().iter();
    all.map(|r| r[name].as_u64().unwrap()).sum()
}

#[test]
fn losses_are_the_same_wherever_they_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut lost = 0;
    for trace in all_traces() {
        let out = dir.path().join("dataset");
        let args = ["ingest", "--force", "-o"].map(std::ffi::OsStr::new);
        let done = sysds(args.into_iter().chain([out.as_os_str(), trace.as_os_str()]));
        if !done.status.success() {
            continue;
        }
        let manifest = manifest(&out);
        let inspected = sysds([Path::new("inspect"), Path::new("--json"), &trace]);
        let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
        let (_, losses) = table(&out, "losses");
        for column in ["discarded_events", "discarded_packets"] {
            let values = all_longs(&losses, column).into_iter().flatten();
            let sum: i64 = values.inspect(|n| assert!(*n > 0)).sum();
            let place = trace.display();
            assert_eq!(manifest[column], sum, "{place}");
            assert_eq!(
                total(&inspected["recordings"], column),
                sum as u64,
                "{place}"
            );
            lost += sum;
        }
        let said = stderr(&done);
        let total = format!("discarded {} events", manifest["discarded_events"]);
        let any = !losses.is_empty() && said.contains("warning: the tracer discarded");
        assert_eq!(any, said.contains(&total), "{said}");
    }
    assert!(lost >= 9049, "{lost}");
}

#[test]
fn inspect_counts_what_ingest_does() {
    let dir = tempfile::tempdir().unwrap();
    for trace in all_traces() {
        let place = trace.display();
        let inspected = sysds([Path::new("inspect"), Path::new("--json"), &trace]);
        let counted = sysds(
            ["inspect", "--count", "--json"]
                .map(Path::new)
                .iter()
                .chain([&&*trace]),
        );
        let out = dir.path().join("dataset");
        let args = ["ingest", "-q", "--force", "--keep-going", "-o"].map(std::ffi::OsStr::new);
        let kept = sysds(args.into_iter().chain([out.as_os_str(), trace.as_os_str()]));
        let status = inspected.status.code();
        assert_eq!(
            status,
            counted.status.code(),
            "{place}: {}",
            stderr(&counted)
        );
        assert_eq!(status, kept.status.code(), "{place}: {}", stderr(&kept));
        if status == Some(1) {
            continue;
        }
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        let events = total(&json(&inspected.stdout)["recordings"], "events");
        assert_eq!(events, total(&json(&counted.stdout), "events"), "{place}");
        assert_eq!(manifest(&out)["events"], events, "{place}");
    }
}
