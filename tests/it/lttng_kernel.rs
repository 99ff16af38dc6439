//! A kernel trace of the newest LTTng: LTTng 2.16 on Linux 7.2, the lab's web server under load, recorded by `sysds record` in
//! CTF 2 and at the same time by a second session in CTF 1.8. `tests/tools/lttng/kernel` makes it anew.

use crate::common::*;
use crate::judged::values;
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use sysds::trace::event::{Field, FieldType, Phase};

const ARCHIVE: &str = "lttng-2.16-kernel";
const FORMATS: [&str; 2] = ["ctf-1.8", "ctf-2"];
/// Requests that the load made.
const REQUESTS: usize = 12;

/// The folder of the archive, unpacked.
fn unpacked() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    unpack(&data(&format!("{ARCHIVE}.tar.zst")), dir.path());
    let inner = dir.path().join(ARCHIVE);
    (dir, inner)
}

fn json(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The archive has digests of the values, by name of event: the values themselves would be many times the traces.
#[test]
fn all_values_are_those_of_babeltrace2() {
    let (_dir, folder) = unpacked();
    for format in FORMATS {
        let mut by_name: BTreeMap<String, (u64, Sha256)> = BTreeMap::new();
        for line in values(&folder.join(format)).unwrap() {
            let event: Value = serde_json::from_str(&line).unwrap();
            let name = event[2].as_str().unwrap().to_owned();
            let (count, digest) = by_name.entry(name).or_default();
            *count += 1;
            digest.update(line + "\n");
        }
        let digest = |digest: Sha256| -> String {
            digest
                .finalize()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect()
        };
        let found = by_name.into_iter().map(|(name, (events, sha256))| {
            let found = serde_json::json!({"events": events, "sha256": digest(sha256)});
            (name, found)
        });
        let found: BTreeMap<String, Value> = found.collect();
        let expected: BTreeMap<String, Value> =
            serde_json::from_value(json(&folder.join(format!("{format}.json")))).unwrap();
        let names = |of: &BTreeMap<String, Value>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "{format}");
        let wrong = found.iter().filter(|(name, own)| expected[*name] != **own);
        let wrong: Vec<_> = wrong.collect();
        assert!(wrong.is_empty(), "{format}: {wrong:#?}");
    }
}

/// What an event is, without its time and CPU: name, process, thread, name of the process, context, payload.
type Happened = Value;

/// What each thread did, in order, with its scheduler events apart. The state dumps, which each session has for itself, are
/// left out.
fn by_thread(folder: &Path) -> HashMap<(i64, bool), Vec<Happened>> {
    let mut threads: HashMap<(i64, bool), Vec<Happened>> = HashMap::new();
    // Sorted by time: all times are after 2001, and so have as many digits.
    for line in values(folder).unwrap() {
        let mut event: Value = serde_json::from_str(&line).unwrap();
        let parts = event.as_array_mut().unwrap();
        let what: Value = parts.drain(2..).collect();
        let name = what[0].as_str().unwrap();
        if !name.starts_with("lttng_statedump_") {
            let key = (what[1][1].as_i64().unwrap(), name.starts_with("sched_"));
            threads.entry(key).or_default().push(what);
        }
    }
    threads
}

/// Both sessions saw the same: the one in CTF 1.8 began earlier and ended later, so what a thread does in the other is in it
/// without a gap. Only the times differ, since LTTng takes them for each session anew. A thread may lose its CPU after one
/// session wrote its call and before the other did: then the switch is after the call in one, before it in the other.
#[test]
fn both_formats_tell_the_same() {
    let (_dir, folder) = unpacked();
    let [outer, inner] = FORMATS.map(|format| by_thread(&folder.join(format)));
    assert!(inner.len() > 20, "{}", inner.len());
    for ((tid, scheduler), events) in &inner {
        let all = &outer[&(*tid, *scheduler)];
        let mut places = all.windows(events.len());
        assert!(
            places.any(|place| place == events),
            "thread {tid}, scheduler {scheduler}: {} events of {}",
            events.len(),
            all.len()
        );
    }
}

/// The rows of a table in one batch.
fn rows(dataset: &Path, name: &str) -> RecordBatch {
    let (schema, batches) = table(dataset, name);
    concat_batches(&schema, &batches).unwrap()
}

