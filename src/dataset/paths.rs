//! Where the files of a recording stand in a dataset: in a folder `TABLE/trace_id=ID` for each table, named as Hive names
//! the folders of a partition, so that every engine that knows those skips recordings it is not asked for.
//!
//! The columns `trace_id` and `label` stay in the files all the same: one file alone still says what it is.

use super::tables;
use crate::error::{Error, Result};
use std::fmt::Write;
use std::path::Path;

/// The folder that has the event classes of each recording, and with `.json` the file that a release has.
pub(super) const CLASSES: &str = "classes";
/// What the name of such a folder begins with.
const KEY: &str = "trace_id=";
/// Bytes that a file name can have (pathname(7) and the usual file systems).
const LONGEST: usize = 255;

/// The folder, in the dataset's, of the files that `table` has of the recording `trace_id`.
pub(crate) fn folder(table: &str, trace_id: &str) -> String {
    format!("{table}/{KEY}{}", escaped(trace_id))
}

/// The folder of the file that has the event classes of a recording, and the file's name there: `number` is that of the
/// recording's first files, which is another where a recording takes the place of itself.
pub(crate) fn classes(trace_id: &str, part: &str, number: usize) -> (String, String) {
    (
        folder(CLASSES, trace_id),
        format!("{part}-{number:05}.json"),
    )
}

/// Whether a file, of which `path` is the name in a dataset's folder, is called as those of recordings are.
pub(crate) fn is_own(path: &Path) -> bool {
    let names: Vec<&str> = path.iter().filter_map(|name| name.to_str()).collect();
    match names[..] {
        [CLASSES, folder, file] => folder.starts_with(KEY) && file.ends_with(".json"),
        [table, folder, file] => {
            tables::ALL.contains(&table) && folder.starts_with(KEY) && file.ends_with(".parquet")
        }
        _ => false,
    }
}

/// Whether the names that a recording's files would have are not too long for a file system.
///
/// # Errors
/// [`Error::Usage`] where they are.
pub(crate) fn check(trace_id: &str) -> Result<()> {
    if KEY.len() + escaped(trace_id).len() <= LONGEST {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "the trace has no UUID, and the name of its folder is too long to call it by: {trace_id}"
        ),
        "Give the folder a shorter name.",
    ))
}

/// A value in the name of a folder: the characters that Hive and Spark do not write as they are, as `%` and two digits.
fn escaped(value: &str) -> String {
    let mut name = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^' => {
                write!(name, "%{:02X}", c as u32).expect("a string takes everything");
            }
            c if c.is_ascii_control() => {
                write!(name, "%{:02X}", c as u32).expect("a string takes everything");
            }
            c => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_hive_gives() {
        assert_eq!(folder("events", "5f99-01"), "events/trace_id=5f99-01");
        assert_eq!(
            folder("losses", "a=b/c d\n%é"),
            "losses/trace_id=a%3Db%2Fc d%0A%25é"
        );
    }

    #[test]
    fn own_files_are_known_by_their_names() {
        let own = |path: String| is_own(Path::new(&path));
        assert!(own(format!("{}/part-00000.parquet", folder("events", "a"))));
        let (folder, file) = classes("a=b", "part", 0);
        assert!(own(format!("{folder}/{file}")));
        for other in [
            "manifest.json",
            "events/notes.parquet",
            "notes/trace_id=a/x.parquet",
        ] {
            assert!(!own(other.to_owned()), "{other}");
        }
    }

    #[test]
    fn names_that_no_file_can_have_are_refused() {
        assert!(check(&"a".repeat(246)).is_ok());
        assert!(check(&"a".repeat(247)).is_err());
        assert!(check(&"=".repeat(83)).is_err(), "three bytes each");
    }
}
