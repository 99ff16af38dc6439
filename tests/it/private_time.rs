//! `publish --anonymize` and time: nothing in a release tells by how much its times were moved, or since when the machine was
//! up.

use crate::common::*;
use crate::ctf::small::{Event, Small};
use crate::decoded::Decoded;
use crate::private::{publish, published, released};
use arrow::array::AsArray;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const SECOND: i64 = 1_000_000_000;
/// When the traces below were made.
const NOW: i64 = 1_795_475_201;
/// The clock of LTTng: since when the machine is up stands in its offset.
const SET: &str = "offset_s = 1795475144; offset = 77; absolute = true;";
/// Moments that programs and files have, and everybody knows.
const CONSTANTS: [i64; 9] = [
    i64::MAX,
    i32::MAX as i64,
    499_162_500,
    315_532_800,
    253_402_300_799,
    100_000_000,
    1,
    -1,
    NOW - 400 * 24 * 3600,
];
const CLASSES: &[(&str, &str)] = &[
    ("syscall_entry_gettid", ""),
    ("syscall_exit_gettid", "i64 _ret;"),
    ("syscall_exit_time", "i64 _ret;"),
    (
        "syscall_entry_utimensat",
        "struct { i64 _tv_sec; i64 _tv_nsec; } _utimes;",
    ),
];

fn numbers(all: &[i64]) -> Vec<u8> {
    all.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// A dataset of events at `times` by a clock, of which the last call returned the time, and others have constants.
fn dataset(dir: &Path, number: u8, clock: &str, times: [u64; 2]) -> PathBuf {
    let [first, last] = times;
    let mut events: Vec<Event> = vec![(0, first, vec![]), (1, first, numbers(&[4711]))];
    for constant in CONSTANTS {
        events.push((3, first, numbers(&[constant, 5])));
        events.push((2, first, numbers(&[constant])));
    }
    events.push((3, last, numbers(&[NOW, 5])));
    events.push((2, last, numbers(&[NOW])));
    let trace = dir.join("recording/trace");
    let small = Small {
        number,
        clock,
        classes: CLASSES,
        cpus: &[events],
        ..Small::default()
    };
    small.write(&trace);
    let record = serde_json::json!({
        "format_version": 1, "label": null, "started": "2026-11-23T23:06:40.125Z", "duration_ns": 20_000_000_000u64,
        "ended_by": "duration", "discarded_events": 0, "lost_packets": 0,
        "session": {"name": "s", "kernel_events": [], "user_events": [], "contexts": [], "subbuf_size": 4096,
            "num_subbuf": 4},
        "machine": {"sysds": "0.1.0", "lttng": "2.13.9", "kernel": "6.1.0", "cpus": 2, "memory_bytes": 1u64 << 31},
    });
    fs::write(dir.join("recording/record.json"), record.to_string()).unwrap();
    let dataset = dir.join("d");
    ingest(&[&dir.join("recording")], &dataset, &["--quiet"]);
    dataset
}

fn first_ns(of: &Path) -> i64 {
    manifest(of)["recordings"][0]["first_ns"].as_i64().unwrap()
}

/// By how many seconds the times of a release were moved.
fn shift(dataset: &Path, release: &Path) -> i64 {
    let ns = first_ns(release) - first_ns(dataset);
    assert_eq!(ns % SECOND, 0);
    ns / SECOND
}

fn ns_of(text: &Value) -> i64 {
    arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text.as_str().unwrap()).unwrap()
}

/// The shift of the key, from a recording that has an origin.
fn shift_of_the_key() -> i64 {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(dir.path(), 1, SET, [57 * 1_000_000_000, 58 * 1_000_000_000]);
    let (release, _) = published(&dataset, dir.path(), "");
    shift(&dataset, &release)
}

/// Nothing that can be computed from what everybody knows is the shift.
fn tells_no_shift(release: &Path, shift: i64) {
    let decoded = Decoded::of(release);
    for known in CONSTANTS.into_iter().chain([0]) {
        for unit in [1, i128::from(SECOND)] {
            let told = (i128::from(known) + i128::from(shift)) * unit;
            assert!(!decoded.numbers.contains(&told), "{known} became {told}");
        }
    }
    let text = manifest(release).to_string();
    assert!(
        !text.contains("offset_s") && !text.contains("offset_cycles"),
        "{text}"
    );
}

