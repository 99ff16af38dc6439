//! What the process does where the system gives it less than it asks for: words that cannot be said, threads, memory and
//! open files that are not to be had. It ends with a message and a status, soon, and leaves nothing.

use crate::common::*;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest time of any of these runs.
const SOON: Duration = Duration::from_secs(60);

/// Runs `sysds` with `words` in a shell that has set `limits` before.
fn limited(limits: &str, words: &[&str]) -> Output {
    let begun = Instant::now();
    let done = Command::new("bash")
        .arg("-c")
        .arg(format!("{limits}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_sysds"))
        .args(words)
        .output()
        .unwrap();
    assert!(
        begun.elapsed() < SOON,
        "{words:?} took {:?}",
        begun.elapsed()
    );
    done
}

/// It succeeded, or said why not and left nothing in `dir` but `names`.
fn ended_well(done: &Output, dir: &Path, names: &[&str], what: &str) {
    let said = stderr(done);
    let code = done.status.code();
    assert!(
        code == Some(0) || [Some(1), Some(2)].contains(&code) && said.contains("error: "),
        "{what}: {:?}: {said}",
        done.status
    );
    for entry in fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let whole = code == Some(0) || names.contains(&name.as_str());
        assert!(whole, "{what}: {name} was left: {said}");
    }
}

#[test]
fn words_that_cannot_be_said_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (web, release) = (path("web"), path("release"));
    let trace = trace("apache-keepalive").display().to_string();
    for words in [
        vec!["ingest", &trace, "-o", &web],
        vec![
            "query",
            "split",
            "-d",
            &web,
            "-p",
            &format!("out={}", path("split")),
        ],
        vec!["report", &web, "-o", &path("report.html")],
        vec!["publish", &web, "-o", &release],
        vec!["verify", &release],
        vec!["inspect", &trace],
        vec!["ingest", &path("none"), "-o", &path("other")],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(&words)
            .stdout(Stdio::null())
            .stderr(full)
            .status()
            .unwrap();
        let expected = i32::from(words[1].ends_with("none"));
        assert_eq!(done.code(), Some(expected), "{words:?}");
    }
    // A pipe that nobody reads.
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let again = path("again");
    let done = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["ingest", &trace, "-o", &again])
        .stderr(write)
        .status();
    assert_eq!(done.unwrap().code(), Some(0));
    assert!(Path::new(&again).join("manifest.json").exists());
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    let trace = trace("apache-keepalive");
    ingest(&[&trace], &web, &["-q"]);
    for words in [
        vec![
            "query".as_ref(),
            "latency".as_ref(),
            "-d".as_ref(),
            web.as_os_str(),
        ],
        vec!["inspect".as_ref(), web.as_os_str()],
        vec!["query".as_ref(), "--list".as_ref()],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysds"));
        let done = command.args(&words).stdout(full).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{words:?}");
        assert!(stderr(&done).contains("No space left"), "{}", stderr(&done));
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let done = Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(&words)
            .stdout(write)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!((done.status.code(), stderr(&done).as_str()), (Some(0), ""));
    }
}

#[test]
fn memory_that_is_not_to_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    let trace = trace("apache-keepalive");
    ingest(&[&trace], &web, &["-q"]);
    let (web, trace) = (web.display().to_string(), trace.display().to_string());
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let made = out.join("d").display().to_string();
    for megabytes in [300, 350, 400, 500, 600, 800, 1000] {
        let limits = format!("ulimit -v {}", megabytes << 10);
        for words in [
            vec!["ingest", "-q", &trace, "-o", &made],
            vec!["query", "latency", "-d", &web],
            vec![
                "query",
                "-d",
                &web,
                "-e",
                "SELECT count(*) FROM (SELECT unnest(events) AS e FROM requests) GROUP BY e['name']",
            ],
        ] {
            let done = limited(&limits, &words);
            ended_well(&done, &out, &[], &format!("{megabytes} MB: {words:?}"));
            let _ = fs::remove_dir_all(&made);
        }
    }
}

#[test]
fn threads_that_are_not_to_be_had() {
    // Root has no limit of threads: another user has.
    if !has("setpriv", &["--reuid", "65534", "true"]) {
        return;
    }
    let dir = tempfile::Builder::new()
        .prefix("sysds")
        .tempdir_in("/tmp")
        .unwrap();
    let web = dir.path().join("web");
    let trace = copy_of("apache-keepalive", dir.path());
    ingest(&[&trace], &web, &["-q"]);
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let program = dir.path().join("sysds");
    fs::copy(env!("CARGO_BIN_EXE_sysds"), &program).unwrap();
    let chmod = Command::new("chmod")
        .args(["-R", "a+rwX"])
        .arg(dir.path())
        .status();
    assert!(chmod.unwrap().success());
    let made = out.join("d").display().to_string();
    let (web, trace) = (web.display().to_string(), trace.display().to_string());
    for threads in 1..=16 {
        for words in [
            vec!["ingest", "-q", &trace, "-o", &made],
            vec!["query", "latency", "-d", &web],
            vec!["inspect", "--count", &trace],
        ] {
            let begun = Instant::now();
            // A user of its own, so that nobody else's threads count.
            let user = (70_000 + std::process::id() % 10_000).to_string();
            let done = Command::new("setpriv")
                .args([
                    "--reuid",
                    &user,
                    "--regid",
                    &user,
                    "--clear-groups",
                    "prlimit",
                ])
                .arg(format!("--nproc={threads}"))
                .arg(&program)
                .args(&words)
                .output()
                .unwrap();
            let what = format!("{threads} threads: {words:?}");
            assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
            ended_well(&done, &out, &[], &what);
            let _ = fs::remove_dir_all(&made);
        }
    }
}

#[test]
fn files_that_may_not_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    let trace = trace("apache-keepalive");
    ingest(&[&trace], &web, &["-q"]);
    let (web, trace) = (web.display().to_string(), trace.display().to_string());
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let made = out.join("d").display().to_string();
    for files in [6, 8, 10, 12, 16, 20, 24, 32] {
        let limits = format!("ulimit -n {files}");
        for words in [
            vec!["ingest", "-q", &trace, "-o", &made],
            vec!["query", "latency", "-d", &web],
        ] {
            let done = limited(&limits, &words);
            ended_well(&done, &out, &[], &format!("{files} files: {words:?}"));
            let _ = fs::remove_dir_all(&made);
        }
    }
}

#[test]
fn a_library_that_aborts_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let web = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &web, &["-q"]);
    let long = format!(
        "COPY (SELECT value FROM generate_series(1, 100000000000)) TO '{}/long.csv'",
        out.display()
    );
    let child = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["query", "-e", &long, "-d"])
        .arg(&web)
        .arg("--allow-write")
        .arg(&out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("rows", || fs::read_dir(&out).unwrap().next().is_some());
    signal(&child, "ABRT");
    let done = child.wait_with_output().unwrap();
    ended_well(&done, &out, &[], "aborted");
    let said = stderr(&done);
    assert!(said.contains("error: aborted"), "{said}");
}
