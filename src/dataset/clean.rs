//! What killed writers left in a dataset: files that have the names of a dataset's own, and that its manifest does not
//! name; and what they were making beside it. Nothing reads them; they take room.
//!
//! Only files of some age are removed: a reader that opened the dataset before it was changed may still read those that
//! were replaced.

use super::lock::Lock;
use super::manifest::Manifest;
use super::root::Root;
use super::{MANIFEST, aside, paths};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use crate::store::client::Folder;
use crate::store::writing::PROBE;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that nothing names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its name in the dataset's folder, or the whole where it is beside that.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether it is old enough to be removed.
    pub old: bool,
}

/// Finds what is left in the dataset in `root`, and of ones in the making beside it, and removes what has not changed for
/// `age`, where `remove` says so. `go_on` is asked while writers have their turn.
///
/// # Errors
/// [`Error::Io`], those of `go_on`, and as [`Manifest::read`].
pub(crate) fn clean(
    root: &Root,
    age: Duration,
    remove: bool,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Leftover>> {
    match root.store() {
        Some(folder) => in_store(folder, root, age, remove),
        None => on_disk(root.path(), root, age, remove, go_on),
    }
}

/// In a store nobody has turns: what a writer has put meanwhile is young.
fn in_store(folder: &Folder, root: &Root, age: Duration, remove: bool) -> Result<Vec<Leftover>> {
    // The objects first: what is committed after that is named by a manifest that is read later.
    let all = folder.list()?;
    let manifest = Manifest::read(&root.anew())?;
    let named = manifest.files();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for object in all {
        let name = path_text(&object.name);
        let ours = paths::is_own(&object.name) || name.starts_with(PROBE);
        if ours && !named.contains(name.as_str()) {
            found.push(Leftover {
                path: object.name,
                bytes: object.bytes,
                old: now.saturating_sub(object.put) >= age.as_secs() as i64,
            });
        }
    }
    if remove {
        let old = found.iter().filter(|leftover| leftover.old);
        let old: Vec<PathBuf> = old.map(|leftover| leftover.path.clone()).collect();
        folder.remove(&old)?;
    }
    Ok(found)
}

fn on_disk(
    root: &Path,
    dataset: &Root,
    age: Duration,
    remove: bool,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Vec<Leftover>> {
    let _lock = Lock::take(root, go_on)?;
    let manifest = Manifest::read(dataset)?;
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
    // Of processes that have ended: their age does not matter.
    let beside = aside::left(root, "")?.into_iter().map(|path| {
        Ok(Leftover {
            bytes: size(&path)?,
            path,
            old: true,
        })
    });
    let beside = beside.collect::<Result<Vec<_>>>()?;
    if remove {
        for leftover in found.iter().filter(|leftover| leftover.old) {
            removed(root, &leftover.path)?;
        }
        aside::remove_left(root)?;
    }
    found.extend(beside);
    Ok(found)
}

/// Removes a file, and its folder where nothing else is in it.
fn removed(root: &Path, path: &Path) -> Result<()> {
    let path = root.join(path);
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    if path.parent().is_some_and(|folder| folder != root) {
        let _ = fs::remove_dir(aside::folder(&path));
    }
    Ok(())
}

/// Bytes of a file, or of all files in a folder.
fn size(path: &Path) -> Result<u64> {
    let told = |path: &Path| {
        let told = fs::symlink_metadata(path);
        told.map(|told| told.len()).map_err(Error::io("read", path))
    };
    if foreign::kind(path)? != Some(Kind::Folder) {
        return told(path);
    }
    let below = foreign::everything_below(path)?.into_iter();
    below.map(|(file, _)| told(&path.join(file))).sum()
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
