//! SQL that would take all of the stack, the time or the memory ends in a message, and a signal ends every query.

use crate::common::signal;
use crate::query::dataset;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest time until a message.
const SOON: Duration = Duration::from_secs(20);

fn query(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysds"));
    command
        .args(["query", "--format", "csv"])
        .args(words)
        .current_dir(dir);
    command
}

/// Runs SQL from a file, since words on a command line have a limit.
fn run(dir: &Path, words: &[&str], sql: &str) -> (Output, Duration) {
    let file = dir.join("q.sql");
    fs::write(&file, sql).unwrap();
    let begun = Instant::now();
    let done = query(dir, &[words, &["q.sql"]].concat()).output().unwrap();
    (done, begun.elapsed())
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// What is said to SQL that is refused, soon.
fn refused(dir: &Path, words: &[&str], sql: &str) -> String {
    let (done, took) = run(dir, words, sql);
    let (said, begin) = (said(&done), &sql[..sql.len().min(60)]);
    assert_eq!(done.status.code(), Some(1), "{begin}: {said}");
    assert!(said.starts_with("error: "), "{begin}: {said}");
    assert!(said.len() < 4000, "{begin}: {} bytes", said.len());
    assert!(took < SOON, "{begin}: {took:?}");
    said
}

#[test]
fn deep_and_long_statements_end_in_a_message() {
    let d = dataset();
    let nested = |open: &str, n: usize, close: &str| {
        format!("SELECT {}1{}", open.repeat(n), close.repeat(n))
    };
    for sql in [
        format!("SELECT 1{}", " + 1".repeat(200_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(50_000)),
        nested("array[", 3000, "]"),
        nested("(", 100_000, ")"),
        nested("abs(", 3000, ")"),
        nested("NOT ", 100_000, ""),
        nested("- ", 100_000, ""),
        nested("CASE WHEN true THEN ", 20_000, " END"),
        nested("(SELECT ", 3000, ")"),
        format!("SELECT 1{}", "::INT".repeat(50_000)),
        format!("SELECT 'a'{}", " || 'a'".repeat(50_000)),
        format!("SELECT true{}", " AND true".repeat(50_000)),
        format!("SELECT true{}", " IS TRUE".repeat(50_000)),
        format!("SELECT args{} FROM events", "['a']".repeat(50_000)),
        format!("SELECT * FROM {}events", "requests, ".repeat(50_000)),
        format!(
            "SELECT * FROM events{}",
            " JOIN events ON true".repeat(2000)
        ),
        format!(
            "WITH {} SELECT 1",
            (0..3000)
                .map(|n| format!("c{n} AS (SELECT 1)"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    ] {
        refused(d.path(), &[], &sql);
    }
}

#[test]
fn statements_just_within_the_limits_run_or_are_refused_soon() {
    let d = dataset();
    for sql in [
        format!("SELECT 1{} AS n", " + 1".repeat(1400)),
        format!("SELECT true{} AS n", " AND true".repeat(1400)),
        format!(
            "SELECT count(*) AS n FROM (SELECT 1{})",
            " UNION ALL SELECT 1".repeat(250)
        ),
        format!("SELECT {}1{} AS n", "array[".repeat(20), "]".repeat(20)),
        format!("SELECT {}1{} AS n", "(".repeat(38), ")".repeat(38)),
        format!("SELECT {}1{} AS n", "(SELECT ".repeat(15), ")".repeat(15)),
        format!(
            "SELECT 1 IN ({}) AS n",
            (0..20_000)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ),
        format!(
            "SELECT {} 1 AS n",
            "CASE WHEN true THEN 1 ELSE ".repeat(30) + "1" + &" END".repeat(30) + " +"
        ),
    ] {
        let (done, took) = run(d.path(), &[], &sql);
        let begin = &sql[..60];
        assert!(took < SOON, "{begin}: {took:?}");
        let code = done.status.code();
        assert!(
            code == Some(0) || code == Some(1) && said(&done).starts_with("error: "),
            "{begin}: {}",
            said(&done)
        );
    }
}

#[test]
fn views_do_not_multiply_without_end() {
    let d = dataset();
    let mut doubling = "CREATE VIEW v0 AS SELECT 1 AS a;".to_owned();
    for n in 1..40 {
        let m = n - 1;
        doubling +=
            &format!("CREATE VIEW v{n} AS SELECT x.a FROM v{m} x JOIN v{m} y ON x.a = y.a;");
    }
    let said = refused(d.path(), &[], &(doubling + "SELECT * FROM v39"));
    assert!(said.contains("steps"), "{said}");
}

/// A chain of what `WITH` defines, each by the one before, `$t`.
fn chain(n: usize, first: &str, step: &str, last: &str) -> String {
    let steps = (1..n).map(|i| {
        let before = format!("t{}", i - 1);
        format!(", t{i} AS ({})", step.replace("$t", &before))
    });
    let last = last.replace("$t", &format!("t{}", n - 1));
    format!("WITH t0 AS ({first}){} {last}", steps.collect::<String>())
}

#[test]
fn what_doubles_is_refused_before_it_is_planned() {
    let d = dataset();
    let first = "SELECT event_id AS a FROM events";
    let counted = "SELECT count(*) FROM $t WHERE a = 64";
    let nested = |open: &str, n: usize, close: &str| {
        let of = format!("{}event_id = 1{}", open.repeat(n), close.repeat(n));
        format!("SELECT count(*) FROM events WHERE {of}")
    };
    let columns = "event_id, trace_id, label, request_id, timestamp, cpu, pid, tid, procname, name, phase, ret, path";
    for sql in [
        chain(40, first, "SELECT x.a FROM $t x, $t y", counted),
        chain(
            40,
            first,
            "SELECT a FROM $t UNION SELECT a FROM $t",
            counted,
        ),
        chain(
            40,
            first,
            "SELECT a FROM $t WHERE a IN (SELECT a FROM $t)",
            counted,
        ),
        chain(40, first, "SELECT a + a AS a FROM $t", counted),
        chain(
            40,
            first,
            "SELECT CASE WHEN a > 1 THEN a ELSE a END AS a FROM $t",
            counted,
        ),
        chain(
            40,
            first,
            "SELECT a + a AS a FROM $t GROUP BY a + a",
            counted,
        ),
        chain(
            40,
            first,
            "SELECT a + a AS a FROM (SELECT * FROM $t UNION ALL SELECT 1)",
            counted,
        ),
        chain(40, first, "SELECT struct(a, a) AS a FROM $t", counted),
        chain(40, first, "SELECT {x: a, y: a} AS a FROM $t", counted),
        nested("(", 35, " BETWEEN false AND true)"),
        nested("coalesce(", 35, ", true)"),
        nested("(CASE ", 35, " WHEN true THEN false END)"),
        format!("SELECT count(*) FROM events GROUP BY CUBE({columns})"),
        format!(
            "SELECT count(*) FROM events GROUP BY CUBE({})",
            ["cpu"; 40].join(", ")
        ),
    ] {
        let said = refused(d.path(), &["--memory", "256M"], &sql);
        let named = [
            "steps",
            "sets of columns",
            "parts",
            "members",
            "nested deeper",
        ];
        assert!(named.iter().any(|n| said.contains(n)), "{sql}: {said}");
    }
    // What stands for itself, and is not moved, may be as long as a statement.
    for sql in [
        chain(30, first, "SELECT a + 1 AS a FROM $t", counted),
        chain(10, first, "SELECT a + a AS a FROM $t", counted),
        chain(7, "SELECT 1 AS a", "SELECT x.a FROM $t x, $t y", counted),
        format!(
            "SELECT count(*) FROM events WHERE event_id IN ({})",
            vec!["7"; 50_000].join(",")
        ),
        "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY CUBE(event_id, procname, name, phase))".to_owned(),
    ] {
        let (done, took) = run(d.path(), &["--memory", "256M"], &sql);
        assert_eq!(done.status.code(), Some(0), "{sql}: {}", said(&done));
        assert!(took < SOON, "{took:?}");
    }
}

#[test]
fn single_values_stay_within_the_memory() {
    let d = dataset();
    for sql in [
        "SELECT length(repeat('x', 2000000000))",
        "SELECT length(lpad('x', 1000000000, 'y'))",
        "SELECT length(rpad('x', 1000000000, 'y'))",
        "SELECT array_length(array_repeat(1, 1000000000))",
        "SELECT array_length(array_resize([1], 1000000000, 1))",
        "SELECT array_length(range(0, 1000000000))",
        "SELECT array_length(generate_series(0, 1000000000))",
        "SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 5000)",
        "SELECT length(max(lpad('x', 1000000, 'y'))) FROM generate_series(1, 5000)",
        "SELECT length(max(repeat('x', 1000000) || value::TEXT)) FROM generate_series(1, 5000)",
        "SELECT count(*) FROM (SELECT repeat('x', 1000000) || value::TEXT AS s FROM generate_series(1, 5000) GROUP BY 1)",
        "SELECT array_length(array_agg(repeat('x', 1000000))) FROM generate_series(1, 5000)",
        "SELECT max(array_length(array_repeat(value, 1000000))) FROM generate_series(1, 8192)",
        "SELECT approx_percentile_cont(0.5, 9223372036854775807) WITHIN GROUP (ORDER BY cpu) FROM events",
        "SELECT length(string_agg('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', ',')) FROM generate_series(1, 100000000)",
        "SELECT array_length(array_agg(value)) FROM generate_series(1, 1000000000)",
        "SELECT length(replace(repeat('x', 100000000), 'x', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'))",
        "WITH RECURSIVE t AS (SELECT 'x' AS s UNION ALL SELECT s || s FROM t WHERE length(s) < 8000000000) SELECT max(length(s)) FROM t",
        "CREATE TABLE t AS SELECT value, repeat('x', 100) AS x FROM generate_series(1, 1000000000)",
    ] {
        let (done, took) = run(d.path(), &["--memory", "64M"], sql);
        let words = said(&done);
        assert_eq!(done.status.code(), Some(1), "{sql}: {words}");
        assert!(words.starts_with("error: "), "{sql}: {words}");
        assert!(!words.contains("fault of sysds"), "{sql}: {words}");
        assert!(!words.contains("panicked"), "{sql}: {words}");
        assert!(took < SOON * 3, "{sql}: {took:?}");
    }
    let (done, _) = run(
        d.path(),
        &["--memory", "64M"],
        "SELECT length(repeat('x', 1000000)) AS n",
    );
    assert_eq!(String::from_utf8_lossy(&done.stdout), "n\n1000000\n");
}

#[test]
fn a_table_that_is_dropped_gives_its_memory_back() {
    let d = dataset();
    let made =
        "CREATE TABLE t AS SELECT value, repeat('x', 100) AS x FROM generate_series(1, 200000);";
    let dropped = format!("{made} DROP TABLE t;").repeat(4);
    let (done, _) = run(d.path(), &["--memory", "64M"], &dropped);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let replaced = made.replace("TABLE", "OR REPLACE TABLE").repeat(4);
    let (done, _) = run(d.path(), &["--memory", "96M"], &replaced);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
}

#[test]
fn a_signal_ends_every_query_within_a_second_and_leaves_nothing() {
    let d = dataset();
    let temp = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let copy = format!(
        "COPY (SELECT value FROM generate_series(1, 100000000000)) TO '{}/long.csv'",
        out.path().display()
    );
    // Neither a function that is at work for long (here once, for 11 s on a fast machine) nor a planner gives way.
    let busy = "SELECT sum(levenshtein(repeat('ab', 60000), repeat('ba', 60000))) FROM generate_series(1, 1000)";
    let sorted = "SELECT value FROM generate_series(1, 10000000000) ORDER BY -value";
    for sql in [copy.as_str(), busy, sorted] {
        for name in ["INT", "TERM"] {
            let allowed = out.path().display().to_string();
            let mut child = query(
                d.path(),
                &["--memory", "256M", "--allow-write", &allowed, "-e", sql],
            )
            .env("TMPDIR", temp.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
            std::thread::sleep(Duration::from_millis(1500));
            assert!(
                child.try_wait().unwrap().is_none(),
                "{sql}: ended by itself"
            );
            signal(&child, name);
            let since = Instant::now();
            let status = child.wait().unwrap();
            let took = since.elapsed();
            assert_eq!(status.code(), Some(130), "{sql}");
            assert!(took < Duration::from_millis(2000), "{sql}: {took:?}");
            for left in [temp.path(), out.path()] {
                let names: Vec<_> = fs::read_dir(left)
                    .unwrap()
                    .map(|e| e.unwrap().path())
                    .collect();
                assert!(names.is_empty(), "{sql}: {names:?}");
            }
        }
    }
}
