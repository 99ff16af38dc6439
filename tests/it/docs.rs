//! README, CONTRIBUTING and docs/: their code blocks run as they stand, what is generated in them is current, and their
//! links lead somewhere.
//!
//! A page's blocks run one after the other in a folder of the page's own. It looks like a clone of the project (`tests`,
//! `queries` … are links); `sysds` is on the PATH, `~` is a folder in it, `$TRACES` holds the traces that ship, unpacked,
//! and `$WEB` is a dataset of one of them. The language of a block says what is done with it:
//!
//! | language | what is done |
//! |---|---|
//! | `sh` | it is run by `sh -eu`, and must succeed |
//! | `console` | what follows `$ ` is run, and must print the lines below; a line `…` stands for any number of lines |
//! | `sql` | it is run on the dataset `web` |
//! | `toml` | it is a file, whose name a comment says |
//! | `python` | `tests/clients/check_docs.py` runs it |
//! | `text` | nothing: it is no code |
//!
//! Comments in the lines before a block, which readers do not see, say what it needs:
//!
//! ```text
//! <!-- before: COMMANDS -->    are run before it
//! <!-- after: COMMANDS -->     are run after it
//! <!-- file: NAME -->          it is not run, but written to this file
//! <!-- not run: REASON -->     it cannot run
//! ```
//!
//! What stands between `<!-- generated: WHAT -->` and `<!-- end -->` is generated here. `SYSDS_BLESS=1` writes that anew, and
//! what consoles print.

use crate::common::*;
use crate::publish::published;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use sysds::columns::schema::contract::{self, Column, Contract};
use tempfile::TempDir;

/// How many blocks cannot run. Who adds one counts it here.
const NOT_RUN: usize = 29;

/// A folder with the dataset `web`, made once.
static WEB: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    ingest(
        &[&trace("apache-prefork")],
        &dir.path().join("web"),
        &["--quiet"],
    );
    dir
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
fn read(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// The pages for users and developers, as paths in the project.
fn pages() -> Vec<PathBuf> {
    let single = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/README.md",
    ];
    let mut pages: Vec<PathBuf> = single.iter().map(PathBuf::from).collect();
    for folder in ["docs/guide", "docs/reference", "docs/design"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        pages.extend(entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name())));
    }
    pages.sort();
    pages
}

pub fn blessing() -> bool {
    std::env::var_os("SYSDS_BLESS").is_some_and(|v| v == "1")
}

/// A code block of a page.
struct Block {
    /// Line of its first fence, from 0.
    line: usize,
    language: String,
    text: String,
    /// The comments before it.
    comments: Vec<(String, String)>,
}

impl Block {
    /// What the comments of this name say.
    fn said(&self, name: &str) -> Vec<&str> {
        let named = self.comments.iter().filter(|(n, _)| n.as_str() == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// `<!-- NAME: VALUE -->`.
fn comment(line: &str) -> Option<(String, String)> {
    let inside = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?;
    let (name, value) = inside.split_once(": ")?;
    Some((name.to_owned(), value.to_owned()))
}

/// The code blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut comments = Vec::new();
    for (line, text) in page.lines().enumerate() {
        if let Some(language) = text.strip_prefix("```") {
            match open.take() {
                Some(block) => blocks.push(block),
                None => {
                    open = Some(Block {
                        line,
                        language: language.to_owned(),
                        text: String::new(),
                        comments: std::mem::take(&mut comments),
                    });
                }
            }
        } else if let Some(block) = &mut open {
            block.text.push_str(text);
            block.text.push('\n');
        } else if let Some(comment) = comment(text) {
            comments.push(comment);
        } else {
            comments.clear();
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The lines of a page that are in no block.
fn prose(page: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            lines.push(line);
        }
    }
    lines
}

/// A folder that looks like a clone of the project.
fn clone_of_project() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["examples", "queries", "schemas", "tests"] {
        symlink(root().join(name), dir.path().join(name)).unwrap();
    }
    fs::create_dir(dir.path().join("home")).unwrap();
    dir
}

/// Runs commands in a folder: whether they succeeded, and what they printed.
fn shell(dir: &Path, commands: &str) -> (bool, String) {
    let traces = ["apache-prefork", "apache-keepalive", "apache-lossy"].map(trace);
    let program = Path::new(env!("CARGO_BIN_EXE_sysds")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let done = Command::new("sh")
        .arg("-euc")
        .arg(format!("exec 2>&1\n{commands}"))
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("HOME", dir.join("home"))
        .env("TRACES", traces[0].parent().unwrap())
        .env("WEB", WEB.path().join("web"))
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&done.stdout).into_owned();
    (done.status.success(), printed)
}

/// Runs commands that must succeed; gives what they printed.
fn succeeds(dir: &Path, commands: &str, place: &str) -> String {
    let (success, printed) = shell(dir, commands);
    assert!(success, "{place}: failed:\n{commands}\n{printed}");
    printed
}

/// The commands of a console, each with the lines that it is shown to print.
fn commands(console: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in console.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => {
                let last = commands.last_mut().expect("a command comes first");
                last.1.push(line.to_owned());
            }
        }
    }
    commands
}

