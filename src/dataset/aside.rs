//! Files and folders that are written aside, and stand at their target only when they are whole.
//!
//! Everything that sysds makes is written to a hidden name beside its target, `.NAME.partial-OWNER`, made durable (fsync),
//! and then renamed. So an error, a kill or a power failure leaves the target as it was or as it is to be. What a killed
//! process left aside is found by its [`Owner`] and removed by the next that writes the same target; a recording is only
//! told of, since it may be hours of a server's time.
//!
//! What a target may replace, and in which order old and new change places, is the maker's: see `staging`.

use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::process::ending::{self, Hold, Removed};
use crate::process::owner::{self, Life, Owner};
use crate::shown::hex;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What stands between the name of a target and the owner.
const PARTIAL: &str = ".partial-";
/// Bytes of a target's name that go into the name aside: with a hash, an owner and a suffix it stays within 255.
const LONGEST: usize = 160;

/// A hidden place beside a target. Dropped, it is removed with what is in it.
#[derive(Debug)]
pub(crate) struct Aside {
    target: PathBuf,
    path: PathBuf,
    _removed: Removed,
}

impl Aside {
    /// The place for `target`; nothing is there yet. What killed processes left of the same target is removed.
    ///
    /// # Errors
    /// [`Error::Usage`] where `target` has no name or is a device or a FIFO, [`Error::Io`] where its folder cannot be read.
    pub(crate) fn beside(target: &Path) -> Result<Self> {
        let path = path_beside(target)?;
        refuse_devices(target)?;
        remove_left(target)?;
        Ok(Aside {
            target: target.to_path_buf(),
            _removed: ending::remove_at_end(&path),
            path,
        })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `written`, which is this place or in it, at the target, when it is on the disk. A file that is there is
    /// replaced only where `replace` says so, a folder only where it is empty.
    ///
    /// # Errors
    /// [`Error::Io`]; the target is then as it was, but where its folder could not be made durable.
    pub(crate) fn put_in_place(&self, written: &Path, replace: bool) -> Result<()> {
        sync_all(written)?;
        self.rename(written, replace, &ending::hold())?;
        sync(folder(&self.target))
    }

    fn rename(&self, written: &Path, replace: bool, _held: &Hold) -> Result<()> {
        let onto_folder = foreign::kind(&self.target)? == Some(Kind::Folder);
        let renamed = match replace || onto_folder {
            true => fs::rename(written, &self.target),
            false => rename_to_nothing(written, &self.target),
        };
        renamed.map_err(Error::io("write", &self.target))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        ending::remove(&self.path);
    }
}

/// A file that is not there until it is whole; without [`WholeFile::commit`] nothing of it stays.
#[derive(Debug)]
pub(crate) struct WholeFile(Aside);

impl WholeFile {
    /// Begins the file `target`, and gives what to write to.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn create(target: &Path) -> Result<(Self, File)> {
        let aside = Aside::beside(target)?;
        let file = File::create(aside.path()).map_err(Error::io("create", target))?;
        Ok((WholeFile(aside), file))
    }

    /// The file's name when it is whole.
    pub(crate) fn target(&self) -> &Path {
        &self.0.target
    }

    /// Puts it in place, where it replaces what is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn commit(self, file: &File) -> Result<()> {
        // Through the descriptor that was written to: it is told of every error of writing.
        file.sync_all().map_err(Error::io("write", self.target()))?;
        self.0.put_in_place(&self.0.path, true)
    }

    /// Puts it in place for whoever holds the end up, and makes its name durable afterwards.
    ///
    /// # Errors
    /// [`Error::Io`]; what was there is there then.
    pub(crate) fn rename(self, file: &File, held: &Hold) -> Result<()> {
        file.sync_all().map_err(Error::io("write", self.target()))?;
        self.0.rename(&self.0.path, true, held)
    }
}

