//! What the options of `ingest` and `inspect` do.

use crate::common::*;
use arrow::datatypes::DataType;
use std::path::Path;

fn requests(dir: &Path, trace_name: &str, options: &[&str]) -> Vec<arrow::array::RecordBatch> {
    let dataset = dir.join("d");
    ingest(
        &[&trace(trace_name)],
        &dataset,
        &[&["--quiet", "--force"], options].concat(),
    );
    table(&dataset, "requests").1
}

#[test]
fn a_request_can_end_at_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let closed = requests(dir.path(), "apache-prefork", &[]);
    let shut = requests(dir.path(), "apache-prefork", &["--request-end", "shutdown"]);
    let by_id = |rows: &[arrow::array::RecordBatch], column: &str| {
        let mut all: Vec<_> = all_longs(rows, "request_id")
            .into_iter()
            .zip(all_longs(rows, column))
            .collect();
        all.sort_unstable();
        all
    };
    assert_eq!(by_id(&closed, "start"), by_id(&shut, "start"));
    let ends: std::collections::HashMap<_, _> = by_id(&closed, "end").into_iter().collect();
    let ids = all_longs(&shut, "request_id");
    let ends = ids.iter().map(|id| ends[id]);
    let earlier = all_longs(&shut, "end");
    for ((reason, end), early) in all_texts(&shut, "end_reason").iter().zip(ends).zip(earlier) {
        match reason.as_deref() {
            Some("shutdown") => assert!(early < end),
            other => assert_eq!((other, early), (Some("close"), end)),
        }
    }
    let reasons = all_texts(&shut, "end_reason");
    assert!(
        reasons
            .iter()
            .filter(|r| r.as_deref() == Some("shutdown"))
            .count()
            > 200
    );
}

#[test]
fn a_server_and_a_label_are_kept_to() {
    let dir = tempfile::tempdir().unwrap();
    let rows = requests(
        dir.path(),
        "apache-prefork",
        &["--server", "apache2", "--label", "normal"],
    );
    assert!(
        all_texts(&rows, "procname")
            .iter()
            .all(|n| n.as_deref() == Some("apache2"))
    );
    assert!(
        all_texts(&rows, "label")
            .iter()
            .all(|n| n.as_deref() == Some("normal"))
    );
    assert_eq!(all_longs(&rows, "request_id").len(), 319);
    let none = requests(dir.path(), "apache-prefork", &["--server", "nginx"]);
    assert_eq!(none.iter().map(|b| b.num_rows()).sum::<usize>(), 0);
}

#[test]
fn what_fits_nothing_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let trace = trace("apache-keepalive");
    let said = |name: &str, options: &[&str]| {
        let out = dir.path().join(name);
        let mut words = vec![
            "ingest".as_ref(),
            trace.as_os_str(),
            "-o".as_ref(),
            out.as_os_str(),
        ];
        words.extend(options.iter().map(std::ffi::OsStr::new));
        let done = sysds(words);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        stderr(&done)
    };
    let nothing = said(
        "nothing",
        &[
            "--events",
            "nosuch*",
            "--events",
            "openat",
            "--columns",
            "nosuch",
            "--server",
            "nosuch",
        ],
    );
    for option in ["--events nosuch*", "--columns nosuch", "--server nosuch"] {
        let warning = format!("warning: {option}: no ");
        assert!(nothing.contains(&warning), "no {warning:?} in:\n{nothing}");
    }
    assert!(!nothing.contains("--events openat"), "{nothing}");
    let all = said("all", &["--columns", "f*", "--server", "apache2"]);
    assert!(!all.contains("warning: --"), "{all}");
}

#[test]
fn nested_events_can_go_without_arguments_and_are_cut_at_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let plain = requests(dir.path(), "apache-prefork", &["--request-args", "none"]);
    let DataType::List(element) = plain[0]
        .schema()
        .field_with_name("events")
        .unwrap()
        .data_type()
        .clone()
    else {
        panic!("events is a list")
    };
    let DataType::Struct(fields) = element.data_type() else {
        panic!("of structures")
    };
    assert!(fields.iter().all(|f| f.name() != "args"));
    let cut = requests(
        dir.path(),
        "apache-prefork",
        &["--max-request-events", "10"],
    );
    let (n, omitted) = (
        all_longs(&cut, "n_events"),
        all_longs(&cut, "n_events_omitted"),
    );
    assert!(
        n.iter()
            .zip(&omitted)
            .all(|(n, o)| o.unwrap() == (n.unwrap() - 10).max(0))
    );
    assert_eq!(n, all_longs(&plain, "n_events"));
}

