//! The folder of a dataset under a name that DataFusion takes.
//!
//! One in an object store goes by its URL, and the store is made known to DataFusion.
//!
//! Its paths are UTF-8 without control characters (object_store's `Path`). A folder may be called anything, so one of another name is
//! reached through a descriptor that is open on it: `/proc/self/fd/N`. Below it, tables and files have our own names.

use super::copy;
use crate::dataset::root::Root;
use crate::error::{Error, Result};
use crate::store::client::Folder;
use datafusion::prelude::SessionContext;
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A way to the folder of a dataset, as long as it is there.
pub(super) struct Reach {
    root: PathBuf,
    by: By,
}

enum By {
    /// Its own name.
    Name,
    /// A descriptor that is open on it.
    Descriptor(OwnedFd),
    /// A store.
    Store(Folder),
}

impl Reach {
    /// The way to the folder of `dataset`, which is `root` with links followed, for queries in this context.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be opened.
    pub(super) fn new(dataset: &Root, root: &Path, context: &SessionContext) -> Result<Reach> {
        let Some(folder) = dataset.store() else {
            return Self::on_disk(root);
        };
        let (store, bucket) = folder.client();
        context.register_object_store(bucket, store);
        Ok(Reach {
            root: root.to_path_buf(),
            by: By::Store(folder.clone()),
        })
    }

    /// Whether files go by names that other machines may know, too.
    pub(super) fn is_by_name(&self) -> bool {
        !matches!(self.by, By::Descriptor(_))
    }

    fn on_disk(root: &Path) -> Result<Reach> {
        let takes = |name: &str| !name.chars().any(|c| c.is_ascii_control());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = || openat(CWD, root, flags, Mode::empty());
        let by = match root.to_str().is_some_and(takes) {
            true => By::Name,
            false => By::Descriptor(opened().map_err(|e| Error::io("read", root)(e.into()))?),
        };
        Ok(Reach {
            root: root.to_path_buf(),
            by,
        })
    }

    /// The URL of a file, links followed.
    ///
    /// # Errors
    /// As [`copy::url`].
    pub(super) fn url(&self, file: &Path) -> Result<String> {
        match (&self.by, file.strip_prefix(&self.root)) {
            (By::Descriptor(open), Ok(below)) => {
                let root = format!("/proc/self/fd/{}", open.as_raw_fd());
                copy::url(&Path::new(&root).join(below))
            }
            (By::Store(folder), Ok(below)) => Ok(folder.url(below)),
            _ => copy::url(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn only_names_that_datafusion_does_not_take_are_reached_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        for (name, plain) in [
            (&b"a b"[..], true),
            ("ä*".as_bytes(), true),
            (b"a\nb", false),
            (b"a\xff", false),
            (b"\x7f", false),
        ] {
            let root = dir.path().join(OsStr::from_bytes(name));
            fs::create_dir(&root).unwrap();
            let reach = Reach::on_disk(&root).unwrap();
            let url = reach.url(&root.join("x.parquet")).unwrap();
            assert_eq!(!url.starts_with("file:///proc/self/fd/"), plain, "{url}");
            fs::write(root.join("x"), "1").unwrap();
            let whole = reach.url(&root.join("x")).unwrap().replace("file://", "");
            assert!(plain || fs::read(whole).unwrap() == b"1");
        }
    }
}
