//! The shipped queries on the real traces, against results that were looked over once: `tests/golden/QUERY-TRACE.csv`.
//!
//! `SYSDS_BLESS=1` writes the results that are missing or have changed; look at the difference.

use crate::common::*;
use crate::docs::blessing;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

#[test]
fn prefork() {
    check("apache-prefork");
}

#[test]
fn keepalive() {
    check("apache-keepalive");
}

#[test]
fn lossy() {
    check("apache-lossy");
}

fn check(trace_name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace(trace_name)], &dataset, &["--quiet"]);
    let out = format!("out={}", dir.path().join("split").display());
    let splits = ["time", "recording", "label"].map(|by| {
        let out = format!("out={}", dir.path().join(by).display());
        ["-p".to_owned(), out, "-p".to_owned(), format!("by={by}")]
    });
    let splits = splits.each_ref().map(|p| p.each_ref().map(String::as_str));
    let by_label = [&splits[2][..], &["-p", "label=''"]].concat();
    let mut used = HashSet::new();
    for (golden, query, parameters) in [
        ("split_time", "split", &splits[0][..]),
        ("split_recording", "split", &splits[1][..]),
        ("split_label", "split", &by_label[..]),
    ]
    .into_iter()
    .chain(
        [
            ("blocked_time", &[][..]),
            ("distribution", &[][..]),
            ("downstream", &[][..]),
            ("errors", &[][..]),
            ("files", &[][..]),
            ("latency", &[][..]),
            ("latency_by_label", &[][..]),
            ("latency_over_time", &[][..]),
            ("load_check", &[][..]),
            ("losses", &[][..]),
            ("ngrams", &[][..]),
            ("slow_vs_fast", &[][..]),
            ("split", &["-p", out.as_str()][..]),
            ("syscall_histogram", &[][..]),
            ("timeline", &["-p", "limit=50"][..]),
            ("top_arguments", &[][..]),
            ("window", &[][..]),
        ]
        .map(|(query, parameters)| (query, query, parameters)),
    ) {
        used.insert(query.to_owned());
        let file = format!("queries/{query}.sql");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let mut args = vec![
            "query".as_ref(),
            file.as_os_str(),
            "-d".as_ref(),
            dataset.as_os_str(),
        ];
        args.extend(["--format", "csv"].map(std::ffi::OsStr::new));
        args.extend(parameters.iter().map(std::ffi::OsStr::new));
        let answer = sysds(args);
        assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/golden/{golden}-{trace_name}.csv"));
        let answer = String::from_utf8(answer.stdout).unwrap();
        if blessing() {
            fs::write(&golden, &answer).unwrap();
        }
        let name = golden.display();
        let golden = fs::read_to_string(&golden).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(answer, golden, "{golden} on {trace_name}");
    }
    let shipped = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).unwrap();
    let shipped = shipped.map(|f| {
        f.unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    });
    assert_eq!(
        shipped.collect::<HashSet<String>>(),
        used,
        "a golden for each query"
    );
    histogram_is_the_readers(trace_name);
}

/// The histogram's calls and times are those that the independent reader paired, where every call has both sides.
fn histogram_is_the_readers(trace_name: &str) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/golden/syscall_histogram-{trace_name}.csv"));
    let golden = fs::read_to_string(golden).unwrap();
    let expected = fs::read_to_string(data(&format!("{trace_name}.expected.json"))).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let mut lines = golden.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let mut checked = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |name: &str| cells[at(name)].parse::<i64>().unwrap();
        let (name, paired) = (cells[at("name")], number("calls") - number("no_entry"));
        if paired > 0 {
            assert_eq!(expected["syscall_pairs"][name], paired, "{name}");
            assert_eq!(
                expected["syscall_pair_ns"][name],
                number("total_ns"),
                "{name}"
            );
            checked += 1;
        }
    }
    assert_eq!(
        checked,
        expected["syscall_pairs"].as_object().unwrap().len()
    );
}
