//! Where a dataset or a release is: in a folder of a disk, or of an object store.
//!
//! Who reads one does so through its [`Root`], by the names that its files have in it, and does not see which it is.

use super::opened::Opened;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::store::address::Named;
use crate::store::client::{Folder, Version};
use crate::store::object::Object;
use std::path::{Path, PathBuf};

/// Bytes that a text (a manifest, a list of checksums) in a store may have.
const MAX_TEXT: u64 = 1 << 30;

/// The text of a file, and the version of it that a store has.
pub(crate) type Told = (String, Option<Version>);

/// The folder of a dataset or a release.
#[derive(Debug, Clone)]
pub struct Root(Of);

#[derive(Debug, Clone)]
enum Of {
    Disk(PathBuf),
    Store(Folder),
}

/// Refuses an argument that is a URL, where only a path will do: `what` is read or written there.
///
/// # Errors
/// [`Error::Usage`].
pub(crate) fn refuse_url(argument: &Path, what: &'static str) -> Result<()> {
    let remedy = match Named::of(argument) {
        Ok(Named::Disk(path)) if path == argument => return Ok(()),
        Ok(Named::Disk(path)) => format!("Name the path itself: {}", path.display()),
        Ok(Named::Store(_)) | Err(_) => {
            "Only datasets and releases are in object stores. Name a path of this machine, and copy from or to the store by its \
             own tools (aws s3 cp, gcloud storage cp, az storage blob)."
                .to_owned()
        }
    };
    Err(Error::usage(
        format!("{}: a URL, but {what} a disk", argument.display()),
        remedy,
    ))
}

impl From<PathBuf> for Root {
    /// The folder at a path of a disk.
    fn from(path: PathBuf) -> Self {
        Root(Of::Disk(path))
    }
}

impl From<&Path> for Root {
    fn from(path: &Path) -> Self {
        path.to_path_buf().into()
    }
}

impl From<&Root> for PathBuf {
    /// How it is called.
    fn from(root: &Root) -> Self {
        root.path().to_path_buf()
    }
}

impl Root {
    /// What a user's argument names: a path, or a URL.
    ///
    /// # Errors
    /// [`Error::Usage`] for URLs that this program knows nothing of, [`Error::Store`] where the environment has no
    /// sound credentials for one.
    pub fn named(argument: &Path) -> Result<Root> {
        match Named::of(argument)? {
            Named::Disk(path) => Ok(path.into()),
            Named::Store(address) => Folder::new(address).map(|folder| Root(Of::Store(folder))),
        }
    }

    /// Its path, or its URL: how it is called in words, and the first part of how its files are.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Of::Disk(path) => path,
            Of::Store(folder) => folder.shown(),
        }
    }

    /// How the file `name` in it is called.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// The name in it of a file that is called `path`.
    pub fn name_of<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.path()).unwrap_or(path)
    }

    /// The folder, where it is on a disk.
    pub(crate) fn disk(&self) -> Option<&Path> {
        match &self.0 {
            Of::Disk(path) => Some(path),
            Of::Store(_) => None,
        }
    }

    /// The folder, where it is in a store.
    pub(crate) fn store(&self) -> Option<&Folder> {
        match &self.0 {
            Of::Disk(_) => None,
            Of::Store(folder) => Some(folder),
        }
    }

    /// Opens the file `name`, as [`foreign::open_in`] does.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Store`]; [`Error::Input`] where it is no regular file, or leads out of the folder.
    pub(crate) fn open(&self, name: impl AsRef<Path>) -> Result<Opened> {
        match &self.0 {
            Of::Disk(path) => foreign::open_in(path, name).map(Opened::from),
            Of::Store(folder) => {
                foreign::refuse_outside(folder.shown(), name.as_ref())?;
                Object::open(folder, name.as_ref()).map(Opened::object)
            }
        }
    }

    /// Reads the text of the file `name`.
    ///
    /// # Errors
    /// As [`Root::open`]; [`Error::Input`] where it is no UTF-8, or longer than any such file needs to be.
    pub(crate) fn text(&self, name: impl AsRef<Path>) -> Result<String> {
        self.text_of_version(name).map(|(text, _)| text)
    }

    /// Reads the texts of the files `names`, in their order.
    ///
    /// # Errors
    /// As [`Root::text`].
    pub(crate) fn texts(&self, names: &[&Path]) -> Result<Vec<String>> {
        match &self.0 {
            Of::Disk(_) => names.iter().map(|name| self.text(name)).collect(),
            Of::Store(folder) => {
                for name in names {
                    foreign::refuse_outside(folder.shown(), name)?;
                }
                folder.texts(names, MAX_TEXT)
            }
        }
    }

    /// The same folder, for who wants to see what is there now: texts of one in a store are read once, so that who reads
    /// several of its files sees one dataset, and not some of the one that it has become meanwhile.
    pub(crate) fn anew(&self) -> Root {
        match &self.0 {
            Of::Disk(path) => path.clone().into(),
            Of::Store(folder) => Root(Of::Store(folder.anew())),
        }
    }

    /// As [`Root::text`], with the version of the file that a store has.
    ///
    /// # Errors
    /// As [`Root::text`].
    pub(crate) fn text_of_version(&self, name: impl AsRef<Path>) -> Result<Told> {
        match &self.0 {
            Of::Disk(path) => foreign::read_text_in(path, name).map(|text| (text, None)),
            Of::Store(folder) => {
                foreign::refuse_outside(folder.shown(), name.as_ref())?;
                let (text, version) = folder.text_once(name.as_ref(), MAX_TEXT)?;
                Ok((text, Some(version)))
            }
        }
    }

    /// What `name` stands for; nothing where it is not there. In a store, a folder is what objects have for the begin of
    /// their names.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Store`].
    pub(crate) fn kind(&self, name: impl AsRef<Path>) -> Result<Option<Kind>> {
        let folder = match &self.0 {
            Of::Disk(path) => return foreign::kind(&path.join(name)),
            Of::Store(folder) => folder,
        };
        if folder.size(name.as_ref())?.is_some() {
            return Ok(Some(Kind::File));
        }
        let below = folder.has_below(name.as_ref())?;
        Ok(below.then_some(Kind::Folder))
    }

    /// Everything in it that is no folder, sorted: its name, and what it stands for.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Store`].
    pub(crate) fn everything(&self) -> Result<Vec<(PathBuf, Kind)>> {
        match &self.0 {
            Of::Disk(path) => foreign::everything_below(path),
            Of::Store(folder) => {
                let listed = folder.list()?.into_iter();
                Ok(listed.map(|object| (object.name, Kind::File)).collect())
            }
        }
    }
}
