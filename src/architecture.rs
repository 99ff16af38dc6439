//! What holds the shape that the crate's documentation draws: which folder may use which, that no two files import each
//! other, and that files and functions stay of a size that one reads at a sitting.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a function may have, from its name to its closing brace.
const FUNCTION_LINES: usize = 60;

/// Lines that half of the files must not exceed.
const MEDIAN_LINES: usize = 200;

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect()
}

/// A source file: its path below `src`, the module that it is, and its code without comments, literals and tests.
struct Source {
    path: String,
    module: Vec<String>,
    code: String,
}

/// All of `src` but the program's own file and files of tests.
fn all() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all: Vec<Source> = Vec::new();
    for file in sources(&src) {
        let below = file.strip_prefix(&src).unwrap();
        let path = below.to_str().unwrap().to_owned();
        let mut module: Vec<String> = below
            .with_extension("")
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        let tests = ["tests", "architecture", "testing"];
        if path == "main.rs"
            || path == "allocator.rs"
            || module.iter().any(|m| tests.contains(&&**m))
        {
            continue;
        }
        module.pop_if(|last| last == "mod" || last == "lib");
        let code = bare(&fs::read_to_string(&file).unwrap());
        all.push(Source { path, module, code });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// Code without comments, the insides of literals, and what is compiled for tests only, with all lines kept.
fn bare(text: &str) -> String {
    let tests = Regex::new(r"(?m)^#\[cfg\(test\)\]\n(?:pub(?:\([a-z]+\))? )?mod \w+ \{").unwrap();
    let text = tests
        .find(text)
        .map_or(text, |found| &text[..found.start()]);
    let skipped = Regex::new(
        r##"(?s)//[^\n]*|/\*.*?\*/|b?r#".*?"#|b?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^\n']+|[^\\'\n])'"##,
    )
    .unwrap();
    let blank = |found: &regex::Captures<'_>| {
        let lines = "\n".repeat(found[0].matches('\n').count());
        if found[0].starts_with('/') {
            lines
        } else {
            format!("\"{lines}\"")
        }
    };
    skipped.replace_all(text, blank).into_owned()
}

/// Each path of several segments in the code, with the trees of `use` declarations written out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let declaration = Regex::new(r"(?s)\buse\s+([^;]+);").unwrap();
    let inline = Regex::new(r"\b(?:\w+::)+\w+").unwrap();
    let segments = |path: &str| path.split("::").map(|s| s.trim().to_owned()).collect();
    let mut all: Vec<Vec<String>> = Vec::new();
    for found in declaration.captures_iter(code) {
        let mut written_out = Vec::new();
        write_out("", &found[1], &mut written_out);
        all.extend(written_out.iter().map(|path| segments(path)));
    }
    let rest = declaration.replace_all(code, ";");
    all.extend(
        inline
            .find_iter(&rest)
            .map(|found| segments(found.as_str())),
    );
    all
}

/// Writes out `a::{b, c::d}` as `a::b` and `a::c::d`.
fn write_out(prefix: &str, tree: &str, all: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap();
        all.push(format!("{prefix}{}", name.trim()));
        return;
    };
    let close = tree.rfind('}').unwrap();
    let prefix = format!("{prefix}{}", &tree[..open]);
    let (mut depth, mut start) = (0, open + 1);
    for (at, c) in tree[..close]
        .char_indices()
        .skip_while(|(at, _)| *at <= open)
    {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                write_out(&prefix, &tree[start..at], all);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !tree[start..close].trim().is_empty() {
        write_out(&prefix, &tree[start..close], all);
    }
}

