//! `sysds publish --anonymize`: no original value is left in any byte of the release, and what belonged together still does.

use crate::common::*;
use arrow::array::{Array, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use parquet::column::page::Page;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const KEY: &str = "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5";
const POLICY: &str =
    "[paths]\nkeep = [\"/proc\"]\n[names]\nprocesses = \"key\"\nkeep_processes = [\"apache2\"]\n";

/// A release of `dataset` with the policy above; what it printed.
fn release(dataset: &Path, dir: &Path, name: &str) -> (PathBuf, String) {
    let (policy, key) = (dir.join("policy.toml"), dir.join("secret.key"));
    fs::write(&policy, POLICY).unwrap();
    fs::write(&key, KEY).unwrap();
    let release = dir.join(name);
    let mut args = vec![
        "publish".as_ref(),
        dataset.as_os_str(),
        "-o".as_ref(),
        release.as_os_str(),
    ];
    args.extend(
        [
            "--license",
            "CC-BY-4.0",
            "--split",
            "hash",
            "--audit",
            "--anonymize",
        ]
        .map(std::ffi::OsStr::new),
    );
    args.extend([policy.as_os_str(), "--key".as_ref(), key.as_os_str()]);
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    (release, String::from_utf8(done.stdout).unwrap())
}

fn all_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_files(&path, found),
            false => found.push(path),
        }
    }
}

/// The bytes of a release: of each file as it is, and of the pages of Parquet files, decompressed.
fn bytes_of(release: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    all_files(release, &mut files);
    let mut found = Vec::new();
    for file in files {
        let mut bytes = fs::read(&file).unwrap();
        if file.extension().is_some_and(|e| e == "parquet") {
            pages(&file, &mut bytes);
        }
        found.push((file, bytes));
    }
    assert!(found.len() > 5, "{}", found.len());
    found
}

fn pages(file: &Path, bytes: &mut Vec<u8>) {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for column in 0..group.num_columns() {
            for page in group.get_column_page_reader(column).unwrap() {
                match page.unwrap() {
                    Page::DataPage { buf, .. }
                    | Page::DataPageV2 { buf, .. }
                    | Page::DictionaryPage { buf, .. } => bytes.extend_from_slice(&buf),
                }
            }
        }
    }
}

/// Distinct texts of a column, nested ones (`args.filename`) too.
fn distinct(batches: &[RecordBatch], column: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for batch in batches {
        let mut parts = column.split('.');
        let mut array = batch.column_by_name(parts.next().unwrap()).unwrap().clone();
        for part in parts {
            array = array.as_struct().column_by_name(part).unwrap().clone();
        }
        found.extend(texts(&array).into_iter().flatten());
    }
    found
}

/// The components of names that are long enough to tell something.
fn telling(names: BTreeSet<String>) -> impl Iterator<Item = String> {
    let components = names
        .into_iter()
        .flat_map(|n| n.split('/').map(str::to_owned).collect::<Vec<_>>());
    // Shorter ones stand in random bytes and in words of the format.
    components.filter(|c| c.len() >= 7 && !c.chars().all(|c| c.is_ascii_digit()))
}

