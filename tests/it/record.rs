//! `sysds record` against a made-up `lttng` on PATH, which fails where it is told to; and in the lab's virtual machine
//! against the real one, where SYSDS_LAB=1 asks for it (after `lab/build`).

use crate::common::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Keeps a file for each session in `sessions`, logs its calls, and fails at the call that `fail` holds words of (`late` in
/// it: after having done it). A trace comes from where `trace` says.
const FAKE: &str = r#"#!/bin/sh
here=$(dirname "$0")/..
call="$*"
echo "$call" >>"$here/log"
[ "$1" != --no-sessiond ] || shift
[ "$1" != --mi ] || shift 2
fail=$(cat "$here/fail" 2>/dev/null)
late=${fail#late }
failing() {
    case $call in *"$1"*) echo "Error: made to fail" >&2; echo "<command/>"; exit 9 ;; esac
}
[ -z "$fail" ] || [ "$fail" != "$late" ] || failing "$fail"
case $1 in
    --version) echo "lttng (LTTng Trace Control) 2.13.9 - Nordicité" ;;
    create)
        mkdir -p "${3#--output=}"
        echo "${3#--output=}" >"$here/sessions/$2" ;;
    list)
        printf '<?xml version="1.0"?>\n<command schemaVersion="4.1"><name>list</name><output><sessions>'
        if [ $# -eq 1 ]; then
            for s in "$here"/sessions/*; do
                [ -e "$s" ] || continue
                printf '<session><name>%s</name><enabled>true</enabled></session>' "$(basename "$s")"
            done
        else
            printf '<session><name>%s</name><domains><domain><channels><channel><attributes>' "$2"
            printf '<discarded_events>7</discarded_events><lost_packets>0</lost_packets></attributes></channel>'
            printf '</channels></domain></domains></session>'
        fi
        echo '</sessions></output></command>' ;;
    stop)
        if [ -e "$here/trace" ]; then cp -r "$(cat "$here/trace")/." "$(cat "$here/sessions/$2")"; fi ;;
    destroy)
        if [ ! -e "$here/sessions/$2" ]; then echo "Error: Session name $2 not found" >&2; exit 23; fi
        rm "$here/sessions/$2" ;;
esac
[ "$fail" = "$late" ] || failing "$late"
"#;

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Lab {
        let dir = tempfile::tempdir().unwrap();
        for name in ["bin", "sessions", "out"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let fake = dir.path().join("bin/lttng");
        fs::write(&fake, FAKE).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&fake, executable).unwrap();
        Lab { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, options: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysds"));
        command
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .args(["record", "--no-checks", "-o"])
            .arg(self.path("out/r"))
            .args(options);
        command
    }

    fn record(&self, options: &[&str]) -> Output {
        self.command(options).output().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn names_in(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn recorded(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.path("out/r/record.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|s| !s.contains(") Z "))
}

#[test]
fn a_recording_has_its_trace_and_record_and_leaves_no_session() {
    let lab = Lab::new();
    let options = [
        "--label=a",
        "--sched",
        "--user-event=httpd:*",
        "--subbuf-size=64K",
        "--num-subbuf=2",
        "--noise",
        "sleep 1000",
        "--",
        "sh",
        "-c",
        "exit 0",
    ];
    let done = lab.record(&options);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(lab.names_in("out"), ["r"]);
    assert!(lab.path("out/r/trace").is_dir());
    assert!(lab.names_in("sessions").is_empty());
    let record = lab.recorded();
    assert_eq!(record["label"], "a");
    assert_eq!(record["ended_by"], "command");
    assert_eq!(record["discarded_events"], 7);
    assert_eq!(record["machine"]["lttng"], "2.13.9");
    assert_eq!(record["session"]["subbuf_size"], 65536);
    assert_eq!(record["command"]["status"], 0);
    assert_eq!(record["noise"]["status"], serde_json::Value::Null);
    assert!(
        stderr(&done).contains("discarded 7 events"),
        "{}",
        stderr(&done)
    );
    let log = lab.log();
    for call in [
        "enable-channel --kernel --discard --subbuf-size=65536 --num-subbuf=2",
        "enable-channel --userspace --discard",
        "--kernel --syscall --all",
        "--kernel --tracepoint sched_switch,sched_waking,",
        "--userspace --tracepoint httpd:*",
        "--type=procname --type=pid --type=tid",
        "--type=procname --type=vpid --type=vtid",
    ] {
        assert!(log.contains(call), "{call} is not in\n{log}");
    }
}

#[test]
fn no_session_is_left_wherever_lttng_fails() {
    for (step, kept) in [
        ("create", false),
        ("late create", false),
        ("enable-channel", false),
        ("add-context", false),
        ("enable-event", false),
        ("start", false),
        ("late start", false),
        ("stop", true),
        ("late stop", true),
        ("--mi xml list sysds", true),
        ("late destroy", true),
    ] {
        let lab = Lab::new();
        fs::write(lab.path("fail"), step).unwrap();
        let done = lab.record(&["--duration", "50ms"]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{step}: {said}");
        let word = step.trim_start_matches("late ");
        assert!(
            said.contains(&format!("error: `lttng {word}")),
            "{step}: {said}"
        );
        assert!(
            said.contains("made to fail") && said.contains("  help: "),
            "{step}: {said}"
        );
        assert!(!said.contains("<command"), "{step}: {said}");
        assert!(lab.names_in("sessions").is_empty(), "{step}");
        let left = lab.names_in("out");
        assert_eq!(left.len(), usize::from(kept), "{step}: {left:?}");
        assert_eq!(said.contains("is kept in"), kept, "{step}: {said}");
        assert!(
            left.iter().all(|name| name.starts_with(".r.partial-")),
            "{left:?}"
        );
    }
}

#[test]
fn a_destroy_that_fails_is_tried_again_after_the_process() {
    let lab = Lab::new();
    fs::write(lab.path("fail"), "destroy").unwrap();
    let done = lab.record(&["--duration", "50ms"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        stderr(&done).contains("could not be destroyed"),
        "{}",
        stderr(&done)
    );
    fs::remove_file(lab.path("fail")).unwrap();
    until("the watchdog destroys it", || {
        lab.names_in("sessions").is_empty()
    });
}

#[test]
fn signals_end_a_recording_in_order() {
    for name in ["INT", "TERM", "HUP", "QUIT"] {
        let lab = Lab::new();
        let noise = format!("echo $$ >{}; exec sleep 1000", lab.path("noise").display());
        let mut options = vec!["--noise", noise.as_str()];
        if name == "TERM" {
            options.extend(["--load", "sleep 1000"]);
        }
        let child = lab
            .command(&options)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until("noise", || {
            fs::read_to_string(lab.path("noise")).is_ok_and(|t| t.ends_with('\n'))
        });
        signal(&child, name);
        let done = child.wait_with_output().unwrap();
        // A load that was stopped has no report.
        let expected = if name == "TERM" { 3 } else { 0 };
        assert_eq!(
            done.status.code(),
            Some(expected),
            "{name}: {}",
            stderr(&done)
        );
        assert_eq!(lab.recorded()["ended_by"], "signal");
        assert!(lab.names_in("sessions").is_empty());
        assert!(
            !runs(&fs::read_to_string(lab.path("noise")).unwrap()),
            "{name}"
        );
    }
}

#[test]
fn a_killed_recording_leaves_its_trace_aside_but_no_session_and_no_process() {
    let lab = Lab::new();
    let pid_to = |name: &str| format!("echo $$ >{}; exec sleep 1000", lab.path(name).display());
    let (noise, load) = (pid_to("noise"), pid_to("load"));
    let mut child = lab
        .command(&["--noise", &noise, "--load", &load])
        .spawn()
        .unwrap();
    for name in ["noise", "load"] {
        until(name, || {
            fs::read_to_string(lab.path(name)).is_ok_and(|t| t.ends_with('\n'))
        });
    }
    // So that it knows of both.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(lab.names_in("sessions").len(), 1);
    signal(&child, "KILL");
    child.wait().unwrap();
    until("the watchdog destroys it", || {
        lab.names_in("sessions").is_empty()
    });
    for name in ["noise", "load"] {
        let pid = fs::read_to_string(lab.path(name)).unwrap();
        until("the watchdog ends them", || !runs(&pid));
    }
    let left = lab.names_in("out");
    assert!(
        left.len() == 1 && left[0].starts_with(".r.partial-"),
        "{left:?}"
    );
    let again = lab.record(&["--duration", "50ms"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(
        stderr(&again).contains("left by a recording that was killed"),
        "{}",
        stderr(&again)
    );
    assert_eq!(lab.names_in("out").len(), 2, "it is kept");
}

#[test]
fn sessions_of_processes_that_are_no_more_are_destroyed_and_others_kept() {
    let lab = Lab::new();
    let link = fs::read_link("/proc/self/ns/pid").unwrap();
    let ns: String = link
        .to_str()
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = &boot[..8];
    // No process has this number: it is above what Linux gives.
    let dead = format!("sysds-{boot}-{ns}-4194305-1");
    let mut kept = [
        "web".to_owned(),
        format!("sysds-{boot}-1-4194305-1"),
        format!("sysds-{ns}-4194305-1"),
    ];
    for name in kept.iter().chain([&dead]) {
        fs::write(lab.path("sessions").join(name), "").unwrap();
    }
    let done = lab.record(&["--duration", "50ms"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(stderr(&done).contains(&format!("destroyed {dead}")));
    let mut left = lab.names_in("sessions");
    left.sort();
    kept.sort();
    assert_eq!(left, kept);
}

#[test]
fn what_cannot_be_recorded_is_refused_before_a_session_is_made() {
    let lab = Lab::new();
    fs::create_dir(lab.path("out/r")).unwrap();
    let exists = lab.record(&["--duration", "1s"]);
    assert_eq!(exists.status.code(), Some(2));
    assert!(
        stderr(&exists).contains("exists already"),
        "{}",
        stderr(&exists)
    );
    fs::remove_dir(lab.path("out/r")).unwrap();
    let odd = lab.record(&["--subbuf-size", "1000"]);
    assert_eq!(odd.status.code(), Some(2));
    assert!(
        stderr(&odd).contains("not a power of two"),
        "{}",
        stderr(&odd)
    );
    assert!(!lab.log().contains("create"));
    let missing = lab.command(&[]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).contains("apt-get install lttng-tools"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn a_load_that_fails_or_prints_something_else_is_told_and_the_trace_kept() {
    let lab = Lab::new();
    let done = lab.record(&["--load", "echo hello; exit 4"]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("the load failed: exit status 4"), "{said}");
    assert!(said.contains("no report of wrk2, wrk or oha"), "{said}");
    let record = lab.recorded();
    assert_eq!(record["load"]["status"], 4);
    assert_eq!(record["load"]["summary"], serde_json::Value::Null);
    let printed = fs::read_to_string(lab.path("out/r/load.out")).unwrap();
    assert_eq!(printed, "hello\n");
}

/// A recording goes into the manifest whole, and its load's figures stand beside the table's.
#[test]
fn ingest_takes_label_and_load_over() {
    let lab = Lab::new();
    let trace = trace("apache-keepalive");
    fs::write(lab.path("trace"), trace.to_str().unwrap()).unwrap();
    let report = data("apache-keepalive.wrk2.txt");
    let load = format!("cat {} # wrk2 -R15", report.display());
    let done = lab.record(&["--label", "normal", "--load", &load]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let dataset = lab.path("d");
    let recording = lab.path("out/r");
    ingest(
        &[&recording],
        &dataset,
        &["--quiet", "--requests", "exchange"],
    );
    let made = &manifest(&dataset)["recordings"][0];
    assert_eq!(made["label"], "normal");
    assert_eq!(made["recorded"], lab.recorded());
    assert_eq!(made["recorded"]["load"]["summary"]["requests"], 304);
    assert_eq!(made["recorded"]["load"]["summary"]["rate_asked"], 15.0);
    assert_eq!(
        all_texts(&table(&dataset, "requests").1, "label")[0].as_deref(),
        Some("normal")
    );
    let query = |options: &[&str]| {
        let path = dataset.to_str().unwrap();
        let answer = sysds(
            ["query", "-d", path, "--format", "csv"]
                .iter()
                .chain(options),
        );
        assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
        String::from_utf8(answer.stdout).unwrap()
    };
    let answer = query(&["load_check", "-p", "incomplete=true"]);
    let (header, row) = answer.trim().split_once('\n').unwrap();
    let cells: std::collections::HashMap<&str, &str> =
        header.split(',').zip(row.split(',')).collect();
    for (column, value) in [
        ("label", "normal"),
        ("load_tool", "wrk2"),
        ("load_requests", "304"),
        ("requests", "307"),
        ("load_rate", "15.18"),
        ("load_rate_asked", "15.0"),
        ("load_p50_ms", "100.8"),
        ("load_p99_ms", "192.38"),
        ("load_max_ms", "200.83"),
    ] {
        assert_eq!(cells[column], value, "{column} in\n{answer}");
    }
    let latency = query(&["latency", "-p", "incomplete=true"]);
    let (header, row) = latency.split_once('\n').unwrap();
    let total = row.trim().lines().last().unwrap().split(',');
    let total: std::collections::HashMap<&str, &str> = header.split(',').zip(total).collect();
    for column in ["p50_ms", "p90_ms", "p99_ms", "max_ms", "mean_ms"] {
        assert_eq!(cells[column], total[column], "{column}");
    }
    let other = lab.path("other");
    ingest(
        &[&recording.join("trace/kernel")],
        &other,
        &["--quiet", "--label", "mine"],
    );
    assert_eq!(manifest(&other)["recordings"][0]["label"], "mine");
    fs::write(recording.join("record.json"), "{}").unwrap();
    let broken = sysds([
        Path::new("ingest"),
        &recording,
        Path::new("-o"),
        &lab.path("x"),
    ]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        stderr(&broken).contains("record.json, line 1"),
        "{}",
        stderr(&broken)
    );
}

/// Boots the lab's virtual machine, records under a short load, and ingests what comes home.
#[test]
fn the_lab_records() {
    if std::env::var_os("SYSDS_LAB").is_none_or(|v| v != "1") {
        eprintln!("skipped: SYSDS_LAB=1 boots the virtual machine that lab/build makes");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("normal");
    let lab = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/run"))
        .arg("normal")
        .arg(&out)
        .env("SYSDS", env!("CARGO_BIN_EXE_sysds"))
        .env("LAB_LOAD", "-c 4 -q 5 -z 10s")
        .output()
        .unwrap();
    assert!(lab.status.success(), "{}", stderr(&lab));
    let dataset = dir.path().join("d");
    ingest(
        &[&out],
        &dataset,
        &["--requests", "exchange", "--server", "apache2"],
    );
    let manifest = manifest(&dataset);
    let recorded = &manifest["recordings"][0]["recorded"];
    let load = &recorded["load"]["summary"];
    assert_eq!(recorded["label"], "normal");
    assert_eq!(load["rate_asked"], 5.0);
    assert!(load["requests"].as_u64().unwrap() > 0, "{load}");
    assert!(
        manifest["requests"].as_u64() >= load["requests"].as_u64(),
        "{load}"
    );
    // Apache's tracepoints enclose each request, and what clients say before they close.
    let by_apache = dir.path().join("httpd");
    ingest(&[&out], &by_apache, &["--requests", "httpd"]);
    let enclosed = self::manifest(&by_apache)["requests"].as_u64().unwrap();
    let asked = load["requests"].as_u64().unwrap();
    assert!(
        (asked..=2 * asked).contains(&enclosed),
        "{enclosed}: {load}"
    );
}

#[test]
fn what_is_logged_meanwhile_comes_along() {
    let lab = Lab::new();
    let log = lab.path("sysds.log");
    let line = |n: usize| {
        format!(
            "sysds1 17959876749688{n:02} 391 10.0.2.2 425{n:02} 22289 0 200 6 \"GET /{n} HTTP/1.1\"\n"
        )
    };
    fs::write(&log, line(10)).unwrap();
    fs::write(lab.path("more"), line(11) + &line(12)).unwrap();
    let write = format!("cat {} >>{}", lab.path("more").display(), log.display());
    let options = [
        "--access-log",
        log.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        &write,
    ];
    let done = lab.record(&options);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert!(
        stderr(&done).contains("access log: 2 lines"),
        "{}",
        stderr(&done)
    );
    let copied = fs::read_to_string(lab.path("out/r/access.log")).unwrap();
    assert_eq!(copied, line(11) + &line(12));
    let record = &lab.recorded()["access_log"];
    assert_eq!(record["path"].as_str(), log.to_str());
    assert_eq!(
        (&record["lines"], &record["bytes"]),
        (&2.into(), &copied.len().into())
    );
    assert_eq!(
        (&record["rotated"], &record["truncated"]),
        (&false.into(), &false.into())
    );
}

#[test]
fn a_log_that_is_not_there_is_told_of_before_anything_begins() {
    let lab = Lab::new();
    let log = lab.path("no.log");
    let done = lab.record(&["--access-log", log.to_str().unwrap(), "--duration", "50ms"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("no.log"), "{}", stderr(&done));
    assert!(lab.names_in("out").is_empty() && !lab.log().contains("create"));
}
