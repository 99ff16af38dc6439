//! `publish --anonymize` fails closed: over whole releases no original number stands beside its pseudonym, and of a trace
//! in which every argument has a marked value no mark is left.

use crate::common::*;
use crate::ctf::small::{Event, Small};
use crate::decoded::{Decoded, all_files};
use crate::marked::{self, MARK};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

pub const KEY: &str = "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5";

/// Publishes a dataset by a policy; the release, and what the program said.
pub fn publish(dataset: &Path, dir: &Path, policy: &str, more: &[&str]) -> (PathBuf, Output) {
    let (file, key) = (dir.join("policy.toml"), dir.join("secret.key"));
    fs::write(&file, policy).unwrap();
    fs::write(&key, KEY).unwrap();
    let release = dir.join("release");
    let mut args = vec!["publish".as_ref(), dataset.as_os_str(), "-o".as_ref()];
    args.extend([
        release.as_os_str(),
        "--license".as_ref(),
        "CC-BY-4.0".as_ref(),
    ]);
    args.extend(["--anonymize".as_ref(), file.as_os_str()]);
    args.extend(["--key".as_ref(), key.as_os_str()]);
    args.extend(more.iter().map(std::ffi::OsStr::new));
    let done = sysds(args);
    (release, done)
}

pub fn published(dataset: &Path, dir: &Path, policy: &str) -> (PathBuf, Output) {
    let (release, done) = publish(dataset, dir, policy, &["--audit"]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    (release, done)
}

/// All rows of a table of a release, as one batch.
pub fn released(release: &Path, table: &str) -> RecordBatch {
    let mut files = Vec::new();
    all_files(&release.join("data").join(table), &mut files);
    files.sort();
    let batches: Vec<RecordBatch> = files.iter().flat_map(|f| rows_of(f)).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// The numbers in each row of columns, by the column's name; those in structures and lists, too.
fn numbers(name: &str, array: &ArrayRef, rows: &mut [Vec<(String, Vec<i128>)>]) {
    match array.data_type() {
        DataType::Struct(fields) => {
            for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                numbers(&format!("{name}.{}", field.name()), array, rows);
            }
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let mut items = vec![Vec::new(); list.values().len()];
            numbers(name, list.values(), &mut items);
            for row in (0..list.len()).filter(|row| list.is_valid(*row)) {
                let (from, to) = (list.value_offsets()[row], list.value_offsets()[row + 1]);
                let mut all: BTreeMap<String, Vec<i128>> = BTreeMap::new();
                for (name, values) in items[from as usize..to as usize].iter().flatten() {
                    all.entry(name.clone()).or_default().extend(values);
                }
                rows[row].extend(all);
            }
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                rows[row].push((name.to_owned(), vec![i128::from(values.value(row))]));
            }
        }
        DataType::Int64 | DataType::Int32 | DataType::Timestamp(..) => {
            let values = arrow::compute::cast(array, &DataType::Int64).unwrap();
            let values = values.as_primitive::<Int64Type>();
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                rows[row].push((name.to_owned(), vec![i128::from(values.value(row))]));
            }
        }
        _ => {}
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<(String, Vec<i128>)>> {
    let mut rows = vec![Vec::new(); batch.num_rows()];
    let schema = batch.schema();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        numbers(field.name(), array, &mut rows);
    }
    rows
}