/// Lines as they are compared: how long something took differs each time.
fn comparable(lines: &[String]) -> Vec<String> {
    let line = |line: &String| match line.trim_end().rsplit_once(", in ") {
        Some((before, time)) if time.ends_with(" s") => format!("{before}, in some s"),
        _ => line.trim_end().to_owned(),
    };
    lines.iter().map(line).collect()
}

/// Whether the lines that are shown stand for those that were printed.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.as_str() == "…" => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        Some((first, rest)) => {
            let printed = printed.split_first();
            printed.is_some_and(|(line, more)| line == first && fits(rest, more))
        }
    }
}

/// Runs the commands of a console and compares what they print; gives the console's lines as they should be.
fn console(dir: &Path, block: &Block, place: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (command, shown) in commands(&block.text) {
        let printed = succeeds(dir, &command, place);
        let printed: Vec<String> = printed.lines().map(|l| l.trim_end().to_owned()).collect();
        let same = fits(&comparable(&shown), &comparable(&printed));
        let elided = shown.iter().any(|line| line.as_str() == "…");
        assert!(
            same || (blessing() && !elided),
            "{place}: {command} prints\n{}",
            printed.join("\n")
        );
        lines.push(format!("$ {command}"));
        lines.extend(if same { shown } else { printed });
    }
    lines
}

#[test]
fn code_blocks_run_as_they_stand() {
    let mut not_run = Vec::new();
    let mut run = 0;
    for page in pages() {
        let dir = clone_of_project();
        let dir = dir.path();
        let text = read(&page);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut consoles = Vec::new();
        for block in blocks(&text) {
            let place = format!("{}:{}", page.display(), block.line + 1);
            for (name, value) in &block.comments {
                let known = ["before", "after", "file", "not run"].contains(&name.as_str());
                assert!(known && !value.trim().is_empty(), "{place}: {name}");
            }
            if let Some(reason) = block.said("not run").first() {
                not_run.push(format!("{place}: {reason}"));
                continue;
            }
            for commands in block.said("before") {
                succeeds(dir, commands, &place);
            }
            run += 1;
            match (block.language.as_str(), block.said("file").first()) {
                (_, Some(name)) => fs::write(dir.join(name), &block.text).unwrap(),
                ("sh", None) => drop(succeeds(dir, &block.text, &place)),
                ("console", None) => {
                    let length = block.text.lines().count();
                    let console = console(dir, &block, &place);
                    consoles.push((block.line + 1..block.line + 1 + length, console));
                }
                ("sql", None) => {
                    fs::write(dir.join("block.sql"), &block.text).unwrap();
                    succeeds(dir, "sysds query block.sql -d web", &place);
                }
                // Python is run by tests/clients/check_docs.py.
                ("python" | "text", None) => run -= 1,
                (other, None) => panic!("{place}: nothing is known of blocks of {other:?}"),
            }
            for commands in block.said("after") {
                succeeds(dir, commands, &place);
            }
        }
        for (range, console) in consoles.into_iter().rev() {
            drop(lines.splice(range, console));
        }
        let current = lines.join("\n") + "\n";
        if blessing() && current != text {
            fs::write(root().join(&page), current).unwrap();
        }
    }
    eprintln!(
        "{run} blocks run, {} not run:\n{}",
        not_run.len(),
        not_run.join("\n")
    );
    assert!(run >= 15, "{run} blocks run");
    assert_eq!(
        not_run.len(),
        NOT_RUN,
        "blocks that are not run:\n{}",
        not_run.join("\n")
    );
}

