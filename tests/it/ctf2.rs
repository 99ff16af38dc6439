//! A CTF 2 trace with what CTF 1.8 has not: variable-length integers, numbers of 16 bits, UTF-16 and UTF-32, bits
//! ordered against their bytes, and roles of nested fields. It is written here byte by byte, so that no other code of
//! this project says what is right.

use crate::common::*;
use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const UUID: [u8; 16] = [7; 16];
const MAGIC: u32 = 0xC1FC_1FC1;

fn member(name: &str, class: Value) -> Value {
    json!({"name": name, "field-class": class})
}

fn structure(members: &[Value]) -> Value {
    json!({"type": "structure", "member-classes": members})
}

fn variable(sign: &str, roles: &[&str]) -> Value {
    let mut class = json!({"type": format!("variable-length-{sign}-integer")});
    if !roles.is_empty() {
        class["roles"] = json!(roles);
    }
    class
}

fn fixed(bits: u32, roles: &[&str]) -> Value {
    json!({"type": "fixed-length-unsigned-integer", "length": bits, "byte-order": "little-endian", "roles": roles})
}

/// The payload's members, in the order of their bytes.
fn payload() -> Value {
    let at = |name: &str| json!({"path": [name]});
    structure(&[
        member("u", variable("unsigned", &[])),
        member("s", variable("signed", &[])),
        member("n", variable("unsigned", &[])),
        member(
            "list",
            json!({"type": "dynamic-length-array", "length-field-location": at("n"),
            "element-field-class": variable("signed", &[])}),
        ),
        member(
            "half",
            json!({"type": "fixed-length-floating-point-number", "length": 16, "byte-order": "big-endian"}),
        ),
        member(
            "nul",
            json!({"type": "null-terminated-string", "encoding": "utf-16le"}),
        ),
        member(
            "still",
            json!({"type": "static-length-string", "length": 6, "encoding": "utf-16be"}),
        ),
        member("m", variable("unsigned", &[])),
        member(
            "of_m",
            json!({"type": "dynamic-length-string", "length-field-location": at("m"), "encoding": "utf-32le"}),
        ),
        member(
            "bits",
            json!({"type": "fixed-length-unsigned-integer", "length": 8, "byte-order": "little-endian",
            "bit-order": "last-to-first"}),
        ),
        member("tag", variable("signed", &[])),
        member(
            "choice",
            json!({"type": "variant", "selector-field-location": at("tag"), "options": [
            {"name": "number", "selector-field-ranges": [[-1, -1]], "field-class": variable("unsigned", &[])},
            {"name": "text", "selector-field-ranges": [[300, 400]], "field-class":
                {"type": "null-terminated-string", "encoding": "utf-32be"}}]}),
        ),
    ])
}

fn metadata() -> String {
    let header = structure(&[
        member("first", fixed(32, &["packet-magic-number"])),
        member(
            "more",
            structure(&[
                member(
                    "of_trace",
                    json!({"type": "static-length-blob", "length": 16, "roles": ["metadata-stream-uuid"]}),
                ),
                member(
                    "inner",
                    structure(&[member(
                        "which",
                        variable("unsigned", &["data-stream-class-id"]),
                    )]),
                ),
            ]),
        ),
    ]);
    let context = structure(&[
        member(
            "sizes",
            structure(&[
                member("all", fixed(32, &["packet-total-length"])),
                member("used", fixed(32, &["packet-content-length"])),
            ]),
        ),
        member(
            "times",
            structure(&[
                member("from", variable("unsigned", &["default-clock-timestamp"])),
                member(
                    "to",
                    variable("unsigned", &["packet-end-default-clock-timestamp"]),
                ),
            ]),
        ),
    ]);
    let event_header = structure(&[member(
        "h",
        structure(&[
            member("class", variable("unsigned", &["event-record-class-id"])),
            member("when", variable("unsigned", &["default-clock-timestamp"])),
        ]),
    )]);
    let fragments = [
        json!({"type": "preamble", "version": 2, "uuid": UUID}),
        json!({"type": "trace-class", "packet-header-field-class": header}),
        json!({"type": "clock-class", "id": "c", "frequency": 1_000_000_000u64, "origin": "unix-epoch"}),
        json!({"type": "data-stream-class", "id": 300, "default-clock-class-id": "c",
            "packet-context-field-class": context, "event-record-header-field-class": event_header}),
        json!({"type": "data-stream-class", "id": 1}),
        json!({"type": "event-record-class", "id": 1000, "data-stream-class-id": 300, "name": "all", "payload-field-class": payload()}),
        json!({"type": "event-record-class", "id": 1, "data-stream-class-id": 300, "name": "other"}),
    ];
    fragments.iter().map(|f| format!("\u{1e}{f}\n")).collect()
}

