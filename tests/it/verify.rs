//! `sysds verify` names each fault: every test breaks one thing of a good release, mends the checksums where they would
//! give it away, and looks for its name.

use crate::common::*;
use crate::publish::published;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, StructArray, UInt32Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// A good release, made once.
static GOOD: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(
        &[&trace("apache-prefork")],
        &dataset,
        &["--quiet", "--label", "normal"],
    );
    published(&dataset, &dir.path().join("r"), &["-q", "--split", "hash"]);
    dir
});

/// A release to break.
struct Broken {
    _dir: TempDir,
    root: PathBuf,
}

impl Broken {
    fn new() -> Broken {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(GOOD.path().join("r"))
            .arg(&root)
            .status();
        assert!(copied.unwrap().success());
        Broken { _dir: dir, root }
    }

    /// The only shard of a table and split.
    fn shard(&self, table: &str, split: &str) -> PathBuf {
        self.root.join(format!(
            "data/{table}/normal/{split}-00000-of-00001.parquet"
        ))
    }

    /// Changes the rows of a shard, and the metadata so that they agree with it.
    fn change(&self, table: &str, split: &str, change: impl FnOnce(RecordBatch) -> RecordBatch) {
        let path = self.shard(table, split);
        let batches = rows_of(&path);
        let rows = change(concat_batches(&batches[0].schema(), &batches).unwrap());
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        self.seal();
    }

    /// Makes sizes and checksums in all metadata those of the files.
    fn seal(&self) {
        let mut manifest = manifest(&self.root);
        let mut croissant: Value = read_json(&self.root.join("croissant.json"));
        for table in manifest["tables"].as_object_mut().unwrap().values_mut() {
            for file in table["files"].as_array_mut().unwrap() {
                let bytes = fs::read(self.root.join(file["path"].as_str().unwrap())).unwrap();
                file["bytes"] = bytes.len().into();
                file["sha256"] = sha256(&bytes).into();
                let nodes = croissant["distribution"].as_array_mut().unwrap();
                let node = nodes
                    .iter_mut()
                    .find(|n| n["contentUrl"] == file["path"])
                    .unwrap();
                node["sha256"] = file["sha256"].clone();
            }
        }
        fs::write(self.root.join("manifest.json"), manifest.to_string()).unwrap();
        fs::write(self.root.join("croissant.json"), croissant.to_string()).unwrap();
        self.sum();
    }

    /// Writes `SHA256SUMS` anew.
    fn sum(&self) {
        let path = self.root.join("SHA256SUMS");
        let old = fs::read_to_string(&path).unwrap();
        let lines = old.lines().map(|line| {
            let file = line.split_once("  ").unwrap().1;
            format!(
                "{}  {file}\n",
                sha256(&fs::read(self.root.join(file)).unwrap())
            )
        });
        fs::write(&path, lines.collect::<String>()).unwrap();
    }

