//! Which files of a trace's folder are its streams.

use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use std::io;
use std::path::{Path, PathBuf};

/// The stream files of the CTF trace in the folder `dir`, sorted: its regular files (or links to such) whose names are
/// not `metadata` and do not begin with a dot, as babeltrace2 chooses them; empty ones too. Folders in it (`index`) are
/// passed over.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read, or the system does not say what something in it is;
/// [`Error::Input`] for a link that leads nowhere, and for a FIFO, a device or a socket: whatever it should have been,
/// its events would be missing without a word.
pub(crate) fn stream_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(Error::io("read", dir))?;
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        if name == "metadata" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match foreign::kind_behind(&path)? {
            Some(Kind::File) => files.push(path),
            Some(Kind::Folder) => {}
            Some(other) => return Err(other.refused(&path)),
            None => {
                return Err(Error::input(
                    "a symbolic link that leads nowhere",
                    Place::file(&path),
                    "It may stand for a stream file: copy the trace with what its links lead to (cp -L), or remove the link.",
                ));
            }
        }
    }
    files.sort();
    Ok(files)
}
