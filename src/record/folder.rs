//! The folder of a recording: it is made aside and renamed when it is whole.
//!
//! Where the process is killed, or LTTng fails after tracing has begun, what was traced stays aside, in
//! `.NAME.partial-OWNER`: it may be hours of a server's time, and `sysds ingest` reads it. The next recording to that place
//! tells of it, and removes nothing.

use crate::dataset::{aside, within};
use crate::error::{Error, Result};
use crate::foreign;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder that is removed when it is dropped before [`Folder::commit`] or [`Folder::keep`].
pub(super) struct Folder {
    target: PathBuf,
    /// Where to write to; absolute, as the daemon needs it.
    pub dir: PathBuf,
    kept: bool,
}

impl Folder {
    /// Makes the folder beside `target`, where nothing may stand.
    ///
    /// # Errors
    /// [`Error::Usage`] where something stands there, [`Error::Io`].
    pub(super) fn begin(target: &Path) -> Result<Folder> {
        if foreign::kind(target)?.is_some() {
            return Err(exists(target));
        }
        within::refuse(target)?;
        let parent = parent(target)?;
        let name = target.file_name().ok_or_else(|| {
            Error::usage(
                format!("{}: no name of a folder", target.display()),
                "Name a new folder with -o.",
            )
        })?;
        let dir = aside::path_beside(&parent.join(name))?;
        fs::create_dir(&dir).map_err(Error::io("create", &dir))?;
        Ok(Folder {
            target: parent.join(name),
            dir,
            kept: false,
        })
    }

    /// From now on it stays aside, whatever happens.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// Renames it to the target.
    ///
    /// # Errors
    /// [`Error::Usage`] where something has come to stand there, [`Error::Io`]. The folder then stays aside.
    pub(super) fn commit(mut self) -> Result<()> {
        self.keep();
        match aside::rename_to_nothing(&self.dir, &self.target) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(exists(&self.target)),
            renamed => renamed.map_err(Error::io("rename", &self.dir)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // The error that led here is the one to report.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Folders that recordings to `target` left whose processes were killed. They are only told of: where the system does not
/// say what is there, there is nothing to tell, and making the new folder fails with the reason.
pub(super) fn abandoned(target: &Path) -> Vec<PathBuf> {
    let Some((parent, name)) = parent(target).ok().zip(target.file_name()) else {
        return Vec::new();
    };
    aside::left(&parent.join(name), "").unwrap_or_default()
}

/// The folder, as an absolute path, that `target` is or will be in.
fn parent(target: &Path) -> Result<PathBuf> {
    let parent = aside::folder(target);
    parent.canonicalize().map_err(Error::io("read", parent))
}

fn exists(target: &Path) -> Error {
    Error::usage(
        format!("{}: exists already", target.display()),
        "Name another folder with -o, or remove it yourself: a recording is never overwritten.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::owner;

    #[test]
    fn a_recording_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        drop(Folder::begin(&target).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let folder = Folder::begin(&target).unwrap();
        fs::write(folder.dir.join("x"), "").unwrap();
        assert!(!target.exists());
        folder.commit().unwrap();
        assert!(target.join("x").exists());
        assert!(Folder::begin(&target).is_err());
    }

    #[test]
    fn what_has_come_to_stand_there_is_kept_and_so_is_the_recording() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let folder = Folder::begin(&target).unwrap();
        let aside = folder.dir.clone();
        fs::create_dir(&target).unwrap();
        assert!(folder.commit().is_err());
        assert!(target.exists() && aside.exists());
    }

    #[test]
    fn only_what_killed_processes_left_is_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name, owner| dir.path().join(format!(".{name}.partial-{owner}"));
        let left = of("out", owner::ended());
        fs::create_dir(&left).unwrap();
        fs::create_dir(of("out", owner::running())).unwrap();
        fs::create_dir(of("other", owner::ended())).unwrap();
        let found = abandoned(&dir.path().join("out"));
        assert_eq!(found, [left.canonicalize().unwrap()]);
    }
}
