//! Whatever a stranger writes into names and texts, no command hands a terminal a character that acts on it or hides:
//! every command runs on a trace, a dataset and a release full of them, and both of its outputs are looked through.

use crate::common::*;
use crate::publish::{ABOUT, publish};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Escape sequences, a carriage return, a line break, C1, right-to-left, no width.
const EVIL: &str = "e\u{1b}[31m\r\n\u{9b}2J\u{202e}\u{200b}\u{2028}v";

fn evil(name: &str) -> String {
    format!("{name}{EVIL}")
}

/// A name for a file or folder.
fn evil_file(name: &str) -> String {
    evil(name)
}

fn is_hidden(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || "\u{202e}\u{200b}\u{2028}".contains(c)
}

/// Runs the program with a status, and looks both outputs through: no hidden character, and no line that begins with what
/// comes behind the line break in [`EVIL`].
fn clean(args: &[&str], status: i32) -> String {
    let done = sysds(args);
    let out = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(status), "{args:?}: {out}");
    if let Some(at) = out.find(is_hidden) {
        let near: String = out[at..].chars().take(60).collect();
        panic!("{args:?} prints {near:?}");
    }
    out
}

fn unsigned(bits: u32, roles: &[&str]) -> Value {
    json!({"type": "fixed-length-unsigned-integer", "length": bits, "byte-order": "little-endian", "roles": roles})
}

fn structure(members: &[(&str, Value)]) -> Value {
    let members = members
        .iter()
        .map(|(name, class)| json!({"name": name, "field-class": class}));
    json!({"type": "structure", "member-classes": members.collect::<Vec<_>>()})
}

/// A CTF 2 trace with two events, in which everything that has a name has an evil one.
fn write_trace(dir: &Path) -> PathBuf {
    let text = json!({"type": "null-terminated-string"});
    let times = |role: &str| unsigned(64, &[role]);
    let context = structure(&[
        ("all", unsigned(64, &["packet-total-length"])),
        ("used", unsigned(64, &["packet-content-length"])),
        ("from", times("default-clock-timestamp")),
        ("to", times("packet-end-default-clock-timestamp")),
    ]);
    let header = structure(&[
        ("id", unsigned(8, &["event-record-class-id"])),
        ("when", times("default-clock-timestamp")),
    ]);
    let (field, name, uuid) = (evil("field"), evil("event"), [9u8; 16]);
    let fragments = [
        json!({"type": "preamble", "version": 2, "uuid": uuid}),
        json!({"type": "trace-class", "environment": {"hostname": EVIL, "procname": EVIL, "tracer_name": EVIL,
            "sysname": EVIL, "kernel_release": EVIL, evil("more"): EVIL}}),
        json!({"type": "clock-class", "id": "c", "name": EVIL, "frequency": 1_000_000_000u64, "origin": "unix-epoch"}),
        json!({"type": "data-stream-class", "id": 0, "default-clock-class-id": "c",
            "packet-context-field-class": context, "event-record-header-field-class": header,
            "event-record-common-context-field-class": structure(&[("procname", text.clone()), (&field, text.clone())])}),
        json!({"type": "event-record-class", "id": 1, "data-stream-class-id": 0, "name": name,
            "payload-field-class": structure(&[(&field, text)])}),
    ];
    let metadata: String = fragments.iter().map(|f| format!("\u{1e}{f}\n")).collect();
    let mut events = Vec::new();
    for i in 0..2u64 {
        events.push(1);
        events.extend((1_000 + i).to_le_bytes());
        for _ in 0..3 {
            events.extend(EVIL.as_bytes());
            events.push(0);
        }
    }
    let bits = 8 * (32 + events.len() as u64);
    let head = [bits, bits, 1_000, 1_010].map(u64::to_le_bytes);
    let trace = dir.join(evil_file("trace"));
    fs::create_dir(&trace).unwrap();
    fs::write(trace.join("metadata"), metadata).unwrap();
    fs::write(
        trace.join(evil_file("stream")),
        [head.concat(), events].concat(),
    )
    .unwrap();
    trace
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The trace, and a dataset of it.
fn made(dir: &Path) -> (PathBuf, PathBuf) {
    let (trace, dataset) = (write_trace(dir), dir.join(evil_file("dataset")));
    let said = clean(
        &[
            "ingest",
            text(&trace),
            "-o",
            text(&dataset),
            "--label",
            EVIL,
        ],
        0,
    );
    assert!(said.contains("2 events"), "{said}");
    (trace, dataset)
}

#[test]
fn reports_on_traces_and_datasets() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, dataset) = made(dir.path());
    for path in [&trace, &dataset] {
        let said = clean(&["inspect", text(path)], 0);
        assert!(said.contains("field"), "it is shown: {said}");
        let said = clean(&["inspect", text(path), "--json"], 0);
        serde_json::from_str::<Value>(&said).unwrap();
    }
    let said = clean(&["inspect", text(&trace), "--json"], 0);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        json["recordings"][0]["classes"][0]["name"],
        evil("event"),
        "values are kept"
    );
    clean(&["inspect", text(&trace), "--count"], 0);
    clean(&["inspect", text(&trace), "--count", "--json"], 0);
}

