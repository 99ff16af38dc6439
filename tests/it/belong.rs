//! What belongs together is one recording, wherever it lies, with each packet once; what does not is several.

use crate::access_log::log_beside;
use crate::common::*;
use crate::ctf::packets::{BARECTF, LTTNG, Packet, Small};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const FIRST: Packet = Packet(0, 0, &[(100, 1), (200, 2)]);
const SECOND: Packet = Packet(1, 0, &[(300, 3)]);
const THIRD: Packet = Packet(2, 0, &[(400, 4), (500, 5)]);
const TABLES: [&str; 4] = ["events", "requests", "downstream", "losses"];

fn readers() -> &'static [&'static str] {
    match cfg!(feature = "babeltrace2") {
        true => &["native", "babeltrace2"],
        false => &["native"],
    }
}

/// Folders of UST traces below `dir`, one for each of `names`.
fn folders(dir: &Path, names: &[&str]) -> Vec<PathBuf> {
    let below = |name: &&str| dir.join(name).join("ust/uid/0/64-bit");
    names.iter().map(below).collect()
}

/// (trace_id, `n`) of all events below `dir`, by each reader, which have to agree; and `inspect` with them.
fn events(dir: &Path) -> Vec<(String, i64)> {
    let mut found: Vec<Vec<(String, i64)>> = Vec::new();
    for reader in readers() {
        let out = tempfile::tempdir().unwrap();
        let dataset = out.path().join("d");
        ingest(&[dir], &dataset, &["--quiet", "--reader", reader]);
        let (_, rows) = table(&dataset, "events");
        let ids = all_texts(&rows, "trace_id").into_iter().map(Option::unwrap);
        let numbers = rows.iter().flat_map(|b| {
            let args = b.column_by_name("args").unwrap();
            let args = arrow::array::AsArray::as_struct(args.as_ref());
            longs(args.column_by_name("n").unwrap())
        });
        found.push(ids.zip(numbers.map(Option::unwrap)).collect());
        let total = found[0].len() as u64;
        let report = inspect(dir, &["--reader", reader]);
        let recordings = report["recordings"].as_array().unwrap();
        let count = |r: &Value| r["events"].as_u64().unwrap();
        assert_eq!(recordings.iter().map(count).sum::<u64>(), total, "{reader}");
        let counted = inspect(dir, &["--count", "--reader", reader]);
        let counts = counted.as_array().unwrap();
        assert_eq!(counts.iter().map(count).sum::<u64>(), total, "{reader}");
        assert_eq!(counts.len(), recordings.len());
    }
    assert!(found.iter().all(|f| *f == found[0]), "{found:?}");
    found.swap_remove(0)
}

fn inspect(dir: &Path, options: &[&str]) -> Value {
    let mut args = vec!["inspect", dir.to_str().unwrap(), "--json"];
    args.extend(options);
    let done = sysds(args);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Numbers of events of one recording.
fn of_one(events: &[(String, i64)]) -> Vec<i64> {
    assert!(
        events.iter().all(|(id, _)| *id == events[0].0),
        "{events:?}"
    );
    events.iter().map(|(_, n)| *n).collect()
}

/// Numbers of events of two recordings, of which the second has the first one's `trace_id` with a 2.
fn of_two(events: &[(String, i64)]) -> (Vec<i64>, Vec<i64>) {
    let second = format!("{}-2", events[0].0);
    let (one, other): (Vec<_>, Vec<_>) = events.iter().cloned().partition(|(id, _)| *id != second);
    assert!(!other.is_empty(), "{events:?}");
    (of_one(&one), of_one(&other))
}

#[test]
fn packets_that_snapshots_share_are_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["snapshot-1", "snapshot-2", "snapshot-3"]);
    let other: &[Packet] = &[Packet(7, 0, &[(150, 70)])];
    LTTNG.write(&of[0], &[&[FIRST], other]);
    LTTNG.write(&of[1], &[&[FIRST, SECOND], other]);
    LTTNG.write(&of[2], &[&[SECOND, THIRD]]);
    let found = events(dir.path());
    assert_eq!(of_one(&found), [1, 70, 2, 3, 4, 5]);
    let report = inspect(dir.path(), &[]);
    assert_eq!(
        report["recordings"][0]["path"],
        dir.path().join("snapshot-1").to_str().unwrap()
    );
    assert_eq!(report["recordings"][0]["discarded_packets"], 0);
}

