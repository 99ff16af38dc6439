//! What single tracers do otherwise than others: tiny traces of their kinds, read by both readers, value by value.

use crate::common::*;
use crate::ctf::tiny::{BEGIN, Bytes, CLOCK, TYPES, trace, trace_of, write};
use arrow::array::{Array, AsArray, RecordBatch};
use std::path::Path;

/// Runs a command on a trace; its status and what it printed and said.
fn run(args: &[&str], path: &Path) -> (Option<i32>, String, String) {
    let args = args.iter().map(|a| std::ffi::OsStr::new(*a));
    let done = sysds(args.chain([path.as_os_str()]));
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    (done.status.code(), out, stderr(&done))
}

/// Ingests a trace with each reader there is; the datasets.
fn datasets(trace: &Path, dir: &Path) -> Vec<std::path::PathBuf> {
    let mut readers = vec!["native"];
    if cfg!(feature = "babeltrace2") {
        readers.push("babeltrace2");
    }
    let ingested = readers.iter().map(|reader| {
        let out = dir.join(format!("of-{reader}"));
        ingest(&[trace], &out, &["-q", "--force", "--reader", reader]);
        out
    });
    ingested.collect()
}

/// The events of each of them.
fn rows(trace: &Path, dir: &Path) -> Vec<Vec<RecordBatch>> {
    let datasets = datasets(trace, dir);
    datasets.iter().map(|d| table(d, "events").1).collect()
}

/// A member of a structure, as a column of texts.
fn member(events: &[RecordBatch], parent: &str, name: &str) -> Vec<Option<String>> {
    let of = |batch: &RecordBatch| {
        let parent = batch.column_by_name(parent).unwrap().as_struct();
        let column = parent.column_by_name(name);
        texts(column.unwrap_or_else(|| panic!("no {name}")))
    };
    events.iter().flat_map(of).collect()
}

/// Names of a structure's members; none where there is no such column.
fn members(events: &[RecordBatch], parent: &str) -> Vec<String> {
    let parent = events[0].column_by_name(parent);
    let names = parent.map(|p| p.as_struct().column_names().into_iter().map(str::to_owned));
    names.into_iter().flatten().collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|t| Some((*t).to_owned())).collect()
}

fn times(ns: &[i64]) -> Vec<Option<i64>> {
    ns.iter().map(|t| Some(BEGIN + t)).collect()
}

/// A stream class whose packets tell times, sizes and a counter of discarded events, and an event `e` with a number.
fn counting(counter: &str) -> String {
    TYPES.to_owned()
        + CLOCK
        + &trace("")
        + &format!(
            "stream {{
  packet.context := struct {{ t64 timestamp_begin; t64 timestamp_end; u64 content_size; u64 packet_size; {counter} }};
  event.header := struct {{ t64 timestamp; }}; }};
event {{ name = e; fields := struct {{ u32 n; }}; }};
"
        )
}

/// A packet of such a stream from `begin` to `begin` + 9 with one event.
fn counted(begin: u64, counters: Bytes) -> Bytes {
    let event = Bytes::new().put(begin).put(0u32);
    let bits = (4 + 32 + counters.0.len() + event.0.len()) as u64 * 8;
    Bytes::magic()
        .put(begin)
        .put(begin + 9)
        .put(bits)
        .put(bits)
        .then(counters)
        .then(event)
}

/// Sum of a column of `losses`, and its values.
fn lost(dataset: &Path, column: &str) -> (i64, Vec<Option<i64>>) {
    let values = all_longs(&table(dataset, "losses").1, column);
    (values.iter().flatten().sum(), values)
}