/// apache-prefork as `sysds record` would have left it, with a record that tells a lot.
fn recorded(dir: &Path) -> PathBuf {
    let recording = dir.join("recording");
    fs::create_dir(&recording).unwrap();
    fs::rename(copy_of("apache-prefork", dir), recording.join("trace")).unwrap();
    let record = serde_json::json!({
        "format_version": 1, "label": "alice-in-lab", "started": "2026-11-23T23:06:39.125Z",
        "duration_ns": 20_000_000_000u64, "ended_by": "command", "discarded_events": 0, "lost_packets": 0,
        "session": {"name": "sysds-laboratory-seven", "kernel_events": ["syscalls"], "user_events": [],
            "contexts": ["procname", "pid", "tid"], "subbuf_size": 1_048_576, "num_subbuf": 4},
        "machine": {"sysds": "0.1.0", "lttng": "2.13.9", "kernel": "6.1.0", "cpus": 2, "memory_bytes": 1u64 << 31},
        "command": {"command": ["/home/kingfisher/bin/driver", "--from", "203.0.113.77"], "status": 0},
        "noise": {"command": ["curl laboratory-seven/opensesame"], "status": null},
        "load": {"command": "wrk2 -R15 http://laboratory-seven/benchmark.php", "status": 0, "summary": {
            "tool": "wrk2", "rate_asked": 15.0, "rate_reached": 15.21, "duration_ns": 20_000_000_000u64,
            "requests": 304, "errors": [{"what": "no route to 203.0.113.77, laboratory-seven", "count": 2},
                {"what": "timeout", "count": 1}], "bytes_read": 104_274, "latency_corrected": true,
            "mean_ns": 120_500_000, "max_ns": 300_000_000, "percentiles": [
                {"percent": 50.0, "latency_ns": 110_000_000}, {"percent": 99.0, "latency_ns": 250_000_000}]}},
    });
    fs::write(recording.join("record.json"), record.to_string()).unwrap();
    recording
}

/// Of the record, the moment is shifted with its milliseconds as the times are, and all figures and versions are the same.
fn record_is_anonymous(before: &serde_json::Value, after: &serde_json::Value) {
    let first = |m: &serde_json::Value| m["recordings"][0].clone();
    let (before, after) = (first(before), first(after));
    assert_eq!(before["recorded"]["label"], "alice-in-lab");
    let moment = |r: &serde_json::Value| {
        let text = r["recorded"]["started"].as_str().unwrap().to_owned();
        arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(&text).unwrap()
    };
    let time = |r: &serde_json::Value| r["first_ns"].as_i64().unwrap();
    assert_ne!(moment(&before), moment(&after));
    assert_eq!(
        moment(&after) - moment(&before),
        time(&after) - time(&before)
    );
    let mut expected = before["recorded"].clone();
    expected["label"] = serde_json::Value::Null;
    expected["started"] = after["recorded"]["started"].clone();
    let out = "(left out)";
    expected["session"]["name"] = out.into();
    expected["load"]["command"] = out.into();
    expected["command"]["command"] = [out].as_slice().into();
    expected["noise"]["command"] = [out].as_slice().into();
    expected["load"]["summary"]["errors"] =
        serde_json::json!([{"what": "timeout", "count": 1}, {"what": "other", "count": 2}]);
    assert_eq!(after["recorded"], expected);
}