/// The contracts of all tables, those that are in no file too.
fn contracts() -> Vec<Contract> {
    let of_manifest = [
        include_str!("../../schemas/recordings.json"),
        include_str!("../../schemas/spans.json"),
    ];
    let of_manifest = of_manifest.map(|text| serde_json::from_str(text).unwrap());
    contract::all().into_iter().chain(of_manifest).collect()
}

/// A column as a row of a page.
fn row(column: &Column) -> String {
    let null = if column.nullable { ", null" } else { "" };
    format!(
        "| `{}` | {}{null} | {} |",
        column.name, column.type_name, column.description
    )
}

/// The columns of a table, or (`TABLE.COLUMN`) of a list in it.
fn columns(name: &str) -> String {
    let (table, list) = match name.split_once('.') {
        Some((table, list)) => (table, Some(list)),
        None => (name, None),
    };
    let contract = contracts().into_iter().find(|c| c.table == table).unwrap();
    let columns = match list {
        None => contract.columns,
        Some(list) => {
            let mut columns = contract.columns.into_iter();
            columns.find(|c| c.name == list).unwrap().items
        }
    };
    let rows: Vec<String> = columns.iter().map(row).collect();
    format!(
        "| column | type | meaning |\n|---|---|---|\n{}",
        rows.join("\n")
    )
}

/// The queries that ship, as `sysds query --list` says.
fn queries() -> String {
    let listed = succeeds(WEB.path(), "sysds query --list", "--list");
    let rows = listed.lines().map(|line| {
        let (name, answers) = line.split_once("  ").unwrap();
        format!("| `{name}` | {} |", answers.trim())
    });
    let rows: Vec<String> = rows.collect();
    format!("| query | answers |\n|---|---|\n{}", rows.join("\n"))
}

/// What stands below a mark.
fn generated(what: &str) -> String {
    let listed = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        names.join(", ")
    };
    if let Some(command) = what.strip_prefix("help of ") {
        let help = succeeds(WEB.path(), &format!("sysds {command} --help"), what);
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        return format!("```text\n{}\n```", lines.join("\n").trim_end());
    }
    if let Some(table) = what.strip_prefix("columns of ") {
        return columns(table);
    }
    match what {
        "fd_arguments" => listed(&contract::events().fd_arguments),
        "path_arguments" => listed(&contract::events().path_arguments),
        "queries" => queries(),
        _ => panic!("nothing is known of {what}"),
    }
}

