//! Bad input: one clear message that says what, where and what to do; a status that is not 0; nothing left behind.

use crate::common::*;
use std::fs;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Byte at which the second packet of `ch_1` of the prefork trace begins.
const SECOND: u64 = 1 << 20;

/// Ingests `trace`, expects it to fail with all of `parts` in the message, and nothing to be left in `dir`.
fn refused(trace: &Path, dir: &Path, parts: &[&str]) {
    let out = dir.join("out");
    fs::create_dir_all(&out).unwrap();
    let done = sysds([Path::new("ingest"), trace, Path::new("-o"), &out.join("d")]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    for part in parts.iter().chain(&["error: ", "\n  help: "]) {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(said.lines().count() <= 3, "more than a message:\n{said}");
    assert_eq!(
        fs::read_dir(&out).unwrap().count(),
        0,
        "something was left behind"
    );
}

/// Ingests `trace` with --keep-going, and returns the manifest.
fn kept(trace: &Path, dir: &Path) -> serde_json::Value {
    let dataset = dir.join("kept");
    let args = [
        Path::new("ingest"),
        trace,
        Path::new("-o"),
        &dataset,
        Path::new("--keep-going"),
    ];
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    assert!(stderr(&done).contains("what follows in this stream is lost"));
    let manifest = manifest(&dataset);
    assert_eq!(manifest["damaged"], true);
    let (_, losses) = table(&dataset, "losses");
    assert_eq!(losses.iter().map(|b| b.num_rows()).sum::<usize>(), 1);
    let (_, requests) = table(&dataset, "requests");
    let end = all_longs(&losses, "begin")[0].unwrap();
    let ends = all_longs(&requests, "end");
    let complete = requests.iter().flat_map(|b| {
        let column = b.column_by_name("complete").unwrap();
        arrow::array::AsArray::as_boolean(column.as_ref())
            .iter()
            .collect::<Vec<_>>()
    });
    for (complete, request_end) in complete.zip(ends) {
        assert!(
            complete == Some(false) || request_end.unwrap() < end,
            "touched by the damage"
        );
    }
    manifest
}

fn prefork(dir: &Path) -> PathBuf {
    copy_of("apache-prefork", dir)
}

fn write_at(file: &Path, bytes: &[u8], offset: u64) {
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

#[test]
fn no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused(&empty, dir.path(), &["empty", "no trace here"]);
    refused(
        &dir.path().join("none"),
        dir.path(),
        &["none", "No such file"],
    );
    fs::write(dir.path().join("file"), "x").unwrap();
    refused(
        &dir.path().join("file"),
        dir.path(),
        &["file", "not a folder"],
    );
}

#[test]
fn metadata_that_does_not_parse() {
    let dir = tempfile::tempdir().unwrap();
    let trace = prefork(dir.path());
    let metadata = trace.join("kernel/metadata");
    fs::write(
        &metadata,
        "/* CTF 1.8 */\ntrace { major = 1; minor = ; };\n",
    )
    .unwrap();
    refused(
        &trace,
        dir.path(),
        &["kernel/metadata, line 2, column 28", "found `;`"],
    );
    fs::write(&metadata, "\u{1e}{\"type\":\"preamble\",\"version\":2}").unwrap();
    refused(
        &trace,
        dir.path(),
        &["kernel/metadata", "data stream class"],
    );
    fs::write(&metadata, "").unwrap();
    refused(&trace, dir.path(), &["kernel/metadata"]);
}

#[test]
fn a_stream_cut_off_in_a_packet() {
    let dir = tempfile::tempdir().unwrap();
    let trace = prefork(dir.path());
    let stream = fs::OpenOptions::new()
        .write(true)
        .open(trace.join("kernel/ch_1"))
        .unwrap();
    stream.set_len(2_000_000).unwrap();
    let place = [
        "kernel/ch_1, packet 1, byte 1048576",
        "cut off",
        "951424 are there",
    ];
    refused(&trace, dir.path(), &place);
    // babeltrace2 reads as many events of the cut packet when it is told to go on.
    assert_eq!(kept(&trace, dir.path())["events"], 98_607);
    fs::remove_dir_all(trace.join("kernel/index")).unwrap();
    refused(&trace, dir.path(), &place);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(kept(&trace, dir.path())["events"], 98_607);
}

#[test]
fn a_packet_with_a_broken_header() {
    let dir = tempfile::tempdir().unwrap();
    let trace = prefork(dir.path());
    write_at(&trace.join("kernel/ch_1"), &[0xff; 4], SECOND);
    let place = ["kernel/ch_1, packet 1, byte 1048576", "0xffffffff"];
    refused(&trace, dir.path(), &place);
    assert_eq!(kept(&trace, dir.path())["events"], 81_171);
    fs::remove_dir_all(trace.join("kernel/index")).unwrap();
    refused(&trace, dir.path(), &place);
}

#[test]
fn a_packet_with_a_broken_event() {
    let dir = tempfile::tempdir().unwrap();
    let trace = prefork(dir.path());
    // No event class has the ID 0xcbcb; the first that begins in what is overwritten is named.
    write_at(&trace.join("kernel/ch_1"), &[0xcb; 4096], 1_200_000);
    refused(
        &trace,
        dir.path(),
        &[
            "kernel/ch_1, packet 1, byte 1200016: an event 52171,",
            "stream class",
        ],
    );
    let manifest = kept(&trace, dir.path());
    let events = manifest["events"].as_u64().unwrap();
    assert!((81_171..98_607).contains(&events), "{events}");
    let damage = manifest["recordings"][0]["damage"][0]["place"]
        .as_str()
        .unwrap();
    assert!(
        damage.ends_with("kernel/ch_1, packet 1, byte 1200016"),
        "{damage}"
    );
    // The other stream is whole.
    let (_, rows) = table(&dir.path().join("kept"), "events");
    let cpus = all_longs(&rows, "cpu");
    assert_eq!(cpus.iter().filter(|c| **c == Some(0)).count(), 61_467);
}

#[test]
fn a_file_that_may_not_be_read() {
    if !has("setpriv", &["--reuid", "65534", "true"]) {
        return;
    }
    let dir = tempfile::Builder::new()
        .prefix("sysds")
        .tempdir_in("/tmp")
        .unwrap();
    let trace = prefork(dir.path());
    assert!(
        Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(dir.path())
            .status()
            .unwrap()
            .success()
    );
    let locked = Command::new("chmod")
        .arg("600")
        .arg(trace.join("kernel/ch_0"))
        .status();
    assert!(locked.unwrap().success());
    let program = dir.path().join("sysds");
    fs::copy(env!("CARGO_BIN_EXE_sysds"), &program).unwrap();
    let done = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
        .arg("ingest")
        .arg(&trace)
        .arg("-o")
        .arg(dir.path().join("d"))
        .output()
        .unwrap();
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("kernel/ch_0: cannot read: Permission denied"),
        "{said}"
    );
    assert!(said.contains("sudo"), "{said}");
    assert!(!dir.path().join("d").exists());
}

#[test]
fn a_disk_that_fills_up() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&disk)
        .output();
    if !mount.is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED: no file system can be mounted here");
        return;
    }
    let trace = trace("apache-lossy");
    let done = sysds([
        Path::new("ingest"),
        &trace,
        Path::new("-o"),
        &disk.join("d"),
    ]);
    let left = fs::read_dir(&disk).unwrap().count();
    // The dataset that rows come from is not to blame for the disk that they go to.
    let web = dir.path().join("web");
    ingest(&[&trace], &web, &["-q"]);
    let copies = ["c.csv", "c.parquet", "deep/c.json"].map(|name| {
        let target = disk.join(name);
        let sql = format!(
            "COPY (SELECT * EXCLUDE (args), repeat(name, 20) AS more FROM events) TO '{}'",
            target.display()
        );
        let done = sysds([
            "query".as_ref(),
            "-d".as_ref(),
            web.as_os_str(),
            "--allow-write".as_ref(),
            disk.as_os_str(),
            "-e".as_ref(),
            sql.as_ref(),
        ]);
        let _ = fs::remove_dir_all(disk.join("deep"));
        (target, done, fs::read_dir(&disk).unwrap().count())
    });
    assert!(
        Command::new("umount")
            .arg(&disk)
            .status()
            .unwrap()
            .success()
    );
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("No space left on device") && said.contains("Free some space"),
        "{said}"
    );
    assert_eq!(left, 0);
    for (target, done, left) in copies {
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{said}");
        let first = format!("error: {}: cannot write: ", target.display());
        assert!(said.starts_with(&first), "{said}");
        assert!(
            said.contains("No space left on device") || said.contains("as where a disk is full"),
            "{said}"
        );
        assert!(!said.contains("DataFusion"), "{said}");
        assert_eq!(left, 0, "{said}");
    }
}

