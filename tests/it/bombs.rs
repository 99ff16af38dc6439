//! Small traces that ask for much: more streams than files may be open, more columns than anybody reads, elements without
//! a bit; and metadata with what babeltrace2 dies of, or that hides a misspelt block.

use crate::common::*;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longest time until a small trace is read or refused.
const SOON: Duration = Duration::from_secs(30);

/// Metadata of one clock and one stream class, with `events` behind.
fn metadata(clock: &str, events: &str) -> String {
    format!(
        "/* CTF 1.8 */
typealias integer {{ size = 8; align = 8; signed = false; }} := uint8_t;
typealias integer {{ size = 32; align = 8; signed = false; }} := uint32_t;
typealias integer {{ size = 64; align = 8; signed = false; }} := uint64_t;
trace {{ major = 1; minor = 8; byte_order = le; packet.header := struct {{
  uint32_t magic; uint32_t stream_id; uint64_t stream_instance_id; }}; }};
clock {{ name = c; {clock} }};
typealias integer {{ size = 64; align = 8; signed = false; map = clock.c.value; }} := stamp_t;
stream {{ id = 0;
  packet.context := struct {{ uint64_t content_size; uint64_t packet_size; }};
  event.header := struct {{ uint32_t id; stamp_t timestamp; }};
}};
{events}"
    )
}

/// An event class with one byte.
const TICK: &str =
    "event { id = 0; stream_id = 0; name = \"tick\"; fields := struct { uint8_t n; }; };\n";

/// A stream file of one packet.
fn stream(instance: u64, events: &[(u32, u64, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, time, payload) in events {
        body.extend(id.to_le_bytes());
        body.extend(time.to_le_bytes());
        body.extend(*payload);
    }
    let bits = (32 + body.len() as u64) * 8;
    let mut file = Vec::new();
    file.extend(0xC1FC_1FC1_u32.to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    for number in [instance, bits, bits] {
        file.extend(number.to_le_bytes());
    }
    file.extend(body);
    file
}

fn write(dir: &Path, metadata: &str, streams: &[Vec<u8>]) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("metadata"), metadata).unwrap();
    for (number, bytes) in streams.iter().enumerate() {
        fs::write(dir.join(format!("stream_{number:05}")), bytes).unwrap();
    }
}

/// Ingests a trace, in a shell with these limits.
fn ingested(trace: &Path, dataset: &Path, limits: &str, words: &[&str]) -> Output {
    let begun = Instant::now();
    let done = Command::new("bash")
        .arg("-c")
        .arg(format!("{limits}; exec \"$0\" ingest \"$@\""))
        .arg(env!("CARGO_BIN_EXE_sysds"))
        .arg(trace)
        .arg("-o")
        .arg(dataset)
        .args(words)
        .output()
        .unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    done
}

#[test]
fn more_streams_than_files_may_be_open() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let streams: Vec<Vec<u8>> = (0..1500)
        .map(|n| stream(n, &[(0, n, &[1]), (0, 5000 + n, &[2])]))
        .collect();
    write(&trace, &metadata("freq = 1000000000;", TICK), &streams);
    for (number, limits) in ["true", "ulimit -Sn 256", "ulimit -n 256", "ulimit -n 150"]
        .into_iter()
        .enumerate()
    {
        let dataset = dir.path().join(format!("d{number}"));
        let done = ingested(&trace, &dataset, limits, &["-q"]);
        assert_eq!(done.status.code(), Some(0), "{limits}: {}", stderr(&done));
        let (_, events) = table(&dataset, "events");
        let times = all_longs(&events, "timestamp");
        let expected = (0..1500).chain(5000..6500).map(Some);
        assert_eq!(times, expected.collect::<Vec<_>>(), "{limits}");
    }
}

#[test]
fn a_column_for_each_of_too_many_names_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut one =
        String::from("event { id = 0; stream_id = 0; name = \"wide\"; fields := struct {");
    for n in 0..20_000 {
        let _ = write!(one, " uint8_t f{n};");
    }
    one += " }; };\n";
    let mut many = String::new();
    for n in 0..50_000 {
        let _ = writeln!(
            many,
            "event {{ id = {n}; stream_id = 0; name = \"e{n}\"; fields := struct {{ uint8_t f{n}; }}; }};"
        );
    }
    for (name, events, length) in [("one", one, 20_000), ("many", many, 1)] {
        let trace = dir.path().join(name);
        let payload = vec![7; length];
        write(
            &trace,
            &metadata("freq = 1000000000;", &events),
            &[stream(0, &[(0, 1, &payload)])],
        );
        let limits = "ulimit -v 2000000";
        let done = ingested(&trace, &out.join("d"), limits, &["-q"]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{name}: {said}");
        assert!(
            said.contains("columns") && said.contains("--columns"),
            "{name}: {said}"
        );
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
        let few = ["-q", "--columns", "f1*"];
        let done = ingested(
            &trace,
            &out.join("d"),
            limits,
            &[&few[..], &["--columns", "n"]].concat(),
        );
        assert_eq!(done.status.code(), Some(1), "{name}: f1* are too many, too");
        let done = ingested(&trace, &out.join("d"), limits, &["-q", "--columns", "f12*"]);
        assert_eq!(done.status.code(), Some(0), "{name}: {}", stderr(&done));
        fs::remove_dir_all(out.join("d")).unwrap();
    }
}

#[test]
fn elements_without_a_bit_end() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    let events = "event { id = 0; stream_id = 0; name = \"empty\"; fields := struct { uint8_t n; struct { } e[1000000]; }; };\n";
    let all: Vec<(u32, u64, &[u8])> = (0..20_000).map(|n| (0, n, &[1][..])).collect();
    write(
        &trace,
        &metadata("freq = 1000000000;", events),
        &[stream(0, &all)],
    );
    let done = ingested(&trace, &out.join("d"), "true", &["-q"]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("1000000 elements that may be empty"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn a_block_that_nobody_knows_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let events = format!(
        "{TICK}evnet {{ id = 1; stream_id = 0; name = \"tock\"; }};\ncallsite {{ name = \"tick\"; }};\n"
    );
    write(
        &trace,
        &metadata("freq = 1000000000;", &events),
        &[stream(0, &[(0, 1, &[1])])],
    );
    let done = ingested(&trace, &dir.path().join("d"), "true", &[]);
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("evnet").count(), 1, "{said}");
    assert!(
        said.contains("metadata, line 14") && !said.contains("callsite"),
        "{said}"
    );
    let done = ingested(&trace, &dir.path().join("quiet"), "true", &["-q"]);
    assert_eq!(stderr(&done), "");
}

#[test]
fn babeltrace2_is_not_given_a_clock_that_it_dies_of() {
    if !cfg!(feature = "babeltrace2") {
        eprintln!("SKIPPED: this program was built without babeltrace2");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    write(&trace, &metadata("", TICK), &[stream(0, &[(0, 1, &[1])])]);
    let done = ingested(
        &trace,
        &dir.path().join("d"),
        "true",
        &["--reader", "babeltrace2"],
    );
    let said = stderr(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("`c` has no `freq`"), "{said}");
    let done = ingested(&trace, &dir.path().join("d"), "true", &["-q"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let zero = dir.path().join("zero");
    write(
        &zero,
        &metadata("freq = 0;", TICK),
        &[stream(0, &[(0, 1, &[1])])],
    );
    for reader in ["babeltrace2", "native"] {
        let done = ingested(&zero, &dir.path().join("z"), "true", &["--reader", reader]);
        let said = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("frequency 0"), "{said}");
    }
}