#[test]
fn no_original_value_is_left_in_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    let recording = recorded(dir.path());
    ingest(&[&recording], &dataset, &["--quiet", "--label", "normal"]);
    let (release, audit) = release(&dataset, dir.path(), "release");
    let (_, events) = table(&dataset, "events");
    let (_, requests) = table(&dataset, "requests");
    let manifest = manifest(&dataset);
    assert_eq!(manifest["recordings"][0]["recorded"]["load"]["status"], 0);
    let card = fs::read_to_string(release.join("README.md")).unwrap();
    let load = "| wrk2 | 15 | 15.21 | 304 | 3 (timeout 1, other 2) | due | 120.5 | 50 %: 110, 99 %: 250 | 300 |";
    assert!(card.contains(load), "{card}");
    assert!(card.contains("- Commands that ran during the recordings are left out"));
    record_is_anonymous(&manifest, &crate::common::manifest(&release));
    let mut wanted: HashSet<String> = HashSet::new();
    let of_record = [
        "laboratory-seven",
        "benchmark.php",
        "opensesame",
        "kingfisher",
        "203.0.113.77",
        "alice-in-lab",
        "2026-11-23T23:06:39",
    ];
    wanted.extend(of_record.map(str::to_owned));
    for column in ["path", "args.filename", "args.pathname"] {
        wanted.extend(telling(distinct(&events, column)));
    }
    for column in [
        "procname",
        "args.comm",
        "args.prev_comm",
        "args.next_comm",
        "args.parent_comm",
    ] {
        wanted.extend(telling(distinct(&events, column)));
    }
    // Names that calls, fields and the tables' own words have as well, or that the policy keeps.
    wanted.retain(|w| {
        ![
            "apache2", "syslogd", "systemd", "mariadbd", "release", "modules",
        ]
        .contains(&w.as_str())
    });
    let files = wanted.len();
    assert!(files > 50, "{files}");
    wanted.extend(
        distinct(&requests, "client_addr")
            .into_iter()
            .filter(|a| a != "127.0.0.1" && a != "::1"),
    );
    let recording = &manifest["recordings"][0];
    let trace_id = recording["trace_id"].as_str().unwrap();
    wanted.insert(trace_id.to_owned());
    wanted.insert(recording["path"].as_str().unwrap().to_owned());
    wanted.insert("20261123T230639".to_owned());
    wanted.insert(KEY.to_owned());
    let mut needles: Vec<(String, Vec<u8>)> = wanted
        .into_iter()
        .map(|w| (w.clone(), w.into_bytes()))
        .collect();
    let digits = KEY
        .as_bytes()
        .chunks(2)
        .map(|d| std::str::from_utf8(d).unwrap());
    let key: Vec<u8> = digits.map(|d| u8::from_str_radix(d, 16).unwrap()).collect();
    needles.push(("the key".to_owned(), key));
    for column in ["timestamp"] {
        let times: Vec<i64> = all_longs(&events, column).into_iter().flatten().collect();
        // The first and last are in statistics; any plain one would be in a page.
        for time in [times[0], times[times.len() - 1], times[times.len() / 2]] {
            needles.push((format!("time {time}"), time.to_le_bytes().to_vec()));
            needles.push((
                format!("time {time} as text"),
                time.to_string().into_bytes(),
            ));
        }
    }
    let content = bytes_of(&release);
    // The search finds what is there: the same in the dataset.
    let before: Vec<u8> = bytes_of(&dataset)
        .into_iter()
        .flat_map(|(_, bytes)| bytes)
        .collect();
    let mut found_before = 0;
    for (what, needle) in &needles {
        let finder = finder(needle);
        found_before += usize::from(finder.is_match(&before));
        for (file, bytes) in &content {
            let place = file.display();
            assert!(!finder.is_match(bytes), "{what} is in {place}");
        }
    }
    assert!(found_before > files, "{found_before} of {}", needles.len());
    assert!(!audit.contains(trace_id));
    let environment =
        crate::common::manifest(&release)["recordings"][0]["sources"][0]["env"].to_string();
    assert!(environment.contains("\"hostname\",\"n") && !environment.contains("bench"));
    for column in [
        "events.path: ",
        "events.args.filename: ",
        "requests.client_addr: ",
        "requests.events[].args.",
        "manifest.recordings",
    ] {
        assert!(audit.contains(column), "{column}\n{audit}");
    }
}

/// Finds a value in bytes.
fn finder(needle: &[u8]) -> regex::bytes::Regex {
    let escaped: String = needle.iter().map(|b| format!("\\x{b:02x}")).collect();
    regex::bytes::Regex::new(&format!("(?-u){escaped}")).unwrap()
}

/// The rows of a released table in their order.
fn released(release: &Path, table: &str) -> Vec<RecordBatch> {
    let mut files = Vec::new();
    all_files(&release.join("data").join(table), &mut files);
    files.sort();
    files.iter().flat_map(|f| rows_of(f)).collect()
}

