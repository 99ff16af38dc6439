//! SQL touches nothing outside of its dataset that its caller did not name, and never writes into a dataset.

use crate::common::*;
use crate::query::dataset;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A dataset `web`, a folder `out`, and a file `secret.csv` beside them.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::rename(dataset().keep(), dir.path().join("web")).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        fs::write(dir.path().join("secret.csv"), "a,b\n1,geheim\n").unwrap();
        Place { dir }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Runs `sysds query -d web` with these words.
    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(["query", "-d", "web", "--format", "csv"])
            .args(words)
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    fn sql(&self, words: &[&str], sql: &str) -> Output {
        self.run(&[words, &["-e", sql]].concat())
    }

    /// What is said to SQL that is refused; nothing has changed after it.
    fn refused(&self, words: &[&str], sql: &str) -> String {
        let before = everything(self.dir.path());
        let done = self.sql(words, sql);
        let said = stderr(&done);
        assert!(
            [Some(1), Some(2)].contains(&done.status.code()),
            "{sql}: {said}"
        );
        assert!(said.starts_with("error: "), "{sql}: {said}");
        assert!(done.stdout.is_empty(), "{sql}");
        assert_eq!(everything(self.dir.path()), before, "{sql}");
        said
    }
}

/// All paths below `dir`, with the contents of files.
fn everything(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        match kind.is_dir() {
            true => all.extend(everything(&path)),
            false if kind.is_file() => all.push((path.clone(), fs::read(&path).unwrap())),
            false => {}
        }
        all.push((path, Vec::new()));
    }
    all.sort();
    all
}

fn succeeded(done: &Output) -> String {
    assert_eq!(done.status.code(), Some(0), "{}", stderr(done));
    String::from_utf8(done.stdout.clone()).unwrap()
}

#[test]
fn copy_writes_only_below_what_is_allowed() {
    let p = Place::new();
    let copy = |to: &str| format!("COPY (SELECT 1 AS a) TO '{to}'");
    let said = p.refused(&[], &copy("out/a.csv"));
    assert!(said.contains("--allow-write"), "{said}");
    let out = ["--allow-write", "out"];
    succeeded(&p.sql(&out, &copy("out/a.csv")));
    assert_eq!(fs::read_to_string(p.at("out/a.csv")).unwrap(), "a\n1\n");
    succeeded(&p.sql(&out, &copy("out/new/folder/a.parquet")));
    symlink(p.dir.path(), p.at("out/up")).unwrap();
    symlink(p.at("secret.csv"), p.at("out/link.csv")).unwrap();
    for to in [
        "a.csv",
        "out/../a.csv",
        "out/none/../../a.csv",
        "out/up/a.csv",
        "out/up/secret.csv",
        "out/link.csv",
        "out/a.csv",
        "out",
        "/tmp/a.csv",
        "file:///tmp/a.csv",
        "s3://bucket/a.csv",
        "https://example.org/a.csv",
        "out/",
    ] {
        p.refused(&out, &copy(to));
    }
    let forced = [&out[..], &["--force"]].concat();
    for to in ["a.csv", "out/up/secret.csv", "out/link.csv", "secret.csv"] {
        p.refused(&forced, &copy(to));
    }
    succeeded(&p.sql(&forced, "COPY (SELECT 2 AS a) TO 'out/a.csv'"));
    assert_eq!(fs::read_to_string(p.at("out/a.csv")).unwrap(), "a\n2\n");
    p.refused(&forced, &copy("out/new/"));
    let said = stderr(&p.sql(&["--allow-write", "secret.csv"], "SELECT 1"));
    assert!(said.contains("not a folder"), "{said}");
}

#[test]
fn nothing_is_written_into_a_dataset() {
    let p = Place::new();
    fs::rename(dataset().keep(), p.at("out/other")).unwrap();
    symlink(p.at("web"), p.at("out/web")).unwrap();
    let all = ["--allow-write", ".", "--force"];
    for to in [
        "web/a.csv",
        "web/manifest.json",
        "web/requests/a.parquet",
        "web/requests/c.parquet",
        "web/new/a.csv",
        "out/other/a.csv",
        "out/other/events/a.parquet",
        "out/web/a.csv",
    ] {
        let said = p.refused(&all, &format!("COPY requests TO '{to}'"));
        assert!(said.contains("stays as it is"), "{to}: {said}");
    }
    let inside = ["--allow-write", "web", "--force"];
    p.refused(&inside, "COPY requests TO 'web/a.csv'");
    p.refused(&all, "INSERT INTO requests SELECT * FROM requests");
    p.refused(&all, "DELETE FROM requests");
    p.refused(&all, "UPDATE requests SET pid = 1");
}

#[test]
fn other_statements_do_not_write_either() {
    let p = Place::new();
    let all = ["--allow-write", "out", "--allow-read", "."];
    fs::create_dir(p.at("ext")).unwrap();
    let table = "CREATE EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION 'ext/'";
    for sql in [
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'a.csv'",
        "EXPLAIN COPY (SELECT 1) TO 'a.csv'",
        "PREPARE p AS COPY (SELECT 1) TO 'a.csv'",
        "PREPARE p AS SELECT 1",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE DATABASE d",
        &format!("{table}; INSERT INTO t VALUES (1)"),
        "CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2)",
    ] {
        p.refused(&all, sql);
    }
    let made = p.sql(
        &[],
        "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a + 1 AS b FROM t; SELECT * FROM t, v",
    );
    assert_eq!(succeeded(&made), "a,b\n1,2\n");
}

