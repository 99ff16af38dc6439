//! What SQL may touch outside of its dataset: nothing that its caller did not name.
//!
//! SQL may come from a stranger, like a dataset. So a `COPY` writes only below folders that were allowed for writing
//! (or to a target that was named as the parameter of a query that ships with the program), and files outside of the
//! dataset are read only below paths that were allowed for reading. Paths are compared as the system resolves them, with
//! all symbolic links followed, and it is the resolved path that is used. Into a dataset nothing is ever written.
//!
//! It guards against what is written in SQL and in a dataset, not against another process of this machine that changes
//! folders into links meanwhile.

use crate::dataset::MANIFEST;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind, kind};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What SQL may touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    write: Vec<PathBuf>,
    read: Vec<PathBuf>,
    force: bool,
}

impl Access {
    /// Allows to write below the folders `write` (over files that are there, where `force` says so), and to read the files
    /// and what is in the folders of `read`.
    ///
    /// # Errors
    /// [`Error::Usage`] where one of `write` is no folder, [`Error::Io`] where one of them is not there.
    pub(crate) fn new(write: &[PathBuf], read: &[PathBuf], force: bool) -> Result<Self> {
        let real = |paths: &[PathBuf]| {
            let real = paths.iter().map(|path| real(path));
            real.collect::<Result<Vec<_>>>()
        };
        let access = Access {
            write: real(write)?,
            read: real(read)?,
            force,
        };
        for path in &access.write {
            if kind(path)? != Some(Kind::Folder) {
                return Err(Error::usage(
                    format!("--allow-write {}: not a folder", path.display()),
                    "Name a folder; COPY writes below it.",
                ));
            }
        }
        Ok(access)
    }

    /// Whether a file that is there is replaced.
    pub(crate) fn force(&self) -> bool {
        self.force
    }

    /// The resolved path of the target of a `COPY`; `named` says that the user himself named it. `root` is the
    /// resolved folder of the dataset.
    ///
    /// # Errors
    /// [`Error::Usage`] where it may not be written, [`Error::Io`] where the system does not tell.
    pub(crate) fn writable(&self, target: &Path, named: bool, root: &Path) -> Result<PathBuf> {
        let shown = target.display();
        let place = place(target)?;
        let below = |dir: &PathBuf| place.starts_with(dir) && place != *dir;
        if !named && !self.write.iter().any(below) {
            let folder = place.parent().unwrap_or(&place).display();
            return Err(Error::usage(
                format!("COPY … TO '{shown}': SQL writes only where it is allowed to"),
                format!(
                    "A query that ships with sysds is told where by its parameters (-p out=…). Other SQL, where you trust it, \
                     is allowed to with --allow-write {folder}"
                ),
            ));
        }
        let inside = match place.starts_with(root) {
            true => Some(root),
            false => dataset_around(&place)?,
        };
        if let Some(dataset) = inside {
            return Err(Error::usage(
                format!(
                    "COPY … TO '{shown}': {} is a dataset, which stays as it is",
                    dataset.display()
                ),
                "Write to another folder.",
            ));
        }
        match kind(&place)? {
            Some(Kind::File) if !self.force => Err(Error::usage(
                format!("COPY … TO '{shown}': exists already"),
                "Remove it, write to another file, or replace it with --force.",
            )),
            Some(Kind::Link | Kind::Other(_)) => Err(Error::usage(
                format!("COPY … TO '{shown}': neither a file nor a folder"),
                "Name the file itself that is to be written; links and devices are not written to.",
            )),
            _ => Ok(place),
        }
    }

    /// The resolved path of what is to be read, if it is in the dataset at `root` or may be read all the same. A folder
    /// is looked through: there may be only files and folders in it.
    ///
    /// # Errors
    /// [`Error::Usage`] where it may not be read, [`Error::Io`] where the system does not tell.
    pub(crate) fn readable(&self, path: &Path, root: &Path) -> Result<PathBuf> {
        let whole = real(path)?;
        let allowed = whole.starts_with(root) || self.read.iter().any(|dir| whole.starts_with(dir));
        if !allowed {
            return Err(Error::usage(
                format!(
                    "{}: SQL reads only its dataset, and what it is allowed to",
                    path.display()
                ),
                format!(
                    "Where you trust the statement and the dataset, allow it with --allow-read {}",
                    whole.display()
                ),
            ));
        }
        only_files(&whole)?;
        Ok(whole)
    }
}