/// Joins events with what became of them, and looks whether an original stands beside its pseudonym. Returns how many
/// originals were looked for.
fn no_original_beside_its_pseudonym(before: &RecordBatch, after: &RecordBatch) -> usize {
    let ids = |batch: &RecordBatch| longs(batch.column_by_name("event_id").unwrap());
    let place: HashMap<i64, usize> = ids(after)
        .iter()
        .enumerate()
        .map(|(at, id)| (id.unwrap(), at))
        .collect();
    assert_eq!(place.len(), before.num_rows());
    let (old_rows, new_rows) = (rows(before), rows(after));
    let mut looked_for = 0;
    for (old, id) in old_rows.iter().zip(ids(before)) {
        let new: BTreeMap<&str, &Vec<i128>> = new_rows[place[&id.unwrap()]]
            .iter()
            .map(|(n, v)| (n.as_str(), v))
            .collect();
        let mut originals: HashSet<i128> = HashSet::new();
        let mut kept: Vec<(&str, i128)> = Vec::new();
        for (name, values) in old {
            let became = new.get(name.as_str());
            for (at, value) in values.iter().enumerate() {
                match became.and_then(|became| became.get(at)) {
                    Some(became) if became == value => kept.push((name, *value)),
                    // Priorities, descriptors and numbers of CPUs lie below, and happen to be the same; what is left
                    // out has no pseudonym.
                    Some(_) if *value > 150 => drop(originals.insert(*value)),
                    _ => {}
                }
            }
        }
        looked_for += originals.len();
        for (name, value) in kept {
            // A number of bytes, or an id of the dataset, may happen to be the same.
            let chance = [
                "event_id",
                "entry_id",
                "request_id",
                "service_id",
                "offset_ns",
                "duration_ns",
                "args.count",
                "args.len",
            ];
            let told = originals.contains(&value) && !chance.contains(&name);
            assert!(
                !told,
                "event {id:?}: {value} is still in {name}: {old:?} became {new:?}"
            );
        }
    }
    looked_for
}

fn nested(requests: &RecordBatch) -> RecordBatch {
    let items = requests.column_by_name("events").unwrap().as_list::<i32>();
    RecordBatch::from(items.values().as_struct())
}

#[test]
fn no_original_number_stands_in_a_row_with_its_pseudonym() {
    for name in ["apache-prefork", "apache-keepalive", "apache-lossy"] {
        let dir = tempfile::tempdir().unwrap();
        let dataset = dir.path().join("web");
        ingest(&[&trace(name)], &dataset, &["--quiet"]);
        let (release, _) = published(&dataset, dir.path(), "");
        let whole = |table: &str| {
            let (schema, batches) = crate::common::table(&dataset, table);
            concat_batches(&schema, &batches).unwrap()
        };
        let looked_for =
            no_original_beside_its_pseudonym(&whole("events"), &released(&release, "events"));
        assert!(looked_for > 100_000, "{name}: {looked_for}");
        let (before, after) = (
            nested(&whole("requests")),
            nested(&released(&release, "requests")),
        );
        let looked_for = no_original_beside_its_pseudonym(&before, &after);
        assert!(looked_for > 10_000, "{name}: {looked_for}");
        returned_twice_alike(&released(&release, "events"));
    }
}

/// `ret` and `args.ret` are one value in two columns.
fn returned_twice_alike(events: &RecordBatch) {
    let args = events.column_by_name("args").unwrap().as_struct();
    let (one, other) = (
        events.column_by_name("ret").unwrap(),
        args.column_by_name("ret").unwrap(),
    );
    assert_eq!(longs(one), longs(other));
}

#[test]
fn the_trace_id_is_nowhere_in_any_form() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let before = manifest(&dataset);
    let id = before["recordings"][0]["trace_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (release, _) = published(&dataset, dir.path(), "");
    assert_eq!(Decoded::of(&release).places(id.as_bytes()), [""; 0]);
    // As it is without anonymizing, it is found in base64 as well: the search works.
    fs::remove_dir_all(&release).unwrap();
    let plain = sysds([
        "publish".as_ref(),
        dataset.as_os_str(),
        "-o".as_ref(),
        release.as_os_str(),
    ]);
    assert_eq!(plain.status.code(), Some(0), "{}", stderr(&plain));
    assert!(Decoded::of(&release).places(id.as_bytes()).len() > 5);
}

#[test]
fn the_shift_of_time_cannot_be_told_from_dates() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    let (release, _) = published(&dataset, dir.path(), "");
    let after = manifest(&release);
    let last = after["recordings"][0]["last_ns"].as_i64().unwrap();
    let created = after["created"].as_str().unwrap();
    let ns = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(created).unwrap();
    assert_eq!(
        ns / 1_000_000_000,
        last / 1_000_000_000,
        "it follows from the events"
    );
    // Nothing is left of the moments when the dataset and the release were made, but for the day of publication.
    let decoded = Decoded::of(&release);
    let made = manifest(&dataset)["created"].as_str().unwrap().to_owned();
    assert_eq!(decoded.places(&made.as_bytes()[..13]), [""; 0]);
    let first = manifest(&dataset)["recordings"][0]["first_ns"]
        .as_i64()
        .unwrap();
    let shift = first - after["recordings"][0]["first_ns"].as_i64().unwrap();
    for unit in [1, 1_000_000_000] {
        assert!(!decoded.numbers.contains(&i128::from(shift / unit)));
        assert!(!decoded.numbers.contains(&i128::from(-shift / unit)));
    }
    assert!(!after.to_string().contains("trace_creation_datetime"));
}

