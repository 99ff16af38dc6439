//! What was read of traces, kept for the next who needs it.
//!
//! The one idea: which traces belong together, whether they are whole, and what is in them is asked one after the other, of
//! the same metadata and the same packets. Each is read once: whoever asks takes it from here, and whoever has done with it
//! may put it back.

use super::ctf::metadata::{Metadata, read_metadata};
use super::ctf::walk::{Walk, Walker};
use crate::error::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stream files, and what walking their packets found.
pub(crate) type Walks = Vec<(PathBuf, Walk)>;

/// Metadata and packets of traces.
#[derive(Debug, Default)]
pub struct Readings {
    /// By the traces' folders.
    metadata: BTreeMap<PathBuf, Metadata>,
    /// By the stream files.
    walks: BTreeMap<PathBuf, Walk>,
}

impl Readings {
    /// The metadata of the trace in the folder `dir`.
    ///
    /// # Errors
    /// As [`read_metadata`].
    pub fn metadata(&mut self, dir: &Path) -> Result<Metadata> {
        match self.metadata.remove(dir) {
            Some(metadata) => Ok(metadata),
            None => read_metadata(dir),
        }
    }

    /// The packets of these stream files of a trace.
    ///
    /// # Errors
    /// As [`Walker::walk`].
    pub fn walks(&mut self, files: Vec<PathBuf>, metadata: &Metadata) -> Result<Walks> {
        let walker = Walker::new(metadata);
        let walks = files.into_iter().map(|path| {
            let walk = match self.walks.remove(&path) {
                Some(walk) => walk,
                None => walker.walk(&path)?,
            };
            Ok((path, walk))
        });
        walks.collect()
    }

    /// Puts metadata back.
    pub fn keep_metadata(&mut self, dir: PathBuf, metadata: Metadata) {
        self.metadata.insert(dir, metadata);
    }

    /// Puts packets back.
    pub fn keep_walks(&mut self, walks: Walks) {
        self.walks.extend(walks);
    }

    /// Takes what there is of the traces in the folders `dirs`.
    pub fn of(&mut self, dirs: &[PathBuf]) -> Readings {
        let of_dirs = |path: &Path| dirs.iter().any(|dir| path == dir);
        let metadata = self.metadata.extract_if(.., |dir, _| of_dirs(dir));
        let walks = self
            .walks
            .extract_if(.., |path, _| path.parent().is_some_and(of_dirs));
        Readings {
            metadata: metadata.collect(),
            walks: walks.collect(),
        }
    }

    /// Puts back all that `other` has.
    pub fn absorb(&mut self, other: Readings) {
        self.metadata.extend(other.metadata);
        self.walks.extend(other.walks);
    }
}