    /// Expects all of `faults` in the report, and no other kind of fault than those of `kinds`.
    fn named(&self, kinds: &[&str], faults: &[&str]) {
        let done = sysds(["verify", self.root.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}{}", stderr(&done));
        for fault in faults {
            assert!(said.contains(fault), "no {fault:?} in:\n{said}");
        }
        let lines: Vec<&str> = said.lines().collect();
        for line in &lines[..lines.len() - 1] {
            assert!(
                kinds.iter().any(|k| line.starts_with(&format!("{k}: "))),
                "unexpected: {line}"
            );
        }
        assert!(lines.last().unwrap().contains(" fault"));
    }
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// A batch with another column in place of one.
fn with(rows: &RecordBatch, column: &str, array: ArrayRef) -> RecordBatch {
    let at = rows.schema().index_of(column).unwrap();
    let mut columns = rows.columns().to_vec();
    columns[at] = array;
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

/// A batch with a 64-bit integer changed in a row.
fn set(rows: &RecordBatch, column: &str, row: usize, value: i64) -> RecordBatch {
    let mut values = rows[column].as_primitive::<Int64Type>().values().to_vec();
    values[row] = value;
    with(rows, column, Arc::new(Int64Array::from(values)))
}

fn ids(rows: &RecordBatch, column: &str) -> Vec<i64> {
    rows[column].as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn a_good_release_has_no_fault() {
    let done = sysds([
        "verify".as_ref(),
        GOOD.path().join("r").as_os_str(),
        "--json".as_ref(),
    ]);
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["faults"], serde_json::json!([]));
    assert!(report["rows"].as_u64().unwrap() > 135_828);
}

#[test]
fn files_that_changed_are_missing_or_are_too_many() {
    let broken = Broken::new();
    fs::write(broken.root.join("notes.txt"), "mine").unwrap();
    broken.named(
        &["unlisted file"],
        &["unlisted file: notes.txt: SHA256SUMS does not name it"],
    );

    let broken = Broken::new();
    fs::write(broken.root.join("README.md"), "other words").unwrap();
    fs::remove_file(broken.root.join("LICENSE")).unwrap();
    broken.named(
        &["checksum", "missing file"],
        &[
            "checksum: README.md: SHA-256 is ",
            "missing file: LICENSE: SHA256SUMS names it",
        ],
    );

    // A bit in the middle of a shard, and a shard that is gone.
    let broken = Broken::new();
    let path = broken.shard("losses", "full");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_file(broken.shard("downstream", "test")).unwrap();
    let done = sysds(["verify", broken.root.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    for part in [
        "checksum: data/losses/normal/full-00000-of-00001.parquet: has ",
        "missing file: data/downstream/normal/test-00000-of-00001.parquet: manifest.json names it",
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }

    let broken = Broken::new();
    fs::remove_file(broken.root.join("SHA256SUMS")).unwrap();
    broken.named(&["missing file"], &["missing file: SHA256SUMS: "]);

    // A list that leads elsewhere is not followed.
    let broken = Broken::new();
    let sums = fs::read_to_string(broken.root.join("SHA256SUMS")).unwrap();
    let line = format!("{}  ../../etc/passwd\n", "0".repeat(64));
    fs::write(broken.root.join("SHA256SUMS"), sums + &line).unwrap();
    broken.named(&["metadata"], &["metadata: SHA256SUMS: line "]);

    // Nor is a manifest.
    let broken = Broken::new();
    let mut told = manifest(&broken.root);
    told["tables"]["losses"]["files"][0]["path"] = "../d/manifest.json".into();
    fs::write(broken.root.join("manifest.json"), told.to_string()).unwrap();
    broken.named(
        &["metadata"],
        &["metadata: manifest.json: ../d/manifest.json is not a file"],
    );

    // Metadata that contradict each other.
    let broken = Broken::new();
    let path = broken.root.join("croissant.json");
    let mut croissant = read_json(&path);
    let nodes = croissant["distribution"].as_array_mut().unwrap();
    nodes
        .iter_mut()
        .find(|n| n["@type"] == "cr:FileObject")
        .unwrap()["sha256"] = "0".repeat(64).into();
    fs::write(&path, croissant.to_string()).unwrap();
    broken.sum();
    broken.named(
        &["metadata"],
        &["metadata: croissant.json: does not have data/"],
    );
}

#[test]
fn columns_that_are_not_those_of_the_contract() {
    let broken = Broken::new();
    broken.change("downstream", "train", |rows| {
        let all = 0..rows.num_columns();
        let kept: Vec<usize> = all
            .filter(|i| rows.schema().field(*i).name() != "wait_ns")
            .collect();
        rows.project(&kept).unwrap()
    });
    broken.named(
        &["schema"],
        &["schema: data/downstream/normal/train-00000-of-00001.parquet: lacks the column wait_ns"],
    );

    let broken = Broken::new();
    broken.change("requests", "test", |rows| {
        let schema = rows.schema();
        let fields = schema.fields().iter().map(|f| match f.name().as_str() {
            "n_events" => Arc::new(f.as_ref().clone().with_data_type(DataType::Int32)),
            _ => f.clone(),
        });
        let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<_>>());
        let at = schema.index_of("n_events").unwrap();
        let mut columns = rows.columns().to_vec();
        columns[at] = arrow::compute::cast(&columns[at], &DataType::Int32).unwrap();
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    });
    broken.named(
        &["schema"],
        &["the column n_events is not of the type that the contract says"],
    );

    let broken = Broken::new();
    fs::write(broken.root.join("schemas/events.json"), "{}").unwrap();
    broken.sum();
    broken.named(&["schema"], &["schema: schemas/events.json: missing field"]);
}

#[test]
fn rows_that_are_missing_or_doubled() {
    let broken = Broken::new();
    broken.change("requests", "test", |rows| {
        rows.slice(1, rows.num_rows() - 1)
    });
    broken.named(
        &["row count", "split", "ids", "links of events"],
        &[
            "row count: data/requests/normal/test-00000-of-00001.parquet: has ",
            "is in no split",
        ],
    );

    let broken = Broken::new();
    let mut gone = 0;
    broken.change("events", "other", |rows| {
        gone = ids(&rows, "event_id")[10];
        let all: Vec<u32> = (0..rows.num_rows() as u32).filter(|i| *i != 10).collect();
        arrow::compute::take_record_batch(&rows, &UInt32Array::from(all)).unwrap()
    });
    let gone = format!("{gone} to {gone} are in no split");
    broken.named(
        &["row count", "split"],
        &[&gone, "row count: events: all shards have "],
    );
}

#[test]
fn ids_and_times_out_of_order() {
    let broken = Broken::new();
    broken.change("events", "train", |rows| {
        let mut order: Vec<u32> = (0..rows.num_rows() as u32).collect();
        order.swap(5, 6);
        arrow::compute::take_record_batch(&rows, &UInt32Array::from(order)).unwrap()
    });
    broken.named(
        &["ids", "split", "time", "nested events", "links of events"],
        &["stands behind"],
    );

    let broken = Broken::new();
    broken.change("requests", "train", |rows| {
        let all = ids(&rows, "request_id");
        set(&rows, "request_id", 0, all[1])
    });
    broken.named(
        &["ids", "split", "links of events"],
        &["stands twice", "is in no split"],
    );

    let broken = Broken::new();
    broken.change("downstream", "train", |rows| {
        set(&rows, "service_id", 3, -1)
    });
    broken.named(
        &["ids", "links of events"],
        &["ids: data/downstream/normal/train-00000-of-00001.parquet: service -1"],
    );

    for (time, what) in [
        (None, "is not in the time of its recording"),
        (Some(0), "is earlier than the event before"),
    ] {
        let broken = Broken::new();
        broken.change("events", "other", |rows| {
            let times = rows["timestamp"].as_primitive::<TimestampNanosecondType>();
            let mut values = times.values().to_vec();
            values[100] = time.map_or(0, |row: usize| values[row]);
            let array = arrow::array::TimestampNanosecondArray::from(values).with_timezone("UTC");
            with(&rows, "timestamp", Arc::new(array))
        });
        broken.named(&["time"], &[what]);
    }
}

/// A manifest that promises more than there is makes no room for it.
#[test]
fn numbers_that_are_not_true() {
    let broken = Broken::new();
    let mut told = manifest(&broken.root);
    told["recordings"][0]["requests"] = (1u64 << 60).into();
    told["requests"] = (1u64 << 60).into();
    fs::write(broken.root.join("manifest.json"), told.to_string()).unwrap();
    broken.sum();
    broken.named(
        &["row count", "split"],
        &["row count: requests: all shards have 319 rows, but manifest.json says 1152921504606846976"],
    );
}

#[test]
fn windows_that_leave_their_recording() {
    let broken = Broken::new();
    let mut id = 0;
    broken.change("requests", "train", |rows| {
        id = ids(&rows, "request_id")[2];
        set(&rows, "last_event", 2, 10_000_000)
    });
    let window = format!("request {id}: events ");
    broken.named(
        &["window", "nested events"],
        &[
            "window: ",
            &window,
            "first_event and last_event are not its first and last nested event",
        ],
    );
}

/// Changes the member `member` of the nested event `at` of all.
fn nest(
    rows: &RecordBatch,
    member: &str,
    change: impl FnOnce(&ArrayRef) -> ArrayRef,
) -> RecordBatch {
    let lists = rows["events"].as_list::<i32>();
    let (field, offsets, values, nulls) = lists.clone().into_parts();
    let (fields, mut arrays, valid) = values.as_struct().clone().into_parts();
    let at = fields.iter().position(|f| f.name() == member).unwrap();
    arrays[at] = change(&arrays[at]);
    let values = StructArray::new(fields, arrays, valid);
    with(
        rows,
        "events",
        Arc::new(ListArray::new(field, offsets, Arc::new(values), nulls)),
    )
}

#[test]
fn nested_events_that_are_not_their_rows() {
    let other = |array: &ArrayRef| -> ArrayRef {
        let mut values: Vec<Option<i64>> = array.as_primitive::<Int64Type>().iter().collect();
        values[7] = Some(values[7].unwrap_or_default() + 1);
        Arc::new(Int64Array::from(values))
    };
    for member in ["ret", "offset_ns", "duration_ns"] {
        let broken = Broken::new();
        broken.change("requests", "train", |rows| nest(&rows, member, other));
        let what = format!(": {member} of its event ");
        broken.named(&["nested events"], &["nested events: requests of ", &what]);
    }
    let broken = Broken::new();
    broken.change("requests", "test", |rows| {
        nest(&rows, "args", |args| {
            let (fields, mut arrays, valid) = args.as_struct().clone().into_parts();
            let at = fields.iter().position(|f| f.name() == "fd").unwrap();
            arrays[at] = other(&arrays[at]);
            Arc::new(StructArray::new(fields, arrays, valid))
        })
    });
    broken.named(&["nested events"], &[": args.fd of its event "]);

    // An event of a request that is in another split than the request.
    let broken = Broken::new();
    broken.change("requests", "train", |rows| {
        nest(&rows, "event_id", |array| {
            let mut values = array.as_primitive::<Int64Type>().values().to_vec();
            values[1] += 1_000_000;
            Arc::new(Int64Array::from(values))
        })
    });
    broken.named(
        &["nested events", "links of events"],
        &[
            "are not in the order of their ids",
            "is not in events of train",
        ],
    );
}

/// A batch with a link changed: the first that is there, or is not there, as `linked` says.
fn relink(rows: &RecordBatch, column: &str, linked: bool, to: Option<i64>) -> RecordBatch {
    let mut links: Vec<Option<i64>> = rows[column].as_primitive::<Int64Type>().iter().collect();
    let at = links.iter().position(|link| link.is_some() == linked);
    links[at.unwrap()] = to;
    with(rows, column, Arc::new(Int64Array::from(links)))
}

#[test]
fn links_of_events_that_lists_do_not_bear_out() {
    const LINKS: &str = "links of events";
    for (column, table) in [("request_id", "requests"), ("service_id", "downstream")] {
        let lacks = format!("{column} ");
        let other = "which has another link or none";
        for to in [None, Some(1 << 40)] {
            let broken = Broken::new();
            broken.change("events", "train", |rows| relink(&rows, column, true, to));
            broken.named(
                &[LINKS],
                &[&lacks, &format!(" of {table} lists the event "), other],
            );
        }
        let broken = Broken::new();
        broken.change("events", "other", |rows| {
            relink(&rows, column, false, Some(0))
        });
        let many = format!("1 have a {column}, but lists in {table} have 0");
        broken.named(&[LINKS], &[&many]);
    }
    let broken = Broken::new();
    broken.change("events", "train", |rows| {
        let of_requests = rows["request_id"].as_primitive::<Int64Type>().iter();
        let services = rows["service_id"].as_primitive::<Int64Type>().iter();
        let both = of_requests.zip(services).map(|(r, s)| s.or(r));
        with(&rows, "service_id", Arc::new(both.collect::<Int64Array>()))
    });
    broken.named(&[LINKS], &["is of a request and of downstream work"]);
    let broken = Broken::new();
    broken.change("events", "test", |rows| {
        let label = &rows["label"];
        let none = arrow::array::new_null_array(label.data_type(), label.len());
        with(&rows, "label", none)
    });
    broken.named(&["metadata"], &["has another label than its recording"]);
}

/// A batch with a column's values changed; numbers of 32 bits and times as numbers of 64 bits.
fn alter(
    rows: &RecordBatch,
    column: &str,
    change: impl FnOnce(&mut Vec<Option<i64>>),
) -> RecordBatch {
    let cast = |array: &ArrayRef, to: &DataType| arrow::compute::cast(array, to).unwrap();
    let plain = cast(&rows[column], &DataType::Int64);
    let mut values: Vec<Option<i64>> = plain.as_primitive::<Int64Type>().iter().collect();
    change(&mut values);
    let array: ArrayRef = Arc::new(Int64Array::from(values));
    with(rows, column, cast(&array, rows[column].data_type()))
}

#[test]
fn values_that_no_row_has() {
    const YEAR: i64 = 365 * 86_400 * 1_000_000_000;
    const OTHERS: [&str; 4] = ["value", "window", "nested events", "links of events"];
    let third = |value: i64| move |values: &mut Vec<Option<i64>>| values[3] = Some(value);
    type Change = Box<dyn FnOnce(&mut Vec<Option<i64>>)>;
    let later =
        |by: i64| move |values: &mut Vec<Option<i64>>| values[3] = values[3].map(|v| v + by);
    let broken: [(&str, &str, Change, &str); 21] = [
        (
            "downstream",
            "end",
            Box::new(later(-YEAR)),
            "its time is not in that of its recording",
        ),
        (
            "downstream",
            "start",
            Box::new(later(YEAR)),
            "its time is not in that of its recording",
        ),
        (
            "downstream",
            "duration_ns",
            Box::new(later(1)),
            "but end - start is ",
        ),
        (
            "downstream",
            "n_events",
            Box::new(later(1000)),
            "but n_events - n_events_omitted is ",
        ),
        (
            "downstream",
            "n_events",
            Box::new(later(-1)),
            "but n_events - n_events_omitted is ",
        ),
        (
            "downstream",
            "first_event",
            Box::new(third(0)),
            "are not its first and last event",
        ),
        ("downstream", "depth", Box::new(third(-2)), "depth is -2"),
        (
            "downstream",
            "written_bytes",
            Box::new(third(-5)),
            "written_bytes is -5",
        ),
        (
            "requests",
            "duration_ns",
            Box::new(third(-5)),
            "duration_ns is -5, but end - start is ",
        ),
        (
            "requests",
            "on_cpu_ns",
            Box::new(later(1)),
            "but its parts add up to ",
        ),
        (
            "requests",
            "read_bytes",
            Box::new(third(-5)),
            "read_bytes is -5",
        ),
        (
            "requests",
            "client_port",
            Box::new(third(99_999)),
            "client_port is 99999",
        ),
        (
            "requests",
            "http_status",
            Box::new(third(1000)),
            "http_status is 1000",
        ),
        (
            "requests",
            "response_bytes",
            Box::new(third(5)),
            "response_bytes is said, but access_lines is null",
        ),
        (
            "requests",
            "access_lines",
            Box::new(third(1)),
            "log_time is missing, but access_lines is 1",
        ),
        (
            "requests",
            "log_time",
            Box::new(third(i64::MAX)),
            "log_time is after end",
        ),
        ("events", "cpu", Box::new(third(-5)), "cpu is -5"),
        (
            "events",
            "entry_id",
            Box::new(|values| {
                let at = values.iter().position(Option::is_some).unwrap();
                values[at] = Some(99_999_999);
            }),
            "its entry cannot be the event 99999999",
        ),
        (
            "events",
            "entry_id",
            Box::new(|values| {
                let at = values.iter().position(Option::is_none).unwrap();
                values[at] = Some(0);
            }),
            "has only one of entry_id and duration_ns",
        ),
        (
            "events",
            "duration_ns",
            Box::new(|values| {
                let at = values.iter().position(Option::is_some).unwrap();
                values[at] = Some(-7);
            }),
            "duration_ns is -7",
        ),
        (
            "events",
            "duration_ns",
            Box::new(|values| {
                let at = values.iter().position(Option::is_none).unwrap();
                values[at] = Some(7);
            }),
            "has only one of entry_id and duration_ns",
        ),
    ];
    for (table, column, change, fault) in broken {
        let broken = Broken::new();
        broken.change(table, "train", |rows| alter(&rows, column, change));
        broken.named(&OTHERS, &[fault]);
    }
    for (table, column) in [
        ("events", "phase"),
        ("requests", "rule"),
        ("requests", "end_reason"),
        ("downstream", "end_reason"),
        ("downstream", "matched_by"),
    ] {
        let broken = Broken::new();
        broken.change(table, "train", |rows| {
            let plain = arrow::compute::cast(&rows[column], &DataType::Utf8).unwrap();
            let mut words: Vec<&str> = plain.as_string::<i32>().iter().flatten().collect();
            words[3] = "junk";
            let array = arrow::array::StringArray::from(words);
            let array = arrow::compute::cast(&array, rows[column].data_type()).unwrap();
            with(&rows, column, array)
        });
        broken.named(&OTHERS, &[&format!("{column} is \"junk\"")]);
    }
}

/// A few kilobytes that decode to a list of many elements are not decoded.
#[test]
fn lists_that_are_longer_than_there_are_events() {
    const MANY: usize = 20_000_000;
    for events in [false, true] {
        let broken = Broken::new();
        let table = if events { "requests" } else { "downstream" };
        broken.change(table, "train", |rows| {
            let column = if events { "blocked" } else { "event_ids" };
            let lists = rows[column].as_list::<i32>();
            let DataType::List(field) = rows[column].data_type().clone() else {
                panic!("{column} is a list");
            };
            let mut lengths: Vec<usize> = (0..rows.num_rows()).map(|_| 1).collect();
            lengths[1] = MANY;
            let all = MANY + rows.num_rows() - 1;
            let zeros = UInt32Array::from(vec![0; all]);
            let values = arrow::compute::take(lists.values(), &zeros, None).unwrap();
            let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
            with(
                &rows,
                column,
                Arc::new(ListArray::new(field, offsets, values, None)),
            )
        });
        let path = broken.shard(table, "train");
        assert!(fs::metadata(&path).unwrap().len() < 4_000_000);
        let done = Command::new("sh")
            .args(["-c", "ulimit -v 2000000; exec \"$0\" verify \"$1\""])
            .arg(env!("CARGO_BIN_EXE_sysds"))
            .arg(&broken.root)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}{}", stderr(&done));
        assert!(
            said.contains("elements, but there are 135828 events"),
            "{said}"
        );
        assert!(said.lines().count() < 10, "{said}");
    }
}

#[test]
fn requests_in_the_wrong_split() {
    // One that is for testing stands in training, too.
    let broken = Broken::new();
    let test = rows_of(&broken.shard("requests", "test"));
    let id = ids(&test[0], "request_id")[0];
    broken.change("requests", "train", |rows| {
        concat_batches(&rows.schema(), &[rows.clone(), test[0].slice(0, 1)]).unwrap()
    });
    let both = format!("request {id} is in test and in train");
    broken.named(
        &["split", "row count", "nested events", "links of events"],
        &[&both, "is not in events of train"],
    );

    // One that is touched by losses is for training.
    let broken = Broken::new();
    let mut marked = 0;
    broken.change("requests", "train", |rows| {
        marked = ids(&rows, "request_id")[4];
        let complete: Vec<bool> = (0..rows.num_rows()).map(|i| i != 4).collect();
        let rows = with(&rows, "complete", Arc::new(BooleanArray::from(complete)));
        set(&rows, "lost_events", 4, 17)
    });
    let marked = format!("request {marked} is in train, but complete is false and lost_events 17");
    broken.named(
        &["marked request"],
        &["marked request: data/requests/", &marked],
    );
}