#[test]
fn rows_and_mistakes_of_queries() {
    let dir = tempfile::tempdir().unwrap();
    let (_, dataset) = made(dir.path());
    // DataFusion's paths have no control characters, which the folder's name has.
    let query = |sql: &str, status| clean(&["query", "-d", text(&dataset), "-e", sql], status);
    clean(&["query", "-d", text(&dataset), "latency"], 0);
    let said = query("SELECT * FROM events", 0);
    assert!(said.contains("field"), "{said}");
    query("SELECT * FROM recordings", 0);
    query("SELECT args FROM events", 0);
    query("SELECT fieldx FROM events", 1);
    query("SELECT args['fieldx'] FROM events", 1);
    query(&format!("SELECT '{EVIL}' FROM nowhere"), 1);
    query("SELECT CAST(name AS BIGINT) FROM events", 1);
    let page = dir.path().join("page.html");
    clean(&["report", text(&dataset), "-o", text(&page)], 0);
}

#[test]
fn releases_and_what_is_wrong_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (_, dataset) = made(dir.path());
    let release = dir.path().join(evil_file("release"));
    let about = dir.path().join("about.toml");
    fs::write(&about, ABOUT).unwrap();
    let (d, r, a) = (text(&dataset), text(&release), text(&about));
    clean(&["publish", d, "-o", r, "--about", a], 0);
    clean(&["verify", r], 0);
    clean(&["inspect", r], 0);
    let next = dir.path().join(evil_file("next"));
    let said = clean(
        &[
            "publish",
            d,
            "-o",
            text(&next),
            "--about",
            a,
            "--previous",
            r,
        ],
        0,
    );
    assert!(said.contains("1.0.1"), "{said}");

    fs::write(release.join(evil_file("unlisted")), "").unwrap();
    let sums = release.join("SHA256SUMS");
    let listed = fs::read_to_string(&sums).unwrap();
    let missing = "missing\u{1b}[31m\u{202e}";
    fs::write(
        &sums,
        format!("{listed}{}  {missing}\n{EVIL}\n", "0".repeat(64)),
    )
    .unwrap();
    let path = release.join("manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    manifest["release"]["version"] = EVIL.into();
    fs::write(&path, manifest.to_string()).unwrap();
    let said = clean(&["verify", r], 1);
    for word in ["unlisted", "missing", "is not semantic"] {
        assert!(said.contains(word), "{said}");
    }
    let lines = said
        .lines()
        .filter(|line| line.starts_with('\u{9b}') || line.starts_with("\\u{9b}"));
    assert_eq!(lines.count(), 0, "a line break is shown, not made: {said}");
    let json: Value = serde_json::from_str(&clean(&["verify", r, "--json"], 1)).unwrap();
    assert_eq!(json["version"], EVIL);

    manifest["recordings"][0]["trace_id"] = EVIL.into();
    fs::write(&path, manifest.to_string()).unwrap();
    clean(&["verify", r], 1);
    manifest["tables"]["events"]["files"][0]["path"] = EVIL.into();
    fs::write(&path, manifest.to_string()).unwrap();
    clean(&["verify", r], 1);
    fs::write(&path, format!("{{\"{EVIL}")).unwrap();
    clean(&["verify", r], 1);
}

