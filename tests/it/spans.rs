//! Labels in time (`ingest --labels`): parts of a recording have labels, requests have those of the parts in which they lie,
//! and every command goes by that. What is wrong in a file of labels is refused with its line, and leaves nothing behind.

use crate::append::other_session;
use crate::common::*;
use crate::publish::{BY_LABEL, published};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const SECOND: i64 = 1_000_000_000;
/// The first event of apache-prefork.
const FIRST: i64 = 1_795_475_201_497_262_880;
/// Two attacks and a scan that begins where the first of them ends, in the times that a person would write.
const LABELS: &str = "begin,end,label\n+8s,+9.5s,attack\n2026-11-23T23:06:44Z,2026-11-23T23:06:46.25Z,attack\n\
                      1795475206250000000,1795475207000000000,scan\n";

/// The spans of [`LABELS`], in order.
fn expected() -> [(i64, i64, &'static str); 3] {
    let at = |ms: i64| 1_795_475_200 * SECOND + ms * 1_000_000;
    [
        (at(4_000), at(6_250), "attack"),
        (at(6_250), at(7_000), "scan"),
        (FIRST + 8 * SECOND, FIRST + 9_500_000_000, "attack"),
    ]
}

/// A dataset of apache-prefork with [`LABELS`].
fn labelled() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let file = written(dir.path(), LABELS);
    let options = ["--quiet", "--label", "normal", "--labels", &file];
    ingest(&[&trace("apache-prefork")], &dataset, &options);
    (dir, dataset)
}

