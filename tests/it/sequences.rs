//! Sequences to train models on: every one is its request's events, whatever the reach, of a dataset and of its release.
//!
//! Expected values come from the tables, which other tests hold to the independent reader.

use crate::common::*;
use crate::publish::published;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, TimestampNanosecondType};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A list's elements by column, and the columns that are one number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sequence {
    part: String,
    label: Option<String>,
    numbers: BTreeMap<String, i64>,
    lists: BTreeMap<String, Vec<i64>>,
    path: Vec<Vec<i64>>,
}

type Key = (String, i64);

fn run(source: &Path, output: &Path, options: &[&str]) -> Output {
    let mut args = vec!["sequences", source.to_str().unwrap()];
    args.extend(["-o", output.to_str().unwrap()]);
    args.extend(options);
    sysds(args)
}

fn made(source: &Path, output: &Path, options: &[&str]) -> HashMap<Key, Sequence> {
    let done = run(source, output, options);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    sequences(output)
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("data")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// All rows of a folder of sequences.
fn sequences(folder: &Path) -> HashMap<Key, Sequence> {
    let mut all = HashMap::new();
    for file in data_files(folder) {
        for batch in rows_of(&file) {
            for row in 0..batch.num_rows() {
                let (key, sequence) = sequence(&batch, row);
                assert!(
                    all.insert(key.clone(), sequence).is_none(),
                    "{key:?} comes twice"
                );
            }
        }
    }
    all
}

fn sequence(batch: &RecordBatch, row: usize) -> (Key, Sequence) {
    let mut found = Sequence::default();
    let mut trace = String::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name().clone();
        match field.data_type() {
            DataType::Utf8 => {
                let text = texts(&column.slice(row, 1))[0].clone();
                match name.as_str() {
                    "part" => found.part = text.unwrap(),
                    "trace_id" => trace = text.unwrap(),
                    _ => found.label = text,
                }
            }
            DataType::Boolean => {
                let value = column.as_boolean().value(row);
                found.numbers.insert(name, i64::from(value));
            }
            DataType::List(element) if matches!(element.data_type(), DataType::List(_)) => {
                let lists = column.as_list::<i32>().value(row);
                let lists = lists.as_list::<i32>();
                found.path = lists.iter().map(|list| numbers(&list.unwrap())).collect();
            }
            DataType::List(_) => {
                let list = numbers(&column.as_list::<i32>().value(row));
                found.lists.insert(name, list);
            }
            _ => {
                found.numbers.insert(name, numbers(column)[row]);
            }
        }
    }
    let id = found.numbers["request_id"];
    ((trace, id), found)
}

/// The values of an array of integers of any width.
fn numbers(array: &arrow::array::ArrayRef) -> Vec<i64> {
    let wide = arrow::compute::cast(array, &DataType::Int64).unwrap();
    longs(&wide).into_iter().map(Option::unwrap).collect()
}

/// The words of a kind by their codes.
fn words(folder: &Path, kind: &str) -> HashMap<i64, String> {
    let mut all = HashMap::new();
    for batch in rows_of(&folder.join("vocabulary.parquet")) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let rows = texts(column("kind")).into_iter().zip(texts(column("word")));
        for ((of, word), code) in rows.zip(numbers(column("code"))) {
            if of.as_deref() == Some(kind) {
                all.insert(code, word.unwrap());
            }
        }
    }
    all
}

/// What the table `requests` says of the complete ones.
fn requests(dataset: &Path) -> HashMap<Key, BTreeMap<&'static str, i64>> {
    let (_, batches) = table(dataset, "requests");
    let mut all = HashMap::new();
    for batch in &batches {
        let complete = batch.column_by_name("complete").unwrap().as_boolean();
        let traces = texts(batch.column_by_name("trace_id").unwrap());
        let names = [
            "request_id",
            "n_events",
            "window_syscalls",
            "duration_ns",
            "first_event",
            "last_event",
        ];
        let columns = names.map(|name| (name, numbers(batch.column_by_name(name).unwrap())));
        for (row, trace) in traces
            .into_iter()
            .enumerate()
            .filter(|(row, _)| complete.value(*row))
        {
            let values: BTreeMap<_, _> = columns.iter().map(|(name, c)| (*name, c[row])).collect();
            all.insert((trace.unwrap(), values["request_id"]), values);
        }
    }
    all
}

/// An event, as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    id: i64,
    request: Option<i64>,
    time: i64,
    name: String,
    phase: String,
    procname: Option<String>,
    numbers: [Option<i64>; 4],
    path: Option<String>,
}