#[test]
fn errors_with_names_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, dataset) = made(dir.path());
    let (t, d) = (text(&trace), text(&dataset));
    clean(&["ingest", t, "-o", d], 2);
    clean(&["ingest", t, "-o", d, "--append"], 1);
    fs::write(dataset.join(evil_file("mine")), "").unwrap();
    clean(&["ingest", t, "-o", d, "--force"], 1);
    let none = dir.path().join(evil_file("none"));
    for command in ["inspect", "verify"] {
        clean(&[command, text(&none)], 1);
    }
    clean(&["query", "-d", text(&none), "-e", "SELECT 1"], 1);
    clean(&["report", text(&none), "-o", "x.html"], 1);
    clean(&["publish", text(&none), "-o", "x"], 1);
    // A stream that is cut off, and metadata with a mistake.
    let stream = trace.join(evil_file("stream"));
    let bytes = fs::read(&stream).unwrap();
    fs::write(&stream, &bytes[..bytes.len() - 3]).unwrap();
    let out = dir.path().join("out");
    clean(&["ingest", t, "-o", text(&out)], 1);
    clean(&["ingest", t, "-o", text(&out), "--keep-going"], 3);
    clean(&["inspect", t], 3);
    for metadata in [
        format!("\u{1e}{}\n", json!({"type": evil("x")})),
        format!(
            "\u{1e}{}\n\u{1e}{}\n",
            json!({"type": "preamble", "version": 2}),
            json!({"type": evil("x")})
        ),
        format!("/* CTF 1.8 */\ntrace {{ {EVIL} }};\n"),
        format!("/* CTF 1.8 */\nevent {{ name = \"{EVIL}\"; id = \"{EVIL}\"; }};\n"),
    ] {
        fs::write(trace.join("metadata"), metadata).unwrap();
        clean(&["inspect", t], 1);
    }
}

/// The card of a release is shown by web sites.
#[test]
fn cards_carry_words_and_no_markup() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let label = "</td><script>alert(1)</script> ![x](http://evil) | `x`\n# y";
    ingest(
        &[&trace("apache-prefork")],
        &dataset,
        &["-q", "--label", label],
    );
    let nasty = "<img src=x onerror=alert(1)> [a](javascript:b) ``` | \\u202e </script><!--";
    let about = ABOUT
        .replace("Requests of Apache", nasty)
        .replace(
            "Kernel traces of a web server.",
            &format!("One.\\n# {nasty}\\n\\n- two"),
        )
        .replace("Doe", nasty)
        .replace("One machine.", nasty);
    let release = dir.path().join("r");
    let done = publish(&dataset, &release, &["-q"], Some(&about));
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let read = |name: &str| fs::read_to_string(release.join(name)).unwrap();
    let card = read("README.md");
    // The front matter is YAML, in which all of it stands in quotes.
    let card = card.splitn(3, "---\n").nth(2).unwrap();
    // In code, nothing is markup; that no backtick ends it, is seen below.
    let code = card.find("```bibtex\n").unwrap();
    let code = code..code + card[code..].find("\n```\n").unwrap();
    let card = [&card[..code.start], &card[code.end..]].concat();
    // A bracket behind a backslash is a word.
    let card = card.replace("\\]", "");
    for markup in ["<img", "<script", "](http", "](java", "\n- two"] {
        assert!(!card.contains(markup), "{markup}:\n{card}");
    }
    let headings = card.lines().filter(|line| line.starts_with("# &lt;"));
    assert_eq!(headings.count(), 1, "the title");
    let fences = card.lines().filter(|line| line.starts_with("```"));
    assert_eq!(
        fences.count(),
        3,
        "those of the examples, and the end of the entry"
    );
    for row in card
        .lines()
        .filter(|line| line.contains("onerror") && line.starts_with('|'))
    {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 9, "{row}");
    }
    for name in ["croissant.json", "ro-crate-metadata.json"] {
        let text = read(name);
        assert!(
            !text.contains("</script") && !text.contains("<!--"),
            "{name}"
        );
        serde_json::from_str::<Value>(&text).unwrap();
    }
    for name in [
        "README.md",
        "CITATION.cff",
        "croissant.json",
        "ro-crate-metadata.json",
    ] {
        assert!(!read(name).contains(is_hidden), "{name}");
    }
    for (right, wrong) in [
        ("https://example.org/apache", "javascript:alert(1)"),
        ("10.1234/5678", "10.1234/<script>"),
        ("0000-0002-1825-0097", "0000-0002-1825-0098"),
    ] {
        let done = publish(
            &dataset,
            &dir.path().join("x"),
            &["-q"],
            Some(&ABOUT.replace(right, wrong)),
        );
        assert_eq!(done.status.code(), Some(1), "{}", stderr(&done));
        assert!(stderr(&done).contains(wrong), "{}", stderr(&done));
    }
}
