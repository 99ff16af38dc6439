//! Real user-space traces of LTTng 2.13, laid out in all the ways that it knows: what babeltrace2 showed of each is what
//! the dataset holds. `tests/tools/ust/record` made them, and says what each is.

use crate::common::*;
use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use std::fs;
use std::path::Path;

/// An event, as text: time, CPU, process and thread, its name, the event's name and fields.
type Line = String;

/// What stands between `before` and `after` in a line of babeltrace2.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    Some(rest.split_once(after).expect(after).0)
}

/// The six digits of a number that babeltrace2 shows.
fn digits(number: f64) -> String {
    format!("{number:.5e}")
}

/// The text of tick number `n`, as demo.c has it. babeltrace2 shows what another event left where a text is empty.
fn text_of(n: u32) -> String {
    if n % 2 == 1 { "odd" } else { "" }.to_owned()
}

fn shown(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let of = |before: &str, after: &str| between(line, before, after).map(str::to_owned);
        let one = |before: &str, after: &str| of(before, after).expect(before);
        let time = one("timestamp = ", ",").replace('.', "");
        let name = one(", name = ", ",");
        let head = [
            time,
            one("cpu_id = ", " }"),
            one("{ vpid = ", ","),
            one("vtid = ", ","),
            one(", procname = \"", "\" }"),
            name,
        ];
        let third = of("third = ", " }").map(|text| digits(text.parse().unwrap()));
        let fields = [
            of(" n = ", ","),
            of(" n = ", ",").map(|n| text_of(n.parse().unwrap())),
            of("_bytes_length = ", ","),
            of("container = ", " )"),
            third,
        ];
        format!("{head:?} {fields:?}")
    };
    text.lines().map(line).collect()
}

fn held(dataset: &Path) -> Vec<Line> {
    let (_, rows) = table(dataset, "events");
    let mut lines = Vec::new();
    for batch in &rows {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let args = column("args").as_struct();
        let number = |array: &dyn arrow::array::Array| -> Vec<Option<String>> {
            longs(array)
                .into_iter()
                .map(|n| n.map(|n| n.to_string()))
                .collect()
        };
        let member = |name: &str| args.column_by_name(name).unwrap();
        let heads = ["timestamp", "cpu", "pid", "tid"].map(|name| number(column(name)));
        let (procnames, names) = (texts(column("procname")), texts(column("name")));
        let (n, mood, text) = (
            number(member("n")),
            number(member("mood")),
            texts(member("text")),
        );
        // Where no event rests, there is no such column.
        let thirds = args
            .column_by_name("third")
            .map(|a| a.as_primitive::<Float64Type>());
        let bytes = member("bytes").as_list::<i32>();
        for row in 0..batch.num_rows() {
            let head = heads.iter().map(|h| h[row].clone().unwrap());
            let names = [&procnames, &names].map(|n| n[row].clone().unwrap());
            let head: Vec<String> = head.chain(names).collect();
            let valid = |array: &dyn arrow::array::Array| array.is_valid(row);
            let length = valid(bytes).then(|| bytes.value_length(row).to_string());
            let third = thirds
                .filter(|t| t.is_valid(row))
                .map(|t| digits(t.value(row)));
            let fields = [
                n[row].clone(),
                text[row].clone(),
                length,
                mood[row].clone(),
                third,
            ];
            lines.push(format!("{head:?} {fields:?}"));
        }
    }
    lines
}

/// Sum of what babeltrace2 warned of: discarded `what`.
fn warned(text: &str, what: &str) -> u64 {
    let of =
        |line: &str| between(line, "Tracer discarded ", &format!(" {what} ")).map(str::to_owned);
    let lines = text.lines().filter(|l| l.contains(&format!(" {what} ")));
    lines.map(|l| of(l).unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn what_babeltrace2_showed_is_what_the_dataset_holds() {
    let dir = tempfile::tempdir().unwrap();
    unpack(&data("ust.tar.zst"), dir.path());
    let readers: &[&str] = match cfg!(feature = "babeltrace2") {
        true => &["native", "babeltrace2"],
        false => &["native"],
    };
    let mut lost = Vec::new();
    for name in ["rotation", "snapshots", "pid", "small", "stopped"] {
        let text =
            |kind: &str| fs::read_to_string(dir.path().join(format!("{name}.{kind}"))).unwrap();
        let expected = shown(&text("txt"));
        assert!(expected.len() >= 30, "{name}");
        for reader in readers {
            let dataset = dir.path().join(format!("{name}-{reader}"));
            ingest(
                &[&dir.path().join(name)],
                &dataset,
                &["--quiet", "--reader", reader],
            );
            assert_eq!(held(&dataset), expected, "{name} by {reader}");
            let manifest = manifest(&dataset);
            assert_eq!(
                manifest["recordings"].as_array().unwrap().len(),
                1,
                "{name}"
            );
            for (what, key) in [
                ("events", "discarded_events"),
                ("packets", "discarded_packets"),
            ] {
                let known = warned(&text("losses"), what);
                assert_eq!(manifest[key], known, "{name} by {reader}: {what}");
                lost.push(known);
            }
        }
    }
    assert!(
        lost.iter().any(|n| *n > 100),
        "nothing was lost: record again"
    );
}

/// The parts of a recording, appended one by one or named apart, are the recording.
#[test]
fn parts_of_a_recording_make_the_same_dataset_as_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    unpack(&data("ust.tar.zst"), dir.path());
    for name in ["rotation/archives", "snapshots", "pid/ust/pid"] {
        let parts = fs::read_dir(dir.path().join(name)).unwrap();
        let mut parts: Vec<_> = parts.map(|p| p.unwrap().path()).collect();
        parts.sort();
        assert!(parts.len() >= 3, "{name}");
        let whole = dir.path().join("whole");
        ingest(&[&dir.path().join(name)], &whole, &["--quiet", "--force"]);
        let expected = held(&whole);
        let steps = dir.path().join("steps");
        ingest(&[&parts[0]], &steps, &["--quiet", "--force"]);
        for part in &parts[1..] {
            ingest(&[part], &steps, &["--quiet", "--append"]);
        }
        assert_eq!(held(&steps), expected, "{name}");
        assert_eq!(
            manifest(&steps)["recordings"].as_array().unwrap().len(),
            1,
            "{name}"
        );
        assert_eq!(
            table(&steps, "losses").1.len(),
            table(&whole, "losses").1.len()
        );
    }
}
