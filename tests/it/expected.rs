//! The three real traces against the figures that an independent reader found in them (tests/data/README.md).

use crate::common::*;
use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Int64Type, UInt64Type};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use sysds::trace::event::{Phase, full_name};

#[test]
fn prefork() {
    check("apache-prefork");
}

#[test]
fn keepalive() {
    check("apache-keepalive");
}

#[test]
fn lossy() {
    check("apache-lossy");
}

fn check(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace(name)], &dataset, &["--quiet"]);
    let expected = std::fs::read_to_string(data(&format!("{name}.expected.json"))).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    counts(&dataset, &expected);
    requests(&dataset, &expected["requests"]["fd"]);
    for (rule, check) in [
        ("exchange", exchanges as fn(&Path, &Value)),
        ("first-close", first_close),
    ] {
        let dataset = dir.path().join(rule);
        let options = ["--quiet", "--requests", rule, "--request-args", "none"];
        ingest(&[&trace(name)], &dataset, &options);
        assert_eq!(manifest(&dataset)["options"]["requests"], rule);
        check(&dataset, &expected["requests"][rule.replace('-', "_")]);
        times_add_up(&dataset, name != "apache-keepalive");
    }
    times_add_up(&dataset, name != "apache-keepalive");
    let exact = std::fs::read_to_string(data("exact.json")).unwrap();
    let exact: Value = serde_json::from_str(&exact).unwrap();
    assert_eq!(digest(&dataset), exact[name], "some decoded value is wrong");
}

fn counts(dataset: &Path, expected: &Value) {
    let (_, events) = table(dataset, "events");
    let (_, losses) = table(dataset, "losses");
    let times: Vec<i64> = all_longs(&events, "timestamp")
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(times.len() as u64, expected["events"]);
    assert_eq!(times.first(), expected["first_ns"].as_i64().as_ref());
    assert_eq!(times.last(), expected["last_ns"].as_i64().as_ref());
    let lost: i64 = all_longs(&losses, "discarded_events")
        .iter()
        .flatten()
        .sum();
    assert_eq!(lost, expected["discarded_events"]);
    assert_eq!(
        manifest(dataset)["discarded_events"],
        expected["discarded_events"]
    );
    let names = names(&events);
    assert_eq!(count(&names), figures(&expected["by_name"]));
    let procnames = texts_of(&events, "procname");
    assert_eq!(count(&procnames), figures(&expected["by_procname"]));

    let ret = all_longs(&events, "ret");
    let sum = ret
        .iter()
        .flatten()
        .fold(0u64, |sum, r| sum.wrapping_add(*r as u64));
    assert_eq!(sum, expected["ret_sum_mod_2_64"]);
    let (bare, durations) = (
        all_texts(&events, "name"),
        all_longs(&events, "duration_ns"),
    );
    let (mut pairs, mut spent) = (BTreeMap::new(), BTreeMap::new());
    for (name, duration) in bare.into_iter().zip(durations) {
        if let (Some(name), Some(duration)) = (name, duration) {
            *pairs.entry(name.clone()).or_insert(0) += 1;
            *spent.entry(name).or_insert(0) += duration;
        }
    }
    assert_eq!(pairs, figures(&expected["syscall_pairs"]));
    assert_eq!(spent, figures(&expected["syscall_pair_ns"]));
}

/// The tracer's name of every event.
fn names(events: &[RecordBatch]) -> Vec<String> {
    let phase = |text: Option<String>| match text.as_deref() {
        Some("entry") => Phase::Entry,
        Some("exit") => Phase::Exit,
        Some("point") => Phase::Point,
        other => panic!("phase {other:?}"),
    };
    let names = all_texts(events, "name")
        .into_iter()
        .zip(all_texts(events, "phase"));
    names
        .map(|(name, p)| full_name(&name.unwrap(), phase(p)))
        .collect()
}

fn count(names: &[String]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    names
        .iter()
        .for_each(|n| *counts.entry(n.clone()).or_insert(0) += 1);
    counts
}

fn figures(object: &Value) -> BTreeMap<String, i64> {
    let entries = object.as_object().unwrap().iter();
    entries
        .map(|(k, v)| (k.clone(), v.as_i64().unwrap()))
        .collect()
}

/// The rows of requests whose accept is in the trace: the reference knows no others.
fn accepted(dataset: &Path) -> Vec<RecordBatch> {
    let (_, rows) = table(dataset, "requests");
    let kept = rows.iter().map(|batch| {
        let seen = batch.column_by_name("accept_seen").unwrap().as_boolean();
        arrow::compute::filter_record_batch(batch, seen).unwrap()
    });
    kept.collect()
}