/// The values of an argument, by event.
fn argument(batches: &[RecordBatch], name: &str) -> HashMap<i64, i64> {
    let mut found = HashMap::new();
    for batch in batches {
        let ids = longs(batch.column_by_name("event_id").unwrap());
        let args = batch.column_by_name("args").unwrap().as_struct();
        let values = longs(args.column_by_name(name).unwrap());
        found.extend(
            ids.into_iter()
                .zip(values)
                .filter_map(|(id, v)| Some((id?, v?))),
        );
    }
    found
}

fn column(batches: &[RecordBatch], key: &str, name: &str) -> HashMap<i64, Option<i64>> {
    let keys = all_longs(batches, key).into_iter().flatten();
    keys.zip(all_longs(batches, name)).collect()
}

#[test]
fn what_belonged_together_still_does() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-prefork")], &dataset, &["--quiet"]);
    let (release, _) = release(&dataset, dir.path(), "release");
    let verified = sysds(["verify".as_ref(), release.as_os_str()]);
    assert_eq!(
        verified.status.code(),
        Some(0),
        "{}{}",
        stderr(&verified),
        String::from_utf8_lossy(&verified.stdout)
    );
    let (_, events) = table(&dataset, "events");
    let (_, requests) = table(&dataset, "requests");
    let (new_events, new_requests) = (released(&release, "events"), released(&release, "requests"));

    // One permutation for pids and tids, in all columns and arguments.
    let mut numbers: HashMap<i64, i64> = HashMap::new();
    let mut pair = |old: i64, new: i64| {
        assert_eq!(
            *numbers.entry(old).or_insert(new),
            new,
            "{old} has two pseudonyms"
        );
    };
    for name in ["pid", "tid"] {
        let (old, new) = (
            column(&events, "event_id", name),
            column(&new_events, "event_id", name),
        );
        assert_eq!(old.len(), new.len());
        for (id, old) in old {
            if let Some(old) = old {
                pair(old, new[&id].unwrap());
            }
        }
        let (old, new) = (
            column(&requests, "request_id", name),
            column(&new_requests, "request_id", name),
        );
        old.into_iter()
            .for_each(|(id, old)| pair(old.unwrap(), new[&id].unwrap()));
    }
    for name in ["prev_tid", "next_tid", "upid", "parent_pid", "child_pid"] {
        let (old, new) = (argument(&events, name), argument(&new_events, name));
        assert!(!old.is_empty(), "{name}");
        old.into_iter().for_each(|(id, old)| pair(old, new[&id]));
    }
    assert_eq!(numbers[&0], 0);
    let different: HashSet<i64> = numbers.values().copied().collect();
    assert_eq!(
        different.len(),
        numbers.len(),
        "two numbers have one pseudonym"
    );
    assert!(numbers.iter().filter(|(old, new)| old != new).count() > 10);

    // One shift for all times; durations and everything else as it was.
    let (old, new) = (
        column(&events, "event_id", "timestamp"),
        column(&new_events, "event_id", "timestamp"),
    );
    let shifts: HashSet<i64> = old
        .iter()
        .map(|(id, old)| new[id].unwrap() - old.unwrap())
        .collect();
    assert_eq!(shifts.len(), 1);
    let shift = *shifts.iter().next().unwrap();
    assert!(shift < 0 && shift % 1_000_000_000 == 0);
    for name in ["start", "end"] {
        let (old, new) = (
            column(&requests, "request_id", name),
            column(&new_requests, "request_id", name),
        );
        old.iter()
            .for_each(|(id, old)| assert_eq!(new[id].unwrap() - old.unwrap(), shift));
    }
    for name in ["ret", "duration_ns", "fd", "entry_id"] {
        let (old, new) = (
            column(&events, "event_id", name),
            column(&new_events, "event_id", name),
        );
        let calls: HashMap<i64, String> = ids_and_names(&events);
        for (id, old) in old {
            let is_pid = [
                "clone",
                "clone3",
                "wait4",
                "getpid",
                "gettid",
                "getppid",
                "set_tid_address",
                "getpgrp",
            ];
            match (name, old) {
                ("ret", Some(old)) if old > 0 && is_pid.contains(&calls[&id].as_str()) => {
                    assert_eq!(
                        new[&id],
                        Some(
                            numbers
                                .get(&old)
                                .copied()
                                .unwrap_or_else(|| new[&id].unwrap())
                        )
                    );
                }
                ("ret", _) if calls[&id] == "time" => {}
                // Nobody knows what an unknown call returns; times tells how long the machine is up.
                ("ret", Some(old))
                    if old > 0 && ["unknown", "times"].contains(&calls[&id].as_str()) =>
                {
                    assert_eq!(new[&id], None);
                }
                _ => assert_eq!(new[&id], old, "{name} of {}", calls[&id]),
            }
        }
    }
    addresses_agree(&events, &new_events, &new_requests);
}