/// Refuses a target that is, or leads to, a device, a FIFO or a socket: it would be replaced by a file.
fn refuse_devices(target: &Path) -> Result<()> {
    match foreign::kind_behind(target)? {
        Some(Kind::Other(what)) => Err(Error::usage(
            format!(
                "{}: {what}, in whose place a file would be put",
                target.display()
            ),
            "Name a file of its own.",
        )),
        _ => Ok(()),
    }
}

/// The name aside of `target` that belongs to this process.
///
/// # Errors
/// [`Error::Usage`] where `target` has no name.
pub(crate) fn path_beside(target: &Path) -> Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| {
        Error::usage(
            format!("{}: not a name to write to", target.display()),
            "Name a file or folder with -o.",
        )
    })?;
    let aside = format!("{}{}", prefix(name), Owner::current());
    Ok(target.with_file_name(aside))
}

/// What processes that have ended left beside `target`: all whose names end with `suffix` after the owner.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read; one that is not there holds nothing.
pub(crate) fn left(target: &Path, suffix: &str) -> Result<Vec<PathBuf>> {
    let prefix = prefix(target.file_name().unwrap_or_default());
    abandoned(folder(target), |name| {
        name.strip_prefix(&prefix)?.strip_suffix(suffix)
    })
}

/// Removes what processes that have ended left beside `target`, and the empty folders that they left of other targets.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn remove_left(target: &Path) -> Result<()> {
    for path in left(target, "")? {
        let removed = match foreign::kind(&path)? {
            Some(Kind::Folder) => fs::remove_dir_all(&path),
            _ => fs::remove_file(&path),
        };
        removed.map_err(Error::io("remove", &path))?;
    }
    // Where a killed COPY had put its rows in place already. What holds something, or is a file, stays.
    for path in abandoned(folder(target), |name| {
        Some(name.strip_prefix('.')?.rsplit_once(PARTIAL)?.1)
    })? {
        let _ = fs::remove_dir(path);
    }
    Ok(())
}

/// What is in `folder` of processes that have ended; `owner` takes the owner's part out of a name.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn abandoned(
    folder: &Path,
    owner: impl for<'n> Fn(&'n str) -> Option<&'n str>,
) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("read", folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        let Some(owner) = name.and_then(|n| Owner::parse(owner(n)?)) else {
            continue;
        };
        let ended = match owner.life() {
            Life::Ended => true,
            Life::OtherBoot => unchanged_since_boot(&path)?,
            Life::MayRun => false,
        };
        if ended {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether nothing at `path` or below has changed since this machine was booted. A process of another boot id may have run on
/// this machine before it was booted, or run on another one that shares the disk; the latter goes on writing.
fn unchanged_since_boot(path: &Path) -> Result<bool> {
    let Some(booted) = owner::booted() else {
        return Ok(false);
    };
    let found = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found.map_err(Error::io("read", path))?,
    };
    if found.modified().map_err(Error::io("read", path))? >= booted {
        return Ok(false);
    }
    if found.is_dir() {
        for (below, _) in foreign::entries(path)? {
            if !unchanged_since_boot(&below)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What names aside of a target of this name begin with: the name itself, or its begin and a hash where the name aside would
/// be too long (255 bytes are a name's most, see pathname(7)) or is not UTF-8.
fn prefix(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) if name.len() <= LONGEST => format!(".{name}{PARTIAL}"),
        _ => {
            let hash = Sha256::digest(name.as_encoded_bytes());
            let hash = hex(&hash[..8]);
            let text = name.to_string_lossy();
            let begin = &text[..text.floor_char_boundary(LONGEST)];
            format!(".{begin}~{hash}{PARTIAL}")
        }
    }
}

/// The folder that `path` is or will be in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Renames where nothing is: else the error is [`io::ErrorKind::AlreadyExists`]. Where the file system cannot do that in one
/// step, it is looked at before.
pub(crate) fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
            Err(e) => Err(e),
        },
        other => Ok(other?),
    }
}

/// Writes a text into the file `path`, durably: for what is in a folder aside.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", path))
}

