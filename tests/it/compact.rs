//! A dataset that grew by appends becomes what one ingest of all would have been: every page of it, and all that footers say.

use crate::append::other_session;
use crate::common::*;
use crate::publish::published;
use arrow::datatypes::Fields;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const TABLES: [&str; 4] = ["events", "requests", "downstream", "losses"];
const TRACES: [&str; 3] = ["apache-keepalive", "apache-prefork", "apache-lossy"];

fn compact(dataset: &Path) -> Output {
    sysds(["compact", dataset.to_str().unwrap()])
}

fn compacted(dataset: &Path) -> String {
    let done = compact(dataset);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    stderr(&done)
}

fn sound(dataset: &Path) {
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}{}", stderr(&checked));
}

/// A dataset of the shipped traces, one appended after the other.
fn grown(dataset: &Path, options: &[&str]) {
    for name in TRACES {
        let more = [&["--append", "--quiet", "--label", name], options].concat();
        ingest(&[&trace(name)], dataset, &more);
    }
}

/// How many different schemas a table's files have.
fn schemas(dataset: &Path, table: &str) -> usize {
    let files = files(dataset, table);
    let mut found: Vec<Fields> = Vec::new();
    for file in files {
        let file = fs::File::open(file).unwrap();
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let fields = reader.schema().fields().clone();
        if !found.contains(&fields) {
            found.push(fields);
        }
    }
    found.len()
}

fn same_files(one: &Path, other: &Path) {
    for table in TABLES {
        let [one, other] = [one, other].map(|dataset| files(dataset, table));
        assert_eq!(one.len(), other.len(), "{table}");
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(
                one.parent().unwrap().file_name(),
                other.parent().unwrap().file_name()
            );
            let what = format!("{} and {}", one.display(), other.display());
            let [one, other] = [one, other].map(|file| parts(file));
            assert!(
                one.0 == other.0,
                "pages, dictionaries, indexes and filters of {what}"
            );
            assert!(one.1 == other.1, "footers of {what}");
        }
    }
}

/// The bytes of a file before its footer, and what the footer says. (The links of events are encoded when parts are joined;
/// then their least and greatest values are told in an outdated form, too, which is not copied.)
fn parts(file: &Path) -> (Vec<u8>, ParquetMetaData) {
    let opened = fs::File::open(file).unwrap();
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let footer = reader.parse_and_finish(&opened).unwrap();
    let mut bytes = fs::read(file).unwrap();
    let end: [u8; 4] = bytes[bytes.len() - 8..][..4].try_into().unwrap();
    bytes.truncate(bytes.len() - 8 - u32::from_le_bytes(end) as usize);
    (bytes, footer)
}

#[test]
fn what_grew_is_then_what_one_ingest_makes() {
    let dir = tempfile::tempdir().unwrap();
    let (steps, at_once) = (dir.path().join("steps"), dir.path().join("at-once"));
    let rule = ["--requests", "exchange"];
    grown(&steps, &rule);
    let traces = TRACES.map(trace);
    let traces: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
    let labels = TRACES.iter().flat_map(|name| ["--label", name]);
    let options: Vec<&str> = rule.into_iter().chain(["-q"]).chain(labels).collect();
    ingest(&traces, &at_once, &options);
    let queries = ["latency_by_label", "errors", "files", "syscall_histogram"];
    let answers = |dataset: &Path| {
        queries.map(|query| {
            let args = [
                "query",
                query,
                "-d",
                dataset.to_str().unwrap(),
                "--format",
                "csv",
            ];
            let done = sysds(args);
            assert!(done.status.success(), "{query}: {}", stderr(&done));
            done.stdout
        })
    };
    let before = answers(&steps);
    let told = manifest(&steps);
    assert!(schemas(&steps, "events") > 1 && schemas(&steps, "requests") > 1);
    sound(&steps);
    let said = compacted(&steps);
    assert!(said.contains(" of 3 recordings into "), "{said}");
    sound(&steps);
    same_files(&steps, &at_once);
    assert!(answers(&steps) == before);
    // But for the files, the manifest is as it was.
    let mut now = manifest(&steps);
    for table in TABLES {
        assert_eq!(schemas(&steps, table), 1, "{table}");
        assert_eq!(now["tables"][table]["rows"], told["tables"][table]["rows"]);
    }
    now["tables"] = told["tables"].clone();
    assert_eq!(now, told);
    let left = sysds(["clean", steps.to_str().unwrap(), "--older-than", "0"]);
    let left = String::from_utf8(left.stdout).unwrap();
    assert_eq!(
        left, "0 files, 0 bytes removed\n",
        "what was replaced is gone"
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "nothing is beside it"
    );
    // A second run changes nothing.
    let before = fs::read(steps.join("manifest.json")).unwrap();
    let said = compacted(&steps);
    assert!(said.contains("of one schema: nothing to do"), "{said}");
    assert!(fs::read(steps.join("manifest.json")).unwrap() == before);
    assert!(compacted(&at_once).contains("nothing to do"));
    // It grows on.
    let more = other_session(dir.path(), 1);
    ingest(&[&more], &steps, &["--append", "--quiet", "--label", "x"]);
    sound(&steps);
    compacted(&steps);
    sound(&steps);
    assert_eq!(schemas(&steps, "events"), 1);
}

