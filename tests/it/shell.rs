//! The shell of `sysds query`, on a terminal: `script` makes one and passes on what is typed and what is shown.

use crate::common::*;
use crate::query::dataset;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest time until something is shown.
const SOON: Duration = Duration::from_secs(30);

/// What rustyline tells the terminal when it begins to read a line.
const READY: &str = "\u{1b}[?2004h";

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const UP: &str = "\u{1b}[A";

/// A shell, and what it has shown since it was looked at last.
struct Shell {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    text: String,
}

impl Shell {
    /// Opens a shell in `dir`, which has the dataset, with `home` for its history; `None` where `script` is missing.
    fn open(dir: &Path, home: &Path, options: &str, pager: &str) -> Option<Shell> {
        let program = env!("CARGO_BIN_EXE_sysds");
        let line = format!("exec '{program}' query {options}");
        Self::start(dir, home, &line, pager)
    }

    fn start(dir: &Path, home: &Path, line: &str, pager: &str) -> Option<Shell> {
        if !has("script", &["--version"]) {
            return None;
        }
        let mut child = Command::new("script")
            .args([
                "-qec",
                &format!("stty rows 30 cols 100; {line}"),
                "/dev/null",
            ])
            .current_dir(dir)
            .env("HOME", home)
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .env("PAGER", pager)
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut bytes) {
                if send.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let text = String::new();
        let mut shell = Shell {
            child,
            keys,
            shown,
            text,
        };
        shell.until(READY);
        Some(shell)
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until this is shown; gives all that was shown up to it.
    fn until(&mut self, wanted: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            if let Some(at) = self.text.find(wanted) {
                let rest = self.text.split_off(at + wanted.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{wanted:?} does not come: {:?}", self.text),
            }
        }
    }

    /// Types a line, or several; gives what is shown until the next may be typed.
    fn line(&mut self, line: &str) -> String {
        self.keys(&format!("{line}\r"));
        self.until(READY)
    }

    /// Leaves by Ctrl-D; the exit status.
    fn leave(mut self) -> Option<i32> {
        self.keys(CTRL_D);
        self.end()
    }

    fn end(&mut self) -> Option<i32> {
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the shell does not end: {:?}", self.text);
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn statements_run_at_their_semicolon_and_mistakes_end_nothing() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let Some(mut shell) = Shell::open(d.path(), home.path(), "", "cat") else {
        return;
    };
    let shown = shell.line("SELECT 40 +\r2 AS answer;");
    assert!(shown.contains(" answer\r\n"), "{shown}");
    assert!(shown.contains("42\r\n(1 row)\r\n"), "{shown}");
    assert!(shown.contains(" s\r\n"), "no time: {shown}");
    let shown = shell.line("SELECT nme FROM events;");
    assert!(
        shown.contains("error: input, line 1, column 8: no column named nme"),
        "{shown}"
    );
    assert!(shown.contains("  1 | SELECT nme FROM events;"), "{shown}");
    assert!(shown.contains("help: Did you mean name?"), "{shown}");
    // What a statement makes stays, and is known.
    shell.line("CREATE VIEW mine AS SELECT 6 * 7 AS product;");
    let shown = shell.line("SELECT prod\t FROM mine; SELECT 1 AS one;");
    assert!(shown.contains("42\r\n(1 row)"), "{shown}");
    assert!(shown.contains(" one\r\n"), "{shown}");
    let shown = shell.line("SELECT 1 FROM mne;");
    assert!(shown.contains("help: Did you mean mine?"), "{shown}");
    let shown = shell.line("\\timing off");
    assert!(shown.contains("timing is off"), "{shown}");
    let shown = shell.line("SELECT 20 + 3 AS n;");
    assert!(shown.contains("23\r\n(1 row)\r\n\u{1b}"), "{shown:?}");
    let shown = shell.line("\\nothing");
    assert!(shown.contains("there is no such command"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn tab_completes_tables_columns_members_and_queries() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let Some(mut shell) = Shell::open(d.path(), home.path(), "", "cat") else {
        return;
    };
    let shown = shell.line("SELECT 100 + count(*) AS n FROM eve\t;");
    assert!(shown.contains("109\r\n(1 row)"), "{shown}");
    let shown = shell.line("SELECT 200 + count(duration_n\t) AS n FROM events;");
    assert!(shown.contains("203\r\n(1 row)"), "{shown}");
    let shown = shell.line("SELECT 300 + count(args['filen\t) AS n FROM events;");
    assert!(shown.contains("301\r\n(1 row)"), "{shown}");
    // Several that fit are listed.
    shell.keys("SELECT * FROM \t");
    let shown = shell.until("requests");
    assert!(shown.contains("events"), "{shown}");
    shell.until("sysds> ");
    shell.keys(CTRL_C);
    shell.until(READY);
    let shown = shell.line("\\l lat\t_over\t");
    assert!(shown.contains("in the course of the recording"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn tables_and_columns_are_described() {
    let (dir, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let web = dir.path().join("web");
    ingest(&[&trace("apache-keepalive")], &web, &["-q"]);
    let Some(mut shell) = Shell::open(dir.path(), home.path(), "-d web", "cat") else {
        return;
    };
    let shown = shell.line("\\d");
    let words: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "events table One row per event of a trace, in time order.",
        "recordings table One row per recording",
        "request_lists view The events of requests as lists, one row for each request.",
        "syscalls view System calls, one row each",
    ] {
        let told = words.iter().any(|words| words.contains(line));
        assert!(told, "{line}: {shown}");
    }
    let shown = shell.line("\\d events");
    let line = |name: &str| {
        let lines = shown
            .lines()
            .map(|line| line.trim_start_matches("\u{1b}[?2004l\r"));
        let mut found = lines.filter(|line| line.split_whitespace().next() == Some(name));
        let cells = found.next().unwrap_or_default().split("  ");
        let cells = cells.map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect::<Vec<_>>()
    };
    let duration = line("duration_ns");
    assert_eq!(duration[1..3], ["int64, null", "ns"], "{shown}");
    assert!(
        duration[3].starts_with("On an exit with an entry_id"),
        "{shown}"
    );
    assert!(line("args")[1].starts_with("struct of "), "{shown}");
    let shown = shell.line("\\d events.args");
    assert!(shown.contains("filename  "), "{shown}");
    let shown = shell.line("\\d nothing");
    assert!(
        shown.contains("there is no table or view nothing"),
        "{shown}"
    );
    let shown = shell.line("\\run latency per=pid");
    assert!(shown.contains(" pid"), "{shown}");
    let shown = shell.line("\\run latency per=nothing");
    assert!(
        shown.contains("error: -p per=nothing: $per takes one of"),
        "{shown}"
    );
    fs::write(dir.path().join("q.sql"), "SELECT $n * 2 AS twice").unwrap();
    let shown = shell.line("\\i q.sql n=21");
    assert!(shown.contains("42\r\n(1 row)"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn ctrl_c_ends_the_statement_and_not_the_shell() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let out = tempfile::tempdir().unwrap();
    let copy = format!(
        "COPY (SELECT value FROM generate_series(1, 100000000000)) TO '{}/long.csv'",
        out.path().display()
    );
    let options = format!("--memory 256M --allow-write '{}'", out.path().display());
    let Some(mut shell) = Shell::open(d.path(), home.path(), &options, "cat") else {
        return;
    };
    for sql in [
        "SELECT count(*) FROM generate_series(1, 10000000) AS a (x) CROSS JOIN generate_series(1, 10000000) AS b (y) \
         WHERE x + y = 3",
        "SELECT value FROM generate_series(1, 10000000000) ORDER BY -value",
        &copy,
    ] {
        shell.keys(&format!("{sql};\r"));
        std::thread::sleep(Duration::from_millis(1500));
        let begun = Instant::now();
        shell.keys(CTRL_C);
        let shown = shell.until(READY);
        let took = begun.elapsed();
        assert!(shown.contains("stopped\r\n"), "{sql}: {shown}");
        assert!(took < Duration::from_secs(3), "{sql}: {took:?}");
        let shown = shell.line("SELECT 21 * 2 AS n;");
        assert!(shown.contains("42\r\n(1 row)"), "{sql}: {shown}");
    }
    let left: Vec<_> = fs::read_dir(out.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    // What is being typed is taken back, over all of its lines.
    shell.keys("SELECT 1 +\rnonsense");
    shell.keys(CTRL_C);
    shell.until(READY);
    let shown = shell.line("SELECT 22 * 2 AS n;");
    assert!(shown.contains("44\r\n(1 row)"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn what_was_typed_is_kept_for_the_next_shell() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let Some(mut shell) = Shell::open(d.path(), home.path(), "", "cat") else {
        return;
    };
    shell.line("SELECT 30 + 3\rAS kept;");
    shell.line(" SELECT 'not kept';");
    assert_eq!(shell.leave(), Some(0));
    let folder = home.path().join(".local/state/sysds");
    let history = fs::read_to_string(folder.join("history")).unwrap();
    assert!(
        history.contains("SELECT 30 + 3") && !history.contains("not kept"),
        "{history}"
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&folder), mode(&folder.join("history"))),
        (0o700, 0o600)
    );
    let mut shell = Shell::open(d.path(), home.path(), "", "cat").unwrap();
    let shown = shell.line(UP);
    assert!(shown.contains("33\r\n(1 row)"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
    // No folder can be made below a file.
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let mut shell = Shell::open(d.path(), &file, "", "cat").unwrap();
    let shown = shell.line("SELECT 30 + 4 AS n;");
    assert!(
        shown.contains("34\r\n(1 row)") && !shown.contains("error"),
        "{shown}"
    );
    assert_eq!(shell.leave(), Some(0));
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn what_does_not_fit_the_screen_goes_to_the_pager() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let Some(mut shell) = Shell::open(d.path(), home.path(), "", "sed 's/^/paged: /'") else {
        return;
    };
    for (sql, paged) in [
        ("SELECT 10 + 1 AS n;", false),
        ("SELECT value FROM generate_series(1, 20);", false),
        ("SELECT value FROM generate_series(1, 40);", true),
        ("SELECT repeat('x', 120) AS wide;", true),
        ("\\l", true),
    ] {
        let shown = shell.line(sql);
        assert_eq!(shown.contains("paged: "), paged, "{sql}: {shown}");
    }
    assert_eq!(shell.leave(), Some(0));
    // A reader who leaves, and a pager that there is not.
    let mut shell = Shell::open(d.path(), home.path(), "", "head -n 3").unwrap();
    let shown = shell.line("SELECT value FROM generate_series(1, 1000000000);");
    assert!(!shown.contains("error"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
    let mut shell = Shell::open(d.path(), home.path(), "", "no-such-pager").unwrap();
    let shown = shell.line("SELECT value FROM generate_series(1, 100);");
    assert!(
        shown.contains("error: the pager that PAGER names"),
        "{shown}"
    );
    let shown = shell.line("SELECT 21 * 2 AS n;");
    assert!(shown.contains("42\r\n(1 row)"), "{shown}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn sql_may_do_no_more_and_commands_the_terminal_no_more_than_elsewhere() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let target = home.path().join("x.csv");
    let Some(mut shell) = Shell::open(d.path(), home.path(), "", "cat") else {
        return;
    };
    let shown = shell.line(&format!("COPY (SELECT 1) TO '{}';", target.display()));
    assert!(
        shown.contains("SQL writes only where it is allowed to"),
        "{shown}"
    );
    assert!(!target.exists());
    let shown = shell.line("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd';");
    assert!(shown.contains("SQL reads only its dataset"), "{shown}");
    let shown = shell.line("SELECT chr(27) || '[31mred' AS evil, 'two' || chr(10) || chr(7) || 'lines' AS \"e\u{202e}vil\";");
    assert!(
        shown.contains("\\u{1b}[31mred") && shown.contains("\\u{7}lines"),
        "{shown:?}"
    );
    assert!(
        !shown.contains("\u{1b}[31m") && !shown.contains('\u{7}'),
        "{shown:?}"
    );
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_shell_that_is_ended_leaves_the_terminal_as_it_was() {
    let (d, home) = (dataset(), tempfile::tempdir().unwrap());
    let temp = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_sysds");
    let line = format!(
        "export TMPDIR='{}'; sh -c 'echo $$ > \"$HOME/pid\"; exec {program} query'; echo status $?; stty -a",
        temp.path().display()
    );
    let Some(mut shell) = Shell::start(d.path(), home.path(), &line, "cat") else {
        return;
    };
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    let pid = fs::read_to_string(home.path().join("pid")).unwrap();
    let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(killed.unwrap().success());
    shell.until("status 130");
    let shown = shell.until("iexten");
    assert!(
        shown.contains(" icanon") && !shown.contains("-icanon"),
        "{shown}"
    );
    assert_eq!(shell.end(), Some(0));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn without_a_terminal_a_query_must_be_given() {
    let d = dataset();
    let done = sysds(["query", "-d", d.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(2), "{}", stderr(&done));
    let said = stderr(&done);
    assert!(said.contains("no query is given"), "{said}");
    assert!(
        said.contains("sysds query --list") && said.contains("-e"),
        "{said}"
    );
}
