//! The files of a recording from an object store, copied to this machine while they are checked.
//!
//! A check meets rows of one table with those of another, and reads both once for each thing that it compares: `events` four
//! times. On a disk that costs what decoding costs; from a store it would be four times the dataset over the network. So each
//! recording's files are fetched once for that, and go again before the next one's come (and once before it, for the
//! checksums of all files).
//!
//! A file that cannot be copied, and files for which there is no room, are read in the store, where what is wrong with them
//! is told.

use crate::dataset::opened::Opened;
use crate::dataset::root::Root;
use crate::dataset::temporary::Temporary;
use crate::error::Result;
use crate::process::machine;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the names of the folders for copies begin.
const PREFIX: &str = "sysds-verify-";
/// Bytes that the disk of the copies keeps free.
const KEEP_FREE: u64 = 256 << 20;

/// Copies of the files of a recording. Dropped, they are removed.
pub(super) struct Copies {
    files: HashMap<String, PathBuf>,
    _folder: Temporary,
}

impl Copies {
    /// Copies of the files `names` of what is in `root`; nothing where that is on a disk, or where there is no room.
    ///
    /// # Errors
    /// That of `go_on`, which is asked every so often.
    pub(super) fn of(
        root: &Root,
        names: &[&str],
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Copies>> {
        if root.store().is_none() {
            return Ok(None);
        }
        let mut opened: Vec<(&str, Opened)> = Vec::new();
        let mut all = KEEP_FREE;
        for name in names {
            go_on()?;
            let Ok(file) = root.open(name) else { continue };
            let size = file.size(&root.join(name)).unwrap_or(u64::MAX);
            all = all.saturating_add(size);
            opened.push((*name, file.in_blocks()));
        }
        let Some(folder) = Temporary::new(PREFIX).ok() else {
            return Ok(None);
        };
        if machine::free_disk(folder.path()).unwrap_or(0) < all {
            return Ok(None);
        }
        let mut files = HashMap::new();
        for (number, (name, file)) in opened.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            let stop = || go_on().map_err(|_| io::ErrorKind::Interrupted.into());
            if copy(file, &path, &stop).is_ok() {
                files.insert((*name).to_owned(), path);
            }
            // What that was stopped by, this is stopped by, too.
            go_on()?;
        }
        Ok(Some(Copies {
            files,
            _folder: folder,
        }))
    }

    /// The copy of a file, where there is one.
    pub(super) fn open(&self, name: &str) -> Option<Opened> {
        let file = File::open(self.files.get(name)?).ok()?;
        Some(file.into())
    }
}

fn copy(from: &Opened, to: &Path, stop: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    let mut file = File::create_new(to)?;
    from.pieces(stop, |piece| file.write_all(piece))
}
