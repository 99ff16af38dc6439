//! `sysds query` from outside, on small datasets whose answers are known.

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampNanosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn write_table(dir: &Path, file: &str, columns: Vec<(&str, ArrayRef)>) {
    let field = |(n, a): &(&str, ArrayRef)| Field::new(*n, a.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    fs::create_dir_all(dir).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(dir.join(file)).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn words(words: Vec<Option<&str>>) -> ArrayRef {
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    cast(&StringArray::from(words), &dictionary).unwrap()
}

fn ints(values: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

/// A field whose metadata differ from file to file, as those of arguments do.
fn noted(name: &str, array: &ArrayRef, note: &str) -> Field {
    let metadata = [("events".to_owned(), note.to_owned())].into();
    Field::new(name, array.data_type().clone(), true).with_metadata(metadata)
}

/// Events as (name, phase, ret, entry_id, duration_ns), with one argument each.
type Event<'a> = (&'a str, &'a str, Option<i64>, Option<i64>, Option<i64>);

fn write_events(root: &Path, trace: &str, argument: (&str, ArrayRef), events: &[Event]) {
    let n = events.len();
    let (name, values) = argument;
    let args = StructArray::new(vec![noted(name, &values, trace)].into(), vec![values], None);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("event_id", ints((0..n as i64).map(Some).collect())),
        ("trace_id", words(vec![Some(trace); n])),
        ("procname", words(vec![Some("apache2"); n])),
        ("name", words(events.iter().map(|e| Some(e.0)).collect())),
        ("phase", words(events.iter().map(|e| Some(e.1)).collect())),
        ("ret", ints(events.iter().map(|e| e.2).collect())),
        ("entry_id", ints(events.iter().map(|e| e.3).collect())),
        ("duration_ns", ints(events.iter().map(|e| e.4).collect())),
        ("args", Arc::new(args)),
    ];
    write_table(&root.join("events"), &format!("{trace}.parquet"), columns);
}

/// Requests of one trace: durations, of which every seventh belongs to an incomplete request.
fn write_requests(root: &Path, trace: &str, durations: &[i64]) {
    let n = durations.len() as i64;
    let time = |at: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from(at).with_timezone("UTC"))
    };
    let name: ArrayRef = Arc::new(StringArray::from(vec!["read"; durations.len()]));
    let item = StructArray::new(vec![noted("name", &name, trace)].into(), vec![name], None);
    let field = Arc::new(Field::new("item", item.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(vec![1; durations.len()]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("request_id", ints((0..n).map(Some).collect())),
        ("trace_id", words(vec![Some(trace); durations.len()])),
        ("procname", words(vec![Some("apache2"); durations.len()])),
        ("pid", Arc::new(Int32Array::from(vec![7; durations.len()]))),
        ("start", time((0..n).map(|i| i * 1_000_000).collect())),
        (
            "duration_ns",
            Arc::new(Int64Array::from(durations.to_vec())),
        ),
        ("n_events", ints(vec![Some(2); durations.len()])),
        (
            "complete",
            Arc::new((0..n).map(|i| Some(i % 7 != 0)).collect::<BooleanArray>()),
        ),
        (
            "events",
            Arc::new(ListArray::new(field, offsets, Arc::new(item), None)),
        ),
    ];
    write_table(&root.join("requests"), &format!("{trace}.parquet"), columns);
}

/// Two traces, whose events have different arguments.
pub fn dataset() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let files: ArrayRef = Arc::new(StringArray::from(vec![Some("/etc/hosts"), None]));
    let calls: [Event; 2] = [
        ("openat", "entry", None, None, None),
        ("openat", "exit", Some(-1), Some(0), Some(500)),
    ];
    write_events(root, "a", ("filename", files), &calls);
    let counts = ints(vec![Some(1), None, None, None, None, None, Some(i64::MAX)]);
    let calls: [Event; 7] = [
        ("read", "entry", None, None, None),
        ("read", "exit", Some(-4095), Some(0), Some(100)),
        ("read", "exit", Some(-4096), None, None),
        ("read", "entry", None, None, None),
        ("read", "exit", Some(0), Some(3), Some(300)),
        ("sched_switch", "point", None, None, None),
        ("poll", "entry", None, None, None),
    ];
    write_events(root, "b", ("count", counts), &calls);
    write_requests(root, "a", &durations(1000));
    write_requests(root, "b", &durations(10));
    let named = |table: &str| {
        let paths = ["a", "b"].map(|trace| json!({"path": format!("{table}/{trace}.parquet")}));
        json!({"files": paths})
    };
    let tables = json!({"events": named("events"), "requests": named("requests")});
    let manifest = json!({"tables": tables}).to_string();
    fs::write(root.join("manifest.json"), manifest).unwrap();
    dir
}

/// Durations in no order, some of them twice.
fn durations(n: i64) -> Vec<i64> {
    (0..n).map(|i| (i * 7919) % 613 * 1_000_003 + 1).collect()
}

fn sysds(dataset: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysds"))
        .arg("query")
        .args(args)
        .current_dir(dataset)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a query that succeeds prints.
fn answer(dataset: &Path, args: &[&str]) -> String {
    let output = sysds(dataset, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// What a query that fails says, and its exit status.
fn complaint(dataset: &Path, args: &[&str]) -> (String, i32) {
    let output = sysds(dataset, args);
    assert_eq!(text(&output.stdout), "", "stdout is for results");
    (
        text(&output.stderr).to_owned(),
        output.status.code().unwrap(),
    )
}

fn csv(dataset: &Path, sql: &str) -> String {
    answer(dataset, &["--format", "csv", "-e", sql])
}

#[test]
fn arguments_of_traces_with_different_fields_are_one_table() {
    let d = dataset();
    let sql = "SELECT trace_id, args['filename'] AS f, args['count'] AS c FROM events
        WHERE args['filename'] IS NOT NULL OR args['count'] IS NOT NULL ORDER BY trace_id, event_id";
    let expected = "trace_id,f,c\na,/etc/hosts,\nb,,1\nb,,9223372036854775807\n";
    assert_eq!(csv(d.path(), sql), expected);
    let sql = "SELECT args FROM events WHERE event_id = 0 ORDER BY trace_id";
    let expected = "{\"args\":{\"filename\":\"/etc/hosts\"}}\n{\"args\":{\"count\":1}}\n";
    assert_eq!(
        answer(d.path(), &["--format", "ndjson", "-e", sql]),
        expected
    );
}

#[test]
fn events_of_requests_are_rows_with_unnest() {
    let d = dataset();
    let sql = "SELECT e['name'] AS name, count(*) AS n FROM (SELECT unnest(events) AS e FROM requests) GROUP BY 1";
    assert_eq!(csv(d.path(), sql), "name,n\nread,1010\n");
}

#[test]
fn latency_gives_the_nearest_ranks() {
    let d = dataset();
    let mut sorted: Vec<i64> = [1000, 10]
        .iter()
        .flat_map(|n| durations(*n).into_iter().enumerate())
        .filter_map(|(i, d)| (i % 7 != 0).then_some(d))
        .collect();
    sorted.sort();
    let n = sorted.len();
    let rank = |p: f64| sorted[(n - 1).min((p * n as f64).floor() as usize)];
    let rows = answer(d.path(), &["latency", "--format", "csv"]);
    let last = rows.lines().last().unwrap();
    let numbers: Vec<&str> = last.split(',').collect();
    assert_eq!(numbers[2..4], [n.to_string(), (1010 - n).to_string()]);
    let expected = [rank(0.5), rank(0.9), rank(0.99), rank(0.999), sorted[n - 1]];
    assert_eq!(numbers[10..], expected.map(|d| d.to_string()));
    let mean = sorted.iter().sum::<i64>() as f64 / n as f64 / 1e6;
    assert!((numbers[4].parse::<f64>().unwrap() - mean).abs() < 0.001);
    let all = answer(
        d.path(),
        &["latency", "--format", "csv", "-p", "incomplete=true"],
    );
    assert!(
        all.lines().last().unwrap().starts_with(",,1010,0,"),
        "{all}"
    );
}

#[test]
fn the_histogram_knows_errors_and_halves_of_calls() {
    let d = dataset();
    let rows = answer(d.path(), &["syscall_histogram", "--format", "csv"]);
    let expected = "\
name,calls,errors,total_ms,mean_us,share,total_ns,no_entry,no_exit
openat,1,1,0.001,0.5,55.56,500,0,0
read,3,1,0.0,0.2,44.44,400,1,0
poll,0,0,0.0,,0.0,0,0,1
";
    assert_eq!(rows, expected);
}

fn split_of(file: &Path) -> Vec<(String, i64)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let batches = reader.build().unwrap().map(Result::unwrap);
    batches
        .flat_map(|batch| {
            let trace = cast(batch.column_by_name("trace_id").unwrap(), &DataType::Utf8).unwrap();
            let trace = trace
                .as_any()
                .downcast_ref::<StringArray>()
                .unwrap()
                .clone();
            let id = batch.column_by_name("request_id").unwrap();
            let id = id.as_any().downcast_ref::<Int64Array>().unwrap().clone();
            (0..batch.num_rows()).map(move |i| (trace.value(i).to_owned(), id.value(i)))
        })
        .collect()
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let d = dataset();
    let sql = "-- Wrong.\nSELECT 1;\n\nSELECT name,\n\targs['cuont']\nFROM events\n";
    fs::write(d.path().join("wrong.sql"), sql).unwrap();
    let output = sysds(d.path(), &["wrong.sql", "--format", "csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "Int64(1)\n1\n", "what ran before");
    let expected = "error: wrong.sql, line 5, column 8: Field cuont not found in struct\n  5 | \targs['cuont']\n    \
        | \t      ^^^^^\n  help: Did you mean 'count'?\n";
    assert_eq!(text(&output.stderr), expected);
    let told = |sql: &str| complaint(d.path(), &["-e", sql]).0;
    let e = told("SELECT duratoin_ns FROM requests");
    assert!(
        e.contains("line 1, column 8") && e.contains("Did you mean duration_ns?"),
        "{e}"
    );
    let e = told("SELECT * FROM request");
    assert!(
        e.contains("line 1, column 15") && e.contains("Did you mean requests?"),
        "{e}"
    );
    let e = told("SELECT name\nFROM events\nWHER name = 'read'");
    assert!(
        e.contains("line 3, column 6") && e.contains("\n    |      ^"),
        "{e}"
    );
    let e = told("SELECT cout(*) FROM events");
    assert!(e.contains("Did you mean") && e.contains("count"), "{e}");
    assert!(told("SELECT 1 +").contains("line 1, column 11"));
    assert!(told("SELECT 1 / (SELECT 0)").contains("Divide by zero"));
}

#[test]
fn what_the_engine_would_answer_wrongly_is_refused() {
    let d = dataset();
    let told = |sql: &str| complaint(d.path(), &["-e", sql]).0;
    for compared in ["= ANY", "<> ALL", ">= ALL"] {
        let e = told(&format!(
            "SELECT count(*) FROM requests WHERE n_events {compared} (SELECT n_events FROM requests)"
        ));
        assert!(e.contains("write IN or NOT IN"), "{compared}: {e}");
    }
    for set in ["EXCEPT ALL", "INTERSECT ALL"] {
        let e = told(&format!(
            "SELECT * FROM (SELECT tid FROM events UNION (SELECT 1 {set} SELECT 2))"
        ));
        assert!(e.contains("row_number()"), "{set}: {e}");
    }
}

#[test]
fn what_the_engine_says_in_words_of_its_own_is_explained() {
    let d = dataset();
    for (sql, what, remedy) in [
        (
            "SELECT events[1].name FROM requests",
            "line 1, column 18: after […] no dot reaches a member",
            "Write ['name'] in place of .name",
        ),
        (
            "SELECT request_id IN (SELECT entry_id FROM events) FROM requests",
            "line 1, column 1: IN (SELECT …) is answered in WHERE",
            "LEFT JOIN (SELECT DISTINCT id",
        ),
        (
            "SELECT EXISTS (SELECT 1 FROM events e WHERE e.entry_id = r.request_id) FROM requests r",
            "line 1, column 1: EXISTS (SELECT …) is answered in WHERE",
            "LEFT JOIN (SELECT DISTINCT id",
        ),
        (
            "SELECT events.name FROM requests",
            "a member is asked of a column that is a list",
            "FROM must have it under the name",
        ),
        (
            "SELECT ret IS NOT TRUE AS failed FROM events",
            "asked of a condition, and this is a value of type Int64",
            "(ret < 0) IS NOT TRUE",
        ),
    ] {
        let (told, _) = complaint(d.path(), &["-e", sql]);
        assert!(told.contains(what), "no {what:?} in {told}");
        assert!(told.contains(remedy), "no {remedy:?} in {told}");
        let maker = ["Expr", "Span(", "Physical", "infer", "Struct("];
        assert!(!maker.iter().any(|word| told.contains(word)), "{told}");
    }
    // What the remedies say is answered.
    for sql in [
        "SELECT events[1]['name'] FROM requests",
        "SELECT (ret < 0) IS NOT TRUE AS c FROM events",
        "SELECT t.id IS NOT NULL AS found FROM requests AS a LEFT JOIN (SELECT DISTINCT entry_id AS id FROM events) AS t ON t.id = a.request_id",
        "CREATE TABLE step AS SELECT sum(ret) OVER () AS s FROM events; SELECT sum(s) OVER () FROM step",
    ] {
        answer(d.path(), &["--format", "csv", "-e", sql]);
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_why_its_tables_are_missing() {
    let d = dataset();
    for table in ["spans", "recordings"] {
        let (told, status) = complaint(d.path(), &["-e", &format!("SELECT * FROM {table}")]);
        assert_eq!(status, 1, "{told}");
        assert!(
            told.contains("manifest.json, line 1")
                && told.contains("not a manifest: missing field"),
            "{told}"
        );
    }
    // Who misses something else is told of that.
    let (told, _) = complaint(d.path(), &["-e", "SELECT spans FROM events"]);
    assert!(told.contains("no column named spans"), "{told}");
    let (told, _) = complaint(d.path(), &["-e", "SELECT * FROM span"]);
    assert!(told.contains("table 'span' not found"), "{told}");
}

#[test]
fn whole_numbers_divide_to_whole_ones_and_nulls_are_the_greatest() {
    let d = dataset();
    assert_eq!(
        csv(d.path(), "SELECT 7 / 2 AS a, -7 / 2 AS b, 7 / 2.0 AS c"),
        "a,b,c\n3,-3,3.5\n"
    );
    let sorted = |order: &str| {
        let sql = format!(
            "SELECT coalesce(arrow_cast(x, 'Utf8'), 'null') AS y FROM (VALUES (2), (NULL), (1)) AS t(x) ORDER BY x {order}"
        );
        csv(d.path(), &sql)
            .lines()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(sorted(""), "1 2 null");
    assert_eq!(sorted("DESC"), "null 2 1");
    assert_eq!(sorted("DESC NULLS LAST"), "2 1 null");
}

#[test]
fn nothing_runs_where_a_later_statement_cannot_be_read() {
    let d = dataset();
    let (e, status) = complaint(d.path(), &["-e", "COPY events TO 'x.parquet'; SELEC 1"]);
    assert!(e.contains("line 1, column 29") && status == 1, "{e}");
    assert!(!d.path().join("x.parquet").exists());
}

#[test]
fn parameters_are_checked_and_explained() {
    let d = dataset();
    let (e, _) = complaint(d.path(), &["-e", "SELECT $a, $b", "-p", "a=1"]);
    assert!(
        e.contains("column 12: $b has no value") && e.contains("-p b=VALUE"),
        "{e}"
    );
    let (e, status) = complaint(d.path(), &["latency", "-p", "sever=x"]);
    assert!(
        e.contains("no parameter $sever") && e.contains("-p server=%") && status == 2,
        "{e}"
    );
    let sql = "SELECT $i + 1 AS i, $f AS f, $b AS b, $s AS s, '$s' AS t";
    let given = [
        "-p",
        "i=41",
        "-p",
        "f=0.5",
        "-p",
        "b=true",
        "-p",
        "s=it's; --",
    ];
    let args = [&["--format", "csv", "-e", sql], &given[..]].concat();
    assert_eq!(
        answer(d.path(), &args),
        "i,f,b,s,t\n42,0.5,true,it's; --,$s\n"
    );
}

#[test]
fn sql_comes_from_stdin_and_results_go_to_files() {
    let (d, out) = (dataset(), tempfile::tempdir().unwrap());
    let file = out.path().join("out.json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["query", "-", "-d"])
        .arg(d.path())
        .args(["--format", "json", "-o"])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"SELECT 1 AS a; SELECT 2 AS b WHERE false")
        .unwrap();
    assert!(child.wait().unwrap().success());
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written, "[\n{\"a\":1}\n]\n[]\n");
    let failing = [
        "--format",
        "json",
        "-o",
        file.to_str().unwrap(),
        "-e",
        "SELECT 3 AS c; SELECT 1 / (SELECT 0)",
    ];
    complaint(d.path(), &failing);
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept, written, "a failure leaves the old file");
    let names = fs::read_dir(out.path()).unwrap();
    assert_eq!(names.count(), 1, "and nothing beside it");
}

#[test]
fn parquet_holds_one_result() {
    let (d, out) = (dataset(), tempfile::tempdir().unwrap());
    let [file, other] = ["r.parquet", "x.parquet"].map(|name| out.path().join(name));
    let sql = "SELECT request_id, trace_id, events FROM requests ORDER BY trace_id, request_id";
    answer(
        d.path(),
        &[
            "-e",
            sql,
            "--format",
            "parquet",
            "-o",
            file.to_str().unwrap(),
        ],
    );
    let rows = split_of(&file);
    assert_eq!((rows.len(), &rows[1]), (1010, &("a".to_owned(), 1)));
    let two = [
        "-e",
        "SELECT 1 AS a; SELECT 2 AS a",
        "--format",
        "parquet",
        "-o",
        other.to_str().unwrap(),
    ];
    let (e, _) = complaint(d.path(), &two);
    assert!(e.contains("one result") && !other.exists(), "{e}");
    let (e, _) = complaint(d.path(), &["-e", "SELECT 1", "--format", "parquet"]);
    assert!(e.contains("-o FILE"), "{e}");
    let (e, _) = complaint(
        d.path(),
        &[
            "-e",
            "SELECT * FROM (SELECT 1 AS a) AS s, (SELECT 2 AS a) AS t",
            "--format",
            "ndjson",
        ],
    );
    assert!(e.contains("named a"), "{e}");
}

#[test]
fn a_dataset_is_only_read() {
    let d = dataset();
    let (e, _) = complaint(
        d.path(),
        &["-e", "INSERT INTO requests SELECT * FROM requests"],
    );
    assert!(e.contains("stays as it is"), "{e}");
    assert_eq!(fs::read_dir(d.path().join("requests")).unwrap().count(), 2);
    let none = tempfile::tempdir().unwrap();
    let (e, status) = complaint(none.path(), &["-e", "SELECT 1"]);
    assert!(e.contains("not a sysds dataset") && status == 1, "{e}");
    fs::write(d.path().join("events/a.parquet"), "PAR1 broken").unwrap();
    let (e, _) = complaint(d.path(), &["-e", "SELECT 1"]);
    assert!(
        e.contains("a.parquet") && e.contains("whole Parquet file"),
        "{e}"
    );
}

const ENDLESS: &str = "SELECT value FROM generate_series(1, 100000000000)";

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let d = dataset();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["query", "-e", ENDLESS, "--format", "csv"])
        .current_dir(d.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"value\n1\n2\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn ctrl_c_ends_a_copy_and_leaves_nothing() {
    let d = dataset();
    let out = tempfile::tempdir().unwrap();
    let allowed = out.path().display().to_string();
    let sql = format!("COPY ({ENDLESS}) TO '{allowed}/long.csv'");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["query", "--allow-write", &allowed, "-e", &sql])
        .current_dir(d.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let since = Instant::now();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(10));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn the_shipped_queries_are_listed() {
    let d = dataset();
    let list = answer(d.path(), &["--list"]);
    let shipped = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).unwrap();
    assert_eq!(list.lines().count(), shipped.count());
    assert!(
        list.contains("latency            How long requests take"),
        "{list}"
    );
}

#[test]
fn a_query_of_the_folder_that_stands_for_a_shipped_one_is_told_of() {
    let (d, work) = (dataset(), tempfile::tempdir().unwrap());
    let run = || {
        let done = Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(["query", "losses", "--format", "csv", "-d"])
            .arg(d.path())
            .current_dir(work.path())
            .output()
            .unwrap();
        (text(&done.stdout).to_owned(), text(&done.stderr).to_owned())
    };
    let folder = work.path().join("queries");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("losses.sql"), "SELECT 666 AS n").unwrap();
    let (rows, said) = run();
    assert_eq!(rows, "n\n666\n");
    assert!(
        said.starts_with("note: losses is queries/losses.sql of this folder"),
        "{said}"
    );
    // A copy that says the same is no other query.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/losses.sql");
    fs::copy(shipped, folder.join("losses.sql")).unwrap();
    assert!(!run().1.contains("note:"));
}

#[test]
fn sql_may_begin_with_a_comment_or_a_byte_order_mark() {
    let d = dataset();
    for words in [
        &["-e", "-- seven\nSELECT 7 AS n"][..],
        &["--execute", "--seven\nSELECT 7 AS n"],
    ] {
        let answered = answer(d.path(), &[&["--format", "csv"], words].concat());
        assert_eq!(answered, "n\n7\n");
    }
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("q.sql");
    fs::write(&file, "\u{feff}SELECT 7 AS n").unwrap();
    let answered = answer(d.path(), &["--format", "csv", file.to_str().unwrap()]);
    assert_eq!(answered, "n\n7\n");
}

#[test]
fn a_query_that_cannot_be_looked_at_is_not_taken_for_absent() {
    let d = dataset();
    let work = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(["query", name, "-d", d.path().to_str().unwrap()])
            .current_dir(work.path())
            .output()
            .unwrap()
    };
    let long = run(&format!("SELECT {}", "1 + ".repeat(99)));
    assert_eq!(long.status.code(), Some(2));
    assert!(
        crate::common::stderr(&long).contains("-e"),
        "{}",
        crate::common::stderr(&long)
    );
    std::os::unix::fs::symlink("loop.sql", work.path().join("loop.sql")).unwrap();
    let done = run("loop.sql");
    assert_eq!(done.status.code(), Some(1));
    assert!(
        crate::common::stderr(&done).contains("loop.sql: "),
        "{}",
        crate::common::stderr(&done)
    );
    // A folder `queries` that cannot be looked through must not have the shipped query run instead.
    std::os::unix::fs::symlink("queries", work.path().join("queries")).unwrap();
    for name in ["latency", "--list"] {
        let done = run(name);
        assert_eq!(done.status.code(), Some(1), "{name}");
        assert!(
            crate::common::stderr(&done).contains("queries"),
            "{}",
            crate::common::stderr(&done)
        );
    }
}
