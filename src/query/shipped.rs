//! The queries that come with the program.
//!
//! They are part of the binary, so that `sysds query latency` works wherever it is installed; a file of the same name
//! in `./queries` goes first, so that a changed copy is what runs.

use super::source::Source;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Folder in which a query of one's own is looked for by its bare name.
pub(crate) const FOLDER: &str = "queries";

const EMBEDDED: &[(&str, &str)] = &[
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
///
/// # Errors
/// [`Error::Io`] where the folder is there and cannot be read, or a query in it; as [`Source::file`].
pub(crate) fn list(folder: &Path) -> Result<Vec<(String, Source)>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        found.extend(find(folder, &name)?.map(|source| (name, source)));
    }
    Ok(found)
}

/// The names of these queries, sorted.
///
/// # Errors
/// [`Error::Io`] where the folder is there and cannot be read.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: BTreeSet<String> = EMBEDDED.iter().map(|(n, _)| (*n).to_owned()).collect();
    if foreign::kind_behind(folder)? == Some(Kind::Folder) {
        for (path, _) in foreign::entries(folder)? {
            if path.extension().is_some_and(|e| e == "sql")
                && let Some(name) = path.file_stem().and_then(|n| n.to_str())
            {
                names.insert(name.to_owned());
            }
        }
    }
    Ok(names.into_iter().collect())
}

/// The query of this name, with or without `.sql`; `None` where there is none.
///
/// # Errors
/// As [`list`]: what is there and cannot be read is not taken for absent, so that no other query runs in its place.
pub(crate) fn find(folder: &Path, name: &str) -> Result<Option<Source>> {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    let path = folder.join(format!("{name}.sql"));
    let is_bare = Path::new(name).components().count() == 1 && foreign::is_inside(Path::new(name));
    match is_bare && is_there(&path)? {
        true => Source::file(&path).map(Some),
        false => Ok(original(name)),
    }
}

/// Whether there is anything but a folder to read SQL from: a file, or the pipe of a shell's `<(…)`. No file has a name that
/// is too long for the system.
///
/// # Errors
/// [`Error::Io`] where the system does not say.
pub(crate) fn is_there(path: &Path) -> Result<bool> {
    match foreign::kind_behind(path) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::InvalidFilename => {
            Ok(false)
        }
        kind => Ok(kind?.is_some_and(|kind| kind != Kind::Folder)),
    }
}

/// The query of this name as it came with the program, whatever lies in a folder.
pub(crate) fn original(name: &str) -> Option<Source> {
    let (name, text) = EMBEDDED.iter().find(|(n, _)| *n == name)?;
    Some(embedded(name, text))
}

/// Whether a file in the folder stands for a query that came with the program, and says something else.
pub(crate) fn is_replaced(name: &str, by: &Source) -> bool {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    original(name).is_some_and(|shipped| shipped.text != by.text)
}

/// Whether this is the text of a query that came with the program, whatever it lies in.
pub(crate) fn is_original(text: &str) -> bool {
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
        for (name, source) in list(Path::new("does-not-exist")).unwrap() {
            assert!(source.title().ends_with('.'), "{name}: {}", source.title());
        }
    }

    #[test]
    fn a_file_in_the_folder_goes_before_the_embedded_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("latency.sql"), "-- Mine.\nSELECT 1").unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no query").unwrap();
        std::fs::create_dir(dir.path().join("errors.sql")).unwrap();
        let found = |name| find(dir.path(), name).unwrap();
        assert_eq!(found("latency").unwrap().title(), "Mine.");
        assert_eq!(found("errors.sql").unwrap(), original("errors").unwrap());
        assert_eq!(list(dir.path()).unwrap().len(), EMBEDDED.len());
        assert!(found("notes").is_none() && found("../latency").is_none());
        assert!(found(&"x".repeat(300)).is_none());
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_absent() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let queries = dir.path().join("queries");
        symlink("queries", &queries).unwrap();
        assert!(list(&queries).is_err() && find(&queries, "latency").is_err());
        std::fs::remove_file(&queries).unwrap();
        std::fs::create_dir(&queries).unwrap();
        symlink("latency.sql", queries.join("latency.sql")).unwrap();
        assert!(list(&queries).is_err() && find(&queries, "latency").is_err());
        assert!(find(&queries, "errors").unwrap().is_some());
        std::fs::remove_file(queries.join("latency.sql")).unwrap();
        std::fs::write(queries.join("mine.sql"), b"SELECT '\xff'").unwrap();
        assert!(list(&queries).is_err() && find(&queries, "mine").is_err());
    }
}