#[test]
fn a_discard_counter_that_sinks_counts_nothing_again() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let values = [0u64, 1000, 0, 1010, 0, 0, 1010, 1011];
    let packets = values
        .iter()
        .zip(1..)
        .map(|(n, i)| counted(i * 100, Bytes::new().put(*n)));
    let stream = packets.fold(Bytes::new(), Bytes::then);
    write(
        &trace,
        &counting("u64 events_discarded;"),
        &[("stream", stream)],
    );
    for dataset in datasets(&trace, dir.path()) {
        let (sum, discarded) = lost(&dataset, "discarded_events");
        assert_eq!(discarded, [Some(1000), Some(10), Some(1)]);
        assert_eq!(manifest(&dataset)["discarded_events"], sum);
        let (_, losses) = table(&dataset, "losses");
        // The ten are missing since the last packet that was believed.
        assert_eq!(all_longs(&losses, "begin"), times(&[109, 209, 709]));
        assert_eq!(all_longs(&losses, "end"), times(&[209, 409, 809]));
    }
}

#[test]
fn counters_of_few_bits_wrap_and_sequence_numbers_do_not_sink() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let metadata = counting("u32 events_discarded; u16 packet_seq_num;");
    let values = [
        (u32::MAX - 4, 65534u16),
        (5, 65535),
        (5, 0),
        (6, 3),
        (6, 1),
        (6, 4),
    ];
    let packets = values
        .iter()
        .zip(1..)
        .map(|((events, packets), i)| counted(i * 100, Bytes::new().put(*events).put(*packets)));
    let stream = packets.fold(Bytes::new(), Bytes::then);
    write(&trace, &metadata, &[("stream", stream)]);
    for dataset in datasets(&trace, dir.path()) {
        // What was lost before the first packet, nobody knows.
        let (sum, events) = lost(&dataset, "discarded_events");
        assert_eq!(events, [None, Some(10), Some(1), None]);
        let (packets, _) = lost(&dataset, "discarded_packets");
        let manifest = manifest(&dataset);
        assert_eq!((sum, packets), (11, 2));
        assert_eq!(manifest["discarded_events"], sum);
        assert_eq!(manifest["discarded_packets"], packets);
    }
}

#[test]
fn one_underscore_is_no_part_of_a_name_in_any_scope() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let metadata = TYPES.to_owned()
        + CLOCK
        + "trace { major = 1; minor = 8; byte_order = le; packet.header := struct { u32 _magic; u32 _stream_id; }; };
stream { id = 7;
  packet.context := struct { t64 _timestamp_begin; t64 _timestamp_end; u32 _content_size; u32 _packet_size;
    u32 _events_discarded; u32 _cpu_id; letter __name[4]; };
  event.header := struct { u8 _id; t64 _timestamp; };
  event.context := struct { i32 _tid; }; };
event { name = e; id = 3; stream_id = 7;
  fields := struct { u8 __n; enum : u8 { _one = 1, two = 2 } _kind; variant <_kind> { u32 _one; string two; } _v; }; };
";
    let body = Bytes::new()
        .put(3u8)
        .put(100u64)
        .put(42i32)
        .put(9u8)
        .put(1u8)
        .put(77u32);
    let head = 8 + 16 + 16 + 4;
    let bits = body.bits(head) as u32;
    // What comes behind the content is no event.
    let stream = Bytes::magic()
        .put(7u32)
        .put(100u64)
        .put(100u64)
        .put(bits)
        .put(bits + 64)
        .put(0u32)
        .put(3u32)
        .text("abc\0")
        .then(body)
        .put(0u64);
    write(&trace, &metadata, &[("stream", stream)]);
    for events in rows(&trace, dir.path()) {
        assert_eq!(all_longs(&events, "timestamp"), times(&[100]));
        assert_eq!(all_longs(&events, "cpu"), [Some(3)]);
        assert_eq!(all_longs(&events, "tid"), [Some(42)]);
        assert_eq!(members(&events, "context"), ["_name"]);
        assert_eq!(member(&events, "context", "_name"), some(&["abc"]));
        assert_eq!(members(&events, "args"), ["_n", "kind", "v"]);
        let v = events[0].column_by_name("args").unwrap().as_struct();
        let v = v.column_by_name("v").unwrap().as_struct();
        assert_eq!(v.column_names(), ["one", "two"]);
        assert_eq!(longs(v.column(0)), [Some(77)]);
    }
}