#[test]
fn values_that_name_folders_stay_in_theirs() {
    let p = Place::new();
    let sql = "COPY (SELECT 1 AS a, '../../../b' AS c) TO 'out/x' STORED AS CSV PARTITIONED BY (c)";
    let before = everything(p.dir.path()).len();
    let done = p.sql(&["--allow-write", "out"], sql);
    let names = everything(p.dir.path());
    let outside = names
        .iter()
        .filter(|(path, _)| !path.starts_with(p.at("out")));
    assert_eq!(outside.count() + 1, before, "{}", stderr(&done));
}

#[test]
fn files_are_read_only_where_it_is_allowed() {
    let p = Place::new();
    let table = |path: &str| {
        format!(
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}' OPTIONS (has_header true); SELECT * FROM t"
        )
    };
    let said = p.refused(&[], &table("secret.csv"));
    assert!(said.contains("--allow-read"), "{said}");
    let csv = succeeded(&p.sql(&["--allow-read", "secret.csv"], &table("secret.csv")));
    assert_eq!(csv, "a,b\n1,geheim\n");
    succeeded(&p.sql(&["--allow-read", "."], &table("secret.csv")));
    fs::create_dir(p.at("in")).unwrap();
    symlink(p.at("secret.csv"), p.at("in/link.csv")).unwrap();
    let fifo = Command::new("mkfifo").arg(p.at("out/f.csv")).status();
    assert!(fifo.unwrap().success());
    for path in [
        "/etc/passwd",
        "file:///etc/passwd",
        "secret.csv",
        "in/../secret.csv",
        "in/link.csv",
        "in",
        "out",
        "out/f.csv",
        "*.csv",
        "https://example.org/a.csv",
    ] {
        p.refused(&["--allow-read", "in", "--allow-read", "out"], &table(path));
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'secret.csv'",
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM read_parquet('web/requests/a.parquet')",
    ] {
        p.refused(&["--allow-read", "."], sql);
    }
    let own = "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'web/requests/a.parquet'; SELECT count(*) AS n FROM t";
    assert_eq!(succeeded(&p.sql(&[], own)), "n\n1000\n");
}

#[test]
fn a_dataset_does_not_lead_out_of_itself() {
    let p = Place::new();
    let moved = p.at("out/private.parquet");
    fs::rename(p.at("web/requests/a.parquet"), &moved).unwrap();
    symlink(&moved, p.at("web/requests/a.parquet")).unwrap();
    for options in [&[][..], &["--allow-read", "out"]] {
        let done = p.sql(options, "SELECT count(*) FROM requests");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(
            said.contains("a.parquet") && said.contains("not followed"),
            "{said}"
        );
    }
}

#[test]
fn settings_that_hold_limits_stay() {
    let p = Place::new();
    for set in [
        "SET datafusion.runtime.memory_limit = '100G'",
        "SET datafusion.runtime.temp_directory = '/'",
        "SET datafusion.runtime.max_temp_directory_size = '1T'",
        "SET datafusion.execution.batch_size = 4000000000",
        "SET datafusion.execution.target_partitions = 1000000",
        "RESET datafusion.runtime.memory_limit",
        "SET datafusion.catalog.location = '/etc'",
        "SET datafusion.execution.parquet.maximum_buffered_record_batches_per_stream = 1000000",
    ] {
        p.refused(&[], set);
    }
    succeeded(&p.sql(&[], "SET datafusion.execution.batch_size = 256; SELECT 1"));
}

#[test]
fn shipped_queries_write_where_the_user_says() {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &web, &["-q"]);
    let run = |query: &str, words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sysds"))
            .args(["query", query, "-d", "web", "--format", "csv"])
            .args(words)
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    let done = run("split", &[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(stderr(&done).contains("-p out="), "{}", stderr(&done));
    assert!(!dir.path().join("split").exists());
    succeeded(&run("split", &["-p", "out=parts"]));
    assert!(dir.path().join("parts/split=train").is_dir());
    assert_eq!(
        run("split", &["-p", "out=web/parts"]).status.code(),
        Some(2)
    );
    // The same text in a file is the same query; a changed one is a stranger's.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/split.sql");
    let text = fs::read_to_string(shipped).unwrap();
    fs::write(dir.path().join("mine.sql"), &text).unwrap();
    succeeded(&run("mine.sql", &["-p", "out=again"]));
    fs::write(dir.path().join("mine.sql"), text + "\nSELECT 1;").unwrap();
    let done = run("mine.sql", &["-p", "out=third"]);
    assert_eq!(done.status.code(), Some(2), "{}", stderr(&done));
    assert!(!dir.path().join("third").exists());
    succeeded(&run("mine.sql", &["-p", "out=third", "--allow-write", "."]));
}

#[test]
fn formulas_are_harmless_in_csv_where_that_is_asked_for() {
    let p = Place::new();
    let sql = "SELECT '=1+1' AS f, '@x' AS g, -1 AS n, CAST('-a' AS VARCHAR) AS \"=h\"";
    assert_eq!(succeeded(&p.sql(&[], sql)), "f,g,n,=h\n=1+1,@x,-1,-a\n");
    let safe = succeeded(&p.sql(&["--csv-safe"], sql));
    assert_eq!(safe, "f,g,n,'=h\n'=1+1,'@x,-1,'-a\n");
    succeeded(&p.sql(&["--csv-safe", "-o", "a.csv"], sql));
    assert_eq!(fs::read_to_string(p.at("a.csv")).unwrap(), safe);
}
