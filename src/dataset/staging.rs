//! Making a dataset without ever leaving half of one where a good one is expected.
//!
//! Everything is written to a folder aside (see [`aside`]). When it is whole and on disk, one rename puts it in place; where
//! a dataset is replaced, old and new change places in one step. An error, a panic or Ctrl-C removes the folder; after a
//! kill or a power failure it stays until a dataset of that name is made again, and nothing looks at it.
//!
//! The order on disk is: whoever writes a file makes it durable (fsync), [`Staging::commit`] does so for the folders, then
//! comes the rename, then the fsync of the folder that the target is in, and only then goes what was replaced. So a power
//! failure leaves the old dataset or the new one, whole: see docs/design/faults.md.

use super::committed::Committed;
use super::lock::Lock;
use super::parents::Parents;
use super::{MANIFEST, aside, is_dataset, owned, within};
use crate::error::{Error, Place, Result};
use crate::process::ending::{self, Removed};
use crate::shown::path_text;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// End of the name of a dataset that was moved aside, to be replaced.
const OLD: &str = ".old";

/// A dataset in the making.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    dir: PathBuf,
    replace: bool,
    done: bool,
    _removed: Removed,
    /// After what is in them.
    parents: Parents,
}

impl Staging {
    /// Begins a dataset that is to stand at `target`. Where something stands there already, `force` allows to replace
    /// it if it is a dataset or an empty folder.
    ///
    /// # Errors
    /// [`Error::Usage`] where the target must not be replaced, [`Error::Io`] where nothing can be written there.
    pub fn begin(target: &Path, force: bool) -> Result<Self> {
        let parents = prepare(target)?;
        let replace = allowed(target, force)?;
        let mut staging = Self::beside(target)?;
        (staging.replace, staging.parents) = (replace, parents);
        Ok(staging)
    }

    /// Begins a dataset that is to stand at `target` if nothing stands there when it is made.
    ///
    /// # Errors
    /// [`Error::Usage`] where no dataset may stand there, [`Error::Io`] where nothing can be written there.
    pub fn for_nothing(target: &Path) -> Result<Self> {
        let parents = prepare(target)?;
        let mut staging = Self::beside(target)?;
        staging.parents = parents;
        Ok(staging)
    }

    /// Begins what is to be put into the dataset at `target`, which is there, by others; see [`commit`](super::commit).
    ///
    /// # Errors
    /// [`Error::Io`] where nothing can be written beside it.
    pub fn beside(target: &Path) -> Result<Self> {
        let dir = aside::path_beside(target)?;
        aside::remove_left(target)?;
        let removed = ending::remove_at_end(&dir);
        fs::create_dir(&dir).map_err(Error::io("create", &dir))?;
        Ok(Staging {
            target: target.to_path_buf(),
            dir,
            replace: false,
            done: false,
            _removed: removed,
            parents: Parents::default(),
        })
    }

    /// The folder to write to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts the dataset in place. Its manifest must have been written.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Input`] (something else has come to be in a dataset that is replaced); the target is then
    /// as it was. [`Error::InPlace`] where the new dataset is in place, but what comes after that failed.
    pub fn commit(mut self) -> Result<()> {
        match self.put()? {
            Committed::Done => Ok(()),
            Committed::Changed => Err(exists(&self.target)),
        }
    }

    /// The same, but where something has come to stand at a target that was free, that is no error: nothing has changed
    /// then.
    ///
    /// # Errors
    /// As [`Staging::commit`].
    pub(crate) fn put(&mut self) -> Result<Committed> {
        assert!(
            is_dataset(&self.dir.as_path().into())?,
            "a dataset has a {MANIFEST}"
        );
        aside::sync_folders(&self.dir)?;
        // Who appends to what is replaced comes before or after, where the file system knows locks.
        let take = || Lock::take(&self.target, &|| Ok(())).ok();
        let _lock = self.replace.then(take).flatten();
        if self.replace {
            allowed(&self.target, true)?;
        }
        let _held = ending::hold();
        let flags = match self.replace {
            true => RenameFlags::EXCHANGE,
            false => RenameFlags::NOREPLACE,
        };
        let renamed = renameat_with(CWD, &self.dir, CWD, &self.target, flags);
        let replaced = match renamed.map_err(io::Error::from) {
            // What stood at the target stands here now.
            Ok(()) => self.dir.clone(),
            // Not every file system can do these.
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
                match self.commit_in_two_steps()? {
                    Some(replaced) => replaced,
                    None => return Ok(Committed::Changed),
                }
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(Committed::Changed),
            Err(e) => return Err(Error::io("rename", &self.dir)(e)),
        };
        self.done = true;
        self.parents.keep();
        ending::done();
        self.settle(&replaced)?;
        Ok(Committed::Done)
    }

    /// Removes the folder, when what was made in it has been put in place by others.
    ///
    /// # Errors
    /// [`Error::InPlace`].
    pub fn remove(mut self) -> Result<()> {
        self.done = true;
        self.removed("the folder that it was made in", &self.dir)
    }

    /// Removes what is not needed any more when the dataset is in place.
    fn removed(&self, what: &str, dir: &Path) -> Result<()> {
        fs::remove_dir_all(dir).map_err(|e| Error::InPlace {
            target: self.target.clone(),
            what: format!("{what} is left in {}: {e}", path_text(dir)),
            remedy: "Remove it yourself; or the next run to the same name removes it.".to_owned(),
        })
    }

