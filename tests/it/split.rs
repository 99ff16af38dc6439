//! The splits of a dataset of three labelled recordings: who is where, and what the audit says of it.

use crate::common::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const TRACES: [&str; 3] = ["apache-prefork", "apache-keepalive", "apache-lossy"];
const LABELS: [&str; 6] = ["--label", "normal", "--label", "normal", "--label", "slow"];

/// A request as a test needs it: where it is, its label, and its time in nanoseconds.
type Row = (String, i64, String, (i64, i64));

struct Datasets {
    _dir: TempDir,
    dataset: PathBuf,
}

fn dataset() -> Datasets {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let traces = TRACES.map(trace);
    let traces: Vec<&Path> = traces.iter().map(|t| t.as_ref()).collect();
    let options = [&LABELS[..], &["--quiet"]].concat();
    ingest(&traces, &dataset, &options);
    Datasets { _dir: dir, dataset }
}

/// Runs the split; gives its parts by name, and its table by part and column.
fn split(d: &Datasets, by: &str, more: &[&str]) -> (BTreeMap<String, Vec<Row>>, Table) {
    let out = d.dataset.with_file_name(format!("{by}-{}", more.join("-")));
    let parameters = [&format!("out={}", out.display()), &format!("by={by}")];
    let mut args: Vec<&str> = vec!["query", "split", "-d", d.dataset.to_str().unwrap()];
    args.extend(["--format", "csv"]);
    args.extend(parameters.iter().flat_map(|p| ["-p", p.as_str()]));
    args.extend(more.iter().flat_map(|p| ["-p", p]));
    let answer = sysds(args);
    assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
    let parts = std::fs::read_dir(&out).unwrap().map(|f| {
        let dir = f.unwrap().path();
        let name = dir.file_name().unwrap().to_str().unwrap();
        let name = name.strip_prefix("split=").unwrap().to_owned();
        (name, rows(&dir.join("part-00000.parquet")))
    });
    (
        parts.collect(),
        Table(String::from_utf8(answer.stdout).unwrap()),
    )
}

/// What the query printed.
struct Table(String);

impl Table {
    fn at(&self, part: &str, column: &str) -> i64 {
        let mut lines = self.0.lines().map(|l| l.split(',').collect::<Vec<_>>());
        let at = lines.next().unwrap().iter().position(|c| *c == column);
        let line = lines.find(|l| l[0] == part);
        let line = line.unwrap_or_else(|| panic!("{part} in {}", self.0));
        line[at.unwrap()].parse().unwrap()
    }
}

fn rows(file: &Path) -> Vec<Row> {
    rows_with(&rows_of(file))
}

fn rows_with(batches: &[arrow::array::RecordBatch]) -> Vec<Row> {
    let long = |column| all_longs(batches, column).into_iter().map(Option::unwrap);
    let text = |column| all_texts(batches, column).into_iter().map(Option::unwrap);
    let times = long("start").zip(long("end"));
    let rows = text("trace_id")
        .zip(long("request_id"))
        .zip(text("label"))
        .zip(times);
    rows.map(|(((trace, id), label), times)| (trace, id, label, times))
        .collect()
}

/// The complete requests, of which every split must have each once.
fn complete(d: &Datasets) -> BTreeSet<(String, i64)> {
    let (_, requests) = table(&d.dataset, "requests");
    let mut complete = BTreeSet::new();
    for batch in &requests {
        let kept = batch.column_by_name("complete").unwrap();
        let kept = arrow::array::AsArray::as_boolean(kept).clone();
        let kept = arrow::compute::filter_record_batch(batch, &kept).unwrap();
        complete.extend(rows_with(&[kept]).into_iter().map(|r| (r.0, r.1)));
    }
    complete
}

fn ids<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeSet<(String, i64)> {
    rows.into_iter().map(|r| (r.0.clone(), r.1)).collect()
}

fn trains_by_hash((trace, id, ..): &Row) -> bool {
    let hash = Sha256::digest(format!("{trace}:{id}"));
    u32::from_be_bytes(hash[..4].try_into().unwrap()) < (0.8 * 4_294_967_296.0) as u32
}

#[test]
fn every_split_has_each_complete_request_once_where_it_says() {
    let d = dataset();
    let all = complete(&d);
    assert_eq!(all.len(), 319 + 12 + 356);

    let (parts, told) = split(&d, "hash", &[]);
    assert!(parts["train"].iter().all(trains_by_hash));
    assert!(!parts["test"].iter().any(trains_by_hash));
    assert_eq!(ids(parts.values().flatten()), all);
    assert_eq!(parts.values().map(Vec::len).sum::<usize>(), all.len());
    assert_eq!(told.at("left out", "requests"), 254);
    let again = split(&d, "hash", &["fraction=0.80"]);
    assert_eq!((again.0, again.1.0), (parts, told.0), "repeatable");

    let (parts, told) = split(&d, "recording", &["fraction=0.5"]);
    let recordings =
        |part: &str| -> BTreeSet<&str> { parts[part].iter().map(|r| r.0.as_str()).collect() };
    assert_eq!(
        (recordings("train").len(), recordings("test").len()),
        (1, 2)
    );
    assert!(recordings("train").is_disjoint(&recordings("test")));
    assert_eq!(ids(parts.values().flatten()), all);
    assert_eq!(told.at("test", "same_recording"), 0);
    assert_eq!(told.at("test", "meanwhile"), 0);

    let (parts, told) = split(&d, "label", &[]);
    assert_eq!(ids(parts.values().flatten()), all);
    assert!(parts["ood"].iter().all(|r| r.2 == "slow"));
    let within = || parts["train"].iter().chain(&parts["test"]);
    assert!(within().all(|r| r.2 == "normal"));
    assert!(parts["train"].iter().all(trains_by_hash));
    assert_eq!(told.at("ood", "requests"), 356);
    assert_eq!(told.at("ood", "same_connection"), 0);
}

#[test]
fn a_split_by_time_keeps_its_gap_and_the_audit_finds_what_overlaps() {
    let d = dataset();
    let all = complete(&d);
    for gap_ms in [0, 500] {
        let (parts, told) = split(&d, "time", &["fraction=0.3", &format!("gap_ms={gap_ms}")]);
        let first_test = parts["test"].iter().map(|r| r.3.0).min().unwrap();
        let last_train = parts["train"].iter().map(|r| r.3.1).max().unwrap();
        assert!(last_train + gap_ms * 1_000_000 <= first_test);
        let kept = ids(parts.values().flatten());
        let gap = told.at("gap", "requests");
        assert!(gap > 0 && kept.is_subset(&all));
        assert_eq!((kept.len() as i64) + gap, all.len() as i64);
        assert_eq!(told.at("test", "meanwhile"), 0);
    }
    let (parts, told) = split(&d, "hash", &["fraction=0.5"]);
    let meets = |test: &&Row| {
        let mut train = parts["train"].iter();
        train.any(|r| r.0 == test.0 && r.3.0 <= test.3.1 && test.3.0 <= r.3.1)
    };
    let meanwhile = parts["test"].iter().filter(meets).count() as i64;
    assert_eq!(told.at("test", "meanwhile"), meanwhile);
    assert!(meanwhile > 0 && meanwhile < told.at("test", "requests"));
}