#[test]
fn questions_about_arguments_have_the_same_answers_where_requests_carry_none() {
    let dir = tempfile::tempdir().unwrap();
    let answers = ["struct", "none"].map(|args| {
        let dataset = dir.path().join(args);
        let traces = [trace("apache-lossy"), trace("apache-keepalive")];
        let traces = [traces[0].as_path(), traces[1].as_path()];
        ingest(&traces, &dataset, &["--quiet", "--request-args", args]);
        let dataset = dataset.to_str().unwrap();
        let all = "SELECT * FROM request_arguments ORDER BY trace_id, request_id, call, phase, argument, value";
        [vec!["top_arguments"], vec!["-e", all]].map(|query| {
            let fixed = ["-d", dataset, "--format", "csv", "--memory", "100M"];
            let answer = sysds([&["query"], &query[..], &fixed].concat());
            assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
            String::from_utf8(answer.stdout).unwrap()
        })
    });
    assert!(answers[0].iter().all(|answer| answer.lines().count() > 100));
    assert!(answers[0] == answers[1]);
}

#[test]
fn every_compression_holds_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let standard = requests(dir.path(), "apache-keepalive", &[]);
    for codec in ["none", "snappy", "zstd", "zstd:9"] {
        let rows = requests(dir.path(), "apache-keepalive", &["--compression", codec]);
        assert_eq!(rows, standard, "{codec}");
    }
    for codec in ["zstd:99", "lzo", "snappy:1"] {
        let wrong = sysds(["ingest", "x", "-o", "y", "--compression", codec]);
        assert_eq!(wrong.status.code(), Some(2), "{codec}");
    }
}

#[test]
fn inspect_says_what_is_in_traces_and_datasets() {
    let dir = tempfile::tempdir().unwrap();
    let lossy = trace("apache-lossy");
    let text = sysds([Path::new("inspect"), &lossy]);
    let text = String::from_utf8(text.stdout).unwrap();
    for part in [
        "212,816",
        "9049 events, 0 packets",
        "sched_switch",
        "monotonic",
        "procname",
        "lttng-modules",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let json = sysds([Path::new("inspect"), &lossy, Path::new("--json")]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let recording = &json["recordings"][0];
    assert_eq!(recording["events"], 212_816);
    let classes = recording["classes"].as_array().unwrap();
    assert_eq!(
        classes
            .iter()
            .map(|c| c["events"].as_u64().unwrap())
            .sum::<u64>(),
        212_816
    );
    assert_eq!(recording["losses"].as_array().unwrap().len(), 2);

    let dataset = dir.path().join("d");
    ingest(&[&lossy], &dataset, &["--quiet"]);
    let json = sysds([Path::new("inspect"), &dataset, Path::new("--json")]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["manifest"]["discarded_events"], 9049);
    let tables = json["tables"].as_array().unwrap();
    let rows: Vec<_> = tables
        .iter()
        .map(|t| (t["name"].as_str().unwrap(), t["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(rows[1], ("events", 212_816));
    assert_eq!(rows[3], ("requests", 610));
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["ingest", "inspect", "query"] {
        let help = sysds([command, "--help"]);
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(
            help.contains("Example") && help.contains(&format!("sysds {command} ")),
            "{help}"
        );
    }
}

#[test]
fn rules_that_cannot_be_followed_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let refused = |options: &[&str]| {
        let trace = trace("apache-keepalive");
        let mut args = vec!["ingest".as_ref(), trace.as_os_str()];
        args.extend(["-o".as_ref(), dataset.as_os_str()]);
        args.extend(options.iter().map(std::ffi::OsStr::new));
        let done = sysds(args);
        assert_eq!(done.status.code(), Some(2), "{}", stderr(&done));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        stderr(&done)
    };
    let httpd = refused(&["--requests", "httpd"]);
    assert!(httpd.contains("httpd:enter_event_handler"), "{httpd}");
    let end = refused(&["--requests", "exchange", "--request-end", "shutdown"]);
    assert!(end.contains("--requests connection"), "{end}");
}

#[test]
fn each_trace_has_its_label() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let (a, b) = (trace("apache-prefork"), trace("apache-keepalive"));
    let labels = ["--quiet", "--label", "off", "--label", "on"];
    ingest(&[&a, &b], &dataset, &labels);
    let manifest = manifest(&dataset);
    let (_, rows) = table(&dataset, "requests");
    let pairs = all_texts(&rows, "trace_id")
        .into_iter()
        .zip(all_texts(&rows, "label"));
    let pairs: std::collections::BTreeSet<_> = pairs.collect();
    assert_eq!(pairs.len(), 2);
    for (recording, label) in manifest["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["off", "on"])
    {
        assert_eq!(recording["label"], label);
        let id = recording["trace_id"].as_str().unwrap().to_owned();
        assert!(
            pairs.contains(&(Some(id), Some(label.to_owned()))),
            "{pairs:?}"
        );
    }
    let mut args = vec![
        "ingest".as_ref(),
        a.as_os_str(),
        b.as_os_str(),
        "-o".as_ref(),
    ];
    let other = dir.path().join("e");
    args.push(other.as_os_str());
    args.extend(["--label", "1", "--label", "2", "--label", "3"].map(std::ffi::OsStr::new));
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(2), "{}", stderr(&done));
    assert!(stderr(&done).contains("3 labels for 2 traces") && !other.exists());
}
