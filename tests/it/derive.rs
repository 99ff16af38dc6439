//! Thread, process and name of events without contexts: the real traces with their contexts hidden have to give the same.

use crate::common::*;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const READERS: &[&str] = match cfg!(feature = "babeltrace2") {
    true => &["native", "babeltrace2"],
    false => &["native"],
};

/// A copy of a trace whose contexts have other names, so that they are values like others (in `context`) and tell nothing.
fn hidden(name: &str, dir: &Path) -> PathBuf {
    let copy = copy_of(name, dir);
    let path = copy.join("kernel/metadata");
    let mut metadata = fs::read(&path).unwrap();
    let find = |bytes: &[u8], from: usize| {
        let mut windows = metadata[from..].windows(bytes.len());
        from + windows.position(|w| w == bytes).unwrap()
    };
    let begin = find(b"event.context", 0);
    let places = [&b"_procname[16]"[..], b"_pid;", b"_tid;"].map(|n| find(n, begin));
    assert!(places.iter().all(|place| *place < begin + 400));
    for (place, length) in places.into_iter().zip([9, 4, 4]) {
        metadata[place + length - 1] = b'x';
    }
    fs::write(&path, metadata).unwrap();
    copy
}

fn whole(dataset: &Path, name: &str) -> RecordBatch {
    let (schema, rows) = table(dataset, name);
    concat_batches(&schema, &rows).unwrap()
}

fn context(events: &RecordBatch, name: &str) -> ArrayRef {
    let context = events["context"].as_struct();
    context.column_by_name(name).unwrap().clone()
}

/// How many values are null, the same as the context's, and others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    null: usize,
    same: usize,
    other: usize,
}

fn compare<T: PartialEq>(ours: &[Option<T>], theirs: &[Option<T>]) -> Compared {
    let mut compared = Compared::default();
    for (ours, theirs) in ours.iter().zip(theirs) {
        let kind = match ours {
            None => &mut compared.null,
            ours if ours == theirs => &mut compared.same,
            _ => &mut compared.other,
        };
        *kind += 1;
    }
    compared
}

/// Where threads are known by rights: events from the first `sched_switch` of their CPU on, but for those between the last
/// switch before the end of a packet that discarded events and the next switch after it.
fn expected(events: &RecordBatch, losses: &RecordBatch) -> Vec<bool> {
    let of = |name: &str| longs(&events[name]);
    let (times, cpus) = (of("timestamp"), of("cpu"));
    let names = texts(&events["name"]);
    let ends: Vec<_> = longs(&losses["cpu"])
        .into_iter()
        .zip(longs(&losses["end"]))
        .collect();
    let mut switches: BTreeMap<Option<i64>, Vec<usize>> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        if name.as_deref() == Some("sched_switch") {
            switches.entry(cpus[i]).or_default().push(i);
        }
    }
    let known = |i: usize| {
        let switches = &switches[&cpus[i]];
        let after = switches.partition_point(|s| *s < i);
        let is_switch = switches.get(after) == Some(&i);
        let Some(before) = after.checked_sub(1).map(|n| switches[n]) else {
            return is_switch;
        };
        let next = switches.get(after).map_or(i64::MAX, |s| times[*s].unwrap());
        let lost = ends
            .iter()
            .any(|(cpu, end)| *cpu == cpus[i] && times[before] < *end && end.unwrap() <= next);
        is_switch || !lost
    };
    (0..names.len()).map(known).collect()
}

/// Which events are of threads that execute a program: who is not known to be the first of its process may get another
/// number then.
fn executing(events: &RecordBatch) -> Vec<bool> {
    let tids = longs(&context(events, "tix"));
    let (names, phases) = (texts(&events["name"]), texts(&events["phase"]));
    let mut executing = BTreeSet::new();
    let of = |i: usize| {
        let execve = names[i].as_deref() == Some("execve");
        match phases[i].as_deref() {
            Some("entry") if execve => executing.insert(tids[i]),
            Some("exit") => executing.remove(&tids[i]),
            _ => executing.contains(&tids[i]),
        }
    };
    (0..tids.len()).map(of).collect()
}

