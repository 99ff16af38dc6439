//! URL, status and bytes of requests from an access log: Apache's own, against what clients asked and got; and made-up
//! ones, for the traces that ship.

use crate::common::*;
use crate::strace::{Form, Server};
use arrow::array::RecordBatch;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a request has of the log.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    id: i64,
    start: i64,
    end: i64,
    pid: i64,
    client: Option<(String, i64)>,
    lines: Option<i64>,
    time: Option<i64>,
    method: Option<String>,
    url: Option<String>,
    status: Option<i64>,
    bytes: Option<i64>,
}

/// The requests of batches, in the order of their starts.
fn rows(batches: &[RecordBatch]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let long = |name: &str| longs(batch.column_by_name(name).unwrap());
        let text = |name: &str| texts(batch.column_by_name(name).unwrap());
        let (id, start, end, pid) = (long("request_id"), long("start"), long("end"), long("pid"));
        let (address, port) = (text("client_addr"), long("client_port"));
        let (lines, time, status) = (long("access_lines"), long("log_time"), long("http_status"));
        let (method, url, bytes) = (text("http_method"), text("url"), long("response_bytes"));
        rows.extend((0..batch.num_rows()).map(|i| Row {
            id: id[i].unwrap(),
            start: start[i].unwrap(),
            end: end[i].unwrap(),
            pid: pid[i].unwrap(),
            client: address[i].clone().zip(port[i]),
            lines: lines[i],
            time: time[i],
            method: method[i].clone(),
            url: url[i].clone(),
            status: status[i],
            bytes: bytes[i],
        }));
    }
    rows.sort_by_key(|r| r.id);
    rows
}

fn requests(dataset: &Path) -> Vec<Row> {
    rows(&table(dataset, "requests").1)
}

/// Puts a log and the record that tells of it beside the trace of the recording `dir`.
pub fn log_beside(dir: &Path, log: &str) {
    fs::write(dir.join("access.log"), log).unwrap();
    let record = json!({
        "format_version": 1, "label": null, "started": "2026-11-23T23:06:39.125Z",
        "duration_ns": 20_000_000_000u64, "ended_by": "duration", "discarded_events": 0, "lost_packets": 0,
        "session": {"name": "s", "kernel_events": ["syscalls"], "user_events": [],
            "contexts": ["procname", "pid", "tid"], "subbuf_size": 1_048_576, "num_subbuf": 4},
        "machine": {"sysds": "0.1.0", "lttng": "2.13.9", "kernel": "6.1.0", "cpus": 2, "memory_bytes": 1u64 << 31},
        "access_log": {"path": "/var/log/apache2/of-kingfisher.log", "bytes": log.len(),
            "lines": log.matches('\n').count(), "rotated": false, "truncated": false},
    });
    fs::write(dir.join("record.json"), record.to_string()).unwrap();
}

/// Apache's recording of this kind, with its log, in the folder `dir`; what clients asked and got, by their ports, in order.
fn apache(kind: &str, dir: &Path) -> (PathBuf, BTreeMap<i64, Vec<Vec<String>>>) {
    let data = dir.join("data");
    unpack(&data_file(), &data);
    let server = Server::of(data.clone(), kind);
    let recording = dir.join("r");
    let form = Form {
        dump: true,
        ends: false,
    };
    server.write(&recording.join("trace"), form);
    log_beside(
        &recording,
        &fs::read_to_string(data.join(format!("{kind}.log"))).unwrap(),
    );
    let mut asked: BTreeMap<i64, Vec<Vec<String>>> = BTreeMap::new();
    for mut words in server.lines("asked") {
        let port = words.remove(0).parse().unwrap();
        asked.entry(port).or_default().push(words);
    }
    (recording, asked)
}

fn data_file() -> PathBuf {
    data("apache-log.tar.zst")
}

/// What a request has of the log, in the words of what clients asked and got.
fn said(row: &Row) -> Vec<String> {
    match row.lines {
        Some(1) => {
            assert!(row.time.is_some_and(|t| t <= row.end), "{row:?}");
            let [method, url] =
                [&row.method, &row.url].map(|t| t.clone().unwrap_or("-".to_owned()));
            let [status, bytes] = [row.status, row.bytes].map(|n| n.unwrap().to_string());
            vec![method, url, status, bytes]
        }
        lines => {
            assert_eq!((&row.method, &row.url, row.time), (&None, &None, None));
            assert_eq!((row.status, row.bytes), (None, None));
            vec![
                if lines == Some(2) {
                    "several"
                } else {
                    "nothing"
                }
                .to_owned(),
            ]
        }
    }
}