/// Takes the event out of the last packet of a file of [`LTTNG`], which has one: an idle packet remains.
fn idle_at_the_end(file: &Path) {
    const HEADER: usize = 84;
    const CONTENT_SIZE: usize = 48;
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.len() - (HEADER + 12) + CONTENT_SIZE;
    let size = HEADER as u64 * 8;
    bytes[at..at + 8].copy_from_slice(&size.to_le_bytes());
    fs::write(file, bytes).unwrap();
}

/// Where there is nothing to flush, LTTng 2.16 ends a snapshot with a packet that has the next one's number.
#[test]
fn idle_packets_that_have_one_number_do_not_part_snapshots() {
    const QUIET: Packet = Packet(0, 0, &[(150, 70)]);
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["snapshot-1", "snapshot-2", "snapshot-3"]);
    LTTNG.write(&of[0], &[&[FIRST], &[QUIET, Packet(1, 0, &[(250, 0)])]]);
    LTTNG.write(
        &of[1],
        &[&[FIRST, SECOND], &[QUIET, Packet(1, 0, &[(350, 0)])]],
    );
    of[..2].iter().for_each(|d| idle_at_the_end(&d.join("c_1")));
    LTTNG.write(&of[2], &[&[SECOND, THIRD], &[Packet(1, 0, &[(450, 71)])]]);
    assert_eq!(of_one(&events(dir.path())), [1, 70, 2, 3, 4, 71, 5]);
    let report = inspect(dir.path(), &[]);
    assert_eq!(report["recordings"][0]["discarded_packets"], 0);
}

/// What was overwritten between two snapshots is missing, and counted, as babeltrace2 counts it.
#[test]
fn what_is_missing_between_snapshots_is_a_loss() {
    for reader in readers() {
        let dir = tempfile::tempdir().unwrap();
        let of = folders(dir.path(), &["snapshot-1", "snapshot-2"]);
        LTTNG.write(
            &of[0],
            &[&[Packet(4, 6, &[(100, 1)]), Packet(5, 6, &[(200, 2)])]],
        );
        LTTNG.write(
            &of[1],
            &[&[Packet(5, 6, &[(200, 2)]), Packet(9, 8, &[(900, 9)])]],
        );
        let dataset = dir.path().join("d");
        ingest(&[dir.path()], &dataset, &["--quiet", "--reader", reader]);
        let manifest = manifest(&dataset);
        assert_eq!(manifest["discarded_packets"], 3, "{reader}");
        assert_eq!(manifest["discarded_events"], 2, "{reader}");
        let (_, losses) = table(&dataset, "losses");
        let packets = all_longs(&losses, "discarded_packets");
        assert_eq!(packets, [None, None, Some(3)], "{reader}");
        // The first six were lost before the recording begins: how many after it nobody knows.
        let events = all_longs(&losses, "discarded_events");
        assert_eq!(events, [None, Some(2), None], "{reader}");
    }
}

#[test]
fn chunks_of_a_rotation_belong_together_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let of = ["here", "there/deep"].map(|name| dir.path().join(name));
    LTTNG.write(&of[0], &[&[SECOND, THIRD]]);
    LTTNG.write(&of[1], &[&[FIRST]]);
    assert_eq!(of_one(&events(dir.path())), [1, 2, 3, 4, 5]);
    let [apart, together] = ["apart", "together"].map(|name| dir.path().join(name));
    ingest(&[&of[0], &of[1]], &apart, &["--quiet"]);
    ingest(&[dir.path()], &together, &["--quiet"]);
    assert_eq!(table(&apart, "events"), table(&together, "events"));
}

#[test]
fn a_trace_beside_its_copy_is_read_once() {
    let nameless = Small {
        uuid: None,
        ..BARECTF
    };
    let counting = Small {
        numbers: true,
        ..BARECTF
    };
    let of_instances = Small {
        instances: true,
        ..nameless
    };
    for small in [LTTNG, BARECTF, counting, nameless, of_instances] {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "copy of a", "z"] {
            small.write(&dir.path().join(name), &[&[FIRST, SECOND], &[THIRD]]);
        }
        let found = of_one(&events(dir.path()));
        assert_eq!(found, [1, 2, 3, 4, 5], "{small:?}");
    }
}

