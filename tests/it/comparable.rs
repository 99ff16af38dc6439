//! Whether labels can be compared: what differs between them, and how well one figure of a request tells them apart.

use crate::common::*;
use crate::docs::blessing;
use crate::publish::{ABOUT, publish};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const TRACES: [&str; 3] = ["apache-prefork", "apache-keepalive", "apache-lossy"];

/// A dataset of the traces with these labels.
fn dataset(dir: &Path, traces: &[PathBuf], labels: &[&str]) -> PathBuf {
    let dataset = dir.join("d");
    let traces: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let options: Vec<&str> = labels.chain(["--quiet"]).collect();
    ingest(&traces, &dataset, &options);
    dataset
}

fn compare(dataset: &Path, options: &[&str]) -> Output {
    sysds([&["compare", dataset.to_str().unwrap()], options].concat())
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The rows of `--format json`.
fn rows(dataset: &Path) -> Vec<serde_json::Value> {
    let done = compare(dataset, &["--format", "json"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A copy of a trace whose metadata have another name for an event class, of the same length.
fn renamed(name: &str, dir: &Path, from: &str, to: &str) -> PathBuf {
    assert_eq!(from.len(), to.len());
    let copy = copy_of(name, dir);
    let metadata = copy.join("metadata");
    let metadata = match metadata.exists() {
        true => metadata,
        false => copy.join("kernel/metadata"),
    };
    let mut bytes = fs::read(&metadata).unwrap();
    let (from, to) = (format!("\"{from}\""), format!("\"{to}\""));
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes());
    let at = at.expect("the metadata name it");
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    fs::write(&metadata, bytes).unwrap();
    copy
}

#[test]
fn the_real_traces_compare_as_they_did_when_it_was_looked_over() {
    let dir = tempfile::tempdir().unwrap();
    let traces = TRACES.map(trace);
    let d = dataset(dir.path(), &traces, &["normal", "keep-alive", "lossy"]);
    let table = compare(&d, &["--format", "csv"]);
    assert_eq!(table.status.code(), Some(0), "{}", stderr(&table));
    let text = format!("{}\n{}", stderr(&table), stdout(&table));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/compare.csv");
    if blessing() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&golden).unwrap());
    let people = stdout(&compare(&d, &[]));
    assert!(
        people.starts_with("normal and keep-alive differ in "),
        "{people}"
    );
    assert!(
        people.contains("\n a ") && people.ends_with(" rows)\n"),
        "{people}"
    );
}

/// The share of pairs in which `a` is more, by looking at each.
fn naive(a: &[i64], b: &[i64]) -> f64 {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| x.cmp(y)));
    let twice: i64 = pairs.map(|order| order as i64 + 1).sum();
    twice as f64 / (2 * a.len() * b.len()) as f64
}

#[test]
fn figures_tell_labels_apart_as_every_pair_of_requests_says() {
    let dir = tempfile::tempdir().unwrap();
    let traces = TRACES.map(trace);
    let d = dataset(dir.path(), &traces, &["x", "y", "x"]);
    let (_, requests) = table(&d, "requests");
    let mut values: BTreeMap<(String, &str), Vec<i64>> = BTreeMap::new();
    for batch in &requests {
        let complete = batch.column_by_name("complete").unwrap();
        let complete = arrow::array::AsArray::as_boolean(complete).clone();
        let labels = texts(batch.column_by_name("label").unwrap());
        for (figure, column) in [("events", "n_events"), ("duration_ns", "duration_ns")] {
            let numbers = longs(batch.column_by_name(column).unwrap());
            for (row, number) in numbers.into_iter().enumerate() {
                if complete.value(row) {
                    let key = (labels[row].clone().unwrap(), figure);
                    values.entry(key).or_default().push(number.unwrap());
                }
            }
        }
    }
    let rows = rows(&d);
    for figure in ["events", "duration_ns"] {
        let of = |label: &str| values[&(label.to_owned(), figure)].clone();
        let expected = naive(&of("x"), &of("y"));
        let row = rows.iter().find(|r| r["what"] == figure).unwrap();
        assert_eq!((&row["a"], &row["b"]), (&"x".into(), &"y".into()));
        assert_eq!(
            row["auroc"].as_f64().unwrap(),
            expected.max(1.0 - expected),
            "{figure}"
        );
        let more = if expected > 0.5 { "x" } else { "y" };
        assert_eq!(row["more_in"], more, "{figure}");
    }
    // A release has the same rows, and what is little memory gives them too.
    let release = dir.path().join("r");
    let done = publish(&d, &release, &["-q"], Some(ABOUT));
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let of = |root: &Path, options: &[&str]| {
        stdout(&compare(root, &[&["--format", "csv"], options].concat()))
    };
    assert_eq!(of(&release, &[]), of(&d, &[]));
    assert_eq!(of(&d, &["--memory", "64M"]), of(&d, &[]));
}

#[test]
fn a_class_that_one_label_lacks_is_told_by_compare_publish_verify_and_the_card() {
    let dir = tempfile::tempdir().unwrap();
    let traces = [
        trace("apache-prefork"),
        renamed(
            "apache-lossy",
            &dir.path().join("copies"),
            "sched_switch",
            "sched_swatch",
        ),
    ];
    let d = dataset(dir.path(), &traces, &["normal", "cpu"]);
    let told = "normal and cpu differ in event classes: sched_swatch only in cpu; sched_switch only in normal\n";
    let done = compare(&d, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(stdout(&done).starts_with(told), "{}", stdout(&done));
    assert_eq!(compare(&d, &["--strict"]).status.code(), Some(1));
    let row = rows(&d);
    let row = row.iter().find(|r| r["what"] == "sched_switch").unwrap();
    let cells = ["aspect", "in_a", "in_b"].map(|c| row[c].as_str().unwrap());
    assert_eq!(cells, ["event class", "1 of 1", "0 of 1"]);
    assert_eq!(row["differs"], true);

    let release = dir.path().join("r");
    let done = publish(&d, &release, &["-q", "--split", "label"], Some(ABOUT));
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(
        said.contains("warning: labels differ") && said.contains(&format!("  {told}")),
        "{said}"
    );
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    assert!(card.contains("## Whether labels can be compared"), "{card}");
    let sentence = told.trim_end().replace('_', "\\_");
    assert!(
        card.contains(&format!("- {sentence}\n")) || card.contains(&format!("- {told}")),
        "{card}"
    );
    for checked in [&d, &release] {
        let done = sysds(["verify", checked.to_str().unwrap()]);
        let said = stdout(&done);
        assert_eq!(done.status.code(), Some(0), "{said}");
        assert!(
            said.contains(&format!("remark: {told}")) && said.ends_with("no fault\n"),
            "{said}"
        );
    }
}

#[test]
fn where_there_is_one_label_there_is_nothing_to_compare() {
    let dir = tempfile::tempdir().unwrap();
    let d = dataset(dir.path(), &[trace("apache-keepalive")], &[]);
    let done = compare(&d, &["--strict"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(
        stdout(&done),
        "there is one label only: nothing to compare\n"
    );
}