/// The rule `fd` of the reference is our rule `connection`; a request that the thread's next accept ends, which we keep
/// and mark, is silently gone there.
fn requests(dataset: &Path, expected: &Value) {
    let rows = accepted(dataset);
    // wrk2 came from outside the virtual machine, curl from within.
    let clients = count(&texts_of(&rows, "client_addr"));
    assert_eq!(clients.keys().collect::<Vec<_>>(), ["10.0.2.2", "::1"]);
    let reasons = all_texts(&rows, "end_reason");
    let of = |reason: &str| {
        reasons
            .iter()
            .filter(|r| r.as_deref() == Some(reason))
            .count() as u64
    };
    assert_eq!(of("close"), expected["count"]);
    assert_eq!(of("trace_end"), expected["unfinished"]);
    let closed = |column: &str| -> Vec<i64> {
        let all = all_longs(&rows, column).into_iter().zip(&reasons);
        all.filter(|(_, r)| r.as_deref() == Some("close"))
            .map(|(v, _)| v.unwrap())
            .collect()
    };
    let mut durations = closed("duration_ns");
    assert_eq!(closed("n_events").iter().sum::<i64>(), expected["events"]);
    assert_eq!(durations.iter().sum::<i64>(), expected["duration_sum_ns"]);
    durations.sort_unstable();
    assert_eq!(durations[0], expected["min_ns"]);
    assert_eq!(durations[durations.len() / 2], expected["p50_ns"]);
    assert_eq!(*durations.last().unwrap(), expected["max_ns"]);
    let columns = [
        ("tid", "tid"),
        ("pid", "pid"),
        ("fd", "fd"),
        ("client_port", "sport"),
        ("start", "start_ns"),
        ("end", "end_ns"),
        ("n_events", "events"),
    ];
    for (column, key) in columns {
        let first: Vec<i64> = closed(column).into_iter().take(10).collect();
        let listed = expected["first_10"].as_array().unwrap().iter();
        assert_eq!(
            first,
            listed.map(|r| r[key].as_i64().unwrap()).collect::<Vec<_>>(),
            "{column}"
        );
    }
}

/// A column of the rows that ended for this reason.
fn ended(rows: &[RecordBatch], reason: &str, column: &str) -> Vec<i64> {
    let reasons = all_texts(rows, "end_reason").into_iter();
    let all = reasons.zip(all_longs(rows, column));
    all.filter(|(r, _)| r.as_deref() == Some(reason))
        .map(|(_, v)| v.unwrap())
        .collect()
}

/// The reference loses the close of a connection with its accept: an exchange that is open then goes on there, into the
/// first exchange of its thread's next connection. Here it ends, marked; the figures are compared as if it did not.
fn exchanges(dataset: &Path, expected: &Value) {
    let rows = accepted(dataset);
    let of = |column: &str| all_longs(&rows, column).into_iter().map(Option::unwrap);
    let reasons = all_texts(&rows, "end_reason").into_iter();
    let mut order: Vec<_> = of("start")
        .zip(of("end"))
        .zip(of("tid"))
        .zip(of("read_bytes").zip(of("written_bytes")))
        .zip(reasons.map(Option::unwrap))
        .collect();
    order.sort();
    let mut carried = HashMap::new();
    let (mut durations, mut read, mut written, mut unfinished) = (Vec::new(), 0, 0, 0);
    for ((((start, end), tid), (r, w)), reason) in order {
        match reason.as_str() {
            "next_accept" => drop(carried.insert(tid, (start, r))),
            "trace_end" => unfinished += 1,
            "response" => {
                let (start, more) = carried.remove(&tid).unwrap_or((start, 0));
                durations.push(end - start);
                read += r + more;
                written += w;
            }
            other => assert_eq!(other, "no_response"),
        }
    }
    assert!(carried.is_empty());
    durations.sort_unstable();
    assert_eq!(durations.len() as u64, expected["count"]);
    assert_eq!(durations.iter().sum::<i64>(), expected["duration_sum_ns"]);
    assert_eq!(durations[0], expected["min_ns"]);
    assert_eq!(durations[durations.len() / 2], expected["p50_ns"]);
    assert_eq!(*durations.last().unwrap(), expected["max_ns"]);
    assert_eq!(read, expected["read_bytes"]);
    assert_eq!(written, expected["written_bytes"]);
    assert_eq!(unfinished, expected["unfinished"].as_i64().unwrap());
    for (column, key) in [
        ("tid", "tid"),
        ("fd", "fd"),
        ("client_port", "sport"),
        ("start", "start_ns"),
        ("end", "end_ns"),
        ("read_bytes", "read_bytes"),
        ("written_bytes", "written_bytes"),
    ] {
        // The reference lists an exchange when the next begins, we when it is known to have ended: the same.
        let first: Vec<i64> = ended(&rows, "response", column)
            .into_iter()
            .take(10)
            .collect();
        let listed = expected["first_10"].as_array().unwrap().iter();
        let listed: Vec<i64> = listed.map(|r| r[key].as_i64().unwrap()).collect();
        assert_eq!(first, listed, "{column}");
    }
}