/// A copy that was made while the firmware ran: all of it is in the later one.
#[test]
fn a_copy_that_has_less_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let of = ["early", "late"].map(|name| dir.path().join(name));
    BARECTF.write(&of[0], &[&[FIRST]]);
    BARECTF.write(&of[1], &[&[FIRST, SECOND]]);
    assert_eq!(of_one(&events(dir.path())), [1, 2, 3]);
    // Streams without instances that share only a part are not put together by guessing.
    BARECTF.write(&of[0], &[&[FIRST, SECOND]]);
    BARECTF.write(&of[1], &[&[SECOND, THIRD]]);
    let refused = sysds(["inspect".as_ref(), dir.path().as_os_str()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("c_0, packet 0, byte 0: repeats some packets"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn two_runs_of_a_firmware_are_two_recordings() {
    let nameless = Small {
        uuid: None,
        ..BARECTF
    };
    let counting = Small {
        numbers: true,
        ..BARECTF
    };
    let of_instances = Small {
        instances: true,
        ..counting
    };
    for small in [BARECTF, nameless, counting, of_instances] {
        let dir = tempfile::tempdir().unwrap();
        let of = ["monday/ctf", "tuesday/ctf"].map(|name| dir.path().join(name));
        small.write(&of[0], &[&[FIRST, SECOND]]);
        // It boots in the same way, and then does otherwise.
        small.write(&of[1], &[&[FIRST, Packet(1, 0, &[(290, 8), (310, 9)])]]);
        assert_eq!(
            of_two(&events(dir.path())),
            (vec![1, 2, 3], vec![1, 2, 8, 9]),
            "{small:?}"
        );
        small.write(&of[1], &[&[Packet(0, 0, &[(120, 8)])]]);
        assert_eq!(
            of_two(&events(dir.path())),
            (vec![1, 2, 3], vec![8]),
            "{small:?}"
        );
    }
}

#[test]
fn packets_that_contradict_each_other_in_one_session_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let of = ["archives/1/kernel", "archives/2/kernel"].map(|name| dir.path().join(name));
    LTTNG.write(&of[0], &[&[FIRST]]);
    LTTNG.write(&of[1], &[&[Packet(0, 0, &[(100, 1), (200, 3)])]]);
    let refused = sysds(["inspect".as_ref(), dir.path().as_os_str()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(
        said.contains("2/kernel/c_0, packet 0, byte 0: this packet and packet 0 of"),
        "{said}"
    );
}

/// One session of LTTng, known by its name and time of creation, though the tracers' UUIDs differ.
#[test]
fn kernel_and_user_space_of_one_session_belong_together() {
    let kernel = Small {
        uuid: Some(5),
        env: "hostname = \"h\"; domain = \"kernel\"; tracer_name = \"lttng-modules\"; trace_name = \"s\";
              trace_creation_datetime = \"20261128T132243+0000\";",
        ..LTTNG
    };
    let user = Small {
        uuid: Some(6),
        env: "hostname = \"h\"; domain = \"ust\"; tracer_name = \"lttng-ust\"; trace_name = \"s\";
              tracer_buffering_scheme = \"uid\"; tracer_buffering_id = 0; architecture_bit_width = 64;
              trace_creation_datetime = \"20261128T132243+0000\";",
        ..LTTNG
    };
    let dir = tempfile::tempdir().unwrap();
    let of = ["k", "u"].map(|name| dir.path().join(name));
    kernel.write(&of[0], &[&[FIRST]]);
    user.write(&of[1], &[&[Packet(0, 0, &[(150, 7)])]]);
    assert_eq!(of_one(&events(dir.path())), [1, 7, 2]);
    // A session has one kernel: two kernels' traces are two sessions'.
    Small {
        uuid: Some(6),
        ..kernel
    }
    .write(&of[1], &[&[Packet(0, 0, &[(150, 7)])]]);
    let found = events(dir.path());
    let ids: std::collections::BTreeSet<_> = found.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 2, "{found:?}");
}

#[test]
fn parts_of_one_recording_have_one_label() {
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["a", "b"]);
    LTTNG.write(&of[0], &[&[FIRST]]);
    LTTNG.write(&of[1], &[&[SECOND]]);
    let dataset = dir.path().join("d");
    let run = |labels: [&str; 2]| {
        let mut args = vec!["ingest".as_ref(), of[0].as_os_str(), of[1].as_os_str()];
        args.extend([
            "-o".as_ref(),
            dataset.as_os_str(),
            "--force".as_ref(),
            "--quiet".as_ref(),
        ]);
        args.extend(
            labels
                .iter()
                .flat_map(|l| ["--label".as_ref(), std::ffi::OsStr::new(*l)]),
        );
        sysds(args)
    };
    let refused = run(["x", "y"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("cannot have the labels x and y"),
        "{}",
        stderr(&refused)
    );
    let done = run(["x", "x"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let recording = &manifest(&dataset)["recordings"][0];
    assert_eq!(recording["label"], "x");
    let names = recording["folders"].as_array().unwrap();
    assert_eq!(names.len(), 2);
    assert_eq!(names[0], recording["path"]);
}

fn append(paths: &[&Path], dataset: &Path) -> Output {
    let mut args = vec!["ingest".as_ref()];
    args.extend(paths.iter().map(|p| p.as_os_str()));
    args.extend([
        "-o".as_ref(),
        dataset.as_os_str(),
        "--append".as_ref(),
        "--quiet".as_ref(),
    ]);
    sysds(args)
}

/// Two datasets have the same rows, and the same recordings in their manifests.
fn assert_same(one: &Path, other: &Path) {
    for name in TABLES {
        assert_eq!(table(one, name), table(other, name), "{name}");
    }
    // A recording that took the place of itself has files of other names.
    let recordings = |dataset: &Path| {
        let mut recordings = manifest(dataset)["recordings"].as_array().unwrap().clone();
        recordings
            .iter_mut()
            .for_each(|r| drop(r["classes"]["path"].take()));
        recordings
    };
    assert_eq!(recordings(one), recordings(other));
}

/// The labels of its parts stay with a recording that goes on, and later parts may have some, too.
#[test]
fn a_recording_that_goes_on_keeps_the_labels_of_its_parts() {
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["snapshot-1", "snapshot-2"]);
    LTTNG.write(&of[0], &[&[FIRST, SECOND]]);
    LTTNG.write(&of[1], &[&[SECOND, THIRD]]);
    let (dataset, file) = (dir.path().join("d"), dir.path().join("labels.csv"));
    let label = |text: &str| {
        fs::write(&file, format!("begin,end,label\n{text}\n")).unwrap();
        file.to_str().unwrap()
    };
    let options = ["--quiet", "--labels", label(",,warm-up")];
    ingest(&[&of[0]], &dataset, &options);
    let end = |recording: &Value| recording["last_ns"].as_i64().unwrap() + 1;
    let first = manifest(&dataset)["recordings"][0].clone();
    let append = |text: &str| {
        let paths = [&of[1], &dataset].map(|p| p.to_str().unwrap());
        let append = ["--append", "--quiet", "--labels", label(text)];
        let args = ["ingest", paths[0], "-o", paths[1]];
        sysds([&args[..], &append].concat())
    };
    let refused = append(",,attack");
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    let why = "labels.csv, line 2, column 1: the span attack overlaps the span warm-up that the dataset has";
    assert!(said.contains(why), "{said}");
    assert_eq!(manifest(&dataset)["recordings"][0], first);
    let done = append(&format!("{},,attack", end(&first)));
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let both = &manifest(&dataset)["recordings"][0];
    assert!(end(both) > end(&first));
    let span = |begin: &Value, end: i64, label: &str| serde_json::json!({"begin_ns": begin, "end_ns": end, "label": label});
    let expected = [
        span(&first["first_ns"], end(&first), "warm-up"),
        span(&end(&first).into(), end(both), "attack"),
    ];
    assert_eq!(both["spans"], Value::from(expected.to_vec()));
    let checked = sysds(["verify", dataset.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}

#[test]
fn appending_a_part_gives_what_one_ingest_of_all_gives() {
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["snapshot-1", "snapshot-2", "other"]);
    LTTNG.write(&of[0], &[&[FIRST, SECOND]]);
    LTTNG.write(&of[1], &[&[SECOND, THIRD]]);
    BARECTF.write(&of[2], &[&[FIRST]]);
    let of: Vec<&Path> = of.iter().map(PathBuf::as_path).collect();
    let [steps, all] = ["steps", "all"].map(|name| dir.path().join(name));
    ingest(&[of[0], of[2]], &steps, &["--quiet"]);
    let before = fs::read(steps.join("manifest.json")).unwrap();
    for again in [of[0], of[2]] {
        let refused = append(&[again], &steps);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            stderr(&refused).contains("has this trace already"),
            "{}",
            stderr(&refused)
        );
    }
    // Without the first part nothing can be done, and that is said.
    let away = dir.path().join("away");
    fs::rename(dir.path().join("snapshot-1"), &away).unwrap();
    let refused = append(&[of[1]], &steps);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(
        said.contains("a part of the recording 11111111-1111-1111-1111-111111111101"),
        "{said}"
    );
    assert!(
        said.contains("Name the folders of its other parts too"),
        "{said}"
    );
    assert_eq!(fs::read(steps.join("manifest.json")).unwrap(), before);
    // It may be named where it is now; or be found where it was.
    let named = dir.path().join("named");
    ingest(&[&away, of[2]], &named, &["--quiet"]);
    fs::rename(&away, dir.path().join("snapshot-1")).unwrap();
    let done = append(&[of[0], of[1]], &named);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let done = append(&[of[1]], &steps);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    ingest(&of, &all, &["--quiet"]);
    assert_same(&steps, &all);
    assert_same(&named, &all);
    assert_eq!(manifest(&steps)["events"], 7);
    let refused = append(&[of[1]], &steps);
    assert!(
        stderr(&refused).contains("has this trace already"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_recording_that_is_read_again_needs_the_access_log_that_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let of = folders(dir.path(), &["one/trace", "two/trace"]);
    LTTNG.write(&of[0], &[&[FIRST, SECOND]]);
    LTTNG.write(&of[1], &[&[SECOND, THIRD]]);
    let line = "sysds1 1795987674968892 391 192.0.2.7 1 1 0 200 6 \"GET / HTTP/1.1\"\n";
    log_beside(&dir.path().join("one"), line);
    let dataset = dir.path().join("d");
    ingest(&[&of[0]], &dataset, &["--quiet"]);
    let lines = |dataset: &Path| manifest(dataset)["recordings"][0]["access_log"]["lines"].take();
    assert_eq!(lines(&dataset), 1);
    let [record, away] = ["record.json", "away"].map(|name| dir.path().join("one").join(name));
    fs::rename(&record, &away).unwrap();
    let refused = append(&[&of[1]], &dataset);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(said.contains("has an access log in the dataset"), "{said}");
    fs::rename(&away, &record).unwrap();
    let done = append(&[&of[1]], &dataset);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    assert_eq!(lines(&dataset), 1);
    assert_eq!(manifest(&dataset)["events"], 5);
}

#[test]
fn appending_tells_traces_by_their_packets_not_by_their_names() {
    let nameless = Small {
        uuid: None,
        ..BARECTF
    };
    for small in [nameless, BARECTF] {
        let dir = tempfile::tempdir().unwrap();
        let of = ["monday/ctf", "tuesday/ctf"].map(|name| dir.path().join(name));
        small.write(&of[0], &[&[FIRST]]);
        small.write(&of[1], &[&[Packet(0, 0, &[(900, 2)])]]);
        let [steps, all] = ["steps", "all"].map(|name| dir.path().join(name));
        ingest(&[&of[0]], &steps, &["--quiet"]);
        let done = append(&[&of[1]], &steps);
        assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
        ingest(&[&of[0], &of[1]], &all, &["--quiet"]);
        assert_same(&steps, &all);
        let id = &manifest(&steps)["recordings"][1]["trace_id"];
        assert!(id.as_str().unwrap().ends_with("-2"), "{id}");
        // The same again, under another name.
        let copy = dir.path().join("copy");
        small.write(&copy, &[&[Packet(0, 0, &[(900, 2)])]]);
        let refused = append(&[&copy], &steps);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            stderr(&refused).contains("has this trace already: its trace_id is "),
            "{}",
            stderr(&refused)
        );
    }
}

/// A dataset of before its manifest told by what recordings are known.
#[test]
fn an_old_dataset_says_that_it_cannot_tell() {
    let dir = tempfile::tempdir().unwrap();
    let of = ["a", "b"].map(|name| dir.path().join(name));
    BARECTF.write(&of[0], &[&[FIRST]]);
    LTTNG.write(&of[1], &[&[FIRST]]);
    let dataset = dir.path().join("d");
    ingest(&[&of[0]], &dataset, &["--quiet"]);
    let mut old = manifest(&dataset);
    let recording = old["recordings"][0].as_object_mut().unwrap();
    assert!(recording.remove("fingerprints").is_some());
    fs::write(
        dataset.join("manifest.json"),
        serde_json::to_string_pretty(&old).unwrap(),
    )
    .unwrap();
    let refused = append(&[&of[0]], &dataset);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("of an earlier version of sysds"),
        "{}",
        stderr(&refused)
    );
    let done = append(&[&of[1]], &dataset);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
}
