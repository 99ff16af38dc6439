//! Datasets, releases and traces of strangers: no link is followed out of their folder, nothing but a regular file is
//! opened, no number in them is trusted. Every command must come back with a message, and soon.

use crate::common::*;
use crate::publish::published;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A dataset `d` and a release `r` of it, made once.
static GOOD: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let options = ["--quiet", "--label", "normal"];
    ingest(&[&trace("apache-prefork")], &dataset, &options);
    published(&dataset, &dir.path().join("r"), &["-q", "--split", "hash"]);
    dir
});

/// A folder with a copy of the dataset or of the release in it.
struct Copied {
    dir: TempDir,
    root: PathBuf,
}

impl Copied {
    fn of(name: &str) -> Copied {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join(name);
        let copied = Command::new("cp")
            .arg("-a")
            .arg(GOOD.path().join(name))
            .arg(&root)
            .status();
        assert!(copied.unwrap().success());
        Copied { dir, root }
    }

    fn release() -> Copied {
        Copied::of("r")
    }

    fn dataset() -> Copied {
        Copied::of("d")
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let path = self.root.join("manifest.json");
        let mut manifest: Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }

    /// Every command that reads a dataset, each with what it writes to beside it.
    fn commands(&self) -> Vec<Vec<String>> {
        let root = self.root.to_str().unwrap();
        let at = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let lossy = trace("apache-lossy");
        let commands: [&[&str]; 6] = [
            &["inspect", root],
            &["inspect", root, "--json"],
            &["query", "-d", root, "-e", "SELECT count(*) FROM events"],
            &["publish", root, "-o", &at("release")],
            &["report", root, "-o", &at("page.html")],
            &["ingest", lossy.to_str().unwrap(), "-o", root, "--append"],
        ];
        commands
            .iter()
            .map(|c| c.iter().map(|a| (*a).to_owned()).collect())
            .collect()
    }
}

/// Runs the program, which must end within some seconds by itself.
fn soon<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    let begun = Instant::now();
    let done = Command::new("timeout")
        .args(["-s", "KILL", "60"])
        .arg(env!("CARGO_BIN_EXE_sysds"))
        .args(args)
        .output()
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(45), "it blocks");
    done
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn replace_by_link(path: &Path, target: &Path) {
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
    symlink(target, path).unwrap();
}

/// Expects faults of the release, and that `words` are among them.
fn faulty(root: &Path, words: &[&str]) {
    let done = soon(&["verify", root.to_str().unwrap()]);
    let said = stdout(&done);
    assert_eq!(done.status.code(), Some(1), "{said}{}", stderr(&done));
    for word in words {
        assert!(said.contains(word), "no {word:?} in:\n{said}");
    }
}

/// What is done to the folder of a dataset.
type Harm = fn(&Path);

#[test]
fn a_release_leads_nowhere_and_blocks_nothing() {
    let r = Copied::release();
    fs::write(r.dir.path().join("secret"), "elsewhere").unwrap();
    replace_by_link(&r.root.join("README.md"), &r.dir.path().join("secret"));
    symlink("/", r.root.join("data/all")).unwrap();
    fifo(&r.root.join("data/events/normal/more.parquet"));
    let link = "not a file: README.md: a symbolic link, which is not followed";
    let folder = "not a file: data/all: a symbolic link";
    let pipe = "not a file: data/events/normal/more.parquet: a FIFO, not a regular file: it was not opened";
    faulty(&r.root, &[link, folder, pipe]);

    let shard = r
        .root
        .join("data/events/normal/train-00000-of-00001.parquet");
    let elsewhere = r.dir.path().join("same.parquet");
    fs::rename(&shard, &elsewhere).unwrap();
    symlink(&elsewhere, &shard).unwrap();
    faulty(
        &r.root,
        &["data/events/normal/train-00000-of-00001.parquet: a symbolic link"],
    );
}