#[test]
fn requests_are_for_what_their_clients_asked_and_got() {
    for (kind, older) in [("prefork", true), ("event", false)] {
        let dir = tempfile::tempdir().unwrap();
        let (recording, mut asked) = apache(kind, dir.path());
        let dataset = dir.path().join("d");
        let options = ["--requests", "exchange", "--server", "apache2"];
        ingest(&[&recording], &dataset, &options);
        let mut by_port: BTreeMap<Option<i64>, Vec<Vec<String>>> = BTreeMap::new();
        for row in requests(&dataset) {
            let port = row.client.as_ref().map(|(_, port)| *port);
            by_port.entry(port).or_default().push(said(&row));
        }
        // The trace does not tell the client of the connection that is older. Where a process has one connection at a time,
        // the process tells.
        let before = *asked
            .iter()
            .find(|(_, all)| all[0][1].contains("before="))
            .unwrap()
            .0;
        let mut of_before = asked.remove(&before).unwrap();
        if !older {
            of_before
                .iter_mut()
                .for_each(|words| *words = vec!["nothing".to_owned()]);
        }
        assert_eq!(by_port.remove(&None), Some(of_before), "{kind}");
        let known: BTreeMap<Option<i64>, Vec<Vec<String>>> = asked
            .into_iter()
            .map(|(port, all)| (Some(port), all))
            .collect();
        assert_eq!(by_port, known, "{kind}");
        let counts = &manifest(&dataset)["recordings"][0]["access_log"];
        let (matched, unmatched) = if older { (36, 0) } else { (32, 4) };
        assert_eq!(
            (&counts["lines"], &counts["matched"], &counts["unmatched"]),
            (&json!(36), &json!(matched), &json!(unmatched)),
            "{kind}: {counts}"
        );
        assert_eq!(counts["requests_with_several"], 1);
        let checked = sysds(["verify".as_ref(), dataset.as_os_str()]);
        assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    }
}

/// A recording of apache-keepalive without a log, in the folder `dir`.
fn keepalive(dir: &Path) -> PathBuf {
    let recording = dir.join("r");
    fs::create_dir(&recording).unwrap();
    fs::rename(copy_of("apache-keepalive", dir), recording.join("trace")).unwrap();
    recording
}

/// The line of a request that Apache read 20 µs after it began.
fn line(row: &Row) -> String {
    let begin = row.start / 1000 + 20;
    let took = (row.end - row.start) / 1000;
    let (address, port) = row.client.as_ref().unwrap();
    let (id, pid) = (row.id, row.pid);
    format!(
        "sysds1 {begin} {took} {address} {port} {pid} 0 200 {} \"GET /of-kingfisher/{id}?secret={} HTTP/1.1\"\n",
        300 + id,
        id % 7
    )
}

#[test]
fn a_log_fills_the_columns_of_exchanges_and_counts_those_of_connections() {
    let dir = tempfile::tempdir().unwrap();
    let recording = keepalive(dir.path());
    let bare = dir.path().join("bare");
    ingest(&[&recording], &bare, &["--requests", "exchange"]);
    let before = requests(&bare);
    let is_bare = |r: &Row| r.lines.is_none() && r.url.is_none() && r.time.is_none();
    assert!(before.len() == 307 && before.iter().all(is_bare));
    assert!(manifest(&bare)["recordings"][0].get("access_log").is_none());
    // In the order of ends, as Apache writes them, with one of another server and one that was cut off.
    let mut by_end: Vec<&Row> = before.iter().collect();
    by_end.sort_by_key(|r| r.end);
    let mut log: String = by_end.iter().map(|r| line(r)).collect();
    log += "sysds1 1795987674968892 391 192.0.2.7 1 1 0 200 6 \"GET / HTTP/1.1\"\nsysds1 17";
    log_beside(&recording, &log);

    let exchanges = dir.path().join("exchanges");
    let done = sysds([
        "ingest".as_ref(),
        recording.as_os_str(),
        "-o".as_ref(),
        exchanges.as_os_str(),
        "--requests".as_ref(),
        "exchange".as_ref(),
    ]);
    let words = "access log: 307 of 308 lines belong to requests; 307 requests have one, 0 have several, 0 have none";
    assert!(stderr(&done).contains(words), "{}", stderr(&done));
    for (row, before) in requests(&exchanges).into_iter().zip(&before) {
        let id = before.id;
        let expected = Row {
            lines: Some(1),
            time: Some((before.start / 1000 + 20) * 1000),
            method: Some("GET".to_owned()),
            url: Some(format!("/of-kingfisher/{id}?secret={}", id % 7)),
            status: Some(200),
            bytes: Some(300 + id),
            ..before.clone()
        };
        assert_eq!(row, expected);
    }
    let counts = &manifest(&exchanges)["recordings"][0]["access_log"];
    assert_eq!(
        (&counts["unmatched"], &counts["cut_off"]),
        (&json!(1), &json!(true))
    );

    let connections = dir.path().join("connections");
    ingest(&[&recording], &connections, &[]);
    let rows = requests(&connections);
    assert_eq!(rows.iter().map(|r| r.lines.unwrap()).sum::<i64>(), 307);
    assert!(rows.iter().all(|r| r.url.is_some() == (r.lines == Some(1))));
    anonymous(&exchanges, dir.path());
}