#[test]
fn what_packets_tell_is_in_the_context_of_their_events() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    // As DPDK: the thread's name stands in the packet's context. `n` and `name` are in other scopes, too.
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + "stream {
  packet.context := struct { u32 packet_size; u32 content_size; u32 cpu_id; letter name[8]; u16 n; u8 length; u8 list[length]; };
  event.header := struct { t64 timestamp; };
  event.context := struct { u32 n; u32 m; }; };
event { name = e; context := struct { u32 m; string own; }; fields := struct { u32 n; u8 more[stream.packet.context.length]; }; };
";
    let packet = |cpu: u32, name: &str, list: &[u8], times: &[u64]| {
        let mut events = Bytes::new();
        for time in times {
            events = events
                .put(*time)
                .put(1u32)
                .put(2u32)
                .put(3u32)
                .text("own\0")
                .put(4u32);
            events.0.extend(list);
        }
        let bits = events.bits(4 + 12 + 8 + 2 + 1 + list.len()) as u32;
        let mut head = Bytes::magic()
            .put(bits)
            .put(bits)
            .put(cpu)
            .text(name)
            .put(500u16 + cpu as u16);
        head = head.put(list.len() as u8);
        head.0.extend(list);
        head.then(events)
    };
    let streams = [
        (
            "a",
            packet(0, "worker-1", &[7, 8], &[100, 300]).then(packet(1, "worker-1", &[], &[400])),
        ),
        ("b", packet(2, "worker-2", &[9], &[200])),
    ];
    write(&trace_dir, &metadata, &streams);
    for events in rows(&trace_dir, dir.path()) {
        let longs = |name: &str| all_longs(&events, name);
        assert_eq!(longs("timestamp"), times(&[100, 200, 300, 400]));
        assert_eq!(longs("cpu"), [Some(0), Some(2), Some(0), Some(1)]);
        let names = [
            "event_m", "length", "list", "m", "n", "name", "own", "packet_n",
        ];
        assert_eq!(members(&events, "context"), names);
        let context = |name: &str| member(&events, "context", name);
        assert_eq!(
            context("name"),
            some(&["worker-1", "worker-2", "worker-1", "worker-1"])
        );
        assert_eq!(context("packet_n"), some(&["500", "502", "500", "501"]));
        assert_eq!(context("n"), some(&["1"; 4]));
        assert_eq!(context("m"), some(&["2"; 4]));
        assert_eq!(context("event_m"), some(&["3"; 4]));
        assert_eq!(context("length"), some(&["2", "1", "2", "0"]));
        let list = events[0].column_by_name("context").unwrap().as_struct();
        let list = list.column_by_name("list").unwrap().as_list::<i32>();
        let values: Vec<_> = (0..4).map(|i| longs_of(&list.value(i))).collect();
        assert_eq!(values, [vec![7, 8], vec![9], vec![7, 8], vec![]]);
        assert_eq!(members(&events, "args"), ["more", "n"]);
    }
    let (status, said, _) = run(&["inspect"], &trace_dir);
    assert_eq!(status, Some(0));
    assert!(said.contains("packet_n"), "{said}");
}

fn longs_of(array: &dyn Array) -> Vec<i64> {
    longs(array).into_iter().flatten().collect()
}

#[test]
fn a_cpu_that_the_column_cannot_hold_stays_in_the_context() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + "stream { packet.context := struct { u32 packet_size; u32 content_size; i64 cpu_id; };
  event.header := struct { t64 timestamp; }; };
event { name = e; fields := struct { u32 n; }; };
";
    let packet = |cpu: i64, time: u64| {
        let bits = 32u32 * 8;
        Bytes::magic()
            .put(bits)
            .put(bits)
            .put(cpu)
            .put(time)
            .put(1u32)
    };
    let streams = [
        ("a", packet(-1, 100)),
        ("b", packet(5, 200)),
        ("c", packet(1 << 40, 300)),
    ];
    write(&trace_dir, &metadata, &streams);
    for events in rows(&trace_dir, dir.path()) {
        assert_eq!(all_longs(&events, "cpu"), [None, Some(5), None]);
        let kept = some(&["-1", "5", "1099511627776"]);
        assert_eq!(member(&events, "context", "cpu_id"), kept);
    }
}