/// All events of a dataset of one recording.
fn events(dataset: &Path) -> Vec<Event> {
    let (_, batches) = table(dataset, "events");
    let mut all = Vec::new();
    for batch in &batches {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let (names, phases) = (texts(column("name")), texts(column("phase")));
        let (procnames, paths) = (texts(column("procname")), texts(column("path")));
        let times = column("timestamp").as_primitive::<TimestampNanosecondType>();
        let ints = |name: &str| -> Vec<Option<i64>> {
            let ints = column(name).as_primitive::<Int32Type>().iter();
            ints.map(|v| v.map(i64::from)).collect()
        };
        let of = [
            ints("pid"),
            ints("tid"),
            longs(column("ret")),
            longs(column("fd")),
        ];
        let (ids, links) = (longs(column("event_id")), longs(column("request_id")));
        for row in 0..batch.num_rows() {
            all.push(Event {
                id: ids[row].unwrap(),
                request: links[row],
                time: times.value(row),
                name: names[row].clone().unwrap(),
                phase: phases[row].clone().unwrap(),
                procname: procnames[row].clone(),
                numbers: of.each_ref().map(|values| values[row]),
                path: paths[row].clone(),
            });
        }
    }
    all.sort_by_key(|event| event.id);
    all
}

const HASH: [&str; 2] = ["--split", "hash"];

/// Compares each sequence with the events that `belongs` says are its request's.
fn are_the_events(
    made: &HashMap<Key, Sequence>,
    folder: &Path,
    dataset: &Path,
    belongs: impl Fn(&Event, &BTreeMap<&'static str, i64>) -> bool,
) {
    let (calls, threads) = (words(folder, "call"), words(folder, "process"));
    let components = words(folder, "path");
    let (all, requests) = (events(dataset), requests(dataset));
    let mut known = 0;
    for (key, sequence) in made {
        let request = &requests[key];
        let own: Vec<&Event> = all.iter().filter(|event| belongs(event, request)).collect();
        let list = |name: &str| {
            let list = &sequence.lists[name];
            assert_eq!(list.len(), own.len() + 2, "{name} of {key:?}");
            &list[1..list.len() - 1]
        };
        let marks = |name: &str| {
            let list = &sequence.lists[name];
            (list[0], list[list.len() - 1])
        };
        assert_eq!((marks("call"), marks("pid")), ((2, 3), (-1, -1)));
        let mut before = own.first().map(|event| event.time);
        for (at, event) in own.iter().enumerate() {
            match calls.get(&list("call")[at]) {
                Some(name) => assert_eq!(*name, event.name),
                None => assert_eq!(list("call")[at], 1),
            }
            known += i64::from(list("call")[at] > 5);
            match (&event.procname, list("process")[at]) {
                (None, code) => assert_eq!(code, 5),
                (Some(_), 1) => {}
                (Some(name), code) => assert_eq!(threads[&code], *name),
            }
            let phase = ["entry", "exit", "point"]
                .iter()
                .position(|p| *p == event.phase);
            assert_eq!(list("phase")[at], phase.unwrap() as i64 + 1);
            assert_eq!(list("elapsed_ns")[at], event.time - before.unwrap());
            before = Some(event.time);
            let [pid, tid, ret, fd] = event.numbers;
            assert_eq!(
                [list("pid")[at], list("tid")[at]],
                [pid.unwrap_or(-1), tid.unwrap_or(-1)]
            );
            let outcome = match ret {
                None => (0, 0),
                Some(error) if (-4095..0).contains(&error) => (2, -error),
                Some(_) => (1, 0),
            };
            assert_eq!((list("outcome")[at], list("errno")[at]), outcome);
            let code = match fd {
                None => 5,
                Some(-100) => 6,
                Some(fd) if fd < 0 => 7,
                Some(fd) => 8 + fd.min(1024),
            };
            assert_eq!(list("fd")[at], code);
            let path = &sequence.path[at + 1];
            match &event.path {
                None => assert!(path.is_empty()),
                Some(text) if path.iter().all(|code| *code > 5) => {
                    let names: Vec<&str> = path.iter().map(|code| &*components[code]).collect();
                    let (root, names) = match names.split_first() {
                        Some((&"/", names)) => ("/", names),
                        _ => ("", &names[..]),
                    };
                    let plain = text.split('/').filter(|name| !name.is_empty());
                    let plain = plain.collect::<Vec<_>>().join("/");
                    let root_of_text = if text.starts_with('/') { "/" } else { "" };
                    assert_eq!((root, names.join("/")), (root_of_text, plain));
                }
                Some(_) => {}
            }
        }
    }
    assert!(known > 1000, "{known}");
}

#[test]
fn own_events_and_windows_are_those_of_the_tables_in_a_dataset_and_in_its_release() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ingest(
        &[&trace("apache-prefork")],
        &at("d"),
        &["--quiet", "--label", "normal"],
    );
    published(&at("d"), &at("r"), &HASH);
    let all = ["--arguments", "--events", "all", "--max-length", "0"];
    for reach in ["own", "window"] {
        let options = [&all[..], &["--reach", reach]].concat();
        let split = [&options[..], &HASH].concat();
        let own = made(&at("d"), &at(reach), &split);
        let released = made(&at("r"), &at(&format!("{reach}-r")), &options);
        assert!(own == released, "the release gives other sequences");
        assert_eq!(own.len(), requests(&at("d")).len());
        assert!(own.values().all(|s| s.label.as_deref() == Some("normal")));
        let belongs = |event: &Event, request: &BTreeMap<&'static str, i64>| match reach {
            "own" => event.request == Some(request["request_id"]),
            _ => (request["first_event"]..=request["last_event"]).contains(&event.id),
        };
        are_the_events(&own, &at(reach), &at("d"), belongs);
        let [dataset, release] = [at(reach), at(&format!("{reach}-r"))];
        let vocabulary = |folder: PathBuf| fs::read(folder.join("vocabulary.parquet")).unwrap();
        assert!(vocabulary(dataset) == vocabulary(release));
    }
    // System calls alone: those of a window were counted when it was ingested.
    let calls = made(
        &at("d"),
        &at("calls"),
        &[&HASH[..], &["--reach", "window"]].concat(),
    );
    for (key, request) in requests(&at("d")) {
        assert_eq!(
            calls[&key].numbers["n_events"], request["window_syscalls"],
            "{key:?}"
        );
    }
}

