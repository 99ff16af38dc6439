//! Datasets in which there is nothing to see: no event, or none with a field. Everything works on them, and says so.

use crate::common::*;
use crate::ctf::packets::{LTTNG, Packet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A trace whose only events have no field.
fn fieldless(dir: &Path) -> PathBuf {
    let trace = dir.join("fieldless");
    LTTNG.write(&trace, &[&[Packet(0, 0, &[(100, 1)])]]);
    let metadata = fs::read_to_string(trace.join("metadata")).unwrap();
    let bare = metadata.replace("fields := struct { u32 n; };", "fields := struct { };");
    assert_ne!(bare, metadata);
    fs::write(trace.join("metadata"), bare).unwrap();
    // Without its field, what was an event's number would be the begin of the next one.
    let stream = trace.join("c_0");
    let mut bytes = fs::read(&stream).unwrap();
    let sizes = 4 + 16 + 4 + 8 + 8 + 8;
    bytes.truncate(bytes.len() - 4);
    let bits = (bytes.len() as u64 * 8).to_le_bytes();
    bytes[sizes..sizes + 8].copy_from_slice(&bits);
    bytes[sizes + 8..sizes + 16].copy_from_slice(&bits);
    fs::write(&stream, bytes).unwrap();
    trace
}

/// Datasets, by what they lack.
fn datasets(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let full = dir.join("full");
    LTTNG.write(&full, &[&[Packet(0, 0, &[(100, 1)])]]);
    let empty = dir.join("empty");
    LTTNG.write(&empty, &[]);
    let bare = fieldless(dir);
    let none = trace("apache-keepalive");
    let of: [(&str, &Path, &[&str]); 5] = [
        ("no stream", &empty, &[]),
        ("no event is selected", &full, &["--events", "nothing"]),
        (
            "no event of a large trace is",
            &none,
            &["--events", "nothing"],
        ),
        ("no event has a field", &bare, &[]),
        ("no event is a call's", &full, &[]),
    ];
    let made = of
        .iter()
        .enumerate()
        .map(|(number, (what, trace, options))| {
            let dataset = dir.join(format!("dataset-{number}"));
            ingest(&[trace], &dataset, &[&["--quiet"], *options].concat());
            (*what, dataset)
        });
    made.collect()
}

fn works(args: &[&OsStr], what: &str) -> String {
    let done = sysds(args);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{what}: {args:?}: {said}");
    format!("{}{said}", String::from_utf8(done.stdout).unwrap())
}

#[test]
fn every_shipped_query_has_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let shipped = fs::read_dir(shipped).unwrap().map(|e| e.unwrap().path());
    let shipped: Vec<PathBuf> = shipped
        .filter(|p| p.extension() == Some("sql".as_ref()))
        .collect();
    assert!(shipped.len() > 15);
    for (what, dataset) in datasets(dir.path()) {
        for query in &shipped {
            let name = query.file_stem().unwrap();
            let out = dir.path().join("out");
            let _ = fs::remove_dir_all(&out);
            fs::create_dir(&out).unwrap();
            let target = |file: &str| format!("{file}={}", out.join(file).display());
            let (one, other) = (target("out"), target("vocabulary"));
            let mut args = vec!["query".as_ref(), name, "-d".as_ref(), dataset.as_os_str()];
            let text = fs::read_to_string(query).unwrap();
            for (parameter, value) in [("-- $out =", &one), ("-- $vocabulary =", &other)] {
                if text.contains(parameter) {
                    args.extend(["-p".as_ref(), OsStr::new(value)]);
                }
            }
            works(&args, what);
        }
    }
}

#[test]
fn inspect_report_publish_and_verify_work() {
    let dir = tempfile::tempdir().unwrap();
    for (what, dataset) in datasets(dir.path()) {
        let data: &OsStr = dataset.as_os_str();
        works(&["inspect".as_ref(), data], what);
        let page = dir.path().join("page.html");
        let report = ["report".as_ref(), data, "-o".as_ref(), page.as_os_str()];
        let said = works(&report, what);
        assert!(!said.contains("cannot answer"), "{what}: {said}");
        let [policy, key] = ["policy.toml", "secret.key"].map(|name| dir.path().join(name));
        fs::write(&policy, "").unwrap();
        fs::write(
            &key,
            "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5",
        )
        .unwrap();
        let [policy, key] = [policy.to_str().unwrap(), key.to_str().unwrap()];
        let ways: [&[&str]; 6] = [
            &[],
            &["--split", "hash"],
            &["--split", "time"],
            &["--split", "recording"],
            &["--split", "label"],
            &["--anonymize", policy, "--key", key, "--split", "hash"],
        ];
        for way in ways {
            let release = dir.path().join("release");
            let _ = fs::remove_dir_all(&release);
            let mut publish = vec!["publish".as_ref(), data, "-o".as_ref(), release.as_os_str()];
            publish.extend(way.iter().map(OsStr::new));
            let what = format!("{what} {way:?}");
            works(&publish, &what);
            works(&["verify".as_ref(), release.as_os_str()], &what);
            works(&["inspect".as_ref(), release.as_os_str()], &what);
            let latency = [
                "query".as_ref(),
                "latency".as_ref(),
                "-d".as_ref(),
                release.as_os_str(),
            ];
            works(&latency, &what);
        }
    }
}
