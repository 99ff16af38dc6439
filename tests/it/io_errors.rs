//! An error of the system is never taken for the absence of what it hides: strace has one call after the other fail with
//! EIO, and what comes out is an error with a message, or exactly what comes out without it.

use crate::common::*;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Calls of the system by which a program looks at files.
const CALLS: [&str; 8] = [
    "statx",
    "newfstatat",
    "fstat",
    "openat",
    "getdents64",
    "read",
    "pread64",
    "readlink",
];

fn strace_runs() -> bool {
    has("strace", &["-f", "-e", "trace=none", "true"])
}

/// Runs the program with the `when`th `call` failing. The dynamic linker's own calls on libraries count, too.
fn injected(call: &str, when: usize, args: &[&str]) -> Output {
    let begun = Instant::now();
    let done = Command::new("timeout")
        .args(["-s", "KILL", "60", "strace", "-f", "-qq", "-o", "/dev/null"])
        .args([
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={call}:error=EIO:when={when}"),
        ])
        .arg(env!("CARGO_BIN_EXE_sysds"))
        .args(args)
        .output()
        .unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(50),
        "{call} {when}: it hangs"
    );
    done
}

/// How often each thread of the program makes a call, at most.
fn count(call: &str, args: &[&str]) -> usize {
    let log = tempfile::NamedTempFile::new().unwrap();
    let done = Command::new("strace")
        .args(["-f", "-qq", "-e", &format!("trace={call}"), "-o"])
        .arg(log.path())
        .arg(env!("CARGO_BIN_EXE_sysds"))
        .args(args)
        .output();
    drop(done.unwrap());
    let text = fs::read_to_string(log.path()).unwrap();
    text.lines()
        .filter(|line| line.contains(&format!("{call}(")))
        .count()
}

/// Some of the numbers up to `last`: all of few, else spread.
fn some(last: usize) -> Vec<usize> {
    let step = last.div_ceil(40).max(1);
    (1..=last).step_by(step).collect()
}

#[test]
fn a_trace_is_read_whole_or_not() {
    if !strace_runs() {
        return;
    }
    let trace = trace("apache-prefork");
    let args = ["inspect", "--count", trace.to_str().unwrap()];
    let whole = sysds(args).stdout;
    for call in CALLS {
        for when in some(count(call, &args)) {
            let done = injected(call, when, &args);
            let said = stderr(&done);
            match done.status.code() {
                Some(0) => assert_eq!(done.stdout, whole, "{call} {when}: {said}"),
                // What could be read is counted, and the rest is named.
                Some(3) => assert!(said.contains("cannot read"), "{call} {when}: {said}"),
                _ => assert!(
                    !said.is_empty() && done.stdout.is_empty(),
                    "{call} {when}: {said}"
                ),
            }
        }
    }
}

#[test]
fn a_dataset_is_made_whole_or_not() {
    if !strace_runs() {
        return;
    }
    let trace = trace("apache-prefork");
    let dir = tempfile::tempdir().unwrap();
    let events = {
        let dataset = dir.path().join("whole");
        ingest(&[&trace], &dataset, &["-q"]);
        manifest(&dataset)["events"].clone()
    };
    let dataset = dir.path().join("d");
    let args = [
        "ingest",
        trace.to_str().unwrap(),
        "-o",
        dataset.to_str().unwrap(),
        "-q",
    ];
    for call in ["statx", "newfstatat", "getdents64"] {
        let last = count(call, &args);
        let _ = fs::remove_dir_all(&dataset);
        for when in some(last) {
            let done = injected(call, when, &args);
            let said = stderr(&done);
            match dataset.exists() {
                true => assert_eq!(
                    manifest(&dataset)["events"],
                    events,
                    "{call} {when}: {said}"
                ),
                false => assert!(
                    done.status.code() != Some(0) && !said.is_empty(),
                    "{call} {when}"
                ),
            }
            let _ = fs::remove_dir_all(&dataset);
        }
    }
}

#[test]
fn a_release_that_cannot_be_read_is_said_to_be_so() {
    if !strace_runs() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    ingest(&[&trace("apache-prefork")], &dataset, &["-q"]);
    let done = crate::publish::publish(&dataset, &release, &["-q"], None);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let args = ["verify", release.to_str().unwrap()];
    let whole = sysds(args).stdout;
    for call in CALLS {
        for when in some(count(call, &args)) {
            let done = injected(call, when, &args);
            let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), stderr(&done));
            match done.status.code() {
                Some(0) => assert_eq!(done.stdout, whole, "{call} {when}: {said}"),
                // What could be read is counted, and the rest is named.
                Some(3) => assert!(said.contains("cannot read"), "{call} {when}: {said}"),
                _ => assert!(!said.is_empty(), "{call} {when}: fails without a word"),
            }
        }
    }
}

/// The new dataset is in place: what fails after that is said, and not called a failure of all.
#[test]
fn what_fails_after_the_dataset_is_in_place_is_said() {
    if !strace_runs() {
        return;
    }
    let trace = trace("apache-prefork");
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace], &dataset, &["-q"]);
    fs::write(
        dataset.join("manifest.json"),
        fs::read(dataset.join("manifest.json")).unwrap(),
    )
    .unwrap();
    let args = [
        "ingest",
        trace.to_str().unwrap(),
        "-o",
        dataset.to_str().unwrap(),
        "-q",
        "--force",
    ];
    let (mut left, mut undurable) = (0, 0);
    for (call, numbers) in [("fsync", 1..40), ("unlinkat", 1..60)] {
        for when in numbers {
            let before = fs::metadata(dataset.join("manifest.json")).unwrap();
            let done = injected(call, when, &args);
            let said = stderr(&done);
            let after = fs::metadata(dataset.join("manifest.json")).unwrap();
            let replaced = std::os::unix::fs::MetadataExt::ino(&before)
                != std::os::unix::fs::MetadataExt::ino(&after);
            match done.status.code() {
                Some(0) => assert!(replaced, "{call} {when}: {said}"),
                Some(1) => assert!(
                    !replaced && said.starts_with("error: "),
                    "{call} {when}: {said}"
                ),
                Some(4) => {
                    assert!(
                        replaced && said.starts_with("warning: "),
                        "{call} {when}: {said}"
                    );
                    assert!(said.contains("is in place and whole, but"), "{said}");
                    left += usize::from(said.contains("is left in"));
                    undurable += usize::from(said.contains("could not be made durable"));
                }
                other => panic!("{call} {when}: {other:?} {said}"),
            }
        }
    }
    assert!(left > 0 && undurable > 0, "{left} {undurable}");
    ingest(&[&trace], &dataset, &["-q", "--force"]);
    assert_eq!(
        names(dir.path()),
        ["d"],
        "the next run removes what was left"
    );
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    names.collect()
}
