//! A list of recordings into one dataset, by one process or by the tasks of a scheduler: each recording is in or in the
//! report, and running the list again does what is missing.

use crate::append::other_session;
use crate::common::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with so many recordings, `r0` and so on, and a list of them.
fn fleet(recordings: usize) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut list = String::from("path,label\n");
    for number in 0..recordings {
        let trace = other_session(dir.path(), number);
        fs::rename(trace, dir.path().join(format!("r{number}"))).unwrap();
        list += &format!("r{number},label-{number}\n");
    }
    let path = dir.path().join("fleet.csv");
    fs::write(&path, list).unwrap();
    (dir, path)
}

/// Runs a program in the folder, where it finds sysds and what is in `bin`.
fn run(dir: &Path, words: &[&str], environment: &[(&str, String)]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_sysds")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{}:{path}", dir.join("bin").display(), program.display());
    let mut command = Command::new("env");
    command.arg(format!("PATH={path}"));
    for (name, value) in environment {
        command.arg(format!("{name}={value}"));
    }
    command.args(words).current_dir(dir).output().unwrap()
}

fn ingest_list(dir: &Path, more: &[&str]) -> Output {
    let words = ["sysds", "ingest", "--list", "fleet.csv", "-o", "d"];
    run(dir, &[&words[..], more].concat(), &[])
}

/// The rows of a report: status and all fields by path.
fn report(path: &Path) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert_eq!(
        header,
        "path,label,labels,status,trace_id,events,requests,seconds,reason"
    );
    let rows = rows.lines().map(|row| {
        let fields: Vec<String> = row.splitn(9, ',').map(str::to_owned).collect();
        (fields[0].clone(), fields)
    });
    rows.collect()
}

fn statuses(report: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    report.values().map(|row| row[3].as_str()).collect()
}

fn sound(dataset: &Path, recordings: usize) {
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let manifest = manifest(dataset);
    let all = manifest["recordings"].as_array().unwrap();
    assert_eq!(all.len(), recordings);
    let paths: BTreeSet<&str> = all.iter().map(|r| r["path"].as_str().unwrap()).collect();
    assert_eq!(paths.len(), recordings, "each once");
    for recording in all {
        let number = recording["path"].as_str().unwrap().trim_start_matches('r');
        assert_eq!(recording["label"], format!("label-{number}"));
    }
}

