//! Columns are told apart without case, as SQL does.

use crate::common::*;
use crate::ctf::small::{Event, Small};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Fields};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LOWER: (&str, &str) = ("lower", "u64 ip; u64 x; string y;");
const UPPER: (&str, &str) = ("upper", "u64 IP; u64 X_u64; u64 Y_bytes; u64 Y_BYTES_;");

fn text(text: &[u8]) -> Vec<u8> {
    [text, &[0]].concat()
}

fn u64s(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A trace of these classes, with an event of each.
fn write(dir: &Path, number: u8, classes: &[(&str, &str)]) -> PathBuf {
    let events = classes.iter().enumerate().map(|(id, class)| -> Event {
        let bytes = match class.0 {
            // 2^63 goes to the sibling of x, what is not UTF-8 to that of y.
            "lower" => [u64s(&[1, 1 << 63]), text(b"\xff")].concat(),
            _ => u64s(&[2, 3, 4, 5]),
        };
        (id as u8, 10 + id as u64, bytes)
    });
    let path = dir.join(format!("trace-{number}"));
    let small = Small {
        number,
        classes,
        cpus: &[events.collect()],
        ..Small::default()
    };
    small.write(&path);
    path
}

/// Members of `args`: the field that each says that it holds, and its values as text.
fn args(dataset: &Path) -> BTreeMap<String, (String, Vec<String>)> {
    let mut found = BTreeMap::new();
    for batch in files(dataset, "events").iter().flat_map(|f| rows_of(f)) {
        let args = batch["args"].as_struct();
        for (member, array) in args.fields().iter().zip(args.columns()) {
            let field = member.metadata()["field"].clone();
            let member = found.entry(member.name().clone());
            let (_, values) = member.or_insert_with(|| (field, Vec::new()));
            let valid = (0..array.len()).filter(|row| array.is_valid(*row));
            let text = |row| arrow::util::display::array_value_to_string(array, row).unwrap();
            values.extend(valid.map(text));
        }
    }
    found
}

fn expected() -> BTreeMap<String, (String, Vec<String>)> {
    let all = [
        ("ip", "ip", "1"),
        ("IP_", "IP", "2"),
        ("x_u64_", "x", "9223372036854775808"),
        ("X_u64", "X_u64", "3"),
        ("y_bytes__", "y", "ff"),
        ("Y_bytes", "Y_bytes", "4"),
        ("Y_BYTES_", "Y_BYTES_", "5"),
    ];
    let mut all: BTreeMap<_, _> = all
        .map(|(column, field, value)| {
            (
                column.to_owned(),
                (field.to_owned(), vec![value.to_owned()]),
            )
        })
        .into();
    all.insert("x".to_owned(), ("x".to_owned(), vec![]));
    all.insert("y".to_owned(), ("y".to_owned(), vec![]));
    all
}

#[test]
fn no_two_columns_have_one_name_without_case() {
    let dir = tempfile::tempdir().unwrap();
    for (number, classes) in [(1, [LOWER, UPPER]), (2, [UPPER, LOWER])] {
        let dataset = dir.path().join(format!("d{number}"));
        ingest(
            &[&write(dir.path(), number, &classes)],
            &dataset,
            &["--quiet"],
        );
        let args = args(&dataset);
        let caseless: BTreeSet<String> = args.keys().map(|n| n.to_lowercase()).collect();
        assert_eq!(caseless.len(), args.len(), "{:?}", args.keys());
        assert_eq!(args, expected());
    }
}

/// Whatever the order in which they come, the columns are those of one ingest of all, or it is said why not.
#[test]
fn appending_calls_columns_as_one_ingest_of_all_does() {
    let dir = tempfile::tempdir().unwrap();
    let both = write(dir.path(), 1, &[LOWER, UPPER]);
    let upper = write(dir.path(), 2, &[UPPER]);
    let append = |trace: &Path, dataset: &Path| {
        let paths = [trace, dataset].map(|p| p.to_str().unwrap());
        sysds(["ingest", paths[0], "-o", paths[1], "--append", "--quiet"])
    };
    let dataset = dir.path().join("d");
    ingest(&[&both], &dataset, &["--quiet"]);
    let appended = append(&upper, &dataset);
    assert_eq!(appended.status.code(), Some(0), "{}", stderr(&appended));
    let at_once = dir.path().join("at-once");
    ingest(&[&both, &upper], &at_once, &["--quiet"]);
    assert_eq!(args(&dataset), args(&at_once));
    assert_eq!(args(&dataset)["IP_"].1, ["2", "2"]);

    // The other way round IP would have to be called IP_.
    let dataset = dir.path().join("upper");
    ingest(&[&upper], &dataset, &["--quiet"]);
    let before = fs::read(dataset.join("manifest.json")).unwrap();
    let refused = append(&both, &dataset);
    assert_eq!(refused.status.code(), Some(1));
    let why = "the column IP would be called IP_ with the new traces";
    assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
    assert_eq!(fs::read(dataset.join("manifest.json")).unwrap(), before);
    assert_eq!(args(&dataset)["IP"].1, ["2"]);
}

/// A dataset of a version that did not tell names apart without case: its columns must not get lost.
#[test]
fn a_dataset_whose_columns_are_called_otherwise_is_not_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let [upper, more] = [1, 2].map(|number| write(dir.path(), number, &[UPPER]));
    let dataset = dir.path().join("d");
    ingest(&[&upper], &dataset, &["--quiet"]);
    // As if it had a field ip, too.
    let mut told = manifest(&dataset);
    told["tool"]["version"] = "0.0.9".into();
    told.as_object_mut().unwrap().remove("fields");
    fs::write(dataset.join("manifest.json"), told.to_string()).unwrap();
    let path = dataset.join(told["recordings"][0]["classes"]["path"].as_str().unwrap());
    let mut classes: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let all = classes["classes"].as_array_mut().unwrap();
    let mut other = all[0].clone();
    let field = &mut other["class"]["payload"][0]["name"];
    assert_eq!(*field, "IP");
    *field = "ip".into();
    all.push(other);
    fs::write(&path, classes.to_string()).unwrap();
    let paths = [&more, &dataset].map(|p| p.to_str().unwrap());
    let refused = sysds(["ingest", paths[0], "-o", paths[1], "--append", "--quiet"]);
    assert_eq!(refused.status.code(), Some(1));
    let why = "called a column IP, which this one calls otherwise";
    assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
}

/// Members at any depth of `fields` that have one name without case.
fn doubles(fields: &Fields) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for field in fields {
        if !seen.insert(field.name().to_lowercase()) {
            found.push(field.name().clone());
        }
        let mut ty = field.data_type();
        while let DataType::List(element) = ty {
            ty = element.data_type();
        }
        if let DataType::Struct(members) = ty {
            found.extend(doubles(members));
        }
    }
    found
}

#[test]
fn nor_have_any_in_the_tables_of_real_traces() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace("apache-prefork")], &dataset, &["--quiet"]);
    for name in ["events", "requests", "downstream", "losses"] {
        let (schema, _) = table(&dataset, name);
        assert_eq!(doubles(schema.fields()), Vec::<String>::new(), "{name}");
    }
}
