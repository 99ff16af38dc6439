//! A dataset or a release in the making, wherever it is to stand.

use super::committed::Committed;
use super::manifest::{DataFile, describe_file};
use super::root::Root;
use super::shipping::Shipping;
use super::staging::Staging;
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What data files on a disk are called, but for their numbers.
const PART: &str = "part";

/// What is being made. Dropped before it is put in place, nothing of it stays.
#[derive(Debug)]
pub(crate) enum Making {
    /// On a disk.
    Disk(Staging),
    /// In an object store.
    Store(Box<Shipping>),
}

impl Making {
    /// Begins what is to stand at `target`. Where something stands there already, `force` allows to replace it if it is a
    /// dataset or an empty folder.
    ///
    /// # Errors
    /// As [`Staging::begin`] and [`Shipping::begin`].
    pub(crate) fn begin(target: &Root, force: bool) -> Result<Self> {
        Ok(match target.store() {
            Some(folder) => Making::Store(Box::new(Shipping::begin(folder, force)?)),
            None => Making::Disk(Staging::begin(target.path(), force)?),
        })
    }

    /// Begins a dataset that is to stand at `target` if nothing stands there when it is made.
    ///
    /// # Errors
    /// As [`Staging::for_nothing`] and [`Shipping::begin`].
    pub(crate) fn for_nothing(target: &Root) -> Result<Self> {
        Ok(match target.store() {
            Some(folder) => Making::Store(Box::new(Shipping::begin(folder, false)?)),
            None => Making::Disk(Staging::for_nothing(target.path())?),
        })
    }

    /// As [`Making::begin`], for a release: its files have names that those of another would have, too.
    ///
    /// # Errors
    /// As [`Making::begin`] and [`Shipping::claim`].
    pub(crate) fn begin_release(target: &Root, force: bool) -> Result<Self> {
        let mut begun = Self::begin(target, force)?;
        if let Making::Store(shipping) = &mut begun {
            shipping.claim()?;
        }
        Ok(begun)
    }

    /// Begins what is to be put into the dataset at `target`, which is there; see [`commit`](super::commit).
    ///
    /// # Errors
    /// As [`Staging::beside`] and [`Shipping::beside`].
    pub(crate) fn beside(target: &Root) -> Result<Self> {
        Ok(match target.store() {
            Some(folder) => Making::Store(Box::new(Shipping::beside(folder)?)),
            None => Making::Disk(Staging::beside(target.path())?),
        })
    }

    /// The folder to write to.
    pub(crate) fn dir(&self) -> &Path {
        match self {
            Making::Disk(staging) => staging.dir(),
            Making::Store(shipping) => shipping.dir(),
        }
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn create_dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir().join(name);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        Ok(dir)
    }

    /// What the data files of a dataset are called, but for their numbers.
    pub(crate) fn part(&self) -> &str {
        match self {
            Making::Disk(_) => PART,
            Making::Store(shipping) => shipping.part(),
        }
    }

    /// What the manifest says of the Parquet file `path`, which is whole; it is kept.
    ///
    /// # Errors
    /// As [`describe_file`] and [`Making::keep`].
    pub(crate) fn described(&self, path: &Path) -> Result<DataFile> {
        let told = describe_file(self.dir(), path)?;
        self.keep(&told.path)?;
        Ok(told)
    }

    /// Keeps the file `name`, which is whole: it is not touched any more, and may have gone to a store.
    ///
    /// # Errors
    /// As [`Shipping::ship`].
    pub(crate) fn keep(&self, name: impl AsRef<Path>) -> Result<()> {
        match self {
            Making::Disk(_) => Ok(()),
            Making::Store(shipping) => shipping.ship(name.as_ref()),
        }
    }

    /// Puts it in place. Its manifest must have been written.
    ///
    /// # Errors
    /// As [`Staging::commit`] and [`Shipping::commit`].
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Making::Disk(staging) => staging.commit(),
            Making::Store(shipping) => shipping.commit(),
        }
    }

    /// The same, but where something has come to stand at a target that was free, that is no error: nothing has changed then.
    ///
    /// # Errors
    /// As [`Making::commit`].
    pub(crate) fn put(&mut self) -> Result<Committed> {
        match self {
            Making::Disk(staging) => staging.put(),
            Making::Store(shipping) => shipping.put(),
        }
    }

    /// Removes what it was made in, when it has been put in place by [`commit`](super::commit).
    ///
    /// # Errors
    /// As [`Staging::remove`].
    pub(crate) fn remove(self) -> Result<()> {
        match self {
            Making::Disk(staging) => staging.remove(),
            Making::Store(_) => Ok(()),
        }
    }
}