#[test]
fn metadata_of_a_release_are_files() {
    for paper in ["SHA256SUMS", "croissant.json", "schemas/events.json"] {
        let r = Copied::release();
        fs::remove_file(r.root.join(paper)).unwrap();
        fifo(&r.root.join(paper));
        faulty(&r.root, &[paper, "a FIFO"]);
    }
    for make in [fifo as fn(&Path), |p: &Path| {
        symlink("/dev/zero", p).unwrap()
    }] {
        let r = Copied::release();
        let manifest = r.root.join("manifest.json");
        fs::remove_file(&manifest).unwrap();
        make(&manifest);
        let done = soon(&["verify", r.root.to_str().unwrap()]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("manifest.json: a "), "{said}");
    }
}

#[test]
fn a_dataset_is_of_files_and_folders_only() {
    let cases: [(&str, Harm); 6] = [
        ("manifest.json", |p| {
            replace_by_link(p, &GOOD.path().join("d/manifest.json"))
        }),
        ("manifest.json", |p| {
            fs::remove_file(p).unwrap();
            fifo(p);
        }),
        ("events/x.parquet", fifo),
        ("events/x.parquet", |p| symlink("/dev/zero", p).unwrap()),
        ("requests", |p| {
            replace_by_link(p, &GOOD.path().join("d/requests"))
        }),
        ("events", |p| {
            let file = fs::read_dir(p).unwrap().next().unwrap().unwrap().path();
            let name = file.file_name().unwrap().to_owned();
            replace_by_link(&file, &GOOD.path().join("d/events").join(name));
        }),
    ];
    for (name, spoil) in cases {
        let d = Copied::dataset();
        spoil(&d.root.join(name));
        for command in d.commands() {
            let done = soon(&command);
            let said = stderr(&done);
            // An append opens the manifest, and puts files into the tables' folders; nothing else of it is looked at.
            let appends = command.iter().any(|word| word == "--append");
            if appends && !["manifest.json", "requests"].contains(&name) {
                assert_eq!(done.status.code(), Some(0), "{command:?}: {said}");
                continue;
            }
            assert_eq!(
                done.status.code(),
                Some(1),
                "{command:?}: {said}{}",
                stdout(&done)
            );
            let named = said.contains("a symbolic link") || said.contains("a FIFO");
            assert!(named && said.contains(name), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_file_that_is_named_twice_is_not_read_twice() {
    let d = Copied::dataset();
    d.change(|m| {
        let files = m["tables"]["events"]["files"].as_array_mut().unwrap();
        files.push(files[0].clone());
    });
    for command in d.commands() {
        let done = soon(&command);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("is named twice"), "{command:?}: {said}");
    }
}

#[test]
fn a_manifest_leads_nowhere() {
    for path in [
        "../elsewhere.parquet",
        "/etc/passwd",
        "events/../../x.parquet",
        "",
    ] {
        let d = Copied::dataset();
        d.change(|m| m["tables"]["events"]["files"][0]["path"] = path.into());
        for command in d.commands().iter().filter(|c| c[0] != "query") {
            let done = soon(command);
            let said = stderr(&done);
            assert_eq!(done.status.code(), Some(1), "{command:?}: {said}");
            assert!(
                said.contains("leads out of the dataset"),
                "{command:?}: {said}"
            );
        }
    }
    let r = Copied::release();
    r.change(|m| m["classes"]["path"] = "../../etc/passwd".into());
    faulty(
        &r.root,
        &["metadata: manifest.json: ../../etc/passwd leads out of the dataset"],
    );
}

#[test]
fn counts_of_a_manifest_are_counted() {
    for many in [u64::MAX, 1 << 62, 1 << 40] {
        for key in ["requests", "events"] {
            let d = Copied::dataset();
            d.change(|m| {
                m["recordings"][0][key] = many.into();
                m[key] = many.into();
            });
            for more in [&[][..], &["--split", "hash"]] {
                let root = d.root.to_str().unwrap();
                let out = d.dir.path().join("out");
                let mut args = vec!["publish", root, "-o", out.to_str().unwrap()];
                args.extend(more);
                let done = soon(&args);
                let said = stderr(&done);
                assert_eq!(done.status.code(), Some(1), "{key} {many}: {said}");
                assert!(
                    said.contains("manifest.json") && !said.contains("panicked"),
                    "{said}"
                );
                assert!(!out.exists());
            }
            let r = Copied::release();
            r.change(|m| m["recordings"][0][key] = many.into());
            faulty(&r.root, &[" fault"]);
        }
    }
}

#[test]
fn equal_ids_are_refused_before_anything_else() {
    let r = Copied::release();
    r.change(|m| {
        let mut recording = m["recordings"][0].clone();
        for key in ["sources", "losses", "damage"] {
            recording[key] = json!([]);
        }
        m["recordings"] = Value::Array(vec![recording; 100_000]);
    });
    let begun = Instant::now();
    faulty(
        &r.root,
        &["metadata: manifest.json: two recordings have the trace_id"],
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let done = soon(&["inspect", r.root.to_str().unwrap()]);
    assert!(
        stderr(&done).contains("two recordings have the trace_id"),
        "{}",
        stderr(&done)
    );
}

/// As many recordings and shards of other names: what is looked up for each must not be searched for.
#[test]
fn many_recordings_take_no_square_of_their_number() {
    let r = Copied::release();
    r.change(|m| {
        let mut recording = m["recordings"][0].clone();
        for key in ["sources", "losses", "damage"] {
            recording[key] = json!([]);
        }
        recording["events"] = 0.into();
        recording["requests"] = 0.into();
        let all = (0..50_000).map(|i| {
            let mut one = recording.clone();
            one["trace_id"] = format!("t{i}").into();
            one
        });
        let all: Vec<Value> = all.collect();
        for i in 0..50_000 {
            m["release"]["shards"][format!("data/events/normal/{i}.parquet")] = json!({
                "table": "none", "split": "train", "trace_id": format!("t{i}"), "label": null, "rows": 0});
        }
        m["recordings"].as_array_mut().unwrap().extend(all);
    });
    let begun = Instant::now();
    faulty(&r.root, &[" fault"]);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_version_that_is_none_is_a_fault() {
    let r = Copied::release();
    r.change(|m| m["release"]["version"] = "one\u{1b}[2J".into());
    faulty(
        &r.root,
        &["metadata: manifest.json: the version \"one\\u{1b}[2J\" is not semantic"],
    );
}

#[test]
fn a_trace_of_fifos_and_links_to_nowhere_is_refused_and_not_waited_for() {
    let cases: [(&str, Harm, &str); 4] = [
        (
            "kernel/metadata",
            |p| {
                fs::remove_file(p).unwrap();
                fifo(p);
            },
            "a FIFO",
        ),
        ("kernel/ch_9", fifo, "a FIFO"),
        (
            "kernel/ch_9",
            |p| symlink("nowhere", p).unwrap(),
            "a symbolic link that leads nowhere",
        ),
        (
            "kernel/ch_9",
            |p| symlink("/dev/zero", p).unwrap(),
            "a character device",
        ),
    ];
    for (name, spoil, word) in cases {
        let dir = tempfile::tempdir().unwrap();
        let trace = copy_of("apache-prefork", dir.path());
        spoil(&trace.join(name));
        let (root, out) = (trace.to_str().unwrap(), dir.path().join("d"));
        for command in [
            &["inspect", root][..],
            &["inspect", "--count", root],
            &["ingest", root, "-o", out.to_str().unwrap()],
            &["ingest", root, "-o", out.to_str().unwrap(), "--keep-going"],
        ] {
            let done = soon(command);
            let said = stderr(&done);
            assert_eq!(done.status.code(), Some(1), "{command:?}: {said}");
            assert!(
                said.contains(name) && said.contains(word),
                "{command:?}: {said}"
            );
        }
        assert!(!out.exists());
    }
}

#[test]
fn links_to_files_are_streams_of_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let trace = copy_of("apache-prefork", dir.path());
    let count = |path: &Path| stdout(&soon(&["inspect", "--count", path.to_str().unwrap()]));
    let before = count(&trace);
    for name in ["kernel/metadata", "kernel/ch_0"] {
        let file = trace.join(name);
        let moved = dir.path().join(name.replace('/', "-"));
        fs::rename(&file, &moved).unwrap();
        symlink(&moved, &file).unwrap();
    }
    assert_eq!(count(&trace), before);
}