#[test]
fn the_causal_reach_has_what_others_did() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ingest(&[&trace("apache-prefork")], &at("d"), &["--quiet"]);
    let all = [
        "--events",
        "all",
        "--max-length",
        "0",
        "--split",
        "hash",
        "-p",
        "fraction=0.5",
    ];
    let own = made(&at("d"), &at("own"), &all);
    let causal = made(
        &at("d"),
        &at("causal"),
        &[&all[..], &["--reach", "causal"]].concat(),
    );
    let (_, downstream) = table(&at("d"), "downstream");
    let mut more: HashMap<Key, (i64, bool)> = HashMap::new();
    for batch in &downstream {
        let traces = texts(batch.column_by_name("trace_id").unwrap());
        let column = |name: &str| numbers(batch.column_by_name(name).unwrap());
        let complete = batch.column_by_name("complete").unwrap().as_boolean();
        let rows = traces
            .into_iter()
            .zip(column("request_id"))
            .zip(column("n_events"));
        for (row, ((trace, id), events)) in rows.enumerate() {
            let known = more.entry((trace.unwrap(), id)).or_insert((0, true));
            *known = (known.0 + events, known.1 && complete.value(row));
        }
    }
    let (mut with_more, mut without) = (0, 0);
    for (key, sequence) in &own {
        let (events, complete) = more.get(key).copied().unwrap_or((0, true));
        match causal.get(key) {
            Some(causal) => {
                assert!(complete);
                let n_events = sequence.numbers["n_events"] + events;
                assert_eq!(causal.numbers["n_events"], n_events, "{key:?}");
                assert_eq!(causal.lists["call"].len() as i64, n_events + 2);
                with_more += i64::from(events > 0);
            }
            None => {
                assert!(!complete, "{key:?}");
                without += 1;
            }
        }
    }
    assert!(with_more > 0, "no request of the trace asks another server");
    assert_eq!(own.len(), causal.len() + without);
}