/// Looks for marked texts and numbers in all bytes and values of a release.
pub fn no_mark_is_left(release: &Path, marks: &HashSet<i128>) -> Decoded {
    let after = Decoded::of(release);
    assert_eq!(after.places(MARK.as_bytes()), [""; 0]);
    assert_eq!(after.places(MARK.to_uppercase().as_bytes()), [""; 0]);
    for address in marked::ADDRESSES {
        assert_eq!(after.places(address.as_bytes()), [""; 0], "{address}");
    }
    let left: Vec<&i128> = marks.intersection(&after.numbers).collect();
    assert_eq!(left, Vec::<&i128>::new());
    for (file, bytes) in &after.bytes {
        let eight = bytes
            .windows(8)
            .map(|w| i128::from(i64::from_le_bytes(w.try_into().unwrap())));
        let left: Vec<i128> = eight.filter(|n| marks.contains(n)).collect();
        assert_eq!(left, Vec::<i128>::new(), "{}", file.display());
    }
    after
}

/// All marks are in the dataset.
pub fn all_are_in(dataset: &Decoded, marks: &HashSet<i128>) {
    let missing = marks.iter().filter(|m| !dataset.numbers.contains(*m));
    assert_eq!(missing.count(), 0, "of {}", marks.len());
}

#[test]
fn of_a_trace_with_marked_values_no_mark_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join(format!("{MARK}recording"));
    let marks = marked::write(&trace);
    let dataset = dir.path().join("marked");
    ingest(&[&trace], &dataset, &["--quiet"]);
    let before = Decoded::of(&dataset);
    all_are_in(&before, &marks);
    assert!(marks.len() > 1000, "{}", marks.len());
    let texts = before.texts.iter().filter(|t| t.contains(MARK)).count();
    assert!(texts > 1000, "{texts}");
    let (_, requests) = table(&dataset, "requests");
    assert!(
        all_longs(&requests, "n_events")
            .into_iter()
            .flatten()
            .sum::<i64>()
            > 100
    );

    let (release, done) = published(&dataset, dir.path(), "[names]\nprocesses = \"key\"\n");
    let after = no_mark_is_left(&release, &marks);
    for list in marked::LISTS {
        assert!(
            before.lists.contains(list) && !after.lists.contains(list),
            "{list:?}"
        );
    }
    // What nobody has classified is named, on stderr and in the card.
    let (said, card) = (
        stderr(&done),
        fs::read_to_string(release.join("README.md")).unwrap(),
    );
    for unknown in ["shop:order: ", "newcall: ", "contexts: ", "packet_uid"] {
        assert!(
            said.contains(unknown) && card.contains(unknown),
            "{unknown}\n{said}"
        );
    }
    // What is classified as telling nothing stays.
    let audit = String::from_utf8(done.stdout).unwrap();
    for column in [
        "events.args.flags: ",
        "events.ret: ",
        "manifest.recordings[].sources[].env.tracer_name: ",
    ] {
        assert!(audit.contains(column), "{column}");
    }
    let verified = sysds(["verify".as_ref(), release.as_os_str()]);
    assert_eq!(
        verified.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}

