//! The two readers side by side: their Parquet files are equal value for value.

use crate::common::*;
use crate::compare::babeltrace_traces;
use crate::ctf::random::Random;
use crate::ctf::shape::Dialect;
use crate::ctf::trace::{Written, write};
use arrow::compute::concat_batches;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many random traces are compared; `SYSDS_RANDOM_TRACES` sets another number.
const TRACES: u64 = 120;

/// Whether this program was built with babeltrace2; says so where it was not.
fn has_babeltrace2() -> bool {
    let there = cfg!(feature = "babeltrace2");
    if !there {
        eprintln!("SKIPPED: this program was built without babeltrace2");
    }
    there
}

/// Ingests `trace` with a reader; its status and what it said.
fn read(trace: &Path, dataset: &Path, reader: &str) -> (Option<i32>, String) {
    let args = [
        "ingest",
        "-q",
        "--request-args",
        "none",
        "--reader",
        reader,
        "-o",
    ];
    let done = sysds(
        args.iter()
            .map(|a| a.as_ref())
            .chain([dataset.as_os_str(), trace.as_os_str()]),
    );
    (done.status.code(), stderr(&done))
}

/// What differs between two datasets, or nothing.
fn difference(a: &Path, b: &Path) -> Option<String> {
    for name in ["events", "requests", "downstream", "losses"] {
        let ((schema, left), (other, right)) = (table(a, name), table(b, name));
        if schema != other {
            return Some(format!("schemas of {name}:\n{schema}\n{other}"));
        }
        let left = concat_batches(&schema, &left).unwrap();
        let right = concat_batches(&schema, &right).unwrap();
        if left.num_rows() != right.num_rows() {
            return Some(format!(
                "{name}: {} rows, {} rows",
                left.num_rows(),
                right.num_rows()
            ));
        }
        for (i, field) in schema.fields().iter().enumerate() {
            if left.column(i) != right.column(i) {
                let row = (0..left.num_rows())
                    .find(|row| left.column(i).slice(*row, 1) != right.column(i).slice(*row, 1));
                let row = row.unwrap();
                return Some(format!(
                    "{name}, row {row}, {}:\n{:?}\n{:?}",
                    field.name(),
                    left.column(i).slice(row, 1),
                    right.column(i).slice(row, 1)
                ));
            }
        }
    }
    let (mut left, mut right) = (manifest(a), manifest(b));
    for manifest in [&mut left, &mut right] {
        for key in ["created", "tool", "tables", "classes"] {
            manifest.as_object_mut().unwrap().remove(key);
        }
        for recording in manifest["recordings"].as_array_mut().unwrap() {
            recording.as_object_mut().unwrap().remove("reader");
        }
    }
    (left != right).then(|| format!("manifests:\n{left:#}\n{right:#}"))
}

/// Does something for each number, on two threads.
fn on_two_threads(numbers: std::ops::Range<u64>, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(numbers.start);
    let run = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            work(number);
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(run);
        run();
        other
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// A number from the environment, or `default`.
fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap())
}

/// The native reader's dataset holds what was written, and babeltrace2's, where it is `judged`, is the same.
fn check(seed: u64, trace: &Path, written: &Written, judged: bool, dir: &Path) {
    let native = dir.join(format!("native-{seed}"));
    let (status, said) = read(trace, &native, "native");
    assert_eq!(status, Some(0), "seed {seed}: {said}");
    let mut times = all_longs(&table(&native, "events").1, "timestamp");
    times.sort_unstable();
    let expected: Vec<_> = written.times.iter().map(|t| Some(*t)).collect();
    assert_eq!(times, expected, "seed {seed}");
    if cfg!(feature = "babeltrace2") && judged {
        let judge = dir.join(format!("judge-{seed}"));
        let (status, said) = read(trace, &judge, "babeltrace2");
        assert_eq!(status, Some(0), "seed {seed}: babeltrace2: {said}");
        if let Some(what) = difference(&native, &judge) {
            panic!("seed {seed}: {what}\n{}", written.metadata);
        }
        fs::remove_dir_all(&judge).unwrap();
    }
    fs::remove_dir_all(&native).unwrap();
}

#[test]
fn random_traces_are_read_alike() {
    let dir = tempfile::tempdir().unwrap();
    let first = setting("SYSDS_FIRST_SEED", 0);
    let number = setting("SYSDS_RANDOM_TRACES", TRACES);
    let events = AtomicU64::new(0);
    on_two_threads(first..first + number, |seed| {
        let trace = dir.path().join(format!("trace-{seed}"));
        // One in six may hold what only the native reader understands.
        let judged = seed % 6 != 5;
        let dialect = if judged {
            Dialect::Judged
        } else {
            Dialect::Ctf1
        };
        let written = write(seed, dialect, &trace);
        events.fetch_add(written.times.len() as u64, Ordering::Relaxed);
        check(seed, &trace, &written, judged, dir.path());
        fs::remove_dir_all(&trace).unwrap();
    });
    has_babeltrace2();
    assert!(number < 10 || events.into_inner() >= 5 * number);
}

#[test]
fn ctf_2_gives_the_same_as_ctf_1() {
    let dir = tempfile::tempdir().unwrap();
    on_two_threads(
        1000..1000 + setting("SYSDS_RANDOM_TRACES", TRACES) / 3,
        |seed| {
            let trace = dir.path().join(format!("trace-{seed}"));
            let written = write(seed, Dialect::Ctf1, &trace);
            let [old, new] = ["old", "new"].map(|name| dir.path().join(format!("{name}-{seed}")));
            let (status, said) = read(&trace, &old, "native");
            assert_eq!(status, Some(0), "seed {seed}: {said}\n{}", written.metadata);
            fs::write(trace.join("metadata"), &written.json).unwrap();
            let (status, said) = read(&trace, &new, "native");
            assert_eq!(status, Some(0), "seed {seed}: {said}\n{}", written.json);
            if let Some(what) = difference(&old, &new) {
                panic!("seed {seed}: {what}\n{}", written.json);
            }
            for path in [trace, old, new] {
                fs::remove_dir_all(path).unwrap();
            }
        },
    );
}