#[test]
fn processes_with_buffers_of_their_own_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("trace");
    for (pid, time) in [(101u8, 100u64), (202, 200)] {
        let uuid = [pid; 16];
        let metadata = TYPES.to_owned()
            + CLOCK
            + &trace_of(uuid, "")
            + &format!(
                "env {{ domain = \"ust\"; tracer_name = \"lttng-ust\"; hostname = \"h\"; procname = \"app{pid}\"; vpid = {pid};
  tracer_buffering_scheme = \"pid\"; }};
stream {{ packet.context := struct {{ u32 packet_size; u32 content_size; u32 cpu_id; }};
  event.header := struct {{ u8 id; t64 timestamp; }}; }};
event {{ name = \"p:plain\"; id = 0; fields := struct {{ u32 n; }}; }};
event {{ name = \"p:own\"; id = 1; context := struct {{ i32 _vpid; letter _procname[4]; }}; fields := struct {{ u32 n; }}; }};
"
            );
        let plain = Bytes::new().put(0u8).put(time).put(1u32);
        let own = Bytes::new()
            .put(1u8)
            .put(time + 1)
            .put(7i32)
            .text("own\0")
            .put(2u32);
        let events = plain.then(own);
        let bits = events.bits(4 + 16 + 12) as u32;
        let mut head = Bytes::magic();
        head.0.extend(uuid);
        let stream = head.put(bits).put(bits).put(0u32).then(events);
        write(
            &root.join(format!("ust/pid/app{pid}-{pid}")),
            &metadata,
            &[("c_0", stream)],
        );
    }
    for events in rows(&root, dir.path()) {
        assert_eq!(
            all_longs(&events, "timestamp"),
            times(&[100, 101, 200, 201])
        );
        assert_eq!(
            all_longs(&events, "pid"),
            [Some(101), Some(7), Some(202), Some(7)]
        );
        assert_eq!(
            all_texts(&events, "procname"),
            some(&["app101", "own", "app202", "own"])
        );
        let mut ids = all_texts(&events, "trace_id");
        ids.dedup();
        assert_eq!(ids.len(), 1, "one recording is one trace");
    }
}

#[test]
fn calls_of_old_lttng_have_two_sides() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + "env { domain = \"kernel\"; tracer_name = \"lttng-modules\"; tracer_major = 2; tracer_minor = 4; };
stream { packet.context := struct { u32 packet_size; u32 content_size; u32 cpu_id; };
  event.header := struct { t64 timestamp; u8 id; }; event.context := struct { i32 _tid; i32 _pid; }; };
event { name = sys_open; id = 0; fields := struct { string _filename; i32 _flags; u16 _mode; }; };
event { name = sys_close; id = 1; fields := struct { u32 _fd; }; };
event { name = compat_sys_close; id = 2; fields := struct { u32 _fd; }; };
event { name = exit_syscall; id = 3; fields := struct { i64 _ret; }; };
";
    let event = |time: u64, id: u8, tid: i32| Bytes::new().put(time).put(id).put(tid).put(40i32);
    let exit = |time, tid, ret: i64| event(time, 3, tid).put(ret);
    let body = event(100, 0, 42)
        .text("/etc/hosts\0")
        .put(0i32)
        .put(0u16)
        .then(event(150, 1, 43).put(9u32))
        .then(exit(300, 42, 3))
        .then(exit(310, 43, -9))
        .then(event(320, 2, 42).put(3u32))
        .then(exit(330, 42, 0))
        .then(exit(340, 44, 5));
    let bits = body.bits(16) as u32;
    let stream = Bytes::magic().put(bits).put(bits).put(0u32).then(body);
    write(&trace_dir, &metadata, &[("channel0_0", stream)]);
    for events in rows(&trace_dir, dir.path()) {
        assert_eq!(
            all_texts(&events, "name"),
            some(&[
                "open",
                "close",
                "open",
                "close",
                "compat_close",
                "compat_close",
                "exit_syscall"
            ])
        );
        assert_eq!(
            all_texts(&events, "phase"),
            some(&["entry", "entry", "exit", "exit", "entry", "exit", "exit"])
        );
        let longs = |name: &str| all_longs(&events, name);
        assert_eq!(
            longs("ret"),
            [None, None, Some(3), Some(-9), None, Some(0), Some(5)]
        );
        assert_eq!(
            longs("duration_ns"),
            [None, None, Some(200), Some(160), None, Some(10), None]
        );
        assert_eq!(
            longs("fd"),
            [None, Some(9), None, Some(9), Some(3), Some(3), None]
        );
        assert_eq!(all_texts(&events, "path")[0].as_deref(), Some("/etc/hosts"));
    }
    // What is selected by the call's name has both sides, however it is read.
    let out = dir.path().join("opened");
    ingest(&[&trace_dir], &out, &["-q", "--events", "open"]);
    assert_eq!(
        all_longs(&table(&out, "events").1, "timestamp"),
        times(&[100, 300])
    );
    let (status, said, _) = run(&["inspect", "--count", "--events", "open"], &trace_dir);
    assert_eq!((status, said.split('\t').next()), (Some(0), Some("2")));
}

/// A stream of packets without a counter, each given by its begin, end, and the times of its events.
fn overlapping(packets: &[(u64, u64, &[u64])]) -> Bytes {
    let packet = |(begin, end, times): &(u64, u64, &[u64])| {
        let event = |e: Bytes, time: &u64| e.put(*time).put(1u32);
        let events = times.iter().fold(Bytes::new(), event);
        let bits = events.bits(36);
        let head = Bytes::magic().put(*begin).put(*end).put(bits).put(bits);
        head.then(events)
    };
    packets.iter().map(packet).fold(Bytes::new(), Bytes::then)
}

/// What the commands count in a trace, whose status is 0 if it is `whole` and tells of a damage if not.
fn all_agree(trace: &Path, dir: &Path, whole: bool, expected: u64) {
    let status = Some(if whole { 0 } else { 3 });
    let number = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (found, out, said) = run(&["inspect", "--json"], trace);
    assert_eq!(found, status, "{said}");
    let report = &number(&out)["recordings"][0];
    assert_eq!(report["events"], expected, "{said}");
    assert_eq!(report["damage"].as_array().unwrap().is_empty(), whole);
    let (found, out, said) = run(&["inspect", "--count", "--json"], trace);
    assert_eq!(found, status, "{said}");
    assert_eq!(number(&out)[0]["events"], expected);
    assert_eq!(said.is_empty(), whole, "{said}");
    if !whole {
        assert_eq!(number(&out)[0]["damage"], report["damage"]);
    }
    let out = dir.join("kept");
    let kept = [
        "ingest",
        "-q",
        "--force",
        "--keep-going",
        "-o",
        out.to_str().unwrap(),
    ];
    let (found, _, said) = run(&kept, trace);
    assert_eq!(found, status, "{said}");
    assert_eq!(manifest(&out)["events"], expected);
    let out = dir.join("strict");
    let strict = ["ingest", "-q", "--force", "-o", out.to_str().unwrap()];
    let (found, _, said) = run(&strict, trace);
    assert_eq!(found, Some(if whole { 0 } else { 1 }), "{said}");
}

#[test]
fn begins_and_ends_of_packets_are_no_times_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    // As LTTng before 2.4: a packet was closed after the next had begun. And packets that begin after their first event,
    // end before their last, or have none.
    let a = overlapping(&[
        (100, 260, &[100, 200]),
        (250, 360, &[250, 300]),
        (340, 500, &[]),
        (345, 350, &[355, 400]),
        (405, 420, &[402, 430]),
    ]);
    let b = overlapping(&[(90, 500, &[120, 255, 258, 301, 357, 403, 425])]);
    write(&trace, &counting(""), &[("a", a), ("b", b)]);
    all_agree(&trace, dir.path(), true, 15);
    let expected = [
        100, 120, 200, 250, 255, 258, 300, 301, 355, 357, 400, 402, 403, 425, 430,
    ];
    let events = table(&dir.path().join("kept"), "events").1;
    assert_eq!(all_longs(&events, "timestamp"), times(&expected));
}

#[test]
fn a_clock_that_goes_back_is_told_at_the_events_own_byte() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    // Within a packet: the packet has 36 bytes of head, the third event begins 24 behind.
    let whole = overlapping(&[(50, 90, &[50, 60])]);
    let first = whole.0.len();
    let within = whole
        .clone()
        .then(overlapping(&[(100, 400, &[100, 300, 250, 400])]));
    write(&trace, &counting(""), &[("a", within)]);
    all_agree(&trace, dir.path(), false, 4);
    let out = dir.path().join("out");
    let strict = ["ingest", "-q", "-o", out.to_str().unwrap()];
    let (_, _, said) = run(&strict, &trace);
    let place = format!("a, packet 1, byte {}", first + 36 + 24);
    assert!(
        said.contains(&place) && said.contains("time goes backwards"),
        "{said}"
    );

    // From packet to packet, beside another stream.
    let across = whole.then(overlapping(&[(95, 99, &[55, 99])]));
    let other = overlapping(&[(10, 99, &[10, 70, 99])]);
    write(&trace, &counting(""), &[("a", across), ("b", other)]);
    all_agree(&trace, dir.path(), false, 5);
    let (_, _, said) = run(&strict, &trace);
    let place = format!("a, packet 1, byte {}", first + 36);
    assert!(said.contains(&place), "{said}");
}