fn written(dir: &Path, text: &str) -> String {
    let path = dir.join("labels.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(output)
}

fn sound(path: &Path) {
    let done = sysds(["verify", path.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
}

/// What a query says, as lines of CSV without the header.
fn asked(dataset: &Path, sql: &str) -> Vec<String> {
    let dataset = dataset.to_str().unwrap();
    let done = sysds(["query", "-d", dataset, "--format", "csv", "-e", sql]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// A request: id, start, end, span_label, straddles, complete.
type Row = (i64, i64, i64, Option<String>, Option<bool>, bool);

fn rows(batches: &[RecordBatch]) -> Vec<Row> {
    let (ids, starts) = (
        all_longs(batches, "request_id"),
        all_longs(batches, "start"),
    );
    let (ends, labels) = (all_longs(batches, "end"), all_texts(batches, "span_label"));
    let bools = |name: &str| -> Vec<Option<bool>> {
        let of = |b: &RecordBatch| {
            b.column_by_name(name)
                .unwrap()
                .as_boolean()
                .iter()
                .collect::<Vec<_>>()
        };
        batches.iter().flat_map(of).collect()
    };
    let (straddles, complete) = (bools("straddles"), bools("complete"));
    (0..ids.len())
        .map(|i| {
            let of = |all: &[Option<i64>]| all[i].unwrap();
            let label = labels[i].clone();
            (
                of(&ids),
                of(&starts),
                of(&ends),
                label,
                straddles[i],
                complete[i].unwrap(),
            )
        })
        .collect()
}

/// What a row must say, by where its first and last moment lie.
fn by_hand(spans: &[(i64, i64, &str)], start: i64, end: i64) -> (Option<String>, Option<bool>) {
    let inside = |at: i64| spans.iter().position(|(b, e, _)| (*b..*e).contains(&at));
    let between = spans.iter().any(|(b, ..)| start < *b && *b <= end);
    match (inside(start), inside(end)) {
        (Some(a), Some(b)) if a == b => (Some(spans[a].2.to_owned()), Some(false)),
        (None, None) if !between => (None, Some(false)),
        _ => (None, Some(true)),
    }
}

#[test]
fn requests_have_the_label_of_the_span_in_which_all_of_them_lies() {
    let (_dir, dataset) = labelled();
    let told = manifest(&dataset);
    assert_eq!(told["format_version"], 4);
    let spans = told["recordings"][0]["spans"].as_array().unwrap();
    let of = |s: &Value| {
        let ns = |key: &str| s[key].as_i64().unwrap();
        (
            ns("begin_ns"),
            ns("end_ns"),
            s["label"].as_str().unwrap().to_owned(),
        )
    };
    let spans: Vec<_> = spans.iter().map(of).collect();
    assert_eq!(spans, expected().map(|(b, e, l)| (b, e, l.to_owned())));
    let (_, batches) = table(&dataset, "requests");
    let mut kinds: BTreeMap<(Option<String>, Option<bool>), usize> = BTreeMap::new();
    for (id, start, end, label, straddles, _) in rows(&batches) {
        let wanted = by_hand(&expected(), start, end);
        assert_eq!((label, straddles), wanted, "request {id}");
        *kinds.entry(wanted).or_default() += 1;
    }
    // Each kind is there: in either label, in none, and over a border.
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    sound(&dataset);
    let labels = all_texts(&batches, "label");
    assert!(labels.iter().all(|l| l.as_deref() == Some("normal")));
    let inspected = said(&sysds(["inspect", dataset.to_str().unwrap()]));
    assert!(
        inspected.contains("scan from 2026-11-23T23:06:46.250000000Z to 2026-11-23T23:06:47"),
        "{inspected}"
    );
}

#[test]
fn sql_has_the_spans_and_joins_events_with_them() {
    let (_dir, dataset) = labelled();
    let spans = asked(
        &dataset,
        "SELECT label, CAST(begin AS BIGINT) AS b, CAST(\"end\" AS BIGINT) AS e FROM spans ORDER BY b",
    );
    assert_eq!(spans, expected().map(|(b, e, l)| format!("{l},{b},{e}")));
    let counted = asked(
        &dataset,
        "SELECT s.label, count(*) FROM events AS e JOIN spans AS s ON s.trace_id = e.trace_id AND e.timestamp >= s.begin \
         AND e.timestamp < s.\"end\" GROUP BY s.label ORDER BY s.label",
    );
    let (_, batches) = table(&dataset, "events");
    let times = all_longs(&batches, "timestamp");
    let of = |label: &str| {
        let inside = |t: &&Option<i64>| {
            expected()
                .iter()
                .any(|(b, e, l)| *l == label && (*b..*e).contains(&t.unwrap()))
        };
        times.iter().filter(inside).count()
    };
    assert_eq!(
        counted,
        ["attack", "scan"].map(|l| format!("{l},{}", of(l)))
    );
    let by_label = asked(
        &dataset,
        "SELECT coalesce(span_label, label) AS l, count(*) FROM requests GROUP BY l ORDER BY l",
    );
    assert_eq!(by_label.len(), 3, "{by_label:?}");
}

/// Without a file of labels both columns are null, and nobody speaks of spans.
#[test]
fn a_recording_without_spans_says_nothing_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let (_, batches) = table(&dataset, "requests");
    assert!(
        rows(&batches)
            .iter()
            .all(|(.., label, straddles, _)| label.is_none() && straddles.is_none())
    );
    assert!(manifest(&dataset)["recordings"][0].get("spans").is_none());
    assert!(asked(&dataset, "SELECT * FROM spans").is_empty());
}

/// Borders that are left empty are those of the recording, so that every request lies between them.
#[test]
fn a_span_without_borders_is_all_of_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let file = written(dir.path(), "label,begin,end\n all of it\t, ,\n");
    ingest(
        &[&trace("apache-keepalive")],
        &dataset,
        &["--quiet", "--labels", &file],
    );
    let recording = &manifest(&dataset)["recordings"][0];
    let span = &recording["spans"][0];
    assert_eq!(span["begin_ns"], recording["first_ns"]);
    assert_eq!(
        span["end_ns"].as_i64().unwrap(),
        recording["last_ns"].as_i64().unwrap() + 1
    );
    let (_, batches) = table(&dataset, "requests");
    let whole = |r: &Row| r.3.as_deref() == Some("all of it") && r.4 == Some(false);
    assert!(rows(&batches).iter().all(whole));
    sound(&dataset);
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let one = trace("apache-prefork");
    let other = trace("apache-keepalive");
    // The folders that it is to be in go again, too.
    let output = dir.path().join("a/b/d");
    let refused = |text: &str, traces: &[&Path]| {
        let file = written(dir.path(), text);
        let mut args: Vec<&std::ffi::OsStr> = vec!["ingest".as_ref()];
        args.extend(traces.iter().map(|t| t.as_os_str()));
        args.extend(["--quiet", "--labels", &file, "-o"].map(std::ffi::OsStr::new));
        args.push(output.as_os_str());
        let done = sysds(args);
        assert_eq!(done.status.code(), Some(1), "{text}: {}", stderr(&done));
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left, ["labels.csv"], "{text}");
        stderr(&done)
    };
    for (text, why) in [
        (
            "begin,end\n",
            "labels.csv, line 1, column 1: the header has no column label",
        ),
        (
            "from,end,label\n",
            "line 1, column 1: the header has a column \"from\"",
        ),
        (
            "begin,end,label\nnoon,+1s,a\n",
            "line 2, column 1: the begin \"noon\" is no time",
        ),
        (
            "begin,end,label\n+1s,+2s\n",
            "line 2, column 1: has 2 fields, but the header 3",
        ),
        (
            "begin,end,label\n+1s,+2s,\n",
            "line 2, column 1: the label is empty",
        ),
        (
            "begin,end,label\n+2s,+2s,a\n",
            "line 2, column 1: the end +2s does not come after the begin +2s",
        ),
        (
            "begin,end,label\n+1s,+3s,a\n+2s,+4s,b\n",
            "line 3, column 1: the span b overlaps the span a of line 2: a recording has one label at a time",
        ),
        (
            "begin,end,label\n2026-11-23T22:06:41Z,+1s,a\n",
            "line 2, column 1: the span a from 2026-11-23T22:06:41",
        ),
        // A nanosecond before the first event, which the packets do not tell, and far behind the last one.
        (
            "begin,end,label\n1795475201497262879,+1s,a\n",
            "whose first event is at 2026-11-23T23:06:41.497262880Z",
        ),
        (
            "begin,end,label\n+1s,+90m,a\n",
            "does not lie in the recording",
        ),
        (
            "begin,end,label,recording\n+1s,+2s,a,cpu\n",
            "line 2, column 1: no recording that is ingested is called cpu",
        ),
    ] {
        let said = refused(text, &[&one]);
        assert!(said.contains(why), "{text}: {said}");
    }
    let last = ingested_last(&one);
    let behind = format!("begin,end,label\n+1s,{},a\n", last + 2);
    let said = refused(&behind, &[&one]);
    assert!(
        said.contains("line 2, column 1: the span a from") && said.contains("whose events go from"),
        "{said}"
    );
    let said = refused("begin,end,label\n+1s,+2s,a\n", &[&one, &other]);
    assert!(
        said.contains(
            "line 2, column 1: 2 recordings are ingested, and nothing says of which of them"
        ),
        "{said}"
    );
    assert!(
        said.contains("Say it in a column recording. The recordings are "),
        "{said}"
    );
    let latin = dir.path().join("latin.csv");
    fs::write(&latin, b"begin,end,label\n+1s,+2s,caf\xe9\n").unwrap();
    let args = [
        "ingest",
        one.to_str().unwrap(),
        "-q",
        "--labels",
        latin.to_str().unwrap(),
        "-o",
        output.to_str().unwrap(),
    ];
    let said = stderr(&sysds(args));
    assert!(
        said.contains("latin.csv: not UTF-8 from byte 27 on")
            && said.contains("help: Save it as UTF-8"),
        "{said}"
    );
}

fn ingested_last(trace: &Path) -> i64 {
    let dir = tempfile::tempdir().unwrap();
    ingest(&[trace], &dir.path().join("d"), &["--quiet"]);
    manifest(&dir.path().join("d"))["recordings"][0]["last_ns"]
        .as_i64()
        .unwrap()
}

/// Each line of a file for several recordings is of the one that it names; a later append has labels of its own.
#[test]
fn recordings_are_named_and_an_append_brings_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, traces) = (
        dir.path().join("d"),
        ["apache-prefork", "apache-keepalive"].map(trace),
    );
    let text =
        "recording,begin,end,label\napache-keepalive,+1s,+2s,slow\napache-prefork,+1s,+2s,attack\n";
    let file = written(dir.path(), text);
    ingest(
        &[&traces[0], &traces[1]],
        &dataset,
        &["--quiet", "--labels", &file],
    );
    let file = written(dir.path(), "begin,end,label\n+3s,+5s,attack\n");
    ingest(
        &[&trace("apache-lossy")],
        &dataset,
        &["--quiet", "--append", "--labels", &file],
    );
    let told = manifest(&dataset);
    let labels = told["recordings"].as_array().unwrap().iter();
    let labels: Vec<&str> = labels
        .map(|r| r["spans"][0]["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["attack", "slow", "attack"]);
    sound(&dataset);
    // All in one ingest, named by their folders, give the same rows.
    let again = dir.path().join("again");
    let text = format!(
        "recording,begin,end,label\n{},+1s,+2s,attack\napache-keepalive,+1s,+2s,slow\napache-lossy,+3s,+5s,attack\n",
        traces[0].display()
    );
    let file = written(dir.path(), &text);
    ingest(
        &[&traces[0], &traces[1], &trace("apache-lossy")],
        &again,
        &["--quiet", "--labels", &file],
    );
    let sql = "SELECT trace_id, request_id, span_label, straddles FROM requests ORDER BY 1, 2";
    assert_eq!(asked(&dataset, sql), asked(&again, sql));
    assert_eq!(
        manifest(&again)["recordings"][2]["spans"],
        told["recordings"][2]["spans"]
    );
}

/// A list says of each recording which file has its labels, and its report is a list again.
#[test]
fn a_list_names_a_file_of_labels_for_each_recording() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = [0, 1].map(|n| {
        let target = dir.path().join(format!("r{n}"));
        fs::rename(other_session(dir.path(), n), &target).unwrap();
        target.to_str().unwrap().to_owned()
    });
    let file = written(dir.path(), "begin,end,label\n+1s,+2s,attack\n");
    let list = dir.path().join("list.csv");
    fs::write(
        &list,
        format!("path,label,labels\n{one},normal,{file}\n{two},normal,{file}.none\n"),
    )
    .unwrap();
    let (dataset, report) = (dir.path().join("d"), dir.path().join("report.csv"));
    let run = |list: &Path| {
        let paths = [list, &dataset, &report].map(|p| p.to_str().unwrap());
        sysds([
            "ingest", "--quiet", "--list", paths[0], "-o", paths[1], "--report", paths[2],
        ])
    };
    assert_eq!(run(&list).status.code(), Some(5));
    let told = fs::read_to_string(&report).unwrap();
    assert!(
        told.contains(&format!("{two},normal,{file}.none,failed,")),
        "{told}"
    );
    fs::copy(&file, format!("{file}.none")).unwrap();
    let again = dir.path().join("again.csv");
    fs::copy(&report, &again).unwrap();
    let done = run(&again);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let told = manifest(&dataset);
    assert!(
        told["recordings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["spans"][0]["label"] == "attack")
    );
    sound(&dataset);
}

/// Rows of the shards of a table by split.
fn by_split(release: &Path) -> BTreeMap<String, Vec<Row>> {
    let told = manifest(release);
    let shards = told["release"]["shards"].as_object().unwrap();
    let mut all: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (path, shard) in shards.iter().filter(|(_, s)| s["table"] == "requests") {
        let split = shard["split"].as_str().unwrap().to_owned();
        all.entry(split)
            .or_default()
            .extend(rows(&rows_of(&release.join(path))));
    }
    all
}

#[test]
fn a_split_by_label_goes_by_spans_and_what_straddles_is_in_no_part() {
    let (dir, dataset) = labelled();
    let release = dir.path().join("r");
    published(&dataset, &release, &BY_LABEL);
    sound(&release);
    let splits = by_split(&release);
    let ids = |rows: &[Row]| rows.iter().map(|r| r.0).collect::<BTreeSet<i64>>();
    let (_, batches) = table(&dataset, "requests");
    let all = rows(&batches);
    for (split, rows) in &splits {
        for (id, .., label, straddles, complete) in rows {
            let ood = split.ends_with("-ood");
            match split.as_str() {
                "incomplete" => assert!(!complete, "{id}"),
                "straddling" => assert!(*complete && *straddles == Some(true), "{id}"),
                _ => assert!(
                    *complete && *straddles == Some(false) && label.is_some() == ood,
                    "{id} in {split}"
                ),
            }
        }
    }
    let parts = [
        "train",
        "valid",
        "test",
        "valid-ood",
        "test-ood",
        "straddling",
    ];
    let mut found: BTreeSet<i64> = BTreeSet::new();
    for part in parts {
        let rows = splits
            .get(part)
            .unwrap_or_else(|| panic!("no {part} in {:?}", splits.keys()));
        found.extend(ids(rows));
    }
    assert_eq!(found, ids(&all), "each request is in a split");
    let audit = &manifest(&release)["release"]["split"]["audit"];
    let left_out = audit
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["split"] == "left out")
        .unwrap();
    let count = splits["straddling"].len();
    assert_eq!(left_out["requests"], count.to_string());
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    assert!(
        card.contains("| 2026-11-23T23:06:46.250000000Z | 2026-11-23T23:06:47.000000000Z | scan |"),
        "{card}"
    );
    assert!(
        card.contains("`straddling` are requests inside of which"),
        "{card}"
    );
    let done = sysds([
        "publish",
        dataset.to_str().unwrap(),
        "-o",
        "x",
        "--split",
        "label",
        "-p",
        "label=cpu",
    ]);
    assert!(
        stderr(&done).contains("no recording or span has this label"),
        "{}",
        stderr(&done)
    );
    assert!(
        stderr(&done).contains("attack, normal, scan"),
        "{}",
        stderr(&done)
    );
}

#[test]
fn parts_are_of_whole_recordings_whatever_spans_say() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let file = written(
        dir.path(),
        "recording,begin,end,label\napache-lossy,+1s,+4s,attack\n",
    );
    let traces = ["apache-prefork", "apache-lossy"].map(trace);
    ingest(
        &[&traces[0], &traces[1]],
        &dataset,
        &["--quiet", "--labels", &file],
    );
    let publish = |part: &str| {
        let release = dir.path().join("r");
        let paths = [&dataset, &release].map(|p| p.to_str().unwrap().to_owned());
        sysds([
            "publish",
            &paths[0],
            "-o",
            &paths[1],
            "-q",
            "--license",
            "CC-BY-4.0",
            "--split",
            "parts",
            "--part",
            "train=apache-prefork",
            "--part",
            part,
        ])
    };
    let refused = publish("test-ood=attack");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let why = "parts: attack is the label of spans, and a recording is in one part as a whole";
    assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
    let id = manifest(&dataset)["recordings"][1]["trace_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        stderr(&refused).contains(&format!("There are such spans in {id}.")),
        "{}",
        stderr(&refused)
    );
    let done = publish("test-ood=apache-lossy");
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let release = dir.path().join("r");
    sound(&release);
    let splits = by_split(&release);
    let of_test: BTreeSet<Option<String>> =
        splits["test-ood"].iter().map(|r| r.3.clone()).collect();
    assert!(
        of_test.contains(&None) && of_test.contains(&Some("attack".to_owned())),
        "{of_test:?}"
    );
}