/// A page with what has to stand below its marks, and how many marks it has.
fn with_generated(page: &str) -> (String, usize) {
    let mut text = String::new();
    let mut inside = false;
    let mut marks = 0;
    for line in page.lines() {
        if line == "<!-- end -->" {
            inside = false;
        }
        if inside {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        if let Some((name, what)) = comment(line)
            && name == "generated"
        {
            text.push_str(&format!("\n{}\n\n", generated(&what)));
            inside = true;
            marks += 1;
        }
    }
    (text, marks)
}

#[test]
fn what_is_generated_is_current() {
    let mut all = 0;
    for page in pages() {
        let text = read(&page);
        let (current, marks) = with_generated(&text);
        all += marks;
        if blessing() && current != text {
            fs::write(root().join(&page), current).unwrap();
        } else {
            assert!(
                current == text,
                "{} is not what is generated: run this test with SYSDS_BLESS=1, and look at what changed",
                page.display()
            );
        }
    }
    assert!(all > 10, "{all} marks");
}

#[test]
fn the_tables_have_every_column_of_the_contract_word_by_word() {
    let page = read(Path::new("docs/reference/tables.md"));
    let mut checked = 0;
    for contract in contracts() {
        for column in contract
            .columns
            .iter()
            .flat_map(|c| std::iter::once(c).chain(&c.items))
        {
            let row = row(column);
            assert!(page.contains(&row), "tables.md lacks the row\n{row}");
            checked += 1;
        }
    }
    assert!(checked > 40);
}

#[test]
fn the_tables_name_the_arguments_behind_fd_and_path() {
    let page = read(Path::new("docs/reference/tables.md")).replace('\n', " ");
    let events = contract::events();
    for names in [events.fd_arguments, events.path_arguments] {
        let listed: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        assert!(
            page.contains(&listed.join(", ")),
            "tables.md does not list {names:?}"
        );
    }
}

#[test]
fn the_manifest_page_names_every_key() {
    let page = read(Path::new("docs/reference/manifest.md"));
    let dir = tempfile::tempdir().unwrap();
    let (dataset, release) = (dir.path().join("d"), dir.path().join("r"));
    ingest(&[&trace("apache-prefork")], &dataset, &["--quiet"]);
    published(&dataset, &release, &["-q", "--split", "hash"]);
    let manifest = manifest(&release);
    for part in [
        &manifest,
        &manifest["release"],
        &manifest["release"]["split"],
        &manifest["recordings"][0],
        &manifest["recordings"][0]["sources"][0],
        &manifest["recordings"][0]["sources"][0]["clock"],
        &manifest["recordings"][0]["fingerprints"][0],
        &manifest["tables"]["events"],
        &manifest["tables"]["events"]["files"][0],
    ] {
        for key in part.as_object().unwrap().keys() {
            assert!(
                page.contains(&format!("`{key}`")),
                "manifest.md lacks {key}"
            );
        }
    }
}

#[test]
fn the_readme_is_short_and_every_page_says_whom_it_is_for() {
    let readme = read(Path::new("README.md"));
    assert!(readme.lines().count() <= 150);
    let index = read(Path::new("docs/README.md"));
    for page in pages() {
        if page == Path::new("README.md") {
            continue;
        }
        let text = read(&page);
        let mut lines = text.lines();
        let title = lines.next().unwrap();
        assert!(title.starts_with("# "), "{}: {title}", page.display());
        let first = lines.find(|line| !line.is_empty()).unwrap();
        assert!(first.starts_with("For "), "{}: {first}", page.display());
        if let Ok(below) = page.strip_prefix("docs")
            && below != Path::new("README.md")
        {
            let link = format!("]({})", below.display());
            assert!(index.contains(&link), "docs/README.md lacks {link}");
        }
    }
}

/// The figures in the README's table of results, in bold, are on the pages that it links to.
#[test]
fn the_results_are_on_the_pages_they_link_to() {
    let readme = read(Path::new("README.md"));
    let (_, results) = readme.split_once("## Results").unwrap();
    let mut checked = 0;
    for line in results.lines().filter(|line| line.contains("](docs/")) {
        let link = line.split("](").nth(1).unwrap().split(')').next().unwrap();
        for figure in line.split("**").skip(1).step_by(2) {
            let page = read(Path::new(link)).replace('\n', " ");
            assert!(page.contains(figure), "{link} lacks {figure}");
            checked += 1;
        }
    }
    assert!(checked > 5, "{checked}");
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut checked = 0;
    let others = ["lab/README.md", "fuzz/README.md", "tests/data/README.md"];
    for page in pages().into_iter().chain(others.map(PathBuf::from)) {
        let text = read(&page);
        let links = prose(&text).into_iter().flat_map(|line| {
            let after = line.split("](").skip(1);
            after.filter_map(|rest| rest.split(')').next())
        });
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&page),
                file => root().join(&page).parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !place.is_empty() {
                let target = fs::read_to_string(&target).unwrap();
                let lines = prose(&target);
                let mut headings = lines.iter().filter(|line| line.starts_with('#'));
                let found = headings.any(|heading| anchor(heading) == place);
                assert!(found, "{}: {link}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}