/// Here the events of a request are the system calls of the whole system in its time.
fn first_close(dataset: &Path, expected: &Value) {
    let (_, rows) = table(dataset, "requests");
    let of = |column: &str| ended(&rows, "close", column);
    let mut durations = of("duration_ns");
    assert_eq!(durations.len() as u64, expected["count"]);
    assert_eq!(
        of("window_syscalls").iter().sum::<i64>(),
        expected["events"]
    );
    assert_eq!(durations.iter().sum::<i64>(), expected["duration_sum_ns"]);
    durations.sort_unstable();
    assert_eq!(durations[0], expected["min_ns"]);
    assert_eq!(durations[durations.len() / 2], expected["p50_ns"]);
    assert_eq!(*durations.last().unwrap(), expected["max_ns"]);
    let unfinished = ended(&rows, "trace_end", "tid").len() as u64;
    assert_eq!(unfinished, expected["unfinished"]);
    for (column, key) in [
        ("tid", "tid"),
        ("start", "start_ns"),
        ("end", "end_ns"),
        ("window_syscalls", "events"),
    ] {
        let first: Vec<i64> = of(column).into_iter().take(10).collect();
        let listed = expected["first_10"].as_array().unwrap().iter();
        let listed: Vec<i64> = listed.map(|r| r[key].as_i64().unwrap()).collect();
        assert_eq!(first, listed, "{column}");
    }
}

/// The parts of a duration add up to it, where the trace has the scheduler's events.
fn times_add_up(dataset: &Path, scheduled: bool) {
    let (_, rows) = table(dataset, "requests");
    let of = |column: &str| all_longs(&rows, column);
    let durations = of("duration_ns");
    let parts = ["on_cpu_ns", "runnable_ns", "blocked_ns", "unattended_ns"].map(of);
    for (row, duration) in durations.iter().enumerate() {
        let sum: Option<i64> = parts.iter().map(|p| p[row]).sum();
        assert_eq!(sum, duration.filter(|_| scheduled), "row {row}");
    }
    let mut row = 0;
    for batch in &rows {
        let blocked = batch.column_by_name("blocked").unwrap().as_list::<i32>();
        for i in 0..blocked.len() {
            assert_eq!(blocked.is_valid(i), scheduled);
            if scheduled {
                let spans = blocked.value(i);
                let spans = spans.as_struct().column_by_name("duration_ns").unwrap();
                let sum: i64 = longs(spans).into_iter().flatten().sum();
                assert_eq!(Some(sum), parts[2][row]);
            }
            row += 1;
        }
    }
}

fn texts_of(rows: &[RecordBatch], column: &str) -> Vec<String> {
    all_texts(rows, column)
        .into_iter()
        .map(|text| text.unwrap_or("None".into()))
        .collect()
}

/// The story that wrk2 told of its 8 connections: 304 requests, 101.83 KB (a KB is 1024 bytes). The rest is curl's.
#[test]
fn the_exchanges_of_keepalive_are_those_that_the_load_generator_counted() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let options = ["--quiet", "--requests", "exchange"];
    ingest(&[&trace("apache-keepalive")], &dataset, &options);
    let (_, rows) = table(&dataset, "requests");
    let of = |column: &str| all_longs(&rows, column).into_iter().map(Option::unwrap);
    let mut connections: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (connection, written) in of("connection_id").zip(of("written_bytes")) {
        let sum = connections.entry(connection).or_default();
        *sum = (sum.0 + 1, sum.1 + written);
    }
    let of_wrk2 = connections.values().filter(|(n, _)| *n > 1);
    let (count, requests, bytes) = of_wrk2.fold((0, 0, 0), |sum, (n, bytes)| {
        (sum.0 + 1, sum.1 + n, sum.2 + bytes)
    });
    assert_eq!((count, requests), (8, 304));
    assert_eq!(format!("{:.2}", bytes as f64 / 1024.0), "101.83");
    let said = std::fs::read_to_string(data("apache-keepalive.wrk2.txt")).unwrap();
    assert!(
        said.contains("304 requests in") && said.contains("101.83KB read"),
        "{said}"
    );
}

/// A decoded value, written as Python's `json.dumps(…, sort_keys=True, separators=(",", ":"))` writes it.
enum Json {
    Null,
    Int(i128),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Int(n) => out.push_str(&n.to_string()),
            Json::Text(text) => write_text(text, out),
            Json::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'"') => out.push_str("\\\""),
            Ok(b'\\') => out.push_str("\\\\"),
            Ok(b'\n') => out.push_str("\\n"),
            Ok(b'\r') => out.push_str("\\r"),
            Ok(b'\t') => out.push_str("\\t"),
            Ok(8) => out.push_str("\\b"),
            Ok(12) => out.push_str("\\f"),
            Ok(byte @ 32..=127) => out.push(byte as char),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
}

