//! Whether a path is in a dataset, into which nothing but its own files is written.

use super::paths::CLASSES;
use super::{MANIFEST, RELEASED, tables};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Refuses to write `target` where it would be in the folder of a dataset or a release, at any depth. The folder itself is
/// no matter of this: who replaces a dataset, or appends to it, may.
///
/// # Errors
/// [`Error::Usage`] where it is in one, [`Error::Io`] where the system does not tell.
pub(crate) fn refuse(target: &Path) -> Result<()> {
    let whole = std::path::absolute(target).map_err(Error::io("write", target))?;
    let Some(parent) = whole.parent() else {
        return Ok(());
    };
    for folder in real(parent)?.ancestors() {
        if is_ours(folder)? {
            return Err(Error::usage(
                format!(
                    "{}: {} is a dataset, which stays as it is: nothing else is written into it",
                    target.display(),
                    folder.display()
                ),
                "Choose a place outside of it with -o.",
            ));
        }
    }
    Ok(())
}

/// The folder with links followed, as far as it is there.
fn real(folder: &Path) -> Result<PathBuf> {
    let mut at = folder;
    loop {
        match fs::canonicalize(at) {
            Ok(real) => return Ok(real),
            Err(e) if e.kind() == io::ErrorKind::NotFound => match at.parent() {
                Some(parent) => at = parent,
                None => return Ok(at.to_path_buf()),
            },
            // Whoever writes there will be told.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Ok(at.to_path_buf()),
            Err(e) => return Err(Error::io("read", at)(e)),
        }
    }
}

/// Whether a folder holds a dataset of ours: other programs have files of the manifest's name, too.
fn is_ours(folder: &Path) -> Result<bool> {
    if foreign::kind(&folder.join(MANIFEST))? != Some(Kind::File) {
        return Ok(false);
    }
    let released = Path::new(RELEASED).join(tables::EVENTS);
    for (beside, kind) in [
        (Path::new(CLASSES), Kind::Folder),
        (Path::new(tables::EVENTS), Kind::Folder),
        (&released, Kind::Folder),
    ] {
        if foreign::kind(&folder.join(beside))? == Some(kind) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_is_written_into_a_dataset_and_all_is_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("d/events")).unwrap();
        fs::create_dir_all(at("r/data/events")).unwrap();
        fs::create_dir_all(at("web/src")).unwrap();
        for of in ["d", "r", "web"] {
            fs::write(at(of).join(MANIFEST), "{}").unwrap();
        }
        symlink(at("d/events"), at("link")).unwrap();
        for path in [
            "d/manifest.json",
            "d/events/x.csv",
            "d/new/deep/x",
            "r/x",
            "r/data/x",
            "link/x",
            "web/../d/x",
        ] {
            let e = refuse(&at(path)).unwrap_err();
            assert!(e.to_string().contains("is a dataset"), "{path}: {e}");
        }
        // The last is another program's manifest.
        for path in ["d", "r", "x", "new/x", "link", "web/x", "web/src/x"] {
            assert!(refuse(&at(path)).is_ok(), "{path}");
        }
    }
}