/// The module in which a path begins and its other segments; none for paths of other crates, types and locals.
fn absolute(module: &[String], path: &[String], children: &BTreeSet<&str>) -> Option<Vec<String>> {
    let mut rest = path;
    let mut base = match &*path[0] {
        "crate" => Vec::new(),
        "self" | "super" => module.to_vec(),
        name if children.contains(name) => {
            let mut full = module.to_vec();
            full.extend_from_slice(path);
            return Some(full);
        }
        _ => return None,
    };
    while let Some((first, others)) = rest.split_first() {
        match &**first {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            _ => break,
        }
        rest = others;
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// For each file the files that it imports: a path leads to the file of its longest prefix that is a module.
fn imports(all: &[Source]) -> Vec<BTreeSet<usize>> {
    let numbers: BTreeMap<&[String], usize> = all
        .iter()
        .enumerate()
        .map(|(number, source)| (&*source.module, number))
        .collect();
    let child = Regex::new(r"(?m)^(?:pub(?:\([a-z]+\))? )?mod (\w+);").unwrap();
    all.iter()
        .enumerate()
        .map(|(own, source)| {
            let children: BTreeSet<&str> = child
                .captures_iter(&source.code)
                .map(|found| found.get(1).unwrap().as_str())
                .collect();
            let used = paths(&source.code).into_iter().filter_map(|path| {
                let full = absolute(&source.module, &path, &children)?;
                (1..=full.len())
                    .rev()
                    .find_map(|n| numbers.get(&full[..n]))
                    .copied()
            });
            used.filter(|&number| number != own).collect()
        })
        .collect()
}

/// The files that one comes to from a file by imports.
fn reached(from: usize, imports: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<usize> = imports[from].iter().copied().collect();
    while let Some(file) = next.pop() {
        if seen.insert(file) {
            next.extend(&imports[file]);
        }
    }
    seen
}

#[test]
fn no_file_is_imported_by_what_it_imports() {
    let all = all();
    let imports = imports(&all);
    assert!(
        imports.iter().map(BTreeSet::len).sum::<usize>() > 500,
        "few imports were found"
    );
    let reached: Vec<_> = (0..all.len()).map(|from| reached(from, &imports)).collect();
    let mut circles = BTreeSet::new();
    for from in 0..all.len() {
        let circle: Vec<&str> = (0..all.len())
            .filter(|&to| reached[from].contains(&to) && reached[to].contains(&from))
            .map(|number| &*all[number].path)
            .collect();
        if circle.len() > 1 {
            circles.insert(circle.join(" "));
        }
    }
    assert!(
        circles.is_empty(),
        "files that import each other:\n{circles:#?}"
    );
}

#[test]
fn imports_are_found_in_every_way_of_writing_them() {
    let text = r#"
//! [`crate::dataset`]
mod child;
use super::sibling::{One, deep::{Two, Three as Four}};
pub use child::Five;
fn f() { let x = "crate::query::session"; crate::trace::find::all(); /* crate::report */ super::other::g() }
"#;
    let module = ["a".to_owned(), "b".to_owned()];
    let children = BTreeSet::from(["child"]);
    let found: Vec<String> = paths(&bare(text))
        .iter()
        .filter_map(|path| absolute(&module, path, &children))
        .map(|path| path.join("::"))
        .collect();
    let expected = [
        "a::sibling::One",
        "a::sibling::deep::Two",
        "a::sibling::deep::Three",
        "a::b::child::Five",
        "trace::find::all",
        "a::other::g",
    ];
    assert_eq!(found, expected);
}

#[test]
fn functions_and_files_are_read_at_a_sitting() {
    let head =
        Regex::new(r"^( *)(?:pub(?:\([a-z ]+\))? )?(?:const |async |unsafe )*fn (\w+)").unwrap();
    let mut long = Vec::new();
    let mut lines_of_files = Vec::new();
    for source in all() {
        let lines: Vec<&str> = source.code.lines().collect();
        lines_of_files.push(lines.len());
        for (number, line) in lines.iter().enumerate() {
            let Some(found) = head.captures(line) else {
                continue;
            };
            let end = format!("{}}}", &found[1]);
            let length = lines[number..]
                .iter()
                .position(|l| *l == end)
                .map_or(1, |at| at + 1);
            // A declaration without a body ends with a semicolon, where a function has its first brace.
            let first = lines[number..]
                .iter()
                .find(|l| l.ends_with(['{', '}', ';']));
            let body = first.is_some_and(|l| l.ends_with('{'));
            if body && length > FUNCTION_LINES {
                long.push(format!("{}: {} has {length} lines", source.path, &found[2]));
            }
        }
    }
    lines_of_files.sort_unstable();
    let median = lines_of_files[lines_of_files.len() / 2];
    assert!(
        long.is_empty(),
        "functions of more than {FUNCTION_LINES} lines:\n{long:#?}"
    );
    assert!(
        median <= MEDIAN_LINES,
        "half of the files have more than {median} lines"
    );
}

/// The table in the crate's documentation, as `module` → what it may use.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let text = include_str!("lib.rs");
    let rows = text.lines().filter_map(|l| l.strip_prefix("//! | "));
    let names = |cell: &str| {
        let quoted = cell.split('`').skip(1).step_by(2);
        quoted.map(str::to_owned).collect::<Vec<_>>()
    };
    rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let module = names(cells.next()?).pop()?;
        Some((module, names(cells.next()?)))
    })
    .collect()
}

/// The longest path that has a row in the table; else the first name.
fn row<'a>(path: &'a str, allowed: &BTreeMap<String, Vec<String>>) -> &'a str {
    let ends = path.match_indices("::").map(|(end, _)| end);
    let mut prefixes: Vec<&str> = ends.map(|end| &path[..end]).collect();
    prefixes.push(path);
    let rows = prefixes.iter().rev().find(|p| allowed.contains_key(**p));
    rows.unwrap_or(&prefixes[0])
}

#[test]
fn modules_use_only_what_the_table_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed = allowed();
    let mut checked = 0;
    for path in sources(&src) {
        let below = path.strip_prefix(&src).unwrap().with_extension("");
        let names: Vec<&str> = below.iter().map(|name| name.to_str().unwrap()).collect();
        if ["lib", "allocator", "architecture"].contains(&names[0]) {
            continue;
        }
        let file = names.join("::");
        let module = row(&file, &allowed);
        let text = fs::read_to_string(&path).unwrap();
        for used in text.split("crate::").skip(1) {
            let end = used.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let used = row(&used[..end.unwrap_or(used.len())], &allowed);
            let may = module == used
                || ["error", "shown", "foreign", "process", "say", "random"].contains(&used)
                // A row of `a` lets use `a::b`, too.
                || allowed.get(module).is_some_and(|may| {
                    may.iter().any(|m| used == m || used.starts_with(&format!("{m}::")))
                });
            assert!(may, "{}: {module} must not use {used}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 50, "found only {checked} uses");
}
