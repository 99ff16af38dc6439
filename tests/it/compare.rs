//! sysds beside babeltrace2 itself: its Python bindings on the real traces, its program on its own test traces.

use crate::common::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The script decodes a trace with the bindings and prints two digests: of the values as the bindings show them, and
/// of the values with strings cut to their lengths. The first is the one in expected.json, the second ours.
#[test]
fn the_bindings_differ_in_empty_strings_only() {
    if !has("/usr/bin/python3", &["-c", "import bt2"]) {
        return;
    }
    let exact: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(data("exact.json")).unwrap()).unwrap();
    let name = "apache-keepalive";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/bt2_digest.py");
    let run = Command::new("/usr/bin/python3")
        .arg(script)
        .arg(trace(name))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let expected = fs::read_to_string(data(&format!("{name}.expected.json"))).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(found["as_shown"], expected["values_sha256"]);
    assert_eq!(found["by_length"], exact[name]);
    assert!(found["differing_events"].as_u64().unwrap() > 0);
}

/// Where the traces of babeltrace's own tests are, which this project may not ship.
pub fn babeltrace_traces() -> Option<PathBuf> {
    let beside = match std::env::var_os("SYSDS_BABELTRACE_TRACES") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces"),
    };
    let archive = beside.join("babeltrace-ctf-1.8.tar.zst");
    if !archive.exists() {
        eprintln!("SKIPPED: {} is not here", archive.display());
        return None;
    }
    // Once in a process: a second test would write over what the first is reading.
    static UNPACKED: OnceLock<PathBuf> = OnceLock::new();
    let dir = UNPACKED.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bt-{}", std::process::id()));
        unpack(&archive, &dir);
        dir
    });
    Some(dir.join("ctf-traces"))
}

#[test]
fn babeltraces_own_traces_give_as_many_events_or_the_same_refusal() {
    let Some(root) = babeltrace_traces() else {
        return;
    };
    // babeltrace2 reads these, and sysds says why it does not.
    let no_time = [
        "array-align-elem",
        "env-warning",
        "ev-disc-no-ts-begin-end",
        "meta-variant-no-underscore",
        "meta-variant-one-underscore",
        "meta-variant-reserved-keywords",
        "meta-variant-same-with-underscore",
        "meta-variant-two-underscores",
        "no-packet-context",
        "smalltrace",
        "struct-array-align-elem",
        "succeed1",
        "succeed2",
        "succeed3",
        "warnings",
    ];
    let (mut read, mut refused) = (0, 0);
    let dir = tempfile::tempdir().unwrap();
    for line in fs::read_to_string(data("babeltrace-ctf-1.8.tsv"))
        .unwrap()
        .lines()
        .skip(1)
    {
        let [name, events, status] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let out = dir.path().join("d");
        let done = sysds([
            Path::new("ingest"),
            &root.join(name),
            Path::new("-o"),
            &out,
            Path::new("-q"),
        ]);
        let said = stderr(&done);
        let short = name.split('/').next_back().unwrap();
        if status == "134" {
            // babeltrace2 aborts at an assertion here: a sequence in a context. There is no event.
            assert_eq!(manifest(&out)["events"], 0, "{name}");
            fs::remove_dir_all(&out).unwrap();
        } else if status != "0" {
            assert_eq!(done.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains("  help: "), "{name}: {said}");
            refused += 1;
        } else if no_time.contains(&short) {
            assert_eq!(done.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains("its events have no time"), "{name}: {said}");
            refused += 1;
        } else {
            assert_eq!(done.status.code(), Some(0), "{name}: {said}");
            assert_eq!(manifest(&out)["events"].to_string(), events, "{name}");
            fs::remove_dir_all(&out).unwrap();
            read += 1;
        }
        assert!(!out.exists(), "{name}");
    }
    assert!(
        read >= 10 && refused >= 10,
        "read {read}, refused {refused}"
    );
}