/// The path of what is there, links followed.
pub(super) fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(Error::io("read", path))
}

/// The path of what need not be there: its folders with links followed, as far as they exist, and the rest of its names.
fn place(target: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(target).map_err(Error::io("write", target))?;
    let mut rest: Vec<OsString> = Vec::new();
    let mut at = whole.as_path();
    loop {
        let (Some(name), Some(parent)) = (at.file_name(), at.parent()) else {
            return Err(Error::usage(
                format!("COPY … TO '{}': not a name to write to", target.display()),
                "Name a file or folder, without .. in what does not exist yet.",
            ));
        };
        rest.push(name.to_owned());
        match fs::canonicalize(parent) {
            Ok(real) => return Ok(rest.iter().rev().fold(real, |path, name| path.join(name))),
            Err(e) if e.kind() == io::ErrorKind::NotFound && kind(parent)?.is_none() => at = parent,
            Err(e) => return Err(Error::io("read", parent)(e)),
        }
    }
}

/// The dataset that a path is in.
fn dataset_around(path: &Path) -> Result<Option<&Path>> {
    for folder in path.ancestors() {
        let manifest = folder.join(MANIFEST);
        match fs::symlink_metadata(&manifest) {
            Ok(_) => return Ok(Some(folder)),
            Err(e)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&e.kind()) => {}
            Err(e) => return Err(Error::io("read", &manifest)(e)),
        }
    }
    Ok(None)
}

/// Refuses links, which may lead elsewhere, and what is no file, which may never end.
fn only_files(path: &Path) -> Result<()> {
    match kind(path)? {
        Some(Kind::File) => Ok(()),
        Some(Kind::Folder) => {
            let entries = foreign::entries(path)?;
            entries.iter().try_for_each(|(entry, _)| only_files(entry))
        }
        _ => Err(Error::usage(
            format!("{}: neither a file nor a folder", path.display()),
            "Put the files to read into a folder of their own; links and devices are not read.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_and_dots_do_not_lead_out_of_what_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        for path in ["data", "in", "out", "web", "web/events"] {
            fs::create_dir(at(path)).unwrap();
        }
        fs::write(at("web").join(MANIFEST), "{}").unwrap();
        symlink(at("out"), at("in/link")).unwrap();
        symlink(at("nowhere"), at("in/dangling")).unwrap();
        symlink(at("out/secret"), at("in/file")).unwrap();
        let access = Access::new(&[at("in"), at("web")], &[at("in")], false).unwrap();
        let writable = |path: &str| access.writable(&at(path), false, &at("data"));
        assert_eq!(writable("in/new/a.csv").unwrap(), at("in/new/a.csv"));
        assert_eq!(writable("in/../in/a.csv").unwrap(), at("in/a.csv"));
        for path in [
            "in",
            "in/link/a.csv",
            "in/../out/a.csv",
            "in/new/../../out/a.csv",
            "in/dangling/a.csv",
            "in/file",
            "inner/a.csv",
            "web/a.csv",
            "web/events/a.csv",
            "web/new/a.csv",
        ] {
            assert!(writable(path).is_err(), "{path}");
        }
        let named = |path: &str| access.writable(&at(path), true, &at("data"));
        assert!(named("out/a.csv").is_ok());
        assert!(named("data/a.csv").is_err() && named("web/events/a.csv").is_err());
        fs::write(at("out/secret"), "").unwrap();
        for path in ["in/file", "in", "out", "/etc/passwd", "in/link"] {
            assert!(access.readable(&at(path), &at("data")).is_err(), "{path}");
        }
    }
}
