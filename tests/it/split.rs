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
    let name = format!("{by}-{}", more.join("-"));
    let out = d
        .dataset
        .with_file_name(name.replace(|c: char| !c.is_alphanumeric(), "-"));
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

/// Share of the hash of a request, between 0 and 1.
fn hash((trace, id, ..): &Row) -> f64 {
    let hash = Sha256::digest(format!("{trace}:{id}"));
    f64::from(u32::from_be_bytes(hash[..4].try_into().unwrap())) / 4_294_967_296.0
}

#[test]
fn every_strategy_makes_a_part_to_validate_with() {
    let d = dataset();
    let all = complete(&d);
    let (before, _) = split(&d, "hash", &["fraction=0.6"]);
    let (parts, told) = split(&d, "hash", &["fraction=0.6", "valid=0.2"]);
    assert_eq!(ids(parts.values().flatten()), all);
    assert_eq!(parts["train"], before["train"], "valid takes from test");
    assert!(parts["valid"].iter().all(|r| (0.6..0.8).contains(&hash(r))));
    assert!(parts["test"].iter().all(|r| hash(r) >= 0.8));
    assert_eq!(told.at("valid", "requests"), parts["valid"].len() as i64);
    assert!(told.at("valid", "same_recording") > 0);

    let by_time = ["fraction=0.3", "valid=0.4", "gap_ms=500"];
    let (parts, told) = split(&d, "time", &by_time);
    let starts = |part: &str| parts[part].iter().map(|r| r.3.0).min().unwrap();
    let ends = |part: &str| parts[part].iter().map(|r| r.3.1).max().unwrap();
    assert!(ends("train") + 500_000_000 <= starts("valid"));
    assert!(ends("valid") + 500_000_000 <= starts("test"));
    let kept = ids(parts.values().flatten());
    assert_eq!(
        kept.len() as i64 + told.at("gap", "requests"),
        all.len() as i64
    );
    assert_eq!(told.at("valid", "meanwhile"), 0);

    let (parts, told) = split(&d, "recording", &["fraction=0.4", "valid=0.3"]);
    let recordings =
        |part: &str| -> BTreeSet<&str> { parts[part].iter().map(|r| r.0.as_str()).collect() };
    let found = ["train", "valid", "test"].map(|part| recordings(part).len());
    assert_eq!(found, [1, 1, 1]);
    assert_eq!(ids(parts.values().flatten()), all);
    assert_eq!(told.at("valid", "same_recording"), 0);

    // What is out of distribution is divided as what is not for training.
    let (parts, told) = split(&d, "label", &["fraction=0.6", "valid=0.1"]);
    assert_eq!(ids(parts.values().flatten()), all);
    let names: Vec<&str> = parts.keys().map(String::as_str).collect();
    assert_eq!(names, ["test", "test-ood", "train", "valid", "valid-ood"]);
    for (part, label, from, to) in [
        ("train", "normal", 0.0, 0.6),
        ("valid", "normal", 0.6, 0.7),
        ("test", "normal", 0.7, 1.0),
        ("valid-ood", "slow", 0.0, 0.25),
        ("test-ood", "slow", 0.25, 1.0),
    ] {
        let rows = &parts[part];
        assert!(
            rows.iter()
                .all(|r| r.2 == label && (from..to).contains(&hash(r))),
            "{part}"
        );
    }
    assert_eq!(told.at("valid-ood", "same_connection"), 0);
}

#[test]
fn recordings_are_put_into_parts_by_label_or_name() {
    let d = dataset();
    let manifest = manifest(&d.dataset);
    let recordings = manifest["recordings"].as_array().unwrap();
    let id = |at: usize| recordings[at]["trace_id"].as_str().unwrap();
    let path = recordings[1]["path"].as_str().unwrap();
    let named = format!(
        "parts=train=apache-prefork ;valid= {path}; test-ood=slow,{}",
        id(2)
    );
    let (parts, told) = split(&d, "parts", &[&named]);
    for (at, part) in ["train", "valid", "test-ood"].into_iter().enumerate() {
        assert!(parts[part].iter().all(|r| r.0 == id(at)), "{part}");
    }
    assert_eq!(parts.len(), 3);
    assert_eq!(ids(parts.values().flatten()), complete(&d));
    for part in ["valid", "test-ood"] {
        let shared = [
            "same_recording",
            "same_connection",
            "same_thread",
            "meanwhile",
        ];
        assert_eq!(shared.map(|column| told.at(part, column)), [0; 4], "{part}");
    }
    assert_eq!(told.at("valid", "same_client"), 12);

    // What is in no part is counted, and written nowhere.
    let (parts, told) = split(&d, "parts", &["parts=train=slow;test=apache-prefork"]);
    let names: Vec<&str> = parts.keys().map(String::as_str).collect();
    assert_eq!(names, ["test", "train"]);
    assert_eq!(told.at("unused", "requests"), 12);
    assert_eq!(told.at("left out", "requests"), 254);
    let both = split(&d, "hash", &["parts=train=slow;test=apache-prefork"]);
    assert_eq!(
        both.1.0,
        split(&d, "hash", &[]).1.0,
        "they are a column beside"
    );
}