fn ids_and_names(events: &[RecordBatch]) -> HashMap<i64, String> {
    let ids = all_longs(events, "event_id").into_iter().flatten();
    ids.zip(all_texts(events, "name").into_iter().flatten())
        .collect()
}

/// The addresses that stand in lists.
fn listed(events: &[RecordBatch]) -> HashSet<String> {
    let mut found = HashSet::new();
    for batch in events {
        let args = batch.column_by_name("args").unwrap().as_struct();
        for name in ["v4addr", "v6addr"] {
            let Some(array) = args.column_by_name(name) else {
                continue;
            };
            assert!(matches!(array.data_type(), DataType::List(_)));
            let list: &ListArray = array.as_list();
            for row in (0..list.len()).filter(|row| list.is_valid(*row)) {
                let parts = list.value(row);
                let parts: Vec<i64> = parts.as_primitive::<Int64Type>().values().to_vec();
                let words: Vec<u16> = parts.iter().map(|p| *p as u16).collect();
                if let Ok(words) = <[u16; 8]>::try_from(words) {
                    let address = std::net::Ipv6Addr::from(words).to_canonical();
                    found.insert(address.to_string());
                } else {
                    assert!(parts.is_empty(), "{parts:?}");
                }
            }
        }
    }
    found
}

/// `client_addr` of requests is the address that accept gave, in the release as in the trace.
fn addresses_agree(events: &[RecordBatch], released: &[RecordBatch], requests: &[RecordBatch]) {
    let (before, after) = (listed(events), listed(released));
    assert_eq!(before.len(), after.len());
    let both: BTreeSet<&String> = before.intersection(&after).collect();
    assert!(both.into_iter().eq(["::", "::1"]), "an address is left");
    let clients = distinct(requests, "client_addr");
    assert_eq!(clients.len(), 2);
    for client in clients {
        assert!(after.contains(&client), "{client} is in no list");
    }
}

#[test]
fn the_same_key_gives_the_same_pseudonyms_and_a_bad_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let (one, _) = release(&dataset, dir.path(), "one");
    let (other, _) = release(&dataset, dir.path(), "other");
    let paths = |release: &Path| distinct(&released(release, "events"), "path");
    assert_eq!(paths(&one), paths(&other));
    fs::write(dir.path().join("bad.key"), "too short").unwrap();
    let wrong = |args: &[&str]| {
        let target = dir.path().join("none");
        let mut all = vec![
            "publish".as_ref(),
            dataset.as_os_str(),
            "-o".as_ref(),
            target.as_os_str(),
        ];
        all.extend(args.iter().map(std::ffi::OsStr::new));
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(all)
            .current_dir(dir.path())
            .output();
        let done = done.unwrap();
        assert_ne!(done.status.code(), Some(0));
        assert!(!target.exists());
        stderr(&done)
    };
    assert!(
        wrong(&["--anonymize", "policy.toml", "--key", "bad.key"])
            .contains("64 hexadecimal digits")
    );
    assert!(wrong(&["--anonymize", "policy.toml"]).contains("--key"));
}