/// What is alike of a table's rows in both datasets, sorted. (The number of events may differ by a switch at begin or end.)
fn alike<const N: usize>(dataset: &Path, table: &str, columns: [&str; N]) -> Vec<[Option<i64>; N]> {
    let rows = rows(dataset, table);
    let columns = columns.map(|name| longs(rows.column_by_name(name).unwrap()));
    let mut rows: Vec<_> = (0..rows.num_rows())
        .map(|i| columns.each_ref().map(|column| column[i]))
        .collect();
    rows.sort();
    rows
}

const OF_REQUESTS: [&str; 6] = [
    "request_id",
    "pid",
    "client_port",
    "exchange",
    "read_bytes",
    "written_bytes",
];
const OF_SERVICES: [&str; 6] = [
    "request_id",
    "asked_tid",
    "pid",
    "tid",
    "read_bytes",
    "written_bytes",
];

#[test]
fn requests_are_found_in_both_formats() {
    let (dir, folder) = unpacked();
    let totals = json(&folder.join("totals.json"));
    let datasets = FORMATS.map(|format| {
        let dataset = dir.path().join(format!("{format}-dataset"));
        ingest(
            &[&folder.join(format)],
            &dataset,
            &["-q", "--requests", "exchange"],
        );
        let manifest = manifest(&dataset);
        for what in ["events", "discarded_events", "discarded_packets"] {
            assert_eq!(manifest[what], totals[format][what], "{format} {what}");
        }
        assert_eq!(manifest["discarded_events"], 0, "{format}");
        dataset
    });
    let [old, new] = datasets
        .each_ref()
        .map(|dataset| alike(dataset, "requests", OF_REQUESTS));
    assert_eq!(old, new);
    assert_eq!(new.len(), REQUESTS);
    // Each asks the database.
    let [old, new] = datasets
        .each_ref()
        .map(|dataset| alike(dataset, "downstream", OF_SERVICES));
    assert_eq!(old, new);
    let asking: BTreeSet<_> = new.iter().map(|[request, ..]| request).collect();
    assert_eq!(asking.len(), REQUESTS);
    for dataset in &datasets {
        let complete = rows(dataset, "requests");
        let complete = complete
            .column_by_name("complete")
            .unwrap()
            .as_boolean()
            .clone();
        assert_eq!(complete.true_count(), REQUESTS);
    }
}

/// Whoever publishes anonymized values is asked about no argument of LTTng 2.16: each field of each kind of event that the
/// trace could have, all system calls among them, is in the table.
#[test]
fn all_arguments_are_classified() {
    let (_dir, folder) = unpacked();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arguments.toml");
    let known: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut missing = BTreeSet::new();
    let mut calls = BTreeSet::new();
    for mut recording in sysds::trace::belong::recordings(&[folder.join("ctf-2")]).unwrap() {
        let scratch = tempfile::tempdir().unwrap();
        let checked = sysds::trace::check::check(&mut recording, false, scratch.path()).unwrap();
        let reader =
            sysds::trace::native::NativeReader::open(checked, false, Default::default()).unwrap();
        for class in reader.classes() {
            let table = if class.phase == Phase::Point {
                "events"
            } else {
                "calls"
            };
            let name = class.name.strip_prefix("compat_").unwrap_or(&class.name);
            if class.phase != Phase::Point {
                calls.insert(name.to_owned());
            }
            let Some(row) = known[table].get(name) else {
                missing.insert(format!("{table}.{name}"));
                continue;
            };
            let has = |above: Option<&str>, field: &str| {
                let whole = above.map(|above| format!("{above}.{field}"));
                whole.is_some_and(|whole| row.get(&whole).is_some())
                    || row.get(field).is_some()
                    || known["any"].get(field).is_some()
            };
            let mut leaves = Vec::new();
            class
                .payload
                .iter()
                .for_each(|field| leaf(None, field, &mut leaves));
            let unknown = leaves
                .iter()
                .filter(|(above, field)| !has(above.as_deref(), field));
            missing.extend(unknown.map(|(_, field)| format!("{table}.{name}: {field}")));
        }
    }
    assert!(calls.len() > 350, "{}", calls.len());
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The fields that have values, each with the name of the structure that it is in.
fn leaf(above: Option<&str>, field: &Field, found: &mut Vec<(Option<String>, String)>) {
    let mut ty = &field.ty;
    while let FieldType::List(element, _) = ty {
        ty = element;
    }
    match ty {
        FieldType::Struct(members) | FieldType::Variant(members) => members
            .iter()
            .for_each(|member| leaf(Some(&field.name), member, found)),
        _ => found.push((above.map(str::to_owned), field.name.clone())),
    }
}