/// In an anonymized release of `dataset`, URLs are pseudonyms, equal ones for equal ones, and the rest is as it was.
fn anonymous(dataset: &Path, dir: &Path) {
    let (policy, key, release) = (
        dir.join("policy.toml"),
        dir.join("key"),
        dir.join("release"),
    );
    fs::write(&policy, "").unwrap();
    fs::write(
        &key,
        "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5",
    )
    .unwrap();
    let done = sysds([
        "publish".as_ref(),
        dataset.as_os_str(),
        "-o".as_ref(),
        release.as_os_str(),
        "--license".as_ref(),
        "CC-BY-4.0".as_ref(),
        "--anonymize".as_ref(),
        policy.as_os_str(),
        "--key".as_ref(),
        key.as_os_str(),
    ]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let before = requests(dataset);
    let told: Value =
        serde_json::from_str(&fs::read_to_string(release.join("manifest.json")).unwrap()).unwrap();
    assert!(!told.to_string().contains("kingfisher"), "{told}");
    assert_eq!(told["recordings"][0]["access_log"]["matched"], 307);
    let files = told["tables"]["requests"]["files"].as_array().unwrap();
    let files = files
        .iter()
        .map(|f| release.join(f["path"].as_str().unwrap()));
    let mut after: Vec<Row> = files.flat_map(|file| rows(&rows_of(&file))).collect();
    after.sort_by_key(|r| r.id);
    assert_eq!(after.len(), before.len());
    for (after, before) in after.iter().zip(&before) {
        let url = after.url.as_deref().unwrap();
        let digits = url.strip_prefix('t').unwrap();
        assert!(
            digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit()),
            "{url}"
        );
        assert_eq!(
            (&after.method, after.status),
            (&before.method, before.status)
        );
        assert_eq!((after.lines, after.bytes), (before.lines, before.bytes));
        let since_start = |r: &Row| r.time.unwrap() - r.start;
        assert_eq!(since_start(after), since_start(before), "both are shifted");
    }
    let urls: std::collections::BTreeSet<_> = after.iter().map(|r| &r.url).collect();
    assert_eq!(urls.len(), before.len(), "different URLs are different");
}

#[test]
fn another_log_than_the_record_tells_of_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let recording = keepalive(dir.path());
    let dataset = dir.path().join("d");
    let refused = |words: &[&str]| {
        let done = sysds([
            "ingest".as_ref(),
            recording.as_os_str(),
            "-o".as_ref(),
            dataset.as_os_str(),
        ]);
        assert_eq!(done.status.code(), Some(1));
        for word in words {
            assert!(stderr(&done).contains(word), "{word}: {}", stderr(&done));
        }
        assert!(!dataset.exists());
    };
    let good = "sysds1 1795987674968892 391 192.0.2.7 1 1 0 200 6 \"GET / HTTP/1.1\"\n";
    let common = "192.0.2.7 - - [29/Nov/2026:21:30:28 +0000] \"GET / HTTP/1.1\" 200 6\n";
    log_beside(&recording, &format!("{good}{common}"));
    refused(&[
        "access.log, line 2",
        "sysds1",
        "%{begin:usec}t",
        "docs/guide/record.md",
    ]);
    log_beside(&recording, good);
    fs::write(recording.join("access.log"), good.repeat(2)).unwrap();
    refused(&[
        "it has 134 bytes, but record.json says 67",
        "Copy the recording again",
    ]);
    fs::remove_file(recording.join("access.log")).unwrap();
    refused(&["access.log"]);
    std::os::unix::fs::symlink("/etc/passwd", recording.join("access.log")).unwrap();
    refused(&["symbolic link"]);
}
