//! `COPY … TO`, without ever leaving half a file or a mixture behind.
//!
//! DataFusion writes straight to the target and adds to a folder that is there already, so that a split run twice
//! would hold every row twice. Here the rows go into a folder aside, out of which they are moved when all are written; a
//! folder that holds something is not touched.

use crate::error::{Error, Result};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use datafusion::sql::parser::CopyToStatement;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A `COPY` whose rows go aside first.
pub struct Staged {
    statement: CopyToStatement,
    target: PathBuf,
    aside: PathBuf,
    rows: PathBuf,
    folder: bool,
}

impl Staged {
    /// Checks the target of a `COPY` and prepares a place beside it.
    ///
    /// # Errors
    /// [`Error::Usage`] where the target is a folder that holds something, or no local path.
    pub fn begin(statement: CopyToStatement) -> Result<Self> {
        let target = local(&statement.target)?;
        // As DataFusion has it: a name with an extension is one file, unless rows are spread over folders.
        let folder = !statement.partitioned_by.is_empty()
            || statement.target.ends_with('/')
            || target.extension().is_none();
        let holds =
            |dir: &Path| fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        if target.is_dir() && (!folder || holds(&target)) || folder && target.is_file() {
            return Err(Error::usage(
                format!("COPY … TO '{}': exists already", statement.target),
                "Remove it, or write to another folder; nothing is added to what is there.",
            ));
        }
        let aside = aside(&target)?;
        let rows = aside.join(target.file_name().unwrap_or_default());
        Ok(Staged {
            statement,
            target,
            aside,
            rows,
            folder,
        })
    }

    /// The statement to run instead.
    pub fn statement(&self) -> CopyToStatement {
        let mut statement = self.statement.clone();
        statement.target = url(&self.rows).unwrap_or_default();
        if self.folder {
            statement.target.push('/');
        }
        statement
    }

    /// Where the rows will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts what was written in place; the number of rows is what DataFusion returned.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit(&mut self, returned: &[RecordBatch]) -> Result<u64> {
        if self.folder {
            fs::create_dir_all(&self.rows).map_err(Error::io("create", &self.rows))?;
            number_files(&self.rows)?;
        }
        fs::rename(&self.rows, &self.target).map_err(Error::io("write", &self.target))?;
        let counts = |batch: &RecordBatch| {
            let column = batch.columns().first()?;
            let counts = column.as_primitive_opt::<UInt64Type>()?;
            Some(counts.values().iter().sum::<u64>())
        };
        Ok(returned.iter().filter_map(counts).sum())
    }
}

impl Drop for Staged {
    /// Removes what is aside. Threads of a query that was stopped may add a file meanwhile: then once more.
    fn drop(&mut self) {
        for _ in 0..ATTEMPTS {
            let _ = fs::remove_dir_all(&self.aside);
            if !self.aside.exists() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Names the files of a folder `part-00000` and so on, at every depth: DataFusion's names are random, and the same query
/// shall give the same files.
fn number_files(dir: &Path) -> Result<()> {
    let entries = fs::read_dir(dir).and_then(|all| all.collect::<Result<Vec<_>, _>>());
    let mut files = Vec::new();
    for entry in entries.map_err(Error::io("read", dir))? {
        match entry.path().is_dir() {
            true => number_files(&entry.path())?,
            false => files.push(entry.path()),
        }
    }
    // One random name for all, then a number without leading zeros: shorter goes first.
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    for (i, path) in files.iter().enumerate() {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let name = path.with_file_name(format!("part-{i:05}.{extension}"));
        fs::rename(path, name).map_err(Error::io("rename", path))?;
    }
    Ok(())
}

/// A hidden name beside `target`, of the same extension.
pub fn aside(target: &Path) -> Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| {
        Error::usage(
            format!("{}: not a name for a file", target.display()),
            "Name a file or folder to write to.",
        )
    })?;
    let name = format!(".partial-{}-{}", std::process::id(), name.to_string_lossy());
    Ok(target.with_file_name(name))
}

fn local(target: &str) -> Result<PathBuf> {
    match target.split_once("://") {
        None => Ok(PathBuf::from(target)),
        Some(("file", path)) => Ok(PathBuf::from(path)),
        Some(_) => Err(Error::usage(
            format!("COPY … TO '{target}': not a path of this machine"),
            "Write to a local file or folder.",
        )),
    }
}

/// The URL of a path; in a bare path DataFusion would take `*`, `?` and `[` for a pattern.
///
/// # Errors
/// [`Error::Io`] where the current folder is unknown.
pub fn url(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(Error::io("read", path))?;
    let mut url = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(*byte)),
            b if b.is_ascii_alphanumeric() => url.push(char::from(*b)),
            b => {
                let _ = write!(url, "%{b:02X}");
            }
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_patterns_are_names() {
        assert_eq!(
            url(Path::new("/a b/[x]*?%.parquet")).unwrap(),
            "file:///a%20b/%5Bx%5D%2A%3F%25.parquet"
        );
    }

    #[test]
    fn files_are_numbered_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("split=train");
        fs::create_dir(&sub).unwrap();
        for i in [0, 2, 10] {
            fs::write(sub.join(format!("xY_{i}.parquet")), i.to_string()).unwrap();
        }
        number_files(dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(sub.join(name)).unwrap();
        assert_eq!(read("part-00001.parquet"), "2");
        assert_eq!(read("part-00002.parquet"), "10");
    }

    #[test]
    fn what_is_aside_keeps_the_extension() {
        let aside = aside(Path::new("d/out.parquet")).unwrap();
        assert_eq!(aside.parent(), Some(Path::new("d")));
        assert_eq!(aside.extension().unwrap(), "parquet");
    }
}
