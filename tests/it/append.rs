//! Appending to a dataset gives the dataset that one ingest of all traces gives, or leaves it as it was.

use crate::common::*;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const TABLES: [&str; 4] = ["events", "requests", "downstream", "losses"];

/// All rows of a table, in the order of its files.
fn whole(dataset: &Path, name: &str) -> RecordBatch {
    let (schema, rows) = table(dataset, name);
    concat_batches(&schema, &rows).unwrap()
}

/// Every file of a dataset, with its bytes.
fn bytes(dataset: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dataset.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => drop(all.insert(path.display().to_string(), fs::read(&path).unwrap())),
            }
        }
    }
    all
}

fn append(trace_name: &str, dataset: &Path, options: &[&str]) -> std::process::Output {
    let trace = trace(trace_name);
    let trace: &Path = trace.as_ref();
    let mut args = vec![
        "ingest",
        trace.to_str().unwrap(),
        "-o",
        dataset.to_str().unwrap(),
    ];
    args.extend(["--append", "--quiet"]);
    args.extend(options);
    sysds(args)
}

/// Appends one after the other, and compares with one ingest of all.
fn same_as_one_ingest(names: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let (steps, at_once) = (dir.path().join("steps"), dir.path().join("at-once"));
    let rule = ["--requests", "exchange", "--quiet"];
    let traces: Vec<_> = names.iter().map(|n| trace(n)).collect();
    let traces: Vec<&Path> = traces.iter().map(|t| t.as_ref()).collect();
    let labels: Vec<&str> = names.iter().flat_map(|n| ["--label", n]).collect();
    ingest(&traces, &at_once, &[&rule[..], &labels].concat());
    let first = [&rule[..], &["--label", names[0]]].concat();
    ingest(&traces[..1], &steps, &first);
    for name in &names[1..] {
        // The rule is the dataset's.
        let appended = append(name, &steps, &["--label", name, "--compression", "snappy"]);
        assert_eq!(appended.status.code(), Some(0), "{}", stderr(&appended));
    }
    for name in TABLES {
        let (one, other) = (whole(&steps, name), whole(&at_once, name));
        assert_eq!(one.schema(), other.schema(), "{name}");
        assert!(one == other, "{name} of {names:?}");
    }
    let (one, other) = (manifest(&steps), manifest(&at_once));
    assert_eq!(one["appended"].as_array().unwrap().len(), names.len() - 1);
    assert!(other.get("appended").is_none());
    for same in [
        "recordings",
        "events",
        "requests",
        "incomplete_requests",
        "discarded_events",
    ] {
        assert_eq!(one[same], other[same], "{same}");
    }
    let latency = |dataset: &Path| {
        let args = ["query", "latency_by_label", "-d", dataset.to_str().unwrap()];
        sysds(args.into_iter().chain(["--format", "csv"])).stdout
    };
    assert_eq!(latency(&steps), latency(&at_once));
}

#[test]
fn appending_gives_what_one_ingest_of_all_gives() {
    same_as_one_ingest(&["apache-prefork", "apache-keepalive", "apache-lossy"]);
}

#[test]
fn in_the_other_order_too() {
    // Of the three, apache-keepalive has the fewest columns: old rows get new ones.
    same_as_one_ingest(&["apache-keepalive", "apache-prefork"]);
}

fn small() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let options = ["--quiet", "--request-args", "none"];
    ingest(&[&trace("apache-keepalive")], &dataset, &options);
    (dir, dataset)
}

/// Whatever is refused leaves the dataset as it was, and says why.
#[test]
fn what_cannot_be_appended_leaves_the_dataset_as_it_was() {
    let (dir, dataset) = small();
    let before = bytes(&dataset);
    for (trace_name, options, status, why) in [
        ("apache-keepalive", &[][..], 1, "has this trace already"),
        (
            "apache-lossy",
            &["--requests", "exchange"],
            2,
            "made with requests \"connection\"",
        ),
        (
            "apache-lossy",
            &["--request-args", "struct"],
            2,
            "made with request_args \"none\"",
        ),
        (
            "apache-lossy",
            &["--server", "nginx"],
            2,
            "made with server null, not \"nginx\"",
        ),
        ("apache-lossy", &["--force"], 2, "cannot be used with"),
    ] {
        let refused = append(trace_name, &dataset, options);
        assert!(
            stderr(&refused).contains(why),
            "{why}: {}",
            stderr(&refused)
        );
        assert_eq!(refused.status.code(), Some(status), "{why}");
        assert!(bytes(&dataset) == before, "{why}");
    }
    // A trace that is damaged in the middle.
    let damaged = copy_of("apache-lossy", dir.path());
    let channel = fs::read_dir(damaged.join("kernel"))
        .unwrap()
        .map(|f| f.unwrap().path());
    let stream = channel
        .filter(|f| f.is_file() && !f.ends_with("metadata"))
        .max()
        .unwrap();
    let length = fs::metadata(&stream).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&stream).unwrap();
    file.set_len(length / 2 + 7).unwrap();
    let args = [
        "ingest",
        damaged.to_str().unwrap(),
        "-o",
        dataset.to_str().unwrap(),
        "--append",
    ];
    let refused = sysds(args);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(bytes(&dataset) == before);
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|f| {
                let name = f.as_ref().unwrap().file_name();
                name.to_string_lossy().starts_with('.')
            })
            .count(),
        0,
        "nothing is left beside it"
    );
}

#[test]
fn a_dataset_that_is_not_whole_is_not_appended_to() {
    let (dir, dataset) = small();
    let none = append("apache-lossy", &dir.path().join("none"), &[]);
    assert!(
        stderr(&none).contains("not a sysds dataset"),
        "{}",
        stderr(&none)
    );
    let events = files(&dataset, "events").remove(0);
    let whole = fs::read(&events).unwrap();
    fs::write(&events, &whole[..whole.len() - 9]).unwrap();
    let refused = append("apache-lossy", &dataset, &[]);
    assert!(
        stderr(&refused).contains("but the manifest says"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(refused.status.code(), Some(1));
    let mut changed = whole.clone();
    changed[9] ^= 1;
    fs::write(&events, &changed).unwrap();
    let refused = append("apache-lossy", &dataset, &[]);
    assert!(stderr(&refused).contains("SHA-256"), "{}", stderr(&refused));
    fs::write(&events, &whole).unwrap();
    fs::write(dataset.join("classes.json"), "[]").unwrap();
    let refused = append("apache-lossy", &dataset, &[]);
    assert!(
        stderr(&refused).contains("tells of other recordings"),
        "{}",
        stderr(&refused)
    );
    fs::write(dataset.join("classes.json"), "[{]").unwrap();
    let refused = append("apache-lossy", &dataset, &[]);
    assert!(
        stderr(&refused).contains("classes.json, line 1"),
        "{}",
        stderr(&refused)
    );
    fs::remove_file(dataset.join("manifest.json")).unwrap();
    let refused = append("apache-lossy", &dataset, &[]);
    assert!(
        stderr(&refused).contains("not a sysds dataset"),
        "{}",
        stderr(&refused)
    );
}
