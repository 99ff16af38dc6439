//! `COPY … TO`, without ever leaving half a file or a mixture behind.
//!
//! DataFusion writes straight to the target and adds to a folder that is there already, so that a split run twice
//! would hold every row twice. Here the rows go into a folder aside, out of which they are moved when all are written; a
//! folder that holds something is not touched.

use super::access::Access;
use crate::dataset::aside::Aside;
use crate::dataset::parents::Parents;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind, kind};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use datafusion::sql::parser::CopyToStatement;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A `COPY` whose rows go aside first.
pub(super) struct Staged {
    statement: CopyToStatement,
    /// As the statement has it.
    target: PathBuf,
    aside: Aside,
    rows: PathBuf,
    folder: bool,
    replace: bool,
    /// After what is in them.
    parents: Parents,
}

impl Staged {
    /// Checks the target of a `COPY` and prepares a place beside it. `access` says where SQL writes, `named` whether the
    /// user himself named this target, `root` is the resolved folder of the dataset.
    ///
    /// # Errors
    /// [`Error::Usage`] where the target must not be written, is a folder that holds something, or no local path.
    pub(super) fn begin(
        statement: CopyToStatement,
        access: &Access,
        named: bool,
        root: &Path,
    ) -> Result<Self> {
        let target = local(&statement.target)?;
        let place = access.writable(&target, named, root)?;
        // As DataFusion has it: a name with an extension is one file, unless rows are spread over folders.
        let folder = !statement.partitioned_by.is_empty()
            || statement.target.ends_with('/')
            || target.extension().is_none();
        if let Some(there) = kind(&place)?
            && ((there == Kind::Folder) != folder || folder && holds_something(&place)?)
        {
            return Err(Error::usage(
                format!("COPY … TO '{}': exists already", statement.target),
                "Remove it, or write to another folder; nothing is added to what is there.",
            ));
        }
        let parents = place.parent().map(Parents::create).transpose()?;
        let aside = Aside::beside(&place)?;
        let rows = aside.path().join(place.file_name().unwrap_or_default());
        Ok(Staged {
            statement,
            target,
            aside,
            rows,
            folder,
            replace: access.force(),
            parents: parents.unwrap_or_default(),
        })
    }

    /// The statement to run instead.
    ///
    /// # Errors
    /// As [`url()`].
    pub(super) fn statement(&self) -> Result<CopyToStatement> {
        let mut statement = self.statement.clone();
        statement.target = url(&self.rows)?;
        if self.folder {
            statement.target.push('/');
        }
        Ok(statement)
    }

    /// Where the rows will be.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Where they are written: a file, or the files in a folder.
    pub(super) fn rows(&self) -> (&Path, bool) {
        (&self.rows, self.folder)
    }

    /// Puts what was written in place.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn commit(&mut self) -> Result<()> {
        if self.folder {
            fs::create_dir_all(&self.rows).map_err(Error::io("create", &self.rows))?;
            number_files(&self.rows)?;
        }
        self.aside.put_in_place(&self.rows, self.replace)?;
        self.parents.keep();
        Ok(())
    }
}

/// The number of rows in what DataFusion returned for a `COPY`.
pub(super) fn count(returned: &[RecordBatch]) -> u64 {
    let counts = |batch: &RecordBatch| {
        let column = batch.columns().first()?;
        let counts = column.as_primitive_opt::<UInt64Type>()?;
        Some(counts.values().iter().sum::<u64>())
    };
    returned.iter().filter_map(counts).sum()
}

fn holds_something(folder: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    Ok(entries.next().is_some())
}

/// Names the files of a folder `part-00000` and so on, at every depth: DataFusion's names are random, and the same query
/// shall give the same files.
fn number_files(dir: &Path) -> Result<()> {
    let mut files = Vec::new();
    for (path, kind) in foreign::entries(dir)? {
        match kind {
            Kind::Folder => number_files(&path)?,
            _ => files.push(path),
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

/// The path that a `COPY` or a `CREATE EXTERNAL TABLE` names.
///
/// # Errors
/// [`Error::Usage`] for the URL of something else.
pub(super) fn local(target: &str) -> Result<PathBuf> {
    match target.split_once("://") {
        None => Ok(PathBuf::from(target)),
        Some(("file", path)) => Ok(PathBuf::from(path)),
        Some(_) => Err(Error::usage(
            format!("'{target}': not a path of this machine"),
            "SQL reads and writes files of this machine only; in stores are the tables of the dataset. Name a path, and copy it \
             by the store's own tools.",
        )),
    }
}

/// The URL of a path; in a bare path DataFusion would take `*`, `?` and `[` for a pattern.
///
/// # Errors
/// [`Error::Io`] where the current folder is unknown.
pub(super) fn url(path: &Path) -> Result<String> {
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
}