/// Metadata of events `e` with a header of 32 bits of time and 8 of ID, after `before`.
fn plain(before: &str) -> String {
    format!(
        "{TYPES}{before}trace {{ major = 1; minor = 8; byte_order = le; }};
stream {{ event.header := struct {{ u32 timestamp; u8 id; }}; }};
event {{ name = e; id = 1; fields := struct {{ u32 n; }}; }};
"
    )
}

#[test]
fn times_that_no_clock_is_mapped_to_count_in_the_only_one() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let event = |time: u32| Bytes::new().put(time).put(1u8).put(7u32);
    let two = event(100).then(event(250));
    let second = "clock { name = slow; freq = 1000; offset_s = 1700000000; };\n";
    let zero = [Some(100), Some(250)];
    for (before, expected, name) in [
        // As Zephyr writes, and as the CTF writer of babeltrace 1 wrote.
        ("", zero, "default"),
        (
            second,
            [Some(BEGIN + 100_000_000), Some(BEGIN + 250_000_000)],
            "slow",
        ),
    ] {
        write(&trace_dir, &plain(before), &[("stream", two.clone())]);
        for dataset in datasets(&trace_dir, dir.path()) {
            let (_, events) = table(&dataset, "events");
            assert_eq!(all_longs(&events, "timestamp"), expected);
            let clock = &manifest(&dataset)["recordings"][0]["sources"][0]["clock"];
            assert_eq!(
                (&clock["name"], &clock["assumed"]),
                (&name.into(), &true.into())
            );
        }
        let (_, said, _) = run(&["inspect"], &trace_dir);
        assert!(
            said.contains("assumed: the metadata maps no clock"),
            "{said}"
        );
    }
    // Which of two clocks it is, nobody can know.
    let two_clocks = format!("{second}clock {{ name = fast; freq = 1000000000; }};\n");
    write(&trace_dir, &plain(&two_clocks), &[("stream", two)]);
    let (status, _, said) = run(&["inspect"], &trace_dir);
    assert_eq!(status, Some(1));
    assert!(said.contains("`slow`, `fast`"), "{said}");
}

