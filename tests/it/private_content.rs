//! `publish --anonymize`, and content where the table of arguments speaks of one number: lists, structures, texts; and
//! texts that stay but for the names and addresses in them.

use crate::common::*;
use crate::ctf::small::{Event, Small};
use crate::decoded::Decoded;
use crate::marked;
use crate::private::{all_are_in, no_mark_is_left, published, released};
use arrow::array::AsArray;
use std::path::Path;

fn dataset(dir: &Path, small: &Small) -> std::path::PathBuf {
    small.write(&dir.join("trace"));
    let dataset = dir.join("d");
    ingest(&[&dir.join("trace")], &dataset, &["--quiet"]);
    dataset
}

/// Each argument of the table of arguments, as lists, structures and lists of structures.
#[test]
fn of_content_in_the_place_of_each_argument_no_mark_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = 0;
    for (at, (trace, marks)) in marked::write_contents(dir.path()).into_iter().enumerate() {
        let dataset = dir.path().join(format!("d{at}"));
        ingest(&[&trace], &dataset, &["--quiet"]);
        let before = Decoded::of(&dataset);
        all_are_in(&before, &marks);
        all += marks.len();
        let (release, done) = published(&dataset, dir.path(), "[names]\nprocesses = \"key\"\n");
        no_mark_is_left(&release, &marks);
        assert!(stderr(&done).contains("[] (numbers, left out)") || stderr(&done).contains("[], "));
        std::fs::remove_dir_all(&release).unwrap();
    }
    assert!(all > 50_000, "{all}");
}

#[test]
fn a_list_in_the_place_of_a_number_is_content_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let events: Vec<Event> = vec![
        (0, 1, b"hunter2!".to_vec()),
        (
            1,
            2,
            [3_i32, 4].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ),
        (
            2,
            3,
            [7_i64, 8, 9].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ),
    ];
    let small = Small {
        classes: &[
            ("syscall_entry_write", "u8 _buf[8];"),
            ("syscall_exit_pipe2", "i32 _fildes[2];"),
            ("shop:order", "i64 _codes[2]; i64 _items;"),
        ],
        cpus: &[events],
        ..Small::default()
    };
    let dataset = dataset(dir.path(), &small);
    let kept = |policy: &str| {
        let (release, done) = published(&dataset, dir.path(), policy);
        let events = released(&release, "events");
        let args = events.column_by_name("args").unwrap().as_struct();
        let list = |name: &str| {
            let column = args
                .fields()
                .iter()
                .position(|f| f.name().starts_with(name));
            let column = args
                .column(column.unwrap())
                .as_list::<i32>()
                .values()
                .clone();
            longs(&column).into_iter().flatten().collect::<Vec<i64>>()
        };
        let lists = ["buf", "fildes", "codes"].map(list);
        std::fs::remove_dir_all(&release).unwrap();
        (lists, stderr(&done))
    };
    let (lists, said) = kept("");
    assert_eq!(lists, [vec![], vec![3, 4], vec![]]);
    // One line for each event.
    assert!(
        said.contains("under [arguments]:\n  shop:order: codes[], items (numbers"),
        "{said}"
    );
    assert!(
        said.contains("\n  write: buf[] (numbers, left out)\n"),
        "{said}"
    );
    // Whoever says it of one number has not said it of a list.
    let (lists, said) = kept("[arguments]\n\"shop:order.codes\" = \"size\"\n");
    assert!(
        lists[2].is_empty() && said.contains("shop:order: codes[]"),
        "{said}"
    );
    assert!(
        said.contains("no event has the argument shop:order.codes"),
        "{said}"
    );
    let (lists, _) = kept("[arguments]\n\"shop:order.codes[]\" = \"size\"\n");
    assert_eq!(lists[2], [7, 8]);
}

#[test]
fn names_of_threads_stay_without_addresses_and_machines_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "web01:1:10.0.0.5",
        "fpm:0:10.1.2.3",
        "web01-worker",
        "010.1.2.3",
        "/srv/\u{fc}nal/x",
        "{\"/srv/al/x\"}",
        "corp.example",
    ];
    let named = |name: &&str| {
        let mut bytes = name.as_bytes().to_vec();
        bytes.resize(16, 0);
        (0, 1, bytes)
    };
    let small = Small {
        env: "hostname = \"web01.corp.example\";",
        context: "ch _procname[16];",
        classes: &[("my:event", "")],
        cpus: &[names.iter().map(named).collect()],
        ..Small::default()
    };
    let dataset = dataset(dir.path(), &small);
    let (release, _) = published(&dataset, dir.path(), "");
    let events = released(&release, "events");
    let left = texts(events.column_by_name("procname").unwrap());
    assert_eq!(left.len(), names.len());
    for name in left.into_iter().flatten() {
        for told in ["web01", "10.0.0.5", "10.1.2.3", "nal", "al/x", "corp"] {
            assert!(!name.contains(told), "{name}");
        }
    }
}