/// What fails is told with its reason, and the rest is in the dataset; the next run does what is missing.
#[test]
fn a_recording_that_fails_keeps_none_of_the_others_out() {
    let (dir, list) = fleet(3);
    let dir = dir.path();
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{text}nowhere,\nr0,again\n\"a, b\",\n")).unwrap();
    // Cut in the middle.
    let stream = dir.join("r1/kernel/ch_0");
    let whole = fs::read(&stream).unwrap();
    fs::write(&stream, &whole[..whole.len() / 2 + 7]).unwrap();
    let done = ingest_list(dir, &["--report", "report.csv"]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(5), "{said}");
    assert!(
        said.contains("d: 2 ingested, 1 already there, 3 failed"),
        "{said}"
    );
    let text = fs::read_to_string(dir.join("report.csv")).unwrap();
    assert!(text.contains("\n\"a, b\",,,failed,,,,"), "{text}");
    let first = report(&dir.join("report.csv"));
    assert_eq!(first["nowhere"][3], "failed");
    assert!(first["nowhere"][8].contains("No such file"), "{first:?}");
    assert_eq!(first["r1"][3], "failed");
    assert!(first["r1"][8].contains("ch_0, packet "), "{first:?}");
    assert_eq!(first["r2"][..4], ["r2", "label-2", "", "ingested"]);
    let told = manifest(&dir.join("d"));
    let told = &told["recordings"][1];
    assert_eq!(first["r2"][4], told["trace_id"].as_str().unwrap());
    assert_eq!(first["r2"][5], told["events"].to_string());
    assert_eq!(first["r2"][6], told["requests"].to_string());
    // What comes before the damage can be kept.
    fs::write(dir.join("one.csv"), "r1\n").unwrap();
    let words = [
        "sysds",
        "ingest",
        "--list",
        "one.csv",
        "-o",
        "kept",
        "--keep-going",
    ];
    let done = run(dir, &[&words[..], &["--report", "kept.csv"]].concat(), &[]);
    assert_eq!(done.status.code(), Some(3), "{}", stderr(&done));
    let kept = report(&dir.join("kept.csv"));
    assert_eq!(kept["r1"][3], "ingested");
    assert!(kept["r1"][8].contains("ch_0, packet "), "{kept:?}");
    // Mended, it is all that is missing. A report is a list, too.
    fs::write(&stream, &whole).unwrap();
    fs::rename(dir.join("report.csv"), &list).unwrap();
    let done = ingest_list(dir, &["--report", "report.csv", "--quiet"]);
    assert_eq!(done.status.code(), Some(5));
    assert_eq!(report(&dir.join("report.csv"))["r1"][3], "ingested");
    sound(&dir.join("d"), 3);
    // What has all is as it was.
    let before = fs::read(dir.join("d/manifest.json")).unwrap();
    fs::write(&list, "r2\nr0\n\nr1\n").unwrap();
    let done = ingest_list(dir, &["--report", "report.csv"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let last = report(&dir.join("report.csv"));
    assert_eq!(statuses(&last), ["already"; 3]);
    assert_eq!(last["r2"][4], first["r2"][4]);
    assert!(fs::read(dir.join("d/manifest.json")).unwrap() == before);
}

#[test]
fn a_list_goes_with_nothing_that_is_said_in_it() {
    let (dir, list) = fleet(1);
    let dir = dir.path();
    for (more, status, why) in [
        (&["r0"][..], 2, "cannot be used with"),
        (&["--label", "x"], 2, "cannot be used with"),
        (&["--force"], 2, "cannot be used with"),
        (&["--share", "2/2"], 2, "the last is 1/2"),
        (&["--report", "none/report.csv"], 1, "No such file"),
    ] {
        let refused = ingest_list(dir, more);
        assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
        assert_eq!(refused.status.code(), Some(status), "{why}");
    }
    fs::write(&list, "path,label\nr0\n").unwrap();
    let refused = ingest_list(dir, &[]);
    assert!(
        stderr(&refused).contains("fleet.csv, line 2"),
        "{}",
        stderr(&refused)
    );
    let refused = run(dir, &["sysds", "ingest", "-o", "d"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    // Not the dataset's options: each recording would be refused alike.
    fs::write(&list, "r0\n").unwrap();
    assert!(ingest_list(dir, &["-q"]).status.success());
    let refused = ingest_list(dir, &["--requests", "exchange", "--report", "r.csv"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("made with requests \"connection\""));
    assert!(!dir.join("r.csv").exists());
}

/// A kill loses the recording that was being read.
#[test]
fn a_killed_run_is_gone_on_with() {
    let (dir, _) = fleet(4);
    let dir = dir.path();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sysds"))
        .args(["ingest", "--list", "fleet.csv", "-o", "d", "-q"])
        .args(["--report", "killed.csv"])
        .current_dir(dir)
        .spawn()
        .unwrap();
    while !dir.join("d/manifest.json").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!dir.join("killed.csv").exists());
    let had = manifest(&dir.join("d"))["recordings"]
        .as_array()
        .unwrap()
        .len();
    let done = ingest_list(dir, &["--report", "report.csv"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let report = report(&dir.join("report.csv"));
    let ingested = statuses(&report)
        .iter()
        .filter(|s| **s == "ingested")
        .count();
    assert_eq!(ingested + had, 4);
    sound(&dir.join("d"), 4);
}

/// Each task of the array, at the same time, with a made-up `srun` that runs what it is given.
#[test]
fn tasks_of_a_slurm_array_share_a_list() {
    let (dir, _) = fleet(7);
    let dir = dir.path();
    fs::create_dir(dir.join("bin")).unwrap();
    let srun = dir.join("bin/srun");
    fs::write(&srun, "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions(&srun, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet/slurm.sh");
    let script = script.to_str().unwrap();
    let task = |id: usize, count: usize| {
        let environment = [
            ("SLURM_ARRAY_TASK_ID", id.to_string()),
            ("SLURM_ARRAY_TASK_COUNT", count.to_string()),
            ("SLURM_ARRAY_TASK_MIN", "0".to_owned()),
            ("SLURM_ARRAY_TASK_MAX", "2".to_owned()),
        ];
        let words = [
            "sh",
            script,
            "fleet.csv",
            "d",
            "--requests",
            "exchange",
            "-q",
        ];
        run(dir, &words, &environment)
    };
    assert_eq!(task(1, 2).status.code(), Some(2), "a task is missing");
    for expected in ["ingested", "already"] {
        std::thread::scope(|scope| {
            for id in 0..3 {
                scope.spawn(move || {
                    let done = task(id, 3);
                    assert!(done.status.success(), "{}", stderr(&done));
                });
            }
        });
        let mut all = BTreeMap::new();
        for id in 0..3 {
            let one = report(&dir.join(format!("report-{id}.csv")));
            assert_eq!(one.len(), [3, 2, 2][id]);
            all.extend(one);
        }
        assert_eq!(statuses(&all), [expected; 7]);
        sound(&dir.join("d"), 7);
    }
    assert_eq!(manifest(&dir.join("d"))["options"]["requests"], "exchange");
}

/// Each pod of the indexed Job, at the same time, with the command that its manifest gives.
#[test]
fn pods_of_a_kubernetes_job_share_a_list() {
    const PODS: usize = 10;
    let (dir, _) = fleet(3);
    let dir = dir.path();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet/kubernetes.yaml");
    let manifest = fs::read_to_string(manifest).unwrap();
    for said in ["completions", "parallelism"] {
        assert!(
            manifest.contains(&format!("\n  {said}: {PODS}\n")),
            "{said}"
        );
    }
    let (_, command) = manifest.split_once("command:\n").unwrap();
    let words: Vec<&str> = command
        .lines()
        .map_while(|l| l.trim().strip_prefix("- "))
        .collect();
    assert!(words.contains(&"$(JOB_COMPLETION_INDEX)/10"), "{words:?}");
    std::thread::scope(|scope| {
        for index in 0..PODS {
            let words: Vec<String> = words
                .iter()
                .map(|word| {
                    let word = word.replace("$(JOB_COMPLETION_INDEX)", &index.to_string());
                    word.replace("/traces/", "").replace("/data/", "")
                })
                .collect();
            scope.spawn(move || {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let done = run(dir, &words, &[]);
                assert!(done.status.success(), "{}", stderr(&done));
            });
        }
    });
    let all: BTreeMap<String, Vec<String>> = (0..PODS)
        .flat_map(|index| report(&dir.join(format!("report-{index}.csv"))))
        .collect();
    assert_eq!(statuses(&all), ["ingested"; 3]);
    sound(&dir.join("fleet"), 3);
}

#[test]
fn xargs_runs_a_process_for_each_recording_or_each_share() {
    let (dir, _) = fleet(5);
    let dir = dir.path();
    for line in [
        "printf '%s\\n' r0 r1 r2 | xargs -P 3 -I{} sysds ingest {} -o d --append -q",
        "seq 0 2 | xargs -P 3 -I{} sysds ingest --list fleet.csv -o d --share {}/3 -q --report {}.csv",
    ] {
        let done = run(dir, &["sh", "-euc", line], &[]);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    let all: BTreeMap<String, Vec<String>> = (0..3)
        .flat_map(|share| report(&dir.join(format!("{share}.csv"))))
        .collect();
    let expected = ["already", "already", "already", "ingested", "ingested"];
    assert_eq!(statuses(&all), expected);
    let checked = sysds(["verify", dir.join("d").to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}