#[test]
fn a_begin_that_no_clock_is_mapped_to_sets_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + "stream {
  packet.context := struct { u64 timestamp_begin; u64 timestamp_end; u32 content_size; u32 packet_size; };
  event.header := struct { t32 timestamp; }; };
event { name = e; fields := struct { u32 n; }; };
";
    let begin = 5u64 << 32;
    let event = |time: u32| Bytes::new().put(time).put(7u32);
    let events = event(100).then(event(250));
    let bits = events.bits(28) as u32;
    let head = Bytes::magic()
        .put(begin + 100)
        .put(begin + 300)
        .put(bits)
        .put(bits);
    write(&trace_dir, &metadata, &[("stream", head.then(events))]);
    for events in rows(&trace_dir, dir.path()) {
        let begin = begin as i64;
        assert_eq!(
            all_longs(&events, "timestamp"),
            times(&[begin + 100, begin + 250])
        );
    }
}

/// A trace of two streams, each with a clock that is declared as told here.
fn two_clocks(dir: &Path, a: &str, b: &str) {
    let metadata = format!(
        "{TYPES}clock {{ name = a; freq = 1000; offset_s = 1700000000; {a} }};
clock {{ name = b; freq = 1000000000; offset_s = 1700000000; {b} }};
typealias integer {{ size = 64; align = 8; signed = false; map = clock.a.value; }} := ta;
typealias integer {{ size = 64; align = 8; signed = false; map = clock.b.value; }} := tb;
{}stream {{ id = 0; event.header := struct {{ ta timestamp; }}; }};
stream {{ id = 1; event.header := struct {{ tb timestamp; }}; }};
event {{ stream_id = 0; name = ms; fields := struct {{ u32 n; }}; }};
event {{ stream_id = 1; name = ns; fields := struct {{ u32 n; }}; }};
",
        trace("u8 stream_id; ")
    );
    let ms = Bytes::magic()
        .put(0u8)
        .put(1u64)
        .put(1u32)
        .put(3u64)
        .put(1u32);
    let ns = Bytes::magic().put(1u8).put(2_000_000u64).put(2u32);
    write(dir, &metadata, &[("s0", ms), ("s1", ns)]);
}