/// Each append is in, whatever comes first, and in the end all files are of one schema.
#[test]
fn others_may_append_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    grown(&dataset, &[]);
    let traces: Vec<PathBuf> = (0..4).map(|n| other_session(dir.path(), n)).collect();
    std::thread::scope(|scope| {
        for trace in &traces {
            let dataset = &dataset;
            scope.spawn(move || ingest(&[trace], dataset, &["--append", "--quiet"]));
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..3 {
                    compacted(&dataset);
                }
            });
        }
    });
    assert_eq!(
        manifest(&dataset)["recordings"].as_array().unwrap().len(),
        7
    );
    sound(&dataset);
    compacted(&dataset);
    sound(&dataset);
    for table in TABLES {
        assert_eq!(schemas(&dataset, table), 1, "{table}");
    }
}

#[test]
fn what_is_no_dataset_of_this_form_is_refused_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    published(&dataset, &release, &["-q"]);
    let refused = |path: &Path, status: i32, why: &str| {
        let done = compact(path);
        assert!(stderr(&done).contains(why), "{}", stderr(&done));
        assert_eq!(done.status.code(), Some(status), "{why}");
    };
    refused(&release, 2, "a release");
    refused(dir.path(), 1, "not a sysds dataset");
    let mut older = manifest(&dataset);
    older["format_version"] = 2.into();
    fs::write(dataset.join("manifest.json"), older.to_string()).unwrap();
    refused(&dataset, 1, "format version 2");
}

/// What cannot be read is told, and nothing has changed.
#[test]
fn a_damaged_file_leaves_the_dataset_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    grown(&dataset, &[]);
    let before = fs::read(dataset.join("manifest.json")).unwrap();
    let file = files(&dataset, "events").remove(1);
    let length = fs::metadata(&file).unwrap().len();
    let opened = fs::OpenOptions::new().write(true).open(&file).unwrap();
    opened.set_len(length - 9).unwrap();
    let done = compact(&dataset);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        stderr(&done).contains("part-00000.parquet"),
        "{}",
        stderr(&done)
    );
    assert!(fs::read(dataset.join("manifest.json")).unwrap() == before);
    let left = sysds(["clean", dataset.to_str().unwrap(), "--older-than", "0"]);
    assert_eq!(
        String::from_utf8(left.stdout).unwrap(),
        "0 files, 0 bytes removed\n"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_is_damaged_is_not_made_to_look_sound() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    grown(&dataset, &[]);
    let file = &files(&dataset, "events")[0];
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(file, &bytes).unwrap();
    let manifest = fs::read(dataset.join("manifest.json")).unwrap();
    let done = compact(&dataset);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("another checksum"), "{said}");
    assert!(
        said.contains(file.file_name().unwrap().to_str().unwrap()),
        "{said}"
    );
    assert_eq!(fs::read(file).unwrap(), bytes);
    assert_eq!(fs::read(dataset.join("manifest.json")).unwrap(), manifest);
}