/// A packet with these events.
fn packet(events: &[u8]) -> Vec<u8> {
    // The stream class 300, in more bytes than it needs; the begin 1,000,000 and the end 1,000,100.
    packet_of(
        &[0xAC, 0x82, 0x00],
        &[0xC0, 0x84, 0x3D, 0xA4, 0x85, 0x3D],
        events,
    )
}

/// A packet of this stream class, with these times.
fn packet_of(class: &[u8], times: &[u8], events: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_le_bytes().to_vec();
    bytes.extend(UUID);
    bytes.extend(class);
    let bits = 8 * (bytes.len() + 8 + times.len() + events.len()) as u32;
    bytes.extend([bits.to_le_bytes(), bits.to_le_bytes()].concat());
    bytes.extend(times);
    bytes.extend(events);
    bytes
}

/// The event class 1000, and what its header has beside.
fn head(when: &[u8]) -> Vec<u8> {
    [&[0xE8, 0x07], when].concat()
}

fn write(dir: &Path, name: &str, events: &[u8]) -> PathBuf {
    let trace = dir.join(name);
    fs::create_dir(&trace).unwrap();
    fs::write(trace.join("metadata"), metadata()).unwrap();
    fs::write(trace.join("stream_0"), packet(events)).unwrap();
    trace
}

/// `u` and `s` of an event, and its text up to a NUL.
type Varied<'a> = (&'a [u8], &'a [u8], &'a [u8]);

const VARIED: [Varied; 5] = [
    (&[0x00], &[0x7F], &[0x41, 0x00, 0x3D, 0xD8, 0x00, 0xDE]),
    (&[0x01], &[0x80, 0x7F], &[]),
    // The first of two surrogates, alone.
    (&[0x7F], &[0x3F], &[0x41, 0xD8]),
    // The second of two surrogates, alone.
    (&[0x80, 0x01], &[0xC0, 0x00], &[0x42, 0xDC]),
    (
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7F],
        &[0x87, 0x65],
    ),
];

fn events() -> Vec<u8> {
    let mut events = Vec::new();
    for (i, (u, s, nul)) in VARIED.iter().enumerate() {
        // The first has the clock's 21 low bits, 1,000,005; the others 7: the second of them wraps.
        let low = [0x46, 0x10, 0x11, 0x12];
        events.extend(match i {
            0 => head(&[0xC5, 0x84, 0x3D]),
            _ => head(&low[i - 1..i]),
        });
        events.extend([*u, *s].concat());
        // Two elements, -2 and 0 in two bytes.
        events.extend([0x02, 0x7E, 0x80, 0x00]);
        // 1.5; the text; "ab" and a NUL; 8 bytes, "ß文"; 0b0000_0110 from its last bit on.
        events.extend([0x3E, 0x00]);
        events.extend([*nul, &[0, 0]].concat());
        events.extend([0, 0x61, 0, 0x62, 0, 0]);
        events.extend([0x08, 0xDF, 0, 0, 0, 0x87, 0x65, 0, 0]);
        events.push(0b0000_0110);
        match i % 2 {
            0 => events.extend([0x7F, 0x80, 0x00]),
            _ => events.extend([0xAC, 0x02, 0, 0, 0, 0x78, 0, 0, 0, 0]),
        }
    }
    events
}

fn child<'a>(of: &'a StructArray, name: &str) -> &'a ArrayRef {
    let found = of.column_by_name(name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", of.column_names()))
}

fn some<T: Clone>(value: T) -> Vec<Option<T>> {
    vec![Some(value); VARIED.len()]
}