/// What the calls of a release returned.
fn returned(release: &Path) -> Vec<i64> {
    let events = released(release, "events");
    let args = events.column_by_name("args").unwrap().as_struct();
    let returned = longs(args.column_by_name("ret").unwrap());
    returned.into_iter().flatten().collect()
}

#[test]
fn constants_and_clocks_do_not_tell_the_shift() {
    let key = shift_of_the_key();
    let clocks = [
        (SET, [57, 58]),
        (
            "offset_s = 0; offset = 0; absolute = true;",
            [NOW as u64, NOW as u64 + 1],
        ),
        ("offset_s = 0;", [NOW as u64, NOW as u64 + 1]),
    ];
    for (clock, seconds) in clocks {
        let dir = tempfile::tempdir().unwrap();
        let dataset = dataset(dir.path(), 2, clock, seconds.map(|s| s * 1_000_000_000));
        let (release, _) = published(&dataset, dir.path(), "");
        assert_eq!(shift(&dataset, &release), key, "{clock}");
        tells_no_shift(&release, key);
        let returned = returned(&release);
        // -1 is an error; the time of the recording moves with it.
        assert!(
            returned.contains(&-1) && returned.contains(&(NOW + key)),
            "{returned:?}"
        );
        assert_eq!(returned.len(), 3, "{returned:?}");
        let started = &manifest(&release)["recordings"][0]["recorded"]["started"];
        assert_eq!(
            ns_of(started) - ns_of(&Value::from("2026-11-23T23:06:40.125Z")),
            key * SECOND
        );
    }
}

#[test]
fn a_clock_that_was_never_set_has_a_shift_of_its_own() {
    let key = shift_of_the_key();
    let mut own = Vec::new();
    for number in [3, 4] {
        let dir = tempfile::tempdir().unwrap();
        let dataset = dataset(
            dir.path(),
            number,
            "offset_s = 0;",
            [5_000_000_000, 6_000_000_000],
        );
        let (release, _) = published(&dataset, dir.path(), "");
        own.push(shift(&dataset, &release));
        tells_no_shift(&release, key);
        tells_no_shift(&release, own[own.len() - 1]);
        // What the machine's own clock said would tell the true day beside the times of the trace.
        let after = manifest(&release);
        let last = after["recordings"][0]["last_ns"].as_i64().unwrap();
        assert_eq!(ns_of(&after["created"]) / SECOND, last / SECOND);
        let started = ns_of(&after["recordings"][0]["recorded"]["started"]);
        assert_eq!(started / SECOND, first_ns(&release) / SECOND);
        let returned = returned(&release);
        assert!(
            !returned.iter().any(|r| *r > 1 << 22),
            "no moment: {returned:?}"
        );
        let card = fs::read_to_string(release.join("README.md")).unwrap();
        assert!(
            card.contains("Recordings whose clock was never set are shifted"),
            "{card}"
        );
    }
    assert!(
        own[0] != own[1] && !own.contains(&key) && !own.contains(&-key),
        "{own:?}"
    );
}

#[test]
fn times_before_and_after_a_clock_was_set_are_not_published_together() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(
        dir.path(),
        5,
        "offset_s = 0;",
        [5_000_000_000, NOW as u64 * 1_000_000_000],
    );
    let (release, done) = publish(&dataset, dir.path(), "", &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        stderr(&done).contains("a clock that was never set"),
        "{}",
        stderr(&done)
    );
    assert!(!release.exists());
}

/// A person says round moments.
#[test]
fn what_a_person_said_of_time_is_not_moved_but_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let one = dataset(dir.path(), 6, SET, [57_000_000_000, 58_000_000_000]);
    let other = dir.path().join("other");
    let from = [
        "--quiet",
        "--begin",
        "2026-11-23T00:00:00Z",
        "--end",
        "2026-11-25T00:00:00Z",
    ];
    ingest(&[&dir.path().join("recording")], &other, &from);
    assert!(manifest(&other)["options"]["begin_ns"].is_i64());
    let (release, _) = published(&other, dir.path(), "");
    assert_eq!(first_ns(&one), first_ns(&other));
    let options = manifest(&release)["options"].clone();
    assert!(
        options["begin_ns"].is_null() && options["end_ns"].is_null(),
        "{options}"
    );
}