#[test]
fn long_ones_are_cut_and_marked_and_only_training_makes_the_vocabulary() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let traces = ["apache-prefork", "apache-keepalive"];
    for name in traces {
        ingest(
            &[&trace(name)],
            &at("d"),
            &["--append", "--quiet", "--label", name],
        );
    }
    // A few requests train.
    let split = "--split hash -p fraction=0.01 --reach window";
    let split: Vec<&str> = split.split(' ').collect();
    let whole = made(
        &at("d"),
        &at("whole"),
        &[&split[..], &["--max-length", "0"]].concat(),
    );
    let cut = made(
        &at("d"),
        &at("cut"),
        &[&split[..], &["--max-length", "40"]].concat(),
    );
    assert_eq!(whole.len(), cut.len());
    let (mut longer, mut shorter) = (0, 0);
    for (key, sequence) in &cut {
        let calls = &sequence.lists["call"];
        let all = whole[key].numbers["n_events"];
        assert_eq!(sequence.numbers["n_events"], all);
        assert_eq!(sequence.numbers["truncated"], i64::from(all > 40));
        assert_eq!(calls.len() as i64, all.min(40) + 2);
        assert_eq!(calls.last(), Some(if all > 40 { &4 } else { &3 }));
        longer += i64::from(all > 40);
        shorter += i64::from(all <= 40);
    }
    assert!(longer > 0 && shorter > 0, "{longer} {shorter}");
    for folder in ["whole", "cut"] {
        let (of, calls) = (sequences(&at(folder)), words(&at(folder), "call"));
        let mut shown: HashMap<i64, i64> = HashMap::new();
        for sequence in of.values().filter(|s| s.part == "train") {
            for code in &sequence.lists["call"] {
                *shown.entry(*code).or_default() += 1;
            }
        }
        assert_eq!(shown.get(&1), None, "training knows what it trains on");
        let shown: Vec<i64> = {
            let mut codes: Vec<i64> = shown.into_keys().filter(|code| *code > 5).collect();
            codes.sort_unstable();
            codes
        };
        assert_eq!(shown, (6..6 + calls.len() as i64).collect::<Vec<_>>());
        let others = of.values().filter(|s| s.part != "train");
        let codes = others.flat_map(|s| s.lists["process"].iter().chain(&s.lists["call"]));
        let unknown = codes.filter(|code| **code == 1).count();
        assert!(unknown > 0, "few requests do not show all that there is");
    }
}

#[test]
fn first_requests_and_names_are_left_out_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ingest(&[&trace("apache-lossy")], &at("d"), &["--quiet"]);
    let options = [
        &HASH[..],
        &["--skip-first", "50", "--events", "accept4,sched_sw*"],
    ]
    .concat();
    let few = made(&at("d"), &at("few"), &options);
    let names = words(&at("few"), "call");
    assert!(few.keys().all(|(_, id)| *id >= 50));
    let mut names: Vec<&String> = names.values().collect();
    names.sort();
    assert_eq!(names, ["accept4", "sched_switch"]);
    let told = fs::read_to_string(at("few/sequences.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let manifest = manifest(&at("d"));
    let left_out = told["left_out"].as_object().unwrap();
    let left_out: u64 = left_out.values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(
        left_out + few.len() as u64,
        manifest["requests"].as_u64().unwrap()
    );
    assert_eq!(
        told["left_out"]["incomplete"],
        manifest["incomplete_requests"]
    );
    assert!(told["left_out"]["skipped"].as_u64().unwrap() > 0);
}

#[test]
fn nothing_is_written_over_and_nothing_half() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ingest(&[&trace("apache-prefork")], &at("d"), &["--quiet"]);
    published(&at("d"), &at("r"), &HASH);
    published(&at("d"), &at("whole"), &[]);
    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/a"), "mine").unwrap();
    fs::create_dir(at("empty")).unwrap();
    let before = fs::read_dir(dir.path()).unwrap().count();
    let cases: [(&str, &str, &[&str], &str); 8] = [
        ("d", "o", &[], "has no parts to train and test with"),
        ("whole", "o", &[], "has no parts to train and test with"),
        ("r", "o", &HASH, "the release is split already"),
        ("d", "full", &HASH, "exists already"),
        ("d", "full/a", &HASH, "exists already"),
        (
            "d",
            "o",
            &["--split", "label", "-p", "label=nomal"],
            "no recording or span has this label",
        ),
        ("d", "o", &["-p", "fraction=0.5"], "none is asked for"),
        (
            "d",
            "o",
            &["--split", "hash", "--path-words", "3"],
            "--arguments",
        ),
    ];
    for (source, output, options, says) in cases {
        let done = run(&at(source), &at(output), options);
        assert_eq!(done.status.code(), Some(2), "{says}: {}", stderr(&done));
        assert!(stderr(&done).contains(says), "{says}: {}", stderr(&done));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
    assert_eq!(fs::read_to_string(at("full/a")).unwrap(), "mine");
    // A damaged file is told, and nothing stays.
    let events = files(&at("d"), "events").remove(0);
    let bytes = fs::read(&events).unwrap();
    fs::write(&events, &bytes[..bytes.len() / 2]).unwrap();
    let done = run(&at("d"), &at("o"), &HASH);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("events"), "{}", stderr(&done));
    fs::write(&events, bytes).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
    made(&at("d"), &at("empty"), &HASH);
    assert_eq!(data_files(&at("empty")).len(), 2);
}