fn check(name: &str, pids: Compared, procnames: Compared, other_requests: usize) {
    let dir = tempfile::tempdir().unwrap();
    let trace = hidden(name, dir.path());
    for reader in READERS {
        let dataset = dir.path().join(reader);
        ingest(&[&trace], &dataset, &["--reader", reader]);
        let events = whole(&dataset, "events");
        let (ours, theirs) = (longs(&events["tid"]), longs(&context(&events, "tix")));
        let tids = compare(&ours, &theirs);
        assert_eq!(tids.other, 0, "{tids:?}");
        let expected = expected(&events, &whole(&dataset, "losses"));
        let executing = executing(&events);
        let pids_of = longs(&events["pid"]);
        for (i, known) in expected.iter().enumerate() {
            // What tells its thread itself is known in any case.
            let may_be_null = !known || executing[i] && pids_of[i].is_none();
            assert!(ours[i].is_some() || may_be_null, "event {i}");
        }
        let known = expected.iter().filter(|known| **known).count();
        assert!(
            known * 1000 > expected.len() * 996,
            "{known} of {}",
            expected.len()
        );
        let of = |ours: &str, theirs: &str| {
            compare(&longs(&events[ours]), &longs(&context(&events, theirs)))
        };
        assert_eq!(of("pid", "pix"), pids, "pid");
        let names = [events["procname"].clone(), context(&events, "procnamx")];
        let [ours, theirs] = names.map(|names| texts(&names));
        assert_eq!(compare(&ours, &theirs), procnames, "procname");
        let derived = &manifest(&dataset)["recordings"][0]["derived"];
        let count = |c: &Compared| c.same as u64;
        assert_eq!(derived["tid"], count(&tids));
        assert_eq!(derived["pid"], count(&pids));
        assert_eq!(derived["procname"], count(&procnames));
        assert_eq!(changed_requests(name, &dataset, dir.path()), other_requests);
    }
}

/// How many requests are missing or not the same as with contexts: only such as have losses in their time, where threads
/// are unknown for a while.
fn changed_requests(name: &str, dataset: &Path, dir: &Path) -> usize {
    let original = dir.join("original");
    ingest(&[&trace(name)], &original, &["--quiet", "--force"]);
    assert_eq!(manifest(&original)["recordings"][0].get("derived"), None);
    let rows = |dataset: &Path| -> Vec<Vec<Option<String>>> {
        let requests = whole(dataset, "requests");
        let shown = |column: &str| -> Vec<Option<String>> {
            match column {
                "client_addr" | "procname" => texts(&requests[column]),
                _ => longs(&requests[column])
                    .iter()
                    .map(|n| n.map(|n| n.to_string()))
                    .collect(),
            }
        };
        let columns = COLUMNS.map(shown);
        (0..requests.num_rows())
            .map(|row| columns.iter().map(|c| c[row].clone()).collect())
            .collect()
    };
    let (ours, theirs) = (rows(dataset), rows(&original));
    assert!(ours.len() <= theirs.len());
    let changed: Vec<_> = theirs.iter().filter(|row| !ours.contains(row)).collect();
    for row in &changed {
        assert_ne!(row[0].as_deref(), Some("0"), "{row:?}");
    }
    changed.len()
}

/// What of requests is compared: all but numbers that count requests, and processes, which need not be known.
const COLUMNS: [&str; 13] = [
    "lost_events",
    "start",
    "end",
    "tid",
    "fd",
    "n_events",
    "last_event",
    "on_cpu_ns",
    "blocked_ns",
    "read_bytes",
    "written_bytes",
    "client_addr",
    "procname",
];

#[test]
fn prefork() {
    let of = |null, same, other| Compared { null, same, other };
    check(
        "apache-prefork",
        of(45_135, 90_693, 0),
        of(256, 135_572, 0),
        0,
    );
}

#[test]
fn lossy() {
    let of = |null, same, other| Compared { null, same, other };
    check(
        "apache-lossy",
        of(86_113, 126_703, 0),
        of(849, 211_967, 0),
        14,
    );
}

/// No contexts, and no switches: nothing is known, and what helps is said.
#[test]
fn where_nothing_tells_threads_it_is_said_what_helps() {
    let dir = tempfile::tempdir().unwrap();
    let trace = hidden("apache-keepalive", dir.path());
    let trace = trace.to_str().unwrap();
    let dataset = dir.path().join("d");
    let help = "lttng add-context -k -t tid -t pid -t procname";
    let ingested = sysds(["ingest", trace, "-o", dataset.to_str().unwrap()]);
    assert_eq!(ingested.status.code(), Some(0));
    assert!(stderr(&ingested).contains(help), "{}", stderr(&ingested));
    let manifest = manifest(&dataset);
    assert_eq!(manifest["requests"], 0);
    let nothing = serde_json::json!({"tid": 0, "pid": 0, "procname": 0});
    assert_eq!(manifest["recordings"][0]["derived"], nothing);
    let events = whole(&dataset, "events");
    assert_eq!(events["tid"].null_count(), events.num_rows());
    for of in [trace, dataset.to_str().unwrap()] {
        let inspected = sysds(["inspect", of]);
        assert!(String::from_utf8_lossy(&inspected.stdout).contains(help));
    }
}
