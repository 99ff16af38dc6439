//! Making a dataset without ever leaving half of one where a good one is expected.
//!
//! Everything is written to a folder beside the target, whose name begins with a dot. When it is whole and on disk, one
//! rename puts it in place; where a dataset is replaced, old and new change places in one step. An error, a panic or
//! Ctrl-C removes the folder; after a kill or a power failure it stays beside the target until a dataset of that name is
//! made again, and nothing looks at it.

use super::{MANIFEST, is_dataset};
use crate::error::{Error, Place, Result};
use crate::process::ending::{self, Removed};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A dataset in the making.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    dir: PathBuf,
    replace: bool,
    done: bool,
    _removed: Removed,
}

impl Staging {
    /// Begins a dataset that is to stand at `target`. Where something stands there already, `force` allows to replace
    /// it if it is a dataset or an empty folder.
    ///
    /// # Errors
    /// [`Error::Usage`] where the target must not be replaced, [`Error::Io`] where nothing can be written there.
    pub fn begin(target: &Path, force: bool) -> Result<Self> {
        let replace = allowed(target, force)?;
        let name = target.file_name().ok_or_else(|| {
            Error::usage(
                format!("{}: not a name for a dataset", target.display()),
                "Name a folder with -o.",
            )
        })?;
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let prefix = format!(".{}.partial-", name.to_string_lossy());
        remove_abandoned(parent, &prefix)?;
        let dir = parent.join(format!("{prefix}{}", std::process::id()));
        let removed = ending::remove_at_end(&dir);
        fs::create_dir(&dir).map_err(Error::io("create", &dir))?;
        Ok(Staging {
            target: target.to_path_buf(),
            dir,
            replace,
            done: false,
            _removed: removed,
        })
    }

    /// The folder to write to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create_dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        Ok(dir)
    }

    /// Puts the dataset in place. Its manifest must have been written.
    ///
    /// # Errors
    /// [`Error::Io`]; the target is then as it was.
    pub fn commit(mut self) -> Result<()> {
        assert!(is_dataset(&self.dir), "a dataset has a {MANIFEST}");
        sync(&self.dir)?;
        let _held = ending::hold();
        let flags = match self.replace {
            true => RenameFlags::EXCHANGE,
            false => RenameFlags::NOREPLACE,
        };
        let renamed = renameat_with(CWD, &self.dir, CWD, &self.target, flags);
        match renamed.map_err(io::Error::from) {
            Ok(()) => {}
            // Not every file system can do these.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                self.commit_in_two_steps()?;
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(&self.target));
            }
            Err(e) => return Err(Error::io("rename", &self.dir)(e)),
        }
        self.done = true;
        ending::done();
        if self.replace {
            // What stood at the target stands here now.
            fs::remove_dir_all(&self.dir).map_err(Error::io("remove", &self.dir))?;
        }
        if let Some(parent) = self.dir.parent() {
            sync(parent)?;
        }
        Ok(())
    }

    fn commit_in_two_steps(&self) -> Result<()> {
        if self.replace {
            let old = self.dir.with_extension("old");
            fs::rename(&self.target, &old).map_err(Error::io("rename", &self.target))?;
            fs::rename(&self.dir, &self.target).map_err(Error::io("rename", &self.dir))?;
            return fs::rename(&old, &self.dir).map_err(Error::io("rename", &old));
        }
        if self.target.exists() {
            return Err(exists(&self.target));
        }
        fs::rename(&self.dir, &self.target).map_err(Error::io("rename", &self.dir))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            // The error that led here is the one to report.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Removes what processes left that were killed while they made a dataset of this name: those that run no more.
fn remove_abandoned(parent: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(parent).map_err(Error::io("read", parent))? {
        let path = entry.map_err(Error::io("read", parent))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let pid = name
            .as_deref()
            .and_then(|n| n.strip_prefix(prefix)?.parse::<u32>().ok());
        let abandoned = pid.is_some_and(|pid| {
            pid == std::process::id() || !Path::new("/proc").join(pid.to_string()).exists()
        });
        if abandoned {
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Whether something at `target` is to be replaced.
fn allowed(target: &Path, force: bool) -> Result<bool> {
    match fs::symlink_metadata(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("read", target)(e)),
        Ok(_) if !force => Err(exists(target)),
        Ok(kind) => {
            let empty = kind.is_dir()
                && fs::read_dir(target)
                    .map_err(Error::io("read", target))?
                    .next()
                    .is_none();
            match kind.is_dir() && (empty || is_dataset(target)) {
                true => Ok(true),
                false => Err(Error::input(
                    "exists and is not a dataset, so --force does not replace it",
                    Place::file(target),
                    "Remove it yourself if it can go, or choose another name with -o.",
                )),
            }
        }
    }
}

fn exists(target: &Path) -> Error {
    Error::usage(
        format!("{}: exists already", target.display()),
        "Choose another name with -o, or replace it with --force.",
    )
}

fn sync(dir: &Path) -> Result<()> {
    fs::File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(Error::io("write", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(target: &Path, force: bool) -> Staging {
        let staging = Staging::begin(target, force).unwrap();
        fs::write(staging.dir().join(MANIFEST), "{}").unwrap();
        staging
    }

    #[test]
    fn what_is_not_committed_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(staged(&dir.path().join("d"), false));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        // No process has this number: it is above what Linux gives.
        let left = dir.path().join(".d.partial-4194305");
        let running = dir.path().join(".d.partial-1");
        fs::create_dir(&left).unwrap();
        fs::create_dir(&running).unwrap();
        drop(staged(&dir.path().join("d"), false));
        assert!(!left.exists() && running.exists());
    }

    #[test]
    fn a_dataset_is_replaced_only_when_told_and_other_things_never() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("d");
        staged(&target, false).commit().unwrap();
        assert!(is_dataset(&target));
        assert!(Staging::begin(&target, false).is_err());
        let again = staged(&target, true);
        fs::write(again.dir().join("new"), "").unwrap();
        again.commit().unwrap();
        assert!(target.join("new").exists());
        fs::remove_file(target.join(MANIFEST)).unwrap();
        assert!(
            Staging::begin(&target, true).is_err(),
            "no dataset any more"
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing beside it"
        );
    }

    #[test]
    fn a_target_that_appears_meanwhile_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("d");
        let staging = staged(&target, false);
        fs::create_dir(&target).unwrap();
        fs::write(target.join("mine"), "").unwrap();
        assert!(staging.commit().is_err());
        assert!(target.join("mine").exists());
    }
}
