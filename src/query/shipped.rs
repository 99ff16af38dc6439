//! The queries that come with the program.
//!
//! They are part of the binary, so that `sysds query latency` works wherever it is installed; a file of the same name
//! in `./queries` goes first, so that a changed copy is what runs.

use super::source::Source;
use std::path::Path;

/// Folder in which a query of one's own is looked for by its bare name.
pub const FOLDER: &str = "queries";

const EMBEDDED: [(&str, &str); 18] = [
    (
        "blocked_time",
        include_str!("../../queries/blocked_time.sql"),
    ),
    (
        "distribution",
        include_str!("../../queries/distribution.sql"),
    ),
    ("downstream", include_str!("../../queries/downstream.sql")),
    ("errors", include_str!("../../queries/errors.sql")),
    ("files", include_str!("../../queries/files.sql")),
    ("latency", include_str!("../../queries/latency.sql")),
    (
        "latency_by_label",
        include_str!("../../queries/latency_by_label.sql"),
    ),
    (
        "latency_over_time",
        include_str!("../../queries/latency_over_time.sql"),
    ),
    ("load_check", include_str!("../../queries/load_check.sql")),
    ("losses", include_str!("../../queries/losses.sql")),
    ("ngrams", include_str!("../../queries/ngrams.sql")),
    ("sequences", include_str!("../../queries/sequences.sql")),
    (
        "slow_vs_fast",
        include_str!("../../queries/slow_vs_fast.sql"),
    ),
    ("split", include_str!("../../queries/split.sql")),
    (
        "syscall_histogram",
        include_str!("../../queries/syscall_histogram.sql"),
    ),
    ("timeline", include_str!("../../queries/timeline.sql")),
    (
        "top_arguments",
        include_str!("../../queries/top_arguments.sql"),
    ),
    ("window", include_str!("../../queries/window.sql")),
];

/// All queries that go by a bare name, sorted: those in `folder`, and the embedded ones that it has not.
pub fn list(folder: &Path) -> Vec<(String, Source)> {
    let mut found: Vec<(String, Source)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            let is_sql = path.extension().is_some_and(|e| e == "sql");
            Some((name, Source::file(&path).ok().filter(|_| is_sql)?))
        })
        .collect();
    for (name, text) in EMBEDDED {
        if !found.iter().any(|(n, _)| n == name) {
            found.push((name.to_owned(), embedded(name, text)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The query of this name, with or without `.sql`.
pub fn find(folder: &Path, name: &str) -> Option<Source> {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    list(folder)
        .into_iter()
        .find_map(|(n, source)| (n == name).then_some(source))
}

/// The query of this name as it came with the program, whatever lies in a folder.
pub fn original(name: &str) -> Option<Source> {
    let (name, text) = EMBEDDED.iter().find(|(n, _)| *n == name)?;
    Some(embedded(name, text))
}

/// Whether this is the text of a query that came with the program, whatever it lies in.
pub fn is_original(text: &str) -> bool {
    EMBEDDED.iter().any(|(_, original)| *original == text)
}

fn embedded(name: &str, text: &str) -> Source {
    Source {
        name: format!("{FOLDER}/{name}.sql (shipped)"),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_query_says_what_it_answers() {
        for (name, source) in list(Path::new("does-not-exist")) {
            assert!(source.title().ends_with('.'), "{name}: {}", source.title());
        }
    }

    #[test]
    fn a_file_in_the_folder_goes_before_the_embedded_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("latency.sql"), "-- Mine.\nSELECT 1").unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no query").unwrap();
        assert_eq!(find(dir.path(), "latency").unwrap().title(), "Mine.");
        assert_eq!(list(dir.path()).len(), EMBEDDED.len());
        assert!(find(dir.path(), "notes").is_none());
    }
}