#[test]
fn compare_and_sequences_go_by_the_labels_of_requests() {
    let (dir, dataset) = labelled();
    let done = sysds(["compare", dataset.to_str().unwrap(), "--format", "csv"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let text = String::from_utf8(done.stdout).unwrap();
    let pairs: BTreeSet<(&str, &str)> = text
        .lines()
        .skip(1)
        .map(|l| {
            let mut fields = l.split(',');
            (fields.next().unwrap(), fields.next().unwrap())
        })
        .collect();
    assert_eq!(
        pairs,
        BTreeSet::from([("normal", "attack"), ("normal", "scan"), ("attack", "scan")]),
        "{text}"
    );
    // The mean of a label is that of its requests.
    let (_, batches) = table(&dataset, "requests");
    let of = |r: &Row| r.5 && r.4 == Some(false) && r.3.as_deref() == Some("scan");
    let scans: Vec<i64> = rows(&batches)
        .iter()
        .filter(|r| of(r))
        .map(|r| r.2 - r.1)
        .collect();
    let asked = asked(
        &dataset,
        "SELECT count(*), sum(duration_ns) FROM requests WHERE complete AND NOT straddles AND span_label = 'scan'",
    );
    assert_eq!(
        asked,
        [format!("{},{}", scans.len(), scans.iter().sum::<i64>())]
    );
    let output = dir.path().join("s");
    let paths = [&dataset, &output].map(|p| p.to_str().unwrap().to_owned());
    let done = sysds([
        "sequences",
        &paths[0],
        "-o",
        &paths[1],
        "--split",
        "label",
        "-p",
        "label=normal",
    ]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let wanted: BTreeMap<i64, &str> = BTreeMap::new();
    let mut wanted = wanted;
    let all = rows(&batches);
    for row in all.iter().filter(|r| r.5 && r.4 == Some(false)) {
        wanted.insert(row.0, row.3.as_deref().unwrap_or("normal"));
    }
    let mut found = BTreeMap::new();
    let files = fs::read_dir(output.join("data"))
        .unwrap()
        .map(|e| e.unwrap().path());
    for batch in files.flat_map(|f| rows_of(&f)) {
        let labels = texts(batch.column_by_name("label").unwrap());
        found.extend(
            longs(batch.column_by_name("request_id").unwrap())
                .into_iter()
                .flatten()
                .zip(labels.into_iter().flatten()),
        );
    }
    let found: BTreeMap<i64, &str> = found.iter().map(|(id, l)| (*id, l.as_str())).collect();
    assert_eq!(found, wanted);
}

/// Times are moved, and the spans with them, so that what follows from them follows still.
#[test]
fn an_anonymized_release_has_its_spans_where_its_rows_are() {
    let (dir, dataset) = labelled();
    let (policy, key) = (
        dir.path().join("policy.toml"),
        dir.path().join("private.key"),
    );
    fs::write(&policy, "").unwrap();
    fs::write(
        &key,
        "5f1d7ad7ad0c46e3a5b04d8c4f0f8a33c7a1a3f17b2f0ab4e0c5d0d1f6f5d2e1\n",
    )
    .unwrap();
    let release = dir.path().join("r");
    let paths = [&policy, &key].map(|p| p.to_str().unwrap());
    let options = [
        "-q",
        "--split",
        "label",
        "-p",
        "label=normal",
        "--anonymize",
        paths[0],
        "--key",
        paths[1],
    ];
    published(&dataset, &release, &options);
    sound(&release);
    let (before, after) = (manifest(&dataset), manifest(&release));
    let of = |told: &Value, at: &str| told["recordings"][0][at].as_i64().unwrap();
    let shift = of(&after, "first_ns") - of(&before, "first_ns");
    assert!(shift != 0 && shift % SECOND == 0);
    let (_, batches) = table(&dataset, "requests");
    let original: BTreeMap<i64, Row> = rows(&batches).into_iter().map(|r| (r.0, r)).collect();
    let mut seen = 0;
    for (id, start, end, label, straddles, complete) in by_split(&release).into_values().flatten() {
        let expected = (id, start - shift, end - shift, label, straddles, complete);
        assert_eq!(original[&id], expected);
        seen += 1;
    }
    assert_eq!(seen, original.len());
    let spans = after["recordings"][0]["spans"].as_array().unwrap();
    // A border is where the next event is: what a person wrote, round as it is, would tell the shift.
    let (_, batches) = table(&dataset, "events");
    let times = all_longs(&batches, "timestamp");
    let next = |at: i64| times.iter().flatten().copied().find(|t| *t >= at).unwrap() + shift;
    let told = |s: &Value| {
        let ns = |key: &str| s[key].as_i64().unwrap();
        (
            ns("begin_ns"),
            ns("end_ns"),
            s["label"].as_str().unwrap().to_owned(),
        )
    };
    let wanted = expected().map(|(b, e, l)| (next(b), next(e), l.to_owned()));
    assert_eq!(spans.iter().map(told).collect::<Vec<_>>(), wanted);
    assert!(wanted.iter().all(|(b, ..)| (b - shift) % SECOND != 0));
}

/// A dataset whose manifest or rows somebody has changed does not agree with itself any more.
#[test]
fn verify_names_spans_that_cannot_be_and_rows_that_do_not_follow_from_them() {
    let (_dir, dataset) = labelled();
    let good = manifest(&dataset);
    let spans = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut told = good.clone();
        change(told["recordings"][0]["spans"].as_array_mut().unwrap());
        fs::write(dataset.join("manifest.json"), told.to_string()).unwrap();
        let done = sysds(["verify", dataset.to_str().unwrap()]);
        assert_eq!(done.status.code(), Some(1), "{}", said(&done));
        let said = said(&done);
        let mut faults = said.lines().rev().skip(1);
        assert!(faults.all(|l| l.starts_with("labels in time: ")), "{said}");
        said
    };
    let told = spans(&|s| s[2]["end_ns"] = (FIRST + 3600 * SECOND).into());
    assert!(
        told.contains("labels in time: manifest.json: ")
            && told.contains("does not lie in its recording"),
        "{told}"
    );
    let told = spans(&|s| s[0]["begin_ns"] = (FIRST - 1).into());
    assert!(told.contains("does not lie in its recording"), "{told}");
    let told = spans(&|s| s.swap(0, 1));
    assert!(told.contains("begins before the span"), "{told}");
    let told = spans(&|s| s[1]["label"] = "".into());
    assert!(told.contains("has an empty label"), "{told}");
    // A border that lies elsewhere, another label, a span more or less: then rows are wrong.
    let told = spans(&|s| s[0]["begin_ns"] = (s[0]["begin_ns"].as_i64().unwrap() + SECOND).into());
    assert!(
        told.contains(
            "has span_label \"attack\" and straddles false, but by the spans of its recording"
        ),
        "{told}"
    );
    let told = spans(&|s| s[1]["label"] = "Scan".into());
    assert!(told.contains("has span_label \"scan\" and straddles false, but by the spans of its recording span_label \"Scan\""), "{told}");
    let told = spans(&|s| s.clear());
    assert!(
        told.contains("span_label null and straddles null"),
        "{told}"
    );
    fs::write(dataset.join("manifest.json"), good.to_string()).unwrap();
    sound(&dataset);
}

/// Makes the dataset one of version 3: its requests lack the columns, and its manifest has no spans.
fn made_older(dataset: &Path) {
    let mut told = manifest(dataset);
    told["format_version"] = 3.into();
    for file in told["tables"]["requests"]["files"].as_array_mut().unwrap() {
        let path = dataset.join(file["path"].as_str().unwrap());
        let batches = rows_of(&path);
        let schema = batches[0].schema();
        let kept: Vec<usize> = (0..schema.fields().len())
            .filter(|i| !["span_label", "straddles"].contains(&schema.field(*i).name().as_str()))
            .collect();
        let older = Arc::new(Schema::new(schema.project(&kept).unwrap().fields().clone()));
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), Arc::clone(&older), None).unwrap();
        for batch in &batches {
            let batch = batch.project(&kept).unwrap();
            let batch = RecordBatch::try_new(Arc::clone(&older), batch.columns().to_vec()).unwrap();
            writer.write(&batch).unwrap();
        }
        let of = texts(batches[0].column_by_name("trace_id").unwrap());
        writer.append_key_value_metadata(KeyValue::new("sysds:trace_id".to_owned(), of[0].clone()));
        writer.close().unwrap();
        let bytes = fs::read(&path).unwrap();
        file["bytes"] = bytes.len().into();
        let sum = Sha256::digest(&bytes);
        file["sha256"] = sum
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into();
    }
    let sum = |told: &Value| -> u64 {
        let files = told["tables"]["requests"]["files"].as_array().unwrap();
        files.iter().map(|f| f["bytes"].as_u64().unwrap()).sum()
    };
    told["tables"]["requests"]["bytes"] = sum(&told).into();
    fs::write(dataset.join("manifest.json"), told.to_string()).unwrap();
}