/// Makes a file or folder durable: of a folder the names in it, not what they stand for.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn sync(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(Error::io("make durable", path))
}

/// The error of what is in place at `target`, but could not be made durable because of `e`; `more` follows the cause.
pub(crate) fn not_durable(target: &Path, e: &Error, more: &str) -> Error {
    Error::InPlace {
        target: target.to_path_buf(),
        what: format!(
            "that could not be made durable, and may be undone by a power failure: {e}{more}"
        ),
        remedy: "Look at the disk (dmesg), then run sync, and check the dataset.".to_owned(),
    }
}

/// Makes the names in `dir` durable, and those in all folders below it; the files must be durable already.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn sync_folders(dir: &Path) -> Result<()> {
    for (path, kind) in foreign::entries(dir)? {
        if kind == Kind::Folder {
            sync_folders(&path)?;
        }
    }
    sync(dir)
}

/// Makes a file durable, or a folder with all that is in it.
fn sync_all(path: &Path) -> Result<()> {
    if foreign::kind(path)? == Some(Kind::Folder) {
        for (below, _) in foreign::entries(path)? {
            sync_all(&below)?;
        }
    }
    sync(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::owner::{elsewhere, ended, running};
    use std::os::unix::ffi::OsStrExt;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_is_aside_fits() {
        let dir = tempfile::tempdir().unwrap();
        let (long, other) = ("ä".repeat(127), format!("{}x", "ä".repeat(126)));
        assert_ne!(prefix(long.as_ref()), prefix(other.as_ref()));
        for name in [
            OsStr::new("out.parquet"),
            long.as_ref(),
            "d".repeat(255).as_ref(),
            OsStr::from_bytes(b"d\xff"),
        ] {
            let aside = Aside::beside(&dir.path().join(name)).unwrap();
            assert_eq!(aside.path().parent(), Some(dir.path()));
            fs::write(aside.path(), "1").unwrap();
            aside.put_in_place(aside.path(), false).unwrap();
            assert!(dir.path().join(name).exists());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str, owner: Owner| dir.path().join(format!(".{name}.partial-{owner}"));
        let (left, empty) = (at("a.csv", ended()), at("c", ended()));
        let others = [
            at("a.csv", running()),
            at("a.csv", elsewhere()),
            at("b.csv", ended()),
            dir.path().join(".a.csv.partial-4194305"),
        ];
        fs::create_dir(&left).unwrap();
        fs::write(left.join("a.csv"), "").unwrap();
        fs::create_dir(&empty).unwrap();
        others.iter().for_each(|path| fs::write(path, "").unwrap());
        drop(Aside::beside(&dir.path().join("a.csv")).unwrap());
        assert!(!left.exists() && !empty.exists());
        assert!(others.iter().all(|path| path.exists()));
    }

    #[test]
    fn what_was_left_before_the_machine_was_booted_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(format!(".a.partial-{}", elsewhere()));
        let before = |path: &Path| {
            let earlier = owner::booted().unwrap() - Duration::from_secs(9);
            File::open(path).unwrap().set_modified(earlier).unwrap();
        };
        fs::create_dir(&left).unwrap();
        fs::write(left.join("f"), "").unwrap();
        before(&left);
        assert_eq!(super::left(&dir.path().join("a"), "").unwrap().len(), 0);
        before(&left.join("f"));
        assert_eq!(super::left(&dir.path().join("a"), "").unwrap(), [left]);
        assert!(owner::booted().unwrap() < SystemTime::now());
    }

    #[test]
    fn devices_and_fifos_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for target in [&fifo, &link, Path::new("/dev/null")] {
            let e = Aside::beside(target).unwrap_err().to_string();
            assert!(e.contains("in whose place"), "{e}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.csv");
        let aside = Aside::beside(&target).unwrap();
        fs::write(aside.path(), "new").unwrap();
        fs::write(&target, "old").unwrap();
        assert!(aside.put_in_place(aside.path(), false).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        aside.put_in_place(aside.path(), true).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }
}
