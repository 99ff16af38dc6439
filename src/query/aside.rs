//! Files and folders that are not there until they are whole.
//!
//! What is written goes to a hidden name beside its target, onto the disk, and is then renamed: so a power loss, a kill
//! and an error leave the target as it was or as it is to be. What a killed process left is removed by the next that
//! writes the same target.

use crate::error::{Error, Result};
use crate::process::ending::{self, Removed};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What hidden names begin with; then come the number of the process, `-`, and the target's name.
const PREFIX: &str = ".partial-";
/// Bytes of a target's name from which on the hidden one has a hash instead: file systems allow 255.
const LONG: usize = 230;

/// A hidden place beside a target. Dropped, it is removed with what is in it.
#[derive(Debug)]
pub struct Place {
    target: PathBuf,
    path: PathBuf,
    _removed: Removed,
}

impl Place {
    /// The place for `target`, which has the same extension; what killed processes left of the same target is removed.
    ///
    /// # Errors
    /// [`Error::Usage`] where `target` has no name, [`Error::Io`] where its folder cannot be read.
    pub fn beside(target: &Path) -> Result<Self> {
        let name = target.file_name().ok_or_else(|| {
            Error::usage(
                format!("{}: not a name for a file", target.display()),
                "Name a file or folder to write to.",
            )
        })?;
        let rest = hidden(name);
        remove_abandoned(folder(target), &rest)?;
        let mut name = OsString::from(format!("{PREFIX}{}-", std::process::id()));
        name.push(rest);
        let path = target.with_file_name(name);
        Ok(Place {
            target: target.to_path_buf(),
            _removed: ending::remove_at_end(&path),
            path,
        })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `written`, which is this place or in it, at the target, when it is on the disk. A file that is there is
    /// replaced only where `replace` says so, a folder only where it is empty.
    ///
    /// # Errors
    /// [`Error::Io`]; the target is then as it was, but where its folder could not be made durable.
    pub fn put_in_place(&self, written: &Path, replace: bool) -> Result<()> {
        sync_all(written)?;
        let _held = ending::hold();
        let onto_folder = kind(&self.target)?.is_some_and(|kind| kind.is_dir());
        let renamed = match replace || onto_folder {
            true => fs::rename(written, &self.target),
            false => rename_to_nothing(written, &self.target),
        };
        renamed.map_err(Error::io("write", &self.target))?;
        sync(folder(&self.target))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        ending::remove(&self.path);
    }
}

/// A file that is not there until it is whole; without [`Aside::commit`] nothing of it stays.
pub struct Aside {
    place: Place,
}

impl Aside {
    /// Begins the file `target`, and gives what to write to.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(target: &Path) -> Result<(Self, File)> {
        let place = Place::beside(target)?;
        let file = File::create(place.path()).map_err(Error::io("create", target))?;
        Ok((Aside { place }, file))
    }

    /// The file's name when it is whole.
    pub fn target(&self) -> &Path {
        &self.place.target
    }

    /// Puts it in place, where it replaces what is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit(self, file: &File) -> Result<()> {
        file.sync_all().map_err(Error::io("write", self.target()))?;
        self.place.put_in_place(self.place.path(), true)
    }
}

/// What there is at `path`, not following a link; `None` for nothing.
///
/// # Errors
/// [`Error::Io`] where the system does not tell.
pub fn kind(path: &Path) -> Result<Option<fs::FileType>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found.file_type())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path)(e)),
    }
}

/// Renames where nothing is; not every file system can do it in one step.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL) if fs::symlink_metadata(to).is_err() => fs::rename(from, to),
        Err(rustix::io::Errno::INVAL) => Err(io::ErrorKind::AlreadyExists.into()),
        other => Ok(other?),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What comes after the process's number in a hidden name.
fn hidden(name: &OsStr) -> OsString {
    if name.len() < LONG {
        return name.to_owned();
    }
    let hash = blake3::hash(name.as_encoded_bytes()).to_hex();
    let mut short = OsString::from(&hash.as_str()[..32]);
    if let Some(extension) = Path::new(name).extension().filter(|e| e.len() < 100) {
        short.push(".");
        short.push(extension);
    }
    short
}

/// Removes what processes that run no more left of the same target.
fn remove_abandoned(folder: &Path, rest: &OsStr) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("read", folder))?,
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let Some(name) = name.strip_prefix(PREFIX.as_bytes()) else {
            continue;
        };
        let end = name.iter().position(|b| *b == b'-').unwrap_or(name.len());
        let (number, target) = name.split_at(end);
        let number = std::str::from_utf8(number).ok();
        let number = number.and_then(|n| n.parse::<u32>().ok());
        let runs = |pid: u32| {
            pid != std::process::id() && Path::new("/proc").join(pid.to_string()).exists()
        };
        if number.is_none_or(runs) {
            continue;
        }
        if target.strip_prefix(b"-") != Some(rest.as_encoded_bytes()) {
            // Of another target, and empty where all of it was put in place: then it goes too.
            let _ = fs::remove_dir(&path);
            continue;
        }
        let removed = match kind(&path)?.is_some_and(|kind| kind.is_dir()) {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        removed.map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// Has a file, or a folder with all that is in it, written to the disk.
fn sync_all(path: &Path) -> Result<()> {
    if kind(path)?.is_some_and(|kind| kind.is_dir()) {
        for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
            sync_all(&entry.map_err(Error::io("read", path))?.path())?;
        }
    }
    sync(path)
}

fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_aside_keeps_the_extension_and_fits() {
        let dir = tempfile::tempdir().unwrap();
        let long = format!("{}.parquet", "x".repeat(247));
        for name in ["out.parquet", long.as_str()] {
            let place = Place::beside(&dir.path().join(name)).unwrap();
            assert_eq!(place.path().parent(), Some(dir.path()));
            assert_eq!(place.path().extension().unwrap(), "parquet");
            fs::write(place.path(), "1").unwrap();
            place.put_in_place(place.path(), false).unwrap();
            assert!(dir.path().join(name).exists());
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        // No process has this number: it is above what Linux gives.
        let left = dir.path().join(".partial-4194305-a.csv");
        let others = [".partial-1-a.csv", ".partial-4194305-b.csv"].map(|n| dir.path().join(n));
        fs::create_dir(&left).unwrap();
        others.iter().for_each(|path| fs::write(path, "").unwrap());
        drop(Place::beside(&dir.path().join("a.csv")).unwrap());
        assert!(!left.exists() && others.iter().all(|path| path.exists()));
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.csv");
        let place = Place::beside(&target).unwrap();
        fs::write(place.path(), "new").unwrap();
        fs::write(&target, "old").unwrap();
        assert!(place.put_in_place(place.path(), false).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        place.put_in_place(place.path(), true).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }
}
