//! A folder for what nobody keeps: what goes to disk while a query runs, what goes to a store while it is made.
//!
//! It is in the folder for temporary files, and its name tells its owner. What processes that were killed left of the same
//! kind is removed by the next that makes one.

use super::aside;
use crate::error::{Error, Result};
use crate::process::ending::{self, Removed};
use crate::process::owner::Owner;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The folder. Dropped, it is removed with what is in it, as where the process ends early.
#[derive(Debug)]
pub(crate) struct Temporary {
    _removed: Removed,
    dir: TempDir,
}

impl Temporary {
    /// Makes one whose name begins with `prefix`, which ends with `-`.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be made.
    pub(crate) fn new(prefix: &str) -> Result<Self> {
        let within = std::env::temp_dir();
        remove_abandoned(&within, prefix);
        let name = format!("{prefix}{}-", Owner::current());
        let dir = tempfile::Builder::new().prefix(&name).tempdir_in(&within);
        let dir = dir.map_err(Error::io("create a folder in", &within))?;
        Ok(Temporary {
            _removed: ending::remove_at_end(dir.path()),
            dir,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        ending::remove(self.dir.path());
    }
}

/// Removes what processes that were killed left in the folder for temporary files. Where it cannot, as with what is another
/// user's, it stays: that is no fault of this process.
fn remove_abandoned(folder: &Path, prefix: &str) {
    let left = aside::abandoned(folder, |name| {
        Some(name.strip_prefix(prefix)?.rsplit_once('-')?.0)
    });
    for path in left.unwrap_or_default() {
        let _ = fs::remove_dir_all(path);
    }
}