#[test]
fn everything_comes_out_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let trace = write(dir.path(), "trace", &events());
    let dataset = dir.path().join("d");
    ingest(&[&trace], &dataset, &["-q"]);
    let (_, batches) = table(&dataset, "events");
    assert_eq!(batches.len(), 1);
    let times = [1_000_005, 1_000_006, 1_000_080, 1_000_081, 1_000_082];
    assert_eq!(all_longs(&batches, "timestamp"), times.map(Some));
    let args = batches[0].column_by_name("args").unwrap().as_struct();
    let numbers = |name| longs(child(args, name));
    assert_eq!(numbers("u"), [Some(0), Some(1), Some(127), Some(128), None]);
    let large = arrow::compute::cast(child(args, "u_u64"), &DataType::UInt64).unwrap();
    let large = large.as_primitive::<arrow::datatypes::UInt64Type>();
    assert_eq!((large.null_count(), large.value(4)), (4, u64::MAX));
    assert_eq!(numbers("s"), [-1, -128, 63, 64, i64::MIN].map(Some));
    let list = child(args, "list").as_list::<i32>().values().clone();
    assert_eq!(
        list.as_primitive::<Int64Type>().values()[..],
        [-2, 0].repeat(VARIED.len())
    );
    let half = child(args, "half").as_primitive::<Float64Type>();
    assert_eq!(half.values()[..], [1.5; 5]);
    let strings = |name| texts(child(args, name));
    let nul = [Some("A😀"), Some(""), None, None, Some("文")];
    assert_eq!(strings("nul"), nul.map(|t| t.map(str::to_owned)));
    let bytes = arrow::compute::cast(child(args, "nul_bytes"), &DataType::Binary).unwrap();
    let bytes: Vec<_> = bytes.as_binary::<i32>().iter().collect();
    assert_eq!(
        bytes,
        [None, None, Some(VARIED[2].2), Some(VARIED[3].2), None]
    );
    assert_eq!(strings("still"), some("ab".to_owned()));
    assert_eq!(strings("of_m"), some("ß文".to_owned()));
    assert_eq!(numbers("bits"), some(0b0110_0000));
    let choice = child(args, "choice").as_struct();
    let number = [Some(0), None, Some(0), None, Some(0)];
    assert_eq!(longs(child(choice, "number")), number);
    let text = [None, Some("x".to_owned()), None, Some("x".to_owned()), None];
    assert_eq!(texts(child(choice, "text")), text);
}

#[test]
fn packets_of_another_stream_or_of_no_time_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let first = packet(&events());
    let times = [0xC0, 0x84, 0x3D, 0xA4, 0x85, 0x3D];
    let endless = [&[0xFF; 9][..], &[0x01], &[0xFF; 9][..], &[0x01]].concat();
    for (name, second, said) in [
        (
            "class",
            packet_of(&[0x81, 0x80, 0x00], &times, &[]),
            "a packet of the stream class 1, in a file of the stream class 300",
        ),
        (
            "time",
            packet_of(&[0xAC, 0x82, 0x00], &endless, &[]),
            "the clock value 18446744073709551615, which does not fit",
        ),
    ] {
        let trace = write(dir.path(), name, &[]);
        fs::write(trace.join("stream_0"), [&first[..], &second].concat()).unwrap();
        let dataset = dir.path().join(format!("d-{name}"));
        let done = sysds([Path::new("ingest"), &trace, Path::new("-o"), &dataset]);
        let message = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{message}");
        for part in ["stream_0, packet 1", &format!("byte {}", first.len()), said] {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
        assert!(!dataset.exists());
        let keep = sysds([
            Path::new("ingest"),
            &trace,
            Path::new("-o"),
            &dataset,
            Path::new("--keep-going"),
        ]);
        assert_eq!(keep.status.code(), Some(3), "{}", stderr(&keep));
        assert_eq!(manifest(&dataset)["events"], VARIED.len());
    }
}

#[test]
fn what_does_not_end_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let first = packet(&[]).len();
    let begin = head(&[0x46]);
    // All before the text up to a NUL.
    let before = [0x00, 0x00, 0x00, 0x3E, 0x00];
    for (i, (rest, said)) in [
        (vec![0x80; 12], "more than 64 bits"),
        ([vec![0xFF; 9], vec![0x02]].concat(), "more than 64 bits"),
        (vec![0x80; 5], "beyond the content of its packet"),
        (
            [&before[..], &[0x41, 0, 0x42, 0, 0]].concat(),
            "beyond the content of its packet",
        ),
        // More bytes than there are.
        (
            vec![0x00, 0x00, 0xFF, 0xFF, 0x7F],
            "beyond the content of its packet",
        ),
    ]
    .iter()
    .enumerate()
    {
        let trace = write(
            dir.path(),
            &format!("trace-{i}"),
            &[&begin[..], rest].concat(),
        );
        let dataset = dir.path().join(format!("d-{i}"));
        let done = sysds([Path::new("ingest"), &trace, Path::new("-o"), &dataset]);
        let message = stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{message}");
        for part in ["stream_0", "packet 0", "byte ", said] {
            assert!(message.contains(part), "{i}: no {part:?} in {message}");
        }
        let byte: usize = message
            .split("byte ")
            .nth(1)
            .unwrap()
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            (first..=first + begin.len() + rest.len()).contains(&byte),
            "{message}"
        );
    }
}