#[test]
fn what_only_ctf_2_has_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let first = 2000 + setting("SYSDS_FIRST_SEED", 0);
    on_two_threads(
        first..first + setting("SYSDS_RANDOM_TRACES", TRACES) / 2,
        |seed| {
            let trace = dir.path().join(format!("trace-{seed}"));
            let written = write(seed, Dialect::Ctf2, &trace);
            check(seed, &trace, &written, false, dir.path());
            fs::remove_dir_all(&trace).unwrap();
        },
    );
}

#[test]
fn real_traces_are_read_alike() {
    if !has_babeltrace2() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for name in ["apache-prefork", "apache-keepalive", "apache-lossy"] {
        let [native, judge] =
            ["native", "judge"].map(|reader| dir.path().join(format!("{name}-{reader}")));
        for (dataset, reader) in [(&native, "native"), (&judge, "babeltrace2")] {
            let (status, said) = read(&trace(name), dataset, reader);
            assert_eq!(status, Some(0), "{name}: {said}");
        }
        if let Some(what) = difference(&native, &judge) {
            panic!("{name}: {what}");
        }
    }
}

#[test]
fn babeltraces_own_traces_are_read_or_refused_alike() {
    let Some(root) = has_babeltrace2().then(babeltrace_traces).flatten() else {
        return;
    };
    // babeltrace2 2.0 aborts at a sequence in a context.
    let aborted = "succeed/meta-ctx-sequence";
    let dir = tempfile::tempdir().unwrap();
    let (mut read_alike, mut refused) = (0, 0);
    for trace in traces_below(&root) {
        let name = trace.strip_prefix(&root).unwrap().display().to_string();
        let [native, judge] = ["native", "judge"].map(|reader| dir.path().join(reader));
        let (status, said) = read(&trace, &native, "native");
        let (expected, judged) = read(&trace, &judge, "babeltrace2");
        if name == aborted {
            assert_eq!((status, expected), (Some(0), Some(1)), "{said}");
            assert!(judged.contains("error: aborted"), "{judged}");
        } else {
            assert_eq!(status, expected, "{name}: {said}\n{judged}");
            match status {
                Some(0) => {
                    if let Some(what) = difference(&native, &judge) {
                        panic!("{name}: {what}");
                    }
                    read_alike += 1;
                }
                _ => refused += 1,
            }
        }
        for dataset in [native, judge] {
            let _ = fs::remove_dir_all(dataset);
        }
    }
    assert!(
        read_alike >= 30 && refused >= 20,
        "{read_alike} alike, {refused} refused"
    );
}

/// The folders below `dir` that hold `metadata`.
fn traces_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(traces_below(&path));
        } else if path.ends_with("metadata") {
            found.push(dir.to_path_buf());
        }
    }
    found.sort();
    found
}

#[test]
fn damaged_traces_end_neither_in_a_panic_nor_never() {
    let dir = tempfile::tempdir().unwrap();
    let first = 5000 + setting("SYSDS_FIRST_SEED", 0);
    let refused = AtomicU64::new(0);
    let number = setting("SYSDS_RANDOM_TRACES", TRACES);
    on_two_threads(first..first + number, |seed| {
        let mut rng = Random::new(seed);
        let trace = dir.path().join(format!("trace-{seed}"));
        let dialect = rng.pick(&[Dialect::Ctf1, Dialect::Ctf1, Dialect::Ctf2]);
        let written = write(seed, dialect, &trace);
        if rng.chance(30) {
            fs::write(trace.join("metadata"), &written.json).unwrap();
        }
        let mut files: Vec<_> = fs::read_dir(&trace)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        damage(&mut rng, &files[..]);
        for keep_going in [false, true] {
            let dataset = dir.path().join(format!("d-{seed}"));
            let mut run = std::process::Command::new("timeout");
            run.args([
                "60",
                env!("CARGO_BIN_EXE_sysds"),
                "ingest",
                "-q",
                "--reader",
                "native",
                "-o",
            ]);
            run.arg(&dataset)
                .arg(&trace)
                .args(keep_going.then_some("--keep-going"));
            let done = run.output().unwrap();
            let said = stderr(&done);
            let status = done.status.code();
            assert!(
                matches!(status, Some(0 | 1 | 3)),
                "seed {seed}: {status:?}: {said}"
            );
            assert_eq!(
                status == Some(1),
                said.contains("  help: "),
                "seed {seed}: {said}"
            );
            refused.fetch_add(u64::from(status == Some(1)), Ordering::Relaxed);
            let _ = fs::remove_dir_all(dataset);
        }
        fs::remove_dir_all(&trace).unwrap();
    });
    assert!(number < 10 || refused.into_inner() > number / 10);
}

/// Changes some bytes of one of the files, or cuts it.
fn damage(rng: &mut Random, files: &[std::path::PathBuf]) {
    let file = rng.pick(files);
    let mut bytes = fs::read(&file).unwrap();
    if bytes.is_empty() {
        return;
    }
    if rng.chance(20) {
        bytes.truncate(rng.below(bytes.len() as u64) as usize);
    }
    for _ in 0..rng.within(1, 4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = match rng.below(3) {
            0 => 0xFF,
            1 => bytes[at] ^ 1 << rng.below(8),
            _ => rng.bits() as u8,
        };
    }
    fs::write(file, bytes).unwrap();
}
