//! Appending to a dataset gives the dataset that one ingest of all traces gives, or leaves it as it was.

use crate::common::*;
use crate::publish::published;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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

/// Rows of all files of a table.
fn all_rows(dataset: &Path, name: &str) -> usize {
    let files = files(dataset, name);
    let rows = files.iter().flat_map(|file| rows_of(file));
    rows.map(|batch| batch.num_rows()).sum()
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
    // Files of the one may lack columns, so both are compared as releases, each of one schema.
    let [steps_released, at_once_released] = [&steps, &at_once].map(|dataset| {
        let release = dataset.with_extension("release");
        published(dataset, &release, &["-q"]);
        release
    });
    for name in TABLES {
        let (one, other) = (whole(&steps_released, name), whole(&at_once_released, name));
        assert_eq!(one.schema(), other.schema(), "{name}");
        assert!(one == other, "{name} of {names:?}");
        let shards = [&steps_released, &at_once_released].map(|r| files(r, name));
        for (one, other) in shards[0].iter().zip(&shards[1]) {
            assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{name}");
        }
        assert_eq!(all_rows(&steps, name), all_rows(&at_once, name));
    }
    let (one, other) = (manifest(&steps), manifest(&at_once));
    assert_eq!(one["appended"].as_array().unwrap().len(), names.len() - 1);
    assert!(other.get("appended").is_none());
    let ids = |manifest: &Value| {
        let recordings = manifest["recordings"].as_array().unwrap();
        let mut recordings = recordings.clone();
        // Which columns others have is not in them, but in which order they came.
        recordings
            .iter_mut()
            .for_each(|r| drop(r["classes"].take()));
        recordings
    };
    assert_eq!(ids(&one), ids(&other));
    for same in [
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
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let none = append("apache-lossy", &empty, &[]);
    assert!(
        stderr(&none).contains("not a sysds dataset"),
        "{}",
        stderr(&none)
    );
    let refused = |why: &str| {
        let refused = append("apache-lossy", &dataset, &[]);
        assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
        assert_eq!(refused.status.code(), Some(1));
    };
    let mut whole = manifest(&dataset);
    // What one of an earlier version does not tell is read from the event classes.
    assert!(whole.as_object_mut().unwrap().remove("fields").is_some());
    fs::write(dataset.join("manifest.json"), whole.to_string()).unwrap();
    let classes = dataset.join(whole["recordings"][0]["classes"]["path"].as_str().unwrap());
    let text = fs::read_to_string(&classes).unwrap();
    fs::write(
        &classes,
        text.replacen("trace_id\":\"", "trace_id\":\"x", 1),
    )
    .unwrap();
    refused("names other recordings");
    fs::write(&classes, "{]").unwrap();
    refused(".json, line 1");
    fs::write(&classes, text).unwrap();
    let mut older = whole.clone();
    older["format_version"] = 2.into();
    fs::write(dataset.join("manifest.json"), older.to_string()).unwrap();
    refused("format version 2, to whose files nothing can be added");
    fs::write(dataset.join("manifest.json"), whole.to_string()).unwrap();
    fs::rename(&classes, dir.path().join("classes.json")).unwrap();
    refused("No such file");
    fs::rename(dir.path().join("classes.json"), &classes).unwrap();
    // Nothing is written where a link leads.
    fs::rename(dataset.join("losses"), dir.path().join("losses")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("losses"), dataset.join("losses")).unwrap();
    refused("a symbolic link, which is not followed");
    fs::remove_file(dataset.join("losses")).unwrap();
    fs::rename(dir.path().join("losses"), dataset.join("losses")).unwrap();
    let done = append("apache-lossy", &dataset, &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(manifest(&dataset).get("fields").is_some());
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    fs::remove_file(dataset.join("manifest.json")).unwrap();
    refused("not a sysds dataset");
}

/// All files that a manifest names for its tables.
fn files_of(manifest: &Value, dataset: &Path) -> Vec<PathBuf> {
    let tables = manifest["tables"].as_object().unwrap().values();
    let files = tables.flat_map(|t| t["files"].as_array().unwrap());
    files
        .map(|f| dataset.join(f["path"].as_str().unwrap()))
        .collect()
}

/// What is there is neither read nor written: its content could be anything.
#[test]
fn files_of_before_are_not_touched_by_an_append() {
    let (_dir, dataset) = small();
    let told = manifest(&dataset);
    let mut before: Vec<PathBuf> = files_of(&told, &dataset);
    let classes = &told["recordings"][0]["classes"]["path"];
    before.push(dataset.join(classes.as_str().unwrap()));
    for file in &before {
        let length = fs::metadata(file).unwrap().len() as usize;
        fs::write(file, vec![7; length]).unwrap();
    }
    let done = append("apache-lossy", &dataset, &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    for file in &before {
        assert!(fs::read(file).unwrap().iter().all(|byte| *byte == 7));
    }
    let after = manifest(&dataset);
    assert_eq!(after["recordings"].as_array().unwrap().len(), 2);
    // Whoever asks is told.
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(said.matches("checksum: ").count(), before.len(), "{said}");
    // Nor is it looked at: an append takes as long for a dataset of a hundred recordings as for one of one.
    before
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
    let done = append("apache-prefork", &dataset, &[]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert_eq!(
        manifest(&dataset)["recordings"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn a_dataset_is_verified_as_a_release_is() {
    let (_dir, dataset) = small();
    let verify = || {
        let done = sysds(["verify", dataset.to_str().unwrap()]);
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    assert!(append("apache-lossy", &dataset, &[]).status.success());
    let (status, said) = verify();
    assert!(status == Some(0) && said.contains("no fault"), "{said}");
    let mut told = manifest(&dataset);
    let whole = told.to_string();
    told["fields"]["args"].as_object_mut().unwrap().remove("fd");
    fs::write(dataset.join("manifest.json"), told.to_string()).unwrap();
    let (status, said) = verify();
    assert!(
        status == Some(1) && said.contains("metadata: manifest.json: fields: "),
        "{said}"
    );
    fs::write(dataset.join("manifest.json"), whole).unwrap();
    fs::remove_file(files(&dataset, "losses").remove(1)).unwrap();
    let (status, said) = verify();
    assert!(
        status == Some(1) && said.contains("missing file: losses/"),
        "{said}"
    );
}

/// Appends all at the same time, each by a process.
fn append_at_once(traces: &[PathBuf], dataset: &Path) {
    std::thread::scope(|scope| {
        for trace in traces {
            scope.spawn(move || {
                let [trace, dataset] = [trace.as_path(), dataset].map(|p| p.to_str().unwrap());
                let done = sysds(["ingest", trace, "-o", dataset, "--append", "--quiet"]);
                assert!(done.status.success(), "{}", stderr(&done));
            });
        }
    });
}

/// Each is in, whoever came in between; the rows are those of one ingest of all.
#[test]
fn many_append_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let options = ["--quiet", "--request-args", "none"];
    ingest(&[&trace("apache-keepalive")], &dataset, &options);
    let traces: Vec<PathBuf> = (0..WRITERS).map(|n| other_trace(dir.path(), n)).collect();
    append_at_once(&traces, &dataset);
    let all = manifest(&dataset);
    assert_eq!(all["recordings"].as_array().unwrap().len(), 1 + WRITERS);
    assert_eq!(all["appended"].as_array().unwrap().len(), WRITERS);
    let of = |r: &Value| r["events"].as_u64().unwrap();
    let each: Vec<u64> = all["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    assert!(each.iter().all(|n| *n == each[0]), "{each:?}");
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let left = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name());
    assert!(
        left.into_iter()
            .all(|name| !name.to_string_lossy().starts_with('.'))
    );
}

/// Whoever is first makes it; the rows are those of one ingest of all.
#[test]
fn many_begin_a_dataset_at_the_same_time() {
    const BEGINNERS: usize = 20;
    let dir = tempfile::tempdir().unwrap();
    let (dataset, at_once) = (dir.path().join("new/d"), dir.path().join("at-once"));
    let mut traces: Vec<PathBuf> = (2..BEGINNERS)
        .map(|n| other_session(dir.path(), n))
        .collect();
    // Of other columns.
    traces.extend(["apache-prefork", "apache-lossy"].map(trace));
    append_at_once(&traces, &dataset);
    let named: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
    ingest(&named, &at_once, &["--quiet"]);
    let (all, one) = (manifest(&dataset), manifest(&at_once));
    assert_eq!(all["recordings"].as_array().unwrap().len(), BEGINNERS);
    assert_eq!(all["appended"].as_array().unwrap().len(), BEGINNERS - 1);
    assert_eq!(all["fields"], one["fields"]);
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    for recording in all["recordings"].as_array().unwrap() {
        for name in TABLES {
            let id = recording["trace_id"].as_str().unwrap();
            let file = format!("{name}/trace_id={id}/part-00000.parquet");
            let [ours, theirs] = [&dataset, &at_once].map(|d| rows_of(&d.join(&file)));
            same_values(&ours, &theirs, &file);
        }
    }
    let left = fs::read_dir(dir.path().join("new")).unwrap();
    assert_eq!(left.count(), 1, "nothing is left beside it");
}

/// The columns of `ours` are in `theirs` with the same values, and what that has more is null.
fn same_values(ours: &[RecordBatch], theirs: &[RecordBatch], what: &str) {
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(rows(ours), rows(theirs), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        for field in ours.schema().fields() {
            let columns = [ours, theirs].map(|b| b.column_by_name(field.name()).unwrap());
            same_column(columns[0], columns[1], what);
        }
    }
}

fn same_column(ours: &dyn Array, theirs: &dyn Array, what: &str) {
    match (ours.data_type(), theirs.data_type()) {
        (DataType::Struct(_), DataType::Struct(_)) => {
            let (ours, theirs) = (ours.as_struct(), theirs.as_struct());
            for (field, theirs) in theirs.fields().iter().zip(theirs.columns()) {
                match ours.column_by_name(field.name()) {
                    Some(ours) => same_column(ours, theirs, what),
                    None => assert_eq!(theirs.null_count(), theirs.len(), "{what}: {field}"),
                }
            }
        }
        (DataType::List(_), DataType::List(_)) => {
            let (ours, theirs) = (ours.as_list::<i32>(), theirs.as_list::<i32>());
            assert!(
                ours.offsets().lengths().eq(theirs.offsets().lengths()),
                "{what}"
            );
            same_column(ours.values(), theirs.values(), what);
        }
        _ => assert!(ours.to_data() == theirs.to_data(), "{what}"),
    }
}

const WRITERS: usize = 12;

/// The trace `apache-keepalive` under another UUID: as another recording.
fn other_trace(dir: &Path, number: usize) -> PathBuf {
    let copy = copy_of("apache-keepalive", dir);
    let trace = dir.join(format!("other-{number}"));
    fs::rename(copy, &trace).unwrap();
    let metadata = fs::read(trace.join("kernel/metadata")).unwrap();
    // The 16 bytes behind the magic number of a packet.
    let uuid: [u8; 16] = metadata[4..20].try_into().unwrap();
    let mut other = uuid;
    other[15] ^= number as u8 + 1;
    for path in walk(&trace) {
        let bytes = fs::read(&path).unwrap();
        let text = |uuid: &[u8; 16]| uuid_text(*uuid).into_bytes();
        let changed = replaced(&bytes, &uuid, &other);
        let changed = replaced(&changed, &text(&uuid), &text(&other));
        fs::write(&path, changed).unwrap();
    }
    trace
}

/// The same, as a recording of another session: other writers see at once that it has nothing to do with theirs.
pub fn other_session(dir: &Path, number: usize) -> PathBuf {
    let trace = other_trace(dir, number);
    let metadata = trace.join("kernel/metadata");
    let bytes = fs::read(&metadata).unwrap();
    let created = b"20261123T231042+0000";
    let other = format!("20261124T{number:06}+0000");
    let changed = replaced(&bytes, created, other.as_bytes());
    assert!(changed != bytes);
    fs::write(&metadata, changed).unwrap();
    trace
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|w| w == from) {
        bytes[at + found..at + found + to.len()].copy_from_slice(to);
        at += found + to.len();
    }
    bytes
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path),
        }
    }
    found
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex[range].concat();
    [
        part(0..4),
        part(4..6),
        part(6..8),
        part(8..10),
        part(10..16),
    ]
    .join("-")
}

/// The folder in which a process with this number, which has ended, was making the dataset.
fn aside_of(process: u32, dataset: &Path) -> PathBuf {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
    let namespace: String = namespace
        .to_str()
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let name = dataset.file_name().unwrap().to_str().unwrap();
    dataset.with_file_name(format!(
        ".{name}.partial-{}-{namespace}-{process}-1",
        &boot[..8]
    ))
}

/// What a killed append left is listed while it is young, removed when it is old, and never in the way.
#[test]
fn what_a_killed_append_left_is_cleaned() {
    let (dir, dataset) = small();
    let id = "69f65b33-88e5-604b-a8c4-e4b2408472de";
    let orphan = dataset.join(format!("events/trace_id={id}/part-00000.parquet"));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    let notes = dataset.join("events/notes.txt");
    fs::write(&notes, "mine").unwrap();
    fs::write(&orphan, "half").unwrap();
    let clean = |more: &[&str]| {
        let done = sysds([&["clean", dataset.to_str().unwrap()], more].concat());
        assert!(done.status.success(), "{}", stderr(&done));
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(clean(&[]).contains("younger than a day"));
    // Of a process that has ended, beside the dataset.
    let mut ended = std::process::Command::new("sh");
    let mut ended = ended.args(["-c", "exit"]).spawn().unwrap();
    ended.wait().unwrap();
    let aside = aside_of(ended.id(), &dataset);
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("x"), "half a file").unwrap();
    let said = clean(&["--dry-run"]);
    assert!(
        said.contains(": 11 bytes, to remove") && aside.exists(),
        "{said}"
    );
    clean(&[]);
    assert!(!aside.exists() && orphan.exists());
    let day = std::time::Duration::from_secs(25 * 3600);
    let file = fs::File::options().write(true).open(&orphan).unwrap();
    file.set_modified(std::time::SystemTime::now() - day)
        .unwrap();
    assert!(clean(&["--dry-run"]).contains("to remove") && orphan.exists());
    let said = clean(&[]);
    assert!(
        said.contains("4 bytes, removed") && said.ends_with("1 files, 4 bytes removed\n"),
        "{said}"
    );
    assert!(!orphan.exists() && !orphan.parent().unwrap().exists() && notes.exists());
    // One of the same recording takes its place.
    for name in ["apache-prefork", "apache-lossy"] {
        let probe = dir.path().join("probe");
        ingest(&[&trace(name)], &probe, &["--quiet", "--force"]);
        let path = files(&probe, "events").remove(0);
        let orphan = dataset.join(path.strip_prefix(&probe).unwrap());
        fs::create_dir_all(orphan.parent().unwrap()).unwrap();
        fs::write(&orphan, "half").unwrap();
        let done = append(name, &dataset, &[]);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}