    /// What comes after the dataset is in place: to make that durable, and to remove what it replaced.
    fn settle(&self, replaced: &Path) -> Result<()> {
        // The rename first: a power failure must not leave the old dataset in place with its files gone.
        if let Err(e) = aside::sync(aside::folder(&self.target)) {
            let kept = match self.replace {
                true => format!("; what it replaced is kept in {}", path_text(replaced)),
                false => String::new(),
            };
            return Err(aside::not_durable(&self.target, &e, &kept));
        }
        if self.replace {
            return self.removed("what it replaced", replaced);
        }
        Ok(())
    }

    /// Where old and new can't change places in one step. A process that is killed between the two leaves no target:
    /// [`put_back`] mends that. Returns where the old one is, or nothing where something stands at a target that was free.
    fn commit_in_two_steps(&self) -> Result<Option<PathBuf>> {
        if self.replace {
            let mut old = self.dir.clone().into_os_string();
            old.push(OLD);
            let old = PathBuf::from(old);
            fs::rename(&self.target, &old).map_err(Error::io("rename", &self.target))?;
            if let Err(e) = fs::rename(&self.dir, &self.target) {
                fs::rename(&old, &self.target).map_err(Error::io("rename", &old))?;
                return Err(Error::io("rename", &self.dir)(e));
            }
            return Ok(Some(old));
        }
        match aside::rename_to_nothing(&self.dir, &self.target) {
            // The latter where it has come there since it was looked at.
            Err(e)
                if [
                    io::ErrorKind::AlreadyExists,
                    io::ErrorKind::DirectoryNotEmpty,
                ]
                .contains(&e.kind()) =>
            {
                Ok(None)
            }
            renamed => renamed
                .map(|()| Some(self.dir.clone()))
                .map_err(Error::io("rename", &self.dir)),
        }
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

/// Makes sure that something can be made at `target`: the folder that it is in, and nothing half there.
fn prepare(target: &Path) -> Result<Parents> {
    // Whether it has a name at all, before anything is made.
    aside::path_beside(target)?;
    within::refuse(target)?;
    let parents = Parents::create(aside::folder(target))?;
    put_back(target).map(|()| parents)
}

/// Puts a dataset back that a process moved aside before it was killed (see [`Staging::commit_in_two_steps`]), or removes
/// it where the new one is in place.
fn put_back(target: &Path) -> Result<()> {
    for old in aside::left(target, OLD)? {
        match fs::symlink_metadata(target) {
            Ok(_) => fs::remove_dir_all(&old).map_err(Error::io("remove", &old))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::rename(&old, target).map_err(Error::io("rename", &old))?;
            }
            Err(e) => return Err(Error::io("read", target)(e)),
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
            match kind.is_dir() && (empty || is_dataset(&target.into())?) {
                true if empty => Ok(true),
                true => owned::refuse_others(target).map(|()| true),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::owner;
    use std::ffi::OsStr;

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
        let of = |owner| dir.path().join(format!(".d.partial-{owner}"));
        let (left, running) = (of(owner::ended()), of(owner::running()));
        fs::create_dir(&left).unwrap();
        fs::create_dir(&running).unwrap();
        drop(staged(&dir.path().join("d"), false));
        assert!(!left.exists() && running.exists());
    }

    #[test]
    fn what_a_killed_process_moved_aside_is_put_back_or_goes_when_the_new_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("d");
        let aside = dir
            .path()
            .join(format!(".d.partial-{}.old", owner::ended()));
        fs::create_dir(&aside).unwrap();
        fs::write(aside.join(MANIFEST), "{}").unwrap();
        assert!(Staging::begin(&target, false).is_err(), "it is there again");
        assert!(is_dataset(&target.as_path().into()).unwrap() && !aside.exists());
        fs::create_dir(&aside).unwrap();
        drop(staged(&target, true));
        assert!(is_dataset(&target.as_path().into()).unwrap() && !aside.exists());
    }

    #[test]
    fn a_dataset_is_replaced_only_when_told_and_other_things_never() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("d");
        staged(&target, false).commit().unwrap();
        assert!(is_dataset(&target.as_path().into()).unwrap());
        assert!(Staging::begin(&target, false).is_err());
        let again = staged(&target, true);
        fs::write(again.dir().join("new"), "").unwrap();
        again.commit().unwrap();
        assert!(target.join("new").exists());
        let e = Staging::begin(&target, true).unwrap_err().to_string();
        assert!(e.contains("not the dataset's") && e.contains("new"), "{e}");
        fs::remove_file(target.join("new")).unwrap();
        let again = staged(&target, true);
        fs::write(target.join("notes"), "").unwrap();
        let e = again.commit().unwrap_err().to_string();
        assert!(
            e.contains("not the dataset's") && e.contains("notes"),
            "{e}"
        );
        assert!(target.join("notes").exists());
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
    fn names_that_are_long_or_no_text_are_written_beside() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "ä".repeat(127).as_ref(),
            "d".repeat(255).as_ref(),
            OsStr::from_bytes(b"d\xff"),
        ] {
            let target = dir.path().join(name);
            staged(&target, false).commit().unwrap();
            staged(&target, true).commit().unwrap();
            assert!(is_dataset(&target.as_path().into()).unwrap());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
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