#[test]
fn two_clocks_of_one_origin_are_one_time_line() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let uuid = "uuid = \"11223344-5566-7788-99aa-bbccddeeff00\";";
    for (a, b) in [
        ("", ""),
        ("absolute = TRUE;", "absolute = TRUE;"),
        (uuid, uuid),
    ] {
        two_clocks(&trace_dir, a, b);
        for dataset in datasets(&trace_dir, dir.path()) {
            let (_, events) = table(&dataset, "events");
            assert_eq!(all_texts(&events, "name"), some(&["ms", "ns", "ms"]));
            let expected = times(&[1_000_000, 2_000_000, 3_000_000]);
            assert_eq!(all_longs(&events, "timestamp"), expected);
            let clocks = &manifest(&dataset)["recordings"][0]["sources"][0]["clocks"];
            assert_eq!(
                (&clocks[0]["name"], &clocks[1]["name"]),
                (&"a".into(), &"b".into())
            );
        }
    }
    for (a, b) in [("absolute = TRUE;", ""), (uuid, "")] {
        two_clocks(&trace_dir, a, b);
        let out = dir.path().join("refused");
        let (status, _, said) = run(&["ingest", "-o", out.to_str().unwrap()], &trace_dir);
        assert_eq!(status, Some(1));
        assert!(said.contains("`a`") && said.contains("`b`"), "{said}");
        assert!(said.contains("absolute = TRUE"), "{said}");
    }
}

