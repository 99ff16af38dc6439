//! What the tests share: the traces, the program, and its tables.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef, TimestampNanosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A file of tests/data.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The folder of a trace of tests/data, unpacked once per run of the tests.
pub fn trace(name: &str) -> PathBuf {
    static UNPACKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = UNPACKING.lock().unwrap_or_else(|e| e.into_inner());
    let root =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("traces-{}", std::process::id()));
    let target = root.join(name);
    if !target.exists() {
        unpack(&data(&format!("{name}.tar.zst")), &root.join("unpacking"));
        let inner = name.trim_start_matches("apache-");
        fs::rename(root.join("unpacking").join(inner), &target).unwrap();
    }
    target
}

/// Unpacks a `.tar.zst` into `dir`.
pub fn unpack(archive: &Path, dir: &Path) {
    let file = File::open(archive).unwrap();
    tar::Archive::new(zstd::Decoder::new(file).unwrap())
        .unpack(dir)
        .unwrap();
}

/// A copy of a trace that a test may damage.
pub fn copy_of(name: &str, dir: &Path) -> PathBuf {
    let copy = dir.join(name);
    copy_dir(&trace(name), &copy);
    copy
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_dir(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Runs the program.
pub fn sysds<I: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = I>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(args)
        .output()
        .unwrap()
}

/// What a program said on stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ingests `traces` into `output` with more options, and expects exit status 0.
pub fn ingest(traces: &[&Path], output: &Path, options: &[&str]) {
    let mut args: Vec<&std::ffi::OsStr> = vec!["ingest".as_ref()];
    args.extend(traces.iter().map(|t| t.as_os_str()));
    args.extend(["-o".as_ref(), output.as_os_str()]);
    args.extend(options.iter().map(|o| std::ffi::OsStr::new(*o)));
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}

/// The manifest of a dataset.
pub fn manifest(dataset: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(dataset.join("manifest.json")).unwrap()).unwrap()
}

/// The files of a table, in the order of the manifest.
pub fn files(dataset: &Path, table: &str) -> Vec<PathBuf> {
    let manifest = manifest(dataset);
    let named = manifest["tables"][table]["files"].as_array().unwrap();
    let named = named.iter().map(|f| f["path"].as_str().unwrap());
    let files: Vec<PathBuf> = named.map(|path| dataset.join(path)).collect();
    assert!(!files.is_empty());
    files
}

/// The rows of a table, and its schema (of its first file).
pub fn table(dataset: &Path, table: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let files = files(dataset, table);
    let batches = files.iter().flat_map(|f| rows_of(f)).collect();
    let first = File::open(&files[0]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(first).unwrap();
    (reader.schema().clone(), batches)
}

/// The rows of a Parquet file.
pub fn rows_of(file: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let reader = reader.with_batch_size(8192).build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// A column's 64-bit integers (or nanoseconds, or 32-bit integers).
pub fn longs(array: &dyn Array) -> Vec<Option<i64>> {
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .iter()
            .map(|n| n.map(i64::from))
            .collect(),
        DataType::Timestamp(..) => array
            .as_primitive::<TimestampNanosecondType>()
            .iter()
            .collect(),
        other => panic!("{other} is no integer"),
    }
}

/// A column's texts, whether coded by a dictionary or not.
pub fn texts(array: &dyn Array) -> Vec<Option<String>> {
    let plain = arrow::compute::cast(&array.slice(0, array.len()), &DataType::Utf8).unwrap();
    plain
        .as_string::<i32>()
        .iter()
        .map(|t| t.map(str::to_owned))
        .collect()
}

/// A column of all batches.
pub fn all_longs(batches: &[RecordBatch], column: &str) -> Vec<Option<i64>> {
    batches
        .iter()
        .flat_map(|b| longs(b.column_by_name(column).unwrap()))
        .collect()
}

/// A column of all batches.
pub fn all_texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    batches
        .iter()
        .flat_map(|b| texts(b.column_by_name(column).unwrap()))
        .collect()
}

/// Whether a program is there; says so where it is not.
pub fn has(program: &str, args: &[&str]) -> bool {
    let there = Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("SKIPPED: {program} {} does not run here", args.join(" "));
    }
    there
}

/// Waits for something that has to come.
pub fn until(what: &str, mut come: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !come() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends it the signal `name`, as `INT`.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s $0 $1", name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}