/// `sysds record` puts what it traced into a folder `trace`, which all its recordings have.
#[test]
fn recordings_are_named_as_they_were_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let made = [("normal-1", TRACES[0]), ("normal-2", TRACES[1])].map(|(out, trace)| {
        let out = dir.path().join(out);
        let to = out.join("trace");
        std::fs::create_dir(&out).unwrap();
        std::fs::rename(copy_of(trace, dir.path()), &to).unwrap();
        to
    });
    let dataset = dir.path().join("d");
    ingest(&[&made[0], &made[1]], &dataset, &["--quiet", "--label", "normal"]);
    let d = Datasets { _dir: dir, dataset };
    let (parts, _) = split(&d, "parts", &["parts=train=normal-1;test=normal-2"]);
    assert_eq!(parts.len(), 2);
    let of = manifest(&d.dataset)["recordings"].clone();
    for (at, part) in ["train", "test"].into_iter().enumerate() {
        let id = of[at]["trace_id"].as_str().unwrap();
        assert!(parts[part].iter().all(|r| r.0 == id), "{part}");
    }
}

#[test]
fn what_cannot_be_split_is_told_with_what_there_is() {
    let d = dataset();
    let recordings = manifest(&d.dataset)["recordings"].clone();
    let first = recordings[0]["trace_id"].as_str().unwrap();
    let again = format!("{first} is in test and train");
    let known = format!("{first} (label normal, from ");
    let wrong: &[(&str, &[&str], &[&str])] = &[
        (
            "hash",
            &["fraction=1"],
            &["a share to train with is more than 0 and less than 1"],
        ),
        (
            "hash",
            &["fraction=0.8", "valid=0.2"],
            &["with that to train with less than 1"],
        ),
        (
            "time",
            &["valid=-0.1"],
            &["a share to validate with is 0 or more"],
        ),
        ("time", &["gap_ms=-1"], &["0 or more milliseconds"]),
        (
            "label",
            &["label=nromal"],
            &[
                "label=nromal: no recording or span has this label",
                "The labels are normal, slow.",
            ],
        ),
        ("parts", &[], &["nothing is said of which recordings"]),
        ("parts", &["parts=train"], &["there is no part ''"]),
        (
            "parts",
            &["parts=train=normal;ood=slow"],
            &["there is no part 'ood'", "valid-ood"],
        ),
        (
            "parts",
            &["parts=train=normal,;test=slow"],
            &["a name of train is empty"],
        ),
        (
            "parts",
            &["parts=train=nromal;test=slow"],
            &["nromal is neither the label nor the name", &known],
        ),
        (
            "parts",
            &["parts=train=normal;test=apache-prefork"],
            &[&again],
        ),
        ("parts", &["parts=test=slow"], &["no recording is in train"]),
        (
            "parts",
            &["parts=train=normal;test=slow", "valid=0.1"],
            &["of no use where the recordings"],
        ),
        ("hash", &["parts=train=nromal"], &["nromal is neither"]),
        (
            "hash",
            &["fraction=0.0000001"],
            &["no request would be in train"],
        ),
        (
            "hash",
            &["fraction=0.9999999"],
            &["no request would be in test"],
        ),
        (
            "time",
            &["fraction=0.5", "valid=0.000001"],
            &["no request would be in valid"],
        ),
        (
            "label",
            &["label=slow", "fraction=0.5", "valid=0.0000001"],
            &["no request would be in valid"],
        ),
    ];
    for (by, more, said) in wrong {
        let out = d.dataset.with_file_name("out");
        let parameters = [format!("out={}", out.display()), format!("by={by}")];
        let mut args: Vec<&str> = vec!["query", "split", "-d", d.dataset.to_str().unwrap()];
        args.extend(parameters.iter().flat_map(|p| ["-p", p.as_str()]));
        args.extend(more.iter().flat_map(|p| ["-p", p]));
        let answer = sysds(args);
        let text = stderr(&answer);
        assert_eq!(answer.status.code(), Some(2), "{by} {more:?}: {text}");
        for said in *said {
            assert!(text.contains(said), "{by} {more:?}: no {said:?} in {text}");
        }
        assert!(
            text.contains("help: ") && !out.exists(),
            "{by} {more:?}: {text}"
        );
    }
}

#[test]
fn a_name_that_can_mean_different_recordings_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let traces = ["a/same", "b/same", "b/other"].map(|name| dir.path().join(name));
    for (name, copy) in TRACES.iter().zip(&traces) {
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::rename(copy_of(name, &dir.path().join("copies")), copy).unwrap();
    }
    let traces: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
    let dataset = dir.path().join("d");
    ingest(
        &traces,
        &dataset,
        &[
            "--label", "x, y%", "--label", "other", "--label", "other", "--quiet",
        ],
    );
    let d = Datasets { _dir: dir, dataset };
    let refused = |parts: &str| {
        let out = format!("out={}", d.dataset.with_file_name("out").display());
        let dataset = d.dataset.to_str().unwrap();
        let parts = format!("parts={parts}");
        let args = [
            "query", "split", "-d", dataset, "-p", &out, "-p", "by=parts", "-p", &parts,
        ];
        let answer = sysds(args);
        assert_eq!(answer.status.code(), Some(2), "{parts}");
        stderr(&answer)
    };
    let folder = refused("train=same");
    assert!(
        folder.contains("same can mean different recordings: "),
        "{folder}"
    );
    let label = refused("train=other");
    assert!(
        label.contains("(folder)") && label.contains("(label)"),
        "{label}"
    );
    let named = format!("parts=train=x%2C y%25;test={}", traces[1].display());
    let (parts, told) = split(&d, "parts", &[&named]);
    assert!(parts["train"].iter().all(|r| r.2 == "x, y%"));
    assert_eq!((parts["train"].len(), parts["test"].len()), (319, 12));
    assert_eq!(told.at("unused", "requests"), 356);
}