/// The value of a column (and the column beside it) in a row; nulls in structures are members of other classes.
fn value(array: &dyn Array, row: usize) -> Json {
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        DataType::Int64 => Json::Int(array.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt64 => Json::Int(array.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Utf8 => Json::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Json::List((0..items.len()).map(|i| value(&items, i)).collect())
        }
        DataType::Struct(fields) => {
            let members = array.as_struct().columns().iter().zip(fields);
            let members = members.map(|(m, f)| (f.name().clone(), value(m, row)));
            Json::Object(members.filter(|(_, v)| !matches!(v, Json::Null)).collect())
        }
        other => panic!("{other} in args"),
    }
}

/// What both columns say together: the one beside holds what the first cannot.
fn merged(main: Json, beside: Json) -> Json {
    match (main, beside) {
        (Json::Null, beside) => beside,
        (Json::List(main), Json::List(beside)) => Json::List(
            main.into_iter()
                .zip(beside)
                .map(|(m, b)| merged(m, b))
                .collect(),
        ),
        (main, _) => main,
    }
}

/// A field of an event class: its name in the trace, and the columns of `args` that hold it.
struct Source {
    field: String,
    columns: Vec<usize>,
    helper: bool,
}

/// The fields of every event class, from the metadata of the columns.
fn sources(args: &StructArray) -> HashMap<String, Vec<Source>> {
    let mut classes: HashMap<String, Vec<Source>> = HashMap::new();
    for (column, field) in args.fields().iter().enumerate() {
        let about = |key: &str| field.metadata().get(key).unwrap().as_str();
        for class in about("events").split(',') {
            let sources = classes.entry(class.to_owned()).or_default();
            match sources.iter_mut().find(|s| s.field == about("field")) {
                Some(source) => source.columns.push(column),
                None => sources.push(Source {
                    field: about("field").to_owned(),
                    columns: vec![column],
                    helper: is_sequence(field),
                }),
            }
        }
    }
    // LTTng's own length fields are called so for all sequences but those that have a length of another name.
    for sources in classes.values_mut() {
        let names: Vec<String> = sources.iter().map(|s| s.field.clone()).collect();
        for source in sources.iter_mut() {
            source.helper &= !names.contains(&format!("{}_length", source.field));
        }
    }
    classes
}

fn is_sequence(field: &Field) -> bool {
    field.metadata()["ctf"].ends_with("[]")
}

/// The digest of the reference, from the Parquet files.
fn digest(dataset: &Path) -> String {
    let (_, batches) = table(dataset, "events");
    let mut hasher = Sha256::new();
    for batch in &batches {
        let args = batch.column_by_name("args").unwrap().as_struct();
        let classes = sources(args);
        let column = |name: &str| longs(batch.column_by_name(name).unwrap());
        let (times, cpus, pids, tids) = (
            column("timestamp"),
            column("cpu"),
            column("pid"),
            column("tid"),
        );
        let procnames = texts(batch.column_by_name("procname").unwrap());
        let names = names(std::slice::from_ref(batch));
        let int = |n: Option<i64>| n.map_or(Json::Null, |n| Json::Int(n.into()));
        for row in 0..batch.num_rows() {
            let context = BTreeMap::from([
                ("pid".to_owned(), int(pids[row])),
                ("tid".to_owned(), int(tids[row])),
                (
                    "procname".to_owned(),
                    procnames[row].clone().map_or(Json::Null, Json::Text),
                ),
            ]);
            let line = Json::List(vec![
                int(times[row]),
                int(cpus[row]),
                Json::Text(names[row].clone()),
                Json::Object(context),
                Json::Object(payload(args, classes.get(&names[row]), row)),
            ]);
            let mut text = String::new();
            line.write(&mut text);
            text.push('\n');
            hasher.update(text);
        }
    }
    hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn payload(
    args: &StructArray,
    sources: Option<&Vec<Source>>,
    row: usize,
) -> BTreeMap<String, Json> {
    let mut payload = BTreeMap::new();
    for source in sources.into_iter().flatten() {
        let values = source.columns.iter().map(|c| value(args.column(*c), row));
        let found = values.fold(Json::Null, merged);
        if let (Json::List(items), true) = (&found, source.helper) {
            let length = Json::Int(items.len() as i128);
            payload.insert(format!("_{}_length", source.field), length);
        }
        payload.insert(source.field.clone(), found);
    }
    payload
}