#[test]
fn a_policy_can_say_what_arguments_hold() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join(format!("{MARK}recording"));
    marked::write(&trace);
    let dataset = dir.path().join("marked");
    ingest(&[&trace], &dataset, &["--quiet"]);
    let policy = "[arguments]\n\"shop:order.items\" = \"size\"\n\"shop:order.buyer\" = \"process\"\nabsent = \"size\"\n\
                  [[strings]]\npattern = 'never-there'\n";
    let (release, done) = published(&dataset, dir.path(), policy);
    let said = stderr(&done);
    assert!(
        said.contains("'never-there' of the policy was found nowhere"),
        "{said}"
    );
    assert!(said.contains("no event has the argument absent"), "{said}");
    assert!(
        said.contains("can read the key") && said.contains("chmod 600"),
        "{said}"
    );
    let args = |batch: &RecordBatch, name: &str| {
        let args = batch.column_by_name("args").unwrap().as_struct();
        let values = longs(args.column_by_name(name).unwrap());
        values.into_iter().flatten().collect::<Vec<i64>>()
    };
    let (schema, batches) = table(&dataset, "events");
    let (old, new) = (
        concat_batches(&schema, &batches).unwrap(),
        released(&release, "events"),
    );
    assert_eq!(args(&old, "items"), args(&new, "items"));
    let (before, after) = (args(&old, "buyer"), args(&new, "buyer"));
    assert!(before.len() == after.len() && before != after);
}

/// A member of a structure is what the policy says of its field, whatever its column is called; a field that is really
/// called `count_u64` is another one.
#[test]
fn members_of_structures_are_known_by_the_names_of_their_fields() {
    const LARGE: u64 = (1 << 63) + 5;
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let members = "struct { u64 count; u64 count_u64; } of;";
    let event = |time: u64, values: [u64; 2]| -> Event {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes());
        (0, time, bytes.collect())
    };
    let small = Small {
        number: 1,
        classes: &[("shop:item", members)],
        cpus: &[vec![event(10, [3, 4]), event(11, [LARGE, 6])]],
        ..Small::default()
    };
    small.write(&trace);
    let dataset = dir.path().join("d");
    ingest(&[&trace], &dataset, &["--quiet"]);
    let policy = "[arguments]\n\"shop:item.of.count\" = \"size\"\n";
    let (release, done) = published(&dataset, dir.path(), policy);
    let said = stderr(&done);
    assert!(said.contains("of.count_u64"), "nobody knows it: {said}");
    let events = released(&release, "events");
    let args = events.column_by_name("args").unwrap().as_struct();
    let of = args.column_by_name("of").unwrap().as_struct();
    let member = |name: &str| {
        let column = of.column_by_name(name).unwrap();
        let column = arrow::compute::cast(column, &DataType::UInt64).unwrap();
        let column = column.as_primitive::<UInt64Type>();
        column.iter().collect::<Vec<_>>()
    };
    assert_eq!(member("count"), [Some(3), None]);
    assert_eq!(member("count_u64_"), [None, Some(LARGE)]);
    assert_eq!(member("count_u64"), [None, None]);
    let field = |name: &str| {
        let field = of.fields().find(name).unwrap().1;
        field.metadata().get("field").cloned()
    };
    assert_eq!(field("count_u64_").as_deref(), Some("count"));
    assert_eq!(field("count_u64"), None);
}

#[test]
fn keys_and_policies_that_protect_from_nothing_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
    for (policy, why) in [
        ("[paths]\nkeep = [\"/**\"]\n", "would keep every file name"),
        ("[names]\nwords = [\"\"]\n", "an empty text"),
        ("[[strings]]\npattern = ''\n", "an empty pattern"),
        (
            "[addresses]\nkeep = [\"::/0\"]\n",
            "would keep every address",
        ),
    ] {
        let (release, done) = publish(&dataset, dir.path(), policy, &[]);
        assert_eq!(done.status.code(), Some(1), "{policy}");
        let said = stderr(&done);
        assert!(
            said.contains(why) && said.contains("policy.toml, line"),
            "{said}"
        );
        assert!(!release.exists());
    }
    let key = dir.path().join("weak.key");
    fs::write(&key, "0".repeat(64)).unwrap();
    fs::write(dir.path().join("policy.toml"), "").unwrap();
    let again = sysds([
        "publish".as_ref(),
        dataset.as_os_str(),
        "-o".as_ref(),
        dir.path().join("release").as_os_str(),
        "--anonymize".as_ref(),
        dir.path().join("policy.toml").as_os_str(),
        "--key".as_ref(),
        key.as_os_str(),
    ]);
    assert_eq!(again.status.code(), Some(1));
    let said = stderr(&again);
    assert!(
        said.contains("a pattern that anybody would try") && said.contains("openssl rand"),
        "{said}"
    );
}
