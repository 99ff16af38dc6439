//! The folders that a target is to be in, which are made with it, and go again where it comes to nothing.

use super::aside;
use crate::error::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folders that were made for a target. Dropped before it is said that they are to stay, those that are empty are removed.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    /// The outermost first.
    made: Vec<PathBuf>,
}

impl Parents {
    /// Makes `dir` and the folders that it is in, as far as they are missing, so that they outlast a power failure.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing of them is left then.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        let mut parents = Parents::default();
        let ancestors: Vec<&Path> = dir.ancestors().filter(|p| *p != Path::new("")).collect();
        for folder in ancestors.into_iter().rev() {
            match fs::symlink_metadata(folder) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                // Where it is no folder, that is told below.
                _ => continue,
            }
            match fs::create_dir(folder) {
                Ok(()) => parents.made.push(folder.to_path_buf()),
                // Somebody else's.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(Error::io("create", folder)(e)),
            }
            aside::sync(folder)?;
            aside::sync(aside::folder(folder))?;
        }
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        Ok(parents)
    }

    /// The target is there: they stay.
    pub(crate) fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // One that holds something stays, and so do those that it is in.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_for_nothing_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("there")).unwrap();
        drop(Parents::create(&at("there/a/b")).unwrap());
        assert!(at("there").is_dir() && !at("there/a").exists());
        let parents = Parents::create(&at("there/a/b")).unwrap();
        fs::write(at("there/a/other"), "").unwrap();
        drop(parents);
        assert!(at("there/a/other").is_file() && !at("there/a/b").exists());
        let mut parents = Parents::create(&at("c/d")).unwrap();
        parents.keep();
        drop(parents);
        assert!(at("c/d").is_dir());
        // A name that is too long: the folder before it goes again.
        let long = at("e").join("x".repeat(300));
        assert!(Parents::create(&long).is_err() && !at("e").exists());
        let twice = at("f/../f/g");
        drop(Parents::create(&twice).unwrap());
        assert!(!at("f").exists());
    }
}
