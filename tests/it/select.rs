//! Reading only some events, times and columns: what is selected is what is selected of the whole, by either reader.

use crate::common::*;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{concat, filter_record_batch};
use std::path::Path;

/// Ingests apache-prefork with `options` (by either reader, where this program has both), and expects the same tables.
fn selected(dir: &Path, name: &str, options: &[&str]) -> std::path::PathBuf {
    let native = dir.join(name);
    let quiet = ["--quiet", "--reader", "native"];
    ingest(
        &[&trace("apache-prefork")],
        &native,
        &[&quiet[..], options].concat(),
    );
    if cfg!(feature = "babeltrace2") {
        let judge = dir.join(format!("{name}-judge"));
        let quiet = ["--quiet", "--reader", "babeltrace2"];
        ingest(
            &[&trace("apache-prefork")],
            &judge,
            &[&quiet[..], options].concat(),
        );
        for name in ["events", "requests", "downstream", "losses"] {
            assert_eq!(table(&native, name), table(&judge, name), "{name}");
        }
    }
    native
}

fn column(batches: &[RecordBatch], name: &str) -> ArrayRef {
    let arrays: Vec<ArrayRef> = batches
        .iter()
        .map(|b| b.column_by_name(name).unwrap().clone())
        .map(|a| match a.data_type() {
            arrow::datatypes::DataType::Dictionary(_, values) => {
                arrow::compute::cast(&a, values).unwrap()
            }
            _ => a,
        })
        .collect();
    let all: Vec<&dyn Array> = arrays.iter().map(|a| a.as_ref()).collect();
    concat(&all).unwrap()
}

/// Names of the members of `args`.
fn arguments(batches: &[RecordBatch]) -> Vec<String> {
    let args = batches[0].column_by_name("args").unwrap();
    let fields = args.as_struct().fields().iter();
    fields.map(|f| f.name().clone()).collect()
}

#[test]
fn events_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let whole = selected(dir.path(), "whole", &[]);
    let some = selected(
        dir.path(),
        "some",
        &["--events", "sched_*", "--events", "openat"],
    );
    let (_, whole) = table(&whole, "events");
    let keep = |batch: &RecordBatch| {
        let names = texts(batch.column_by_name("name").unwrap());
        let keep = names.into_iter().map(|n| {
            let name = n.unwrap();
            Some(name == "openat" || name.starts_with("sched_"))
        });
        filter_record_batch(batch, &keep.collect()).unwrap()
    };
    let expected: Vec<RecordBatch> = whole.iter().map(keep).collect();
    let (_, found) = table(&some, "events");
    for name in [
        "timestamp",
        "cpu",
        "tid",
        "procname",
        "name",
        "phase",
        "ret",
        "path",
    ] {
        assert_eq!(&column(&found, name), &column(&expected, name), "{name}");
    }
    let rows = found.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert!(rows > 10_000);
    assert_eq!(
        all_longs(&found, "event_id").last().unwrap().unwrap(),
        rows as i64 - 1
    );
    let manifest = manifest(&some);
    assert_eq!(
        manifest["options"]["events"],
        serde_json::json!(["sched_*", "openat"])
    );
}

#[test]
fn events_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let whole = selected(dir.path(), "whole", &[]);
    let (_, whole) = table(&whole, "events");
    let times: Vec<i64> = all_longs(&whole, "timestamp")
        .into_iter()
        .map(Option::unwrap)
        .collect();
    let (begin, end) = (times[times.len() / 3], times[times.len() / 2]);
    let (from, to) = (begin.to_string(), end.to_string());
    let some = selected(dir.path(), "some", &["--begin", &from, "--end", &to]);
    let (_, found) = table(&some, "events");
    let expected: Vec<Option<i64>> = times
        .iter()
        .filter(|t| (begin..end).contains(*t))
        .map(|t| Some(*t))
        .collect();
    assert_eq!(all_longs(&found, "timestamp"), expected);
    let none = sysds(["inspect", "x", "--begin", "2", "--end", "2"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("no event is between"),
        "{}",
        stderr(&none)
    );
    let no_time = sysds(["inspect", "x", "--begin", "noon"]);
    assert_eq!(no_time.status.code(), Some(2));
    assert!(stderr(&no_time).contains("2026-11-23T23:06:39.5Z"));
}

/// Whatever columns are left out, requests are cut alike, and the plain columns of events stay.
#[test]
fn columns_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for rule in ["connection", "exchange", "first-close"] {
        let of_rule = ["--requests", rule];
        let whole = selected(dir.path(), &format!("whole-{rule}"), &of_rule);
        let options = [
            &of_rule[..],
            &["--columns", "prev_*", "--columns", "filename"],
        ]
        .concat();
        let some = selected(dir.path(), &format!("some-{rule}"), &options);
        for (name, but) in [
            ("events", "args"),
            ("requests", "events"),
            ("downstream", ""),
        ] {
            let (schema, expected) = table(&whole, name);
            let (_, found) = table(&some, name);
            for field in schema.fields().iter().filter(|f| f.name() != but) {
                let name = field.name();
                assert_eq!(
                    &column(&found, name),
                    &column(&expected, name),
                    "{rule}: {name}"
                );
            }
        }
        let (_, events) = table(&some, "events");
        let stored = [
            "filename",
            "prev_comm",
            "prev_prio",
            "prev_state",
            "prev_tid",
        ];
        assert_eq!(arguments(&events), stored);
        let (_, all) = table(&whole, "events");
        let member = |batches: &[RecordBatch]| {
            let args = column(batches, "args");
            args.as_struct().column_by_name("filename").unwrap().clone()
        };
        assert_eq!(&member(&events), &member(&all));
    }
}

#[test]
fn counting_gives_what_reading_gives() {
    let trace = trace("apache-lossy");
    let trace = trace.to_str().unwrap();
    let expected = std::fs::read_to_string(data("apache-lossy.expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let readers: &[&str] = match cfg!(feature = "babeltrace2") {
        true => &["native", "babeltrace2"],
        false => &["native"],
    };
    for reader in readers {
        let counted = sysds(["inspect", "--count", "--json", trace, "--reader", reader]);
        let counted: serde_json::Value = serde_json::from_slice(&counted.stdout).unwrap();
        assert_eq!(counted[0]["events"], expected["events"]);
        assert_eq!(counted[0]["by_name"], expected["by_name"]);
    }
    let line = sysds(["inspect", "--count", trace, "--events", "sched_switch"]);
    let line = String::from_utf8(line.stdout).unwrap();
    assert_eq!(
        line,
        format!("{}\t{trace}\n", expected["by_name"]["sched_switch"])
    );
}