/// What a version of sysds before there were spans has made is read, checked, published and grows, with nulls in the columns.
#[test]
fn a_dataset_of_before_there_were_spans_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(
        &[&trace("apache-prefork")],
        &dataset,
        &["--quiet", "--label", "normal"],
    );
    made_older(&dataset);
    sound(&dataset);
    let nulls = "SELECT count(*) FILTER (WHERE span_label IS NULL AND straddles IS NULL) = count(*) FROM requests";
    assert_eq!(asked(&dataset, nulls), ["true"]);
    let done = sysds(["query", "latency_by_label", "-d", dataset.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let old = dir.path().join("old");
    published(&dataset, &old, &["-q", "--split", "hash"]);
    sound(&old);
    let file = written(dir.path(), "begin,end,label\n+5s,+7s,attack\n");
    let options = [
        "--quiet", "--append", "--label", "normal", "--labels", &file,
    ];
    ingest(&[&trace("apache-keepalive")], &dataset, &options);
    assert_eq!(manifest(&dataset)["format_version"], 4);
    sound(&dataset);
    let labels = "SELECT DISTINCT span_label FROM requests ORDER BY 1";
    assert_eq!(asked(&dataset, labels).len(), 2);
    let new = dir.path().join("new");
    published(
        &dataset,
        &new,
        &["-q", "--split", "label", "-p", "label=normal"],
    );
    sound(&new);
    let done = sysds(["compact", dataset.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    sound(&dataset);
    let lacking = files(&dataset, "requests")
        .iter()
        .filter(|f| rows_of(f)[0].column_by_name("straddles").is_none())
        .count();
    assert_eq!(
        lacking, 0,
        "compact gives all files the columns of their table"
    );
}
