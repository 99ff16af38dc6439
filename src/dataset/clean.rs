//! What killed writers left in a dataset: files that have the names of a dataset's own, and that its manifest does not
//! name. Nothing reads them; they take room.
//!
//! Only files of some age are removed: a reader that opened the dataset before it was changed may still read those that
//! were replaced.

use super::lock::Lock;
use super::manifest::Manifest;
use super::{MANIFEST, aside, paths};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that nothing names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its name in the dataset's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether it is old enough to be removed.
    pub old: bool,
}

/// Finds what is left in the dataset in `root`, and removes what has not changed for `age`, where `remove` says so.
/// `go_on` is asked while writers have their turn.
///
/// # Errors
/// [`Error::Io`], those of `go_on`, and as [`Manifest::read`].
pub(crate) fn clean(
    root: &Path,
    age: Duration,
    remove: bool,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Leftover>> {
    let _lock = Lock::take(root, go_on)?;
    let manifest = Manifest::read(&root.into())?;
    let named = manifest.files();
    let mut found = Vec::new();
    for (path, kind) in foreign::everything_below(root)? {
        if kind == Kind::File && paths::is_own(&path) && !named.contains(path_text(&path).as_str())
        {
            found.push(leftover(root, path, age)?);
        }
    }
    for path in aside::left(&root.join(MANIFEST), "")? {
        let path = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        found.push(leftover(root, path, age)?);
    }
    if remove {
        for leftover in found.iter().filter(|leftover| leftover.old) {
            let path = root.join(&leftover.path);
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            // Only where nothing else is in it.
            if path.parent().is_some_and(|folder| folder != root) {
                let _ = fs::remove_dir(aside::folder(&path));
            }
        }
    }
    Ok(found)
}

fn leftover(root: &Path, path: PathBuf, age: Duration) -> Result<Leftover> {
    let whole = root.join(&path);
    let told = fs::symlink_metadata(&whole).map_err(Error::io("read", &whole))?;
    let changed = told.modified().map_err(Error::io("read", &whole))?;
    // A file of the future is young.
    let since = SystemTime::now()
        .duration_since(changed)
        .unwrap_or_default();
    Ok(Leftover {
        path,
        bytes: told.len(),
        old: since >= age,
    })
}
