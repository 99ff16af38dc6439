//! Several recordings that are read at once make the dataset that they make one after the other, byte for byte; where one
//! fails, or all are stopped, nothing is left.

use crate::common::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Every file of a dataset by its name; the manifest without the times at which it was made.
fn files_of(dataset: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dataset.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dataset).unwrap().to_path_buf();
            match path.is_dir() {
                true => dirs.push(path),
                false => drop(all.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    let mut made = manifest(dataset);
    let times = made.as_object_mut().unwrap();
    assert!(times.remove("created").is_some());
    times.remove("appended");
    all.insert("manifest.json".into(), serde_json::to_vec(&made).unwrap());
    all
}

/// Ingests `traces` into `dataset`, `jobs` at once.
fn with_jobs(jobs: &str, traces: &[&Path], dataset: &Path, options: &[&str]) -> Output {
    let mut args: Vec<&OsStr> = ["ingest", "-q", "--jobs", jobs, "-o"]
        .map(OsStr::new)
        .to_vec();
    args.push(dataset.as_os_str());
    args.extend(options.iter().map(OsStr::new));
    args.extend(traces.iter().map(|t| t.as_os_str()));
    sysds(args)
}

/// Expects the same files for each of `all` numbers of jobs, and that ingests end with this status.
fn same(all: &[&str], traces: &[&Path], options: &[&str], status: i32) {
    let dir = tempfile::tempdir().unwrap();
    let made = |jobs: &str| {
        let dataset = dir.path().join(jobs);
        let done = with_jobs(jobs, traces, &dataset, options);
        assert_eq!(done.status.code(), Some(status), "{}", stderr(&done));
        files_of(&dataset)
    };
    let first = made(all[0]);
    for jobs in &all[1..] {
        let other = made(jobs);
        assert!(first.keys().eq(other.keys()), "{jobs} jobs, {options:?}");
        for (name, bytes) in &first {
            let what = name.display();
            assert!(*bytes == other[name], "{what}: {jobs} jobs, {options:?}");
        }
    }
}

/// The traces of three recordings, the longest first.
fn three() -> [PathBuf; 3] {
    ["apache-lossy", "apache-prefork", "apache-keepalive"].map(trace)
}

fn paths(traces: &[PathBuf]) -> Vec<&Path> {
    traces.iter().map(PathBuf::as_path).collect()
}

/// Byte at which the second packet of a stream begins.
const SECOND: u64 = 1 << 20;

/// Overwrites events of a stream with what no event class has as its ID.
fn damage(stream: &Path, offset: u64) {
    let file = fs::OpenOptions::new().write(true).open(stream).unwrap();
    file.write_all_at(&[0xcb; 4096], offset).unwrap();
}

/// The names of what is in a folder.
fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.collect()
}

#[test]
fn all_traces_that_ship_make_the_same_dataset_whatever_the_number_of_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("traces");
    for name in names_in(&data("")) {
        if let Some(name) = name.strip_suffix(".tar.zst") {
            unpack(&data(&format!("{name}.tar.zst")), &root.join(name));
        }
    }
    assert!(names_in(&root).len() >= 9);
    // Some of them are damaged.
    same(&["1", "2", "4"], &[&root], &["--keep-going"], 3);
}

#[test]
fn with_each_rule_and_selection_and_each_reader() {
    let traces = three();
    for rule in ["connection", "exchange", "first-close"] {
        same(&["1", "3"], &paths(&traces), &["--requests", rule], 0);
    }
    let selected = ["--events", "syscall_*", "--request-args", "none"];
    same(&["1", "2"], &paths(&traces), &selected, 0);
    if cfg!(feature = "babeltrace2") {
        let reader = ["--reader", "babeltrace2"];
        same(&["1", "4"], &paths(&traces[1..]), &reader, 0);
    } else {
        eprintln!("SKIPPED: this program was built without babeltrace2");
    }
}

#[test]
fn labels_go_to_their_recordings() {
    let [lossy, prefork, keepalive] = three();
    let labels = ["a", "b", "c"].iter().flat_map(|l| ["--label", l]);
    let labels: Vec<&str> = labels.collect();
    same(&["1", "3"], &[&keepalive, &lossy, &prefork], &labels, 0);
}

#[test]
fn appending_several_at_once_is_appending_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let [lossy, prefork, keepalive] = three();
    let appended = |jobs: &str| {
        let dataset = dir.path().join(jobs);
        ingest(&[&keepalive], &dataset, &["-q"]);
        let done = with_jobs(jobs, &[&lossy, &prefork], &dataset, &["--append"]);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        files_of(&dataset)
    };
    assert!(appended("1") == appended("2"));
}

#[test]
fn a_recording_in_the_middle_that_is_damaged_leaves_nothing_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let [lossy, _, keepalive] = three();
    let damaged = copy_of("apache-prefork", dir.path());
    damage(&damaged.join("kernel/ch_1"), SECOND + 80_000);
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let traces = [&*lossy, &damaged, &keepalive];
    let alone = with_jobs("1", &traces, &out.join("d"), &[]);
    assert_eq!(alone.status.code(), Some(1));
    assert!(stderr(&alone).contains("apache-prefork/kernel/ch_1, packet 1, byte"));
    for jobs in ["2", "3"] {
        let done = with_jobs(jobs, &traces, &out.join("d"), &[]);
        assert_eq!(done.status.code(), Some(1));
        assert_eq!(stderr(&done), stderr(&alone), "{jobs} jobs");
        assert_eq!(names_in(&out), [""; 0], "something was left behind");
    }
    // With what comes before the damage, it is one of three again.
    same(&["1", "3"], &traces, &["--keep-going"], 3);
}

#[test]
fn of_several_that_are_damaged_the_first_in_order_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let late = copy_of("apache-lossy", dir.path());
    let early = copy_of("apache-prefork", dir.path());
    // The second is found to be damaged long before the first is.
    let stream = late.join("kernel/ch_1");
    let packets = fs::metadata(&stream).unwrap().len() / SECOND;
    damage(&stream, (packets - 1) * SECOND + 80_000);
    damage(&early.join("kernel/ch_0"), 1_000);
    for jobs in ["1", "2"] {
        let done = with_jobs(jobs, &[&late, &early], &dir.path().join("d"), &[]);
        assert_eq!(done.status.code(), Some(1));
        let said = stderr(&done);
        assert!(
            said.contains("apache-lossy/kernel/ch_1"),
            "{jobs} jobs: {said}"
        );
        assert_eq!(said.lines().count(), 2, "more than a message:\n{said}");
    }
}

#[test]
fn a_signal_stops_all_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut running = Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(["ingest", "--jobs", "3"])
            .args(three())
            .arg("-o")
            .arg(dir.path().join("d"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = || {
            let made = names_in(dir.path());
            let all = made.iter().map(|name| dir.path().join(name));
            let parts =
                all.flat_map(|aside| (0..3).map(move |n| aside.join(format!("parts-{n}/events"))));
            parts.filter(|p| p.exists()).count() == 3
        };
        let patience = Instant::now();
        while !begun() && patience.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill = Command::new("kill")
            .arg(signal)
            .arg(running.id().to_string())
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(running.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(names_in(dir.path()), [""; 0], "something was left behind");
    }
}

#[test]
fn no_jobs_are_refused() {
    let done = with_jobs("0", &[&trace("apache-keepalive")], Path::new("d"), &[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(stderr(&done).contains("--jobs"));
}
