//! Parquet files that somebody crafted, or a disk damaged: some hundred mutants of footers and pages.
//!
//! A query must end with its status and a message that names the file, never in a panic, a signal or a hang. Where only the
//! bytes of values changed, so that the file still decodes, a query cannot tell: it reads no checksums, which would mean to
//! read the whole dataset first. `sysds verify` does read them, and must tell of every mutant of a release.

use crate::common::*;
use crate::publish::published;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Mutants of each table's file, for queries.
const MUTANTS: usize = 70;
const TABLES: [&str; 3] = ["requests", "events", "downstream"];
/// A part of the trace with some of everything.
const PART: [&str; 4] = [
    "--begin",
    "2026-11-23T23:06:41.8Z",
    "--end",
    "2026-11-23T23:06:42Z",
];
/// What damaged bytes are changed to; else they become random.
const EXTREMES: [u8; 4] = [0, 0xff, 0x7f, 0x80];

/// Numbers that are the same in every run (xorshift, as in Marsaglia's paper).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }

    fn byte(&mut self) -> u8 {
        match self.below(EXTREMES.len() * 2) {
            extreme if extreme < EXTREMES.len() => EXTREMES[extreme],
            _ => self.below(256) as u8,
        }
    }
}

/// Another file of it, and how it was made.
fn mutant(good: &[u8], random: &mut Random) -> (Vec<u8>, &'static str) {
    let mut bytes = good.to_vec();
    let length = u32::from_le_bytes(good[good.len() - 8..][..4].try_into().unwrap());
    let end = good.len() - 8;
    let footer = end - length as usize;
    let places = [1, 1, 4][random.below(3)];
    let how = match random.below(6) {
        0 | 1 => {
            for _ in 0..places {
                bytes[footer + random.below(end - footer)] = random.byte();
            }
            "bytes of the footer"
        }
        2 | 3 => {
            for _ in 0..places {
                bytes[4 + random.below(footer - 4)] = random.byte();
            }
            "bytes of pages"
        }
        4 => {
            let any = random.below(2 * good.len()) as u32;
            let lengths = [0, 1, length - 1, length + 1, u32::MAX, any];
            let other = lengths[random.below(lengths.len())];
            bytes[end..][..4].copy_from_slice(&other.to_le_bytes());
            "the length of the footer"
        }
        _ if random.below(2) == 0 => {
            bytes.truncate(random.below(good.len()));
            "cut off"
        }
        _ => {
            let from = 4 + random.below(end - 4);
            let to = end.min(from + 1 + random.below(64));
            bytes[from..to].fill_with(|| random.byte());
            "a stretch of random bytes"
        }
    };
    (bytes, how)
}

/// Runs the program, which is killed where it hangs.
fn soon(args: &[&str]) -> Output {
    let done = Command::new("timeout")
        .args(["-s", "KILL", "60", env!("CARGO_BIN_EXE_sysds")])
        .args(args)
        .output();
    done.unwrap()
}

/// Calls `each` for every mutant of the files of a dataset, on two threads that have a copy of it each.
fn for_each_mutant(root: &Path, files: &[PathBuf], each: impl Fn(&Path, &Path, &str) + Sync) {
    let next = Mutex::new(0..files.len() * MUTANTS);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let dir = tempfile::tempdir().unwrap();
                let copy = dir.path().join("copy");
                let copied = Command::new("cp").arg("-a").arg(root).arg(&copy).status();
                assert!(copied.unwrap().success());
                while let Some(number) = { next.lock().unwrap().next() } {
                    let file = &files[number % files.len()];
                    let good = fs::read(root.join(file)).unwrap();
                    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1));
                    random.below(1);
                    let (bytes, how) = mutant(&good, &mut random);
                    if bytes == good {
                        continue;
                    }
                    fs::write(copy.join(file), &bytes).unwrap();
                    each(
                        &copy,
                        file,
                        &format!("mutant {number} of {}: {how}", file.display()),
                    );
                    fs::write(copy.join(file), &good).unwrap();
                }
            });
        }
    });
}

#[test]
fn every_mutant_of_a_parquet_file_ends_in_a_message_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    let options = [&["-q", "--label", "normal"][..], &PART].concat();
    ingest(&[&trace("apache-prefork")], &dataset, &options);
    published(&dataset, &release, &["-q"]);
    let begun = Instant::now();
    let query = |root: &Path, table: &str| {
        let sql = format!("SELECT * FROM {table}");
        soon(&["query", "-d", text(root), "--format", "csv", "-e", &sql])
    };
    let answers: BTreeMap<&str, Vec<u8>> = TABLES
        .map(|table| (table, query(&dataset, table).stdout))
        .into();
    let inside = |path: PathBuf| path.strip_prefix(&dataset).unwrap().to_path_buf();
    let files = TABLES.map(|table| inside(crate::common::files(&dataset, table).remove(0)));
    let unnoticed = Mutex::new(Vec::new());
    for_each_mutant(&dataset, &files, |root, file, what| {
        let table = text(Path::new(file.iter().next().unwrap()));
        let done = query(root, table);
        let said = stderr(&done);
        match done.status.code() {
            Some(0) if done.stdout == answers[table] => {}
            Some(0) => unnoticed.lock().unwrap().push(what.to_owned()),
            Some(1) => assert!(said.contains(text(file)), "{what}: {said}"),
            other => panic!("{what}: {other:?}: {said}"),
        }
    });
    // Only where the bytes of values changed; a twentieth is what came of it, and no more than that. In the footer, the type of
    // a column can be another one that its bytes can be read as, too; that is one of hundreds.
    let unnoticed = unnoticed.into_inner().unwrap();
    let pages = |what: &&String| what.ends_with("pages") || what.ends_with("random bytes");
    let others: Vec<&String> = unnoticed.iter().filter(|what| !pages(what)).collect();
    let footer = others.iter().all(|what| what.ends_with("the footer"));
    assert!(footer && others.len() <= 1, "{unnoticed:#?}");
    assert!(
        unnoticed.len() < TABLES.len() * MUTANTS / 10,
        "{unnoticed:#?}"
    );
    verify_tells_of_each(&release);
    assert!(begun.elapsed() < Duration::from_secs(300), "it is slow");
}

/// A checksum tells of every mutant.
fn verify_tells_of_each(release: &Path) {
    let files = TABLES.map(|table| {
        let shard = format!("data/{table}/normal/full-00000-of-00001.parquet");
        PathBuf::from(shard)
    });
    for_each_mutant(release, &files, |root, file, what| {
        let done = soon(&["verify", text(root)]);
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &stderr(&done);
        assert_eq!(done.status.code(), Some(1), "{what}: {said}");
        assert!(said.contains(text(file)), "{what}: {said}");
    });
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