#[test]
fn a_target_that_exists() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, target) = (trace("apache-keepalive"), dir.path().join("d"));
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "").unwrap();
    let run = |force: &[&str]| {
        let mut args = vec![
            "ingest".as_ref(),
            trace.as_os_str(),
            "-o".as_ref(),
            target.as_os_str(),
        ];
        args.extend(force.iter().map(|f| std::ffi::OsStr::new(*f)));
        sysds(args)
    };
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("exists already"));
    let refused = run(&["--force"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("not a dataset"));
    assert!(target.join("mine").exists());
    fs::remove_file(target.join("mine")).unwrap();
    assert_eq!(run(&["--force", "-q"]).status.code(), Some(0));
    assert_eq!(run(&["--force", "-q"]).status.code(), Some(0));
}

/// Starts an ingest of all traces with --force over the dataset `target`, and sends it signals while it is at work.
fn struck(target: &Path, signals: &[i32]) -> std::process::ExitStatus {
    let mut running = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["ingest", "--force"])
        .args(["apache-lossy", "apache-prefork", "apache-keepalive"].map(trace))
        .arg("-o")
        .arg(target)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let parent = target.parent().unwrap();
    let begun = || {
        let names = fs::read_dir(parent)
            .unwrap()
            .map(|e| e.unwrap().path().join("parts-0/events"));
        names.filter(|p| p.exists()).count() > 0
    };
    let patience = Instant::now();
    while !begun() && patience.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let kills = signals
        .iter()
        .map(|s| format!("kill -{s} {};", running.id()));
    let kill = Command::new("sh")
        .args(["-c", &kills.collect::<String>()])
        .stderr(std::process::Stdio::null())
        .status();
    assert!(kill.is_ok());
    running.wait().unwrap()
}

#[test]
fn an_interrupt_leaves_nothing_and_a_kill_leaves_the_old_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("d");
    ingest(&[&trace("apache-keepalive")], &target, &["-q"]);
    let before = fs::read(target.join("manifest.json")).unwrap();
    // timeout(1) sends its signal to a process and then to its group; a terminal that is closed sends SIGHUP.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let nohup = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap() & 1 == 1;
    for signals in [&[2][..], &[15, 15], &[2, 15, 15], &[1], &[1, 15]] {
        if nohup && signals[0] == 1 {
            eprintln!("SKIPPED: these tests were started with nohup");
            continue;
        }
        assert_eq!(struck(&target, signals).code(), Some(130), "{signals:?}");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "{signals:?}: nothing beside the dataset"
        );
        assert_eq!(fs::read(target.join("manifest.json")).unwrap(), before);
    }
    assert_eq!(struck(&target, &[9]).signal(), Some(9));
    assert_eq!(fs::read(target.join("manifest.json")).unwrap(), before);
    assert_eq!(
        table(&target, "events")
            .1
            .iter()
            .map(|b| b.num_rows())
            .sum::<usize>(),
        96_922
    );
}