#[test]
fn what_perf_writes_has_heads_and_sides() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let common = "i32 perf_tid; i32 perf_pid; u32 perf_cpu; letter perf_comm[4]; i32 common_pid;";
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + &format!(
            "env {{ domain = \"kernel\"; tracer_name = \"perf\"; machine = \"x86_64\"; }};
stream {{ packet.context := struct {{ u64 packet_size; u64 content_size; }}; event.header := struct {{ u8 id; t64 timestamp; }}; }};
event {{ name = \"syscalls:sys_enter_close\"; id = 0; fields := struct {{ {common} u64 fd; }}; }};
event {{ name = \"syscalls:sys_exit_close\"; id = 1; fields := struct {{ {common} i64 ret; }}; }};
event {{ name = \"raw_syscalls:sys_enter\"; id = 2; fields := struct {{ {common} i64 id; u64 args[2]; }}; }};
event {{ name = \"raw_syscalls:sys_exit\"; id = 3; fields := struct {{ {common} i64 id; i64 ret; }}; }};
"
        );
    let event = |id: u8, time: u64| {
        let event = Bytes::new()
            .put(id)
            .put(time)
            .put(42i32)
            .put(41i32)
            .put(3u32);
        event.text("cat\0").put(42i32)
    };
    let events = event(0, 100)
        .put(7u64)
        .then(event(1, 300).put(0i64))
        .then(event(2, 400).put(257i64).put(1u64).put(2u64))
        .then(event(3, 450).put(257i64).put(-2i64))
        .then(event(2, 500).put(-1i64).put(1u64).put(2u64));
    let bits = events.bits(20);
    let stream = Bytes::magic().put(bits).put(bits).then(events);
    write(&trace_dir, &metadata, &[("perf_stream_0", stream)]);
    for events in rows(&trace_dir, dir.path()) {
        let longs = |name: &str| all_longs(&events, name);
        assert_eq!(longs("tid"), [Some(42); 5]);
        assert_eq!(longs("pid"), [Some(41); 5]);
        assert_eq!(longs("cpu"), [Some(3); 5]);
        assert_eq!(all_texts(&events, "procname"), some(&["cat"; 5]));
        assert_eq!(
            all_texts(&events, "name"),
            some(&[
                "close",
                "close",
                "openat",
                "openat",
                "raw_syscalls:sys_enter"
            ])
        );
        let phases = some(&["entry", "exit", "entry", "exit", "point"]);
        assert_eq!(all_texts(&events, "phase"), phases);
        assert_eq!(longs("ret"), [None, Some(0), None, Some(-2), None]);
        assert_eq!(longs("fd"), [Some(7), Some(7), None, None, None]);
        assert_eq!(
            longs("duration_ns"),
            [None, Some(200), None, Some(50), None]
        );
        assert_eq!(
            members(&events, "args"),
            ["args", "common_pid", "fd", "id", "ret"]
        );
    }
}

#[test]
fn there_is_no_reader_that_chooses() {
    let dir = tempfile::tempdir().unwrap();
    let (status, _, said) = run(&["inspect", "--reader", "auto"], dir.path());
    assert_eq!(status, Some(2));
    assert!(said.contains("native, babeltrace2"), "{said}");
}

#[test]
fn names_that_differ_in_an_underscore_are_two() {
    let dir = tempfile::tempdir().unwrap();
    let trace_dir = dir.path().join("trace");
    let metadata = TYPES.to_owned()
        + CLOCK
        + &trace("")
        + "stream { packet.context := struct { u32 packet_size; u32 _packet_size; u32 content_size; };
  event.header := struct { t64 timestamp; }; };
event { name = e; fields := struct { u8 _n; u8 n; u8 __n; struct { u8 _m; } s; }; };
";
    let event = Bytes::new().put(100u64).put(1u8).put(2u8).put(3u8).put(4u8);
    let bits = event.bits(16) as u32;
    let stream = Bytes::magic().put(bits).put(9u32).put(bits).then(event);
    write(&trace_dir, &metadata, &[("stream", stream)]);
    // babeltrace2 2.0 aborts.
    let out = dir.path().join("out");
    ingest(&[&trace_dir], &out, &["-q"]);
    let (_, events) = table(&out, "events");
    assert_eq!(members(&events, "args"), ["__n", "_n", "n", "s"]);
    let args = |name: &str| member(&events, "args", name);
    assert_eq!(
        [args("_n"), args("n"), args("__n")],
        [some(&["1"]), some(&["2"]), some(&["3"])]
    );
    assert_eq!(member(&events, "context", "_packet_size"), some(&["9"]));
}
