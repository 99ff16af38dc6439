//! Putting objects, and removing them.
//!
//! An object of any size goes in parts, a few at a time, so memory stays bounded. What others may put at the same time goes
//! under a condition, and whether it is there is known even where the answer was lost: the object is read again.

use super::client::{Folder, Version};
use crate::error::{Error, Result};
use bytes::Bytes;
use futures::StreamExt;
use object_store::{
    ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a part. S3 takes 10,000 parts of an object, and none below 5 MiB but the last.
const PART: usize = 8 << 20;
/// Parts of an object that are under way at the same time.
const AT_ONCE: usize = 3;
/// Objects that are removed at the same time.
const REMOVED_AT_ONCE: usize = 8;
/// What the name of an object begins with by which a store is tried.
pub(crate) const PROBE: &str = ".sysds-probe-";

/// What became of an object that was put under a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutIf {
    /// It is there.
    Done,
    /// Somebody else has put it meanwhile: nothing was changed.
    Changed,
}

impl Folder {
    /// Puts the file `from` as the object `name`.
    ///
    /// # Errors
    /// [`Error::Store`], and [`Error::Io`] where the file cannot be read; nothing is there then.
    pub(crate) fn put_file(&self, name: &Path, from: &Path) -> Result<()> {
        let mut file = File::open(from).map_err(Error::io("read", from))?;
        let size = file.metadata().map_err(Error::io("read", from))?.len();
        let (store, path) = (Arc::clone(self.client().0), self.object(name));
        if size <= PART as u64 {
            let bytes = part(&mut file).map_err(Error::io("read", from))?;
            let put = async move { store.put(&path, bytes.into()).await };
            return self.ask("write", name, put).map(drop);
        }
        let from = from.to_path_buf();
        let put = async move {
            let mut upload =
                WriteMultipart::new_with_chunk_size(store.put_multipart(&path).await?, PART);
            loop {
                let waited = upload.wait_for_capacity(AT_ONCE).await;
                let read = waited.map(|()| tokio::task::block_in_place(|| part(&mut file)));
                match read {
                    Ok(Ok(bytes)) if bytes.is_empty() => break,
                    Ok(Ok(bytes)) => upload.put(bytes),
                    Ok(Err(e)) => {
                        // What was wrong with the file is what matters.
                        let _ = upload.abort().await;
                        return Ok(Err(e));
                    }
                    Err(e) => {
                        let _ = upload.abort().await;
                        return Err(e);
                    }
                }
            }
            upload.finish().await.map(|_| Ok(()))
        };
        self.ask("write", name, put)?
            .map_err(Error::io("read", &from))
    }

    /// Puts `text` as the object `name`, where there is none yet, or where it still is of the version `before`.
    ///
    /// # Errors
    /// [`Error::Store`]; where it says that the end is not known, the object may be there.
    pub(crate) fn put_text(
        &self,
        name: &Path,
        text: &str,
        before: Option<&Version>,
    ) -> Result<PutIf> {
        let mode = match before {
            Some(version) => PutMode::Update(version.0.clone()),
            None => PutMode::Create,
        };
        let refused = match self.put(name, text, mode)? {
            Ok(_) => return Ok(PutIf::Done),
            Err(e) => e,
        };
        // The answer to a request that was carried out may have been lost, and the same again refused.
        let there = match self.text(name, text.len() as u64 + 1) {
            Ok((there, _)) => Some(there),
            // A longer text is another's.
            Err(Error::Input { .. }) => None,
            Err(e) if crate::foreign::is_absent(&e) => None,
            Err(e) => return Err(self.not_known(name, &e)),
        };
        if there.is_some_and(|there| there == text) {
            return Ok(PutIf::Done);
        }
        use object_store::Error as Of;
        match refused {
            Of::AlreadyExists { .. } | Of::Precondition { .. } | Of::NotModified { .. } => {
                Ok(PutIf::Changed)
            }
            // It was there when it was read, and is not any more.
            Of::NotFound { .. } if before.is_some() => Ok(PutIf::Changed),
            // Of two puts at the same time S3 may refuse one so, whatever its condition.
            e if is_conflict(&e) => Ok(PutIf::Changed),
            e => Err(self.refused(("write", name), &e)),
        }
    }

    fn put(
        &self,
        name: &Path,
        text: &str,
        mode: PutMode,
    ) -> Result<object_store::Result<UpdateVersion>> {
        let (store, path) = (Arc::clone(self.client().0), self.object(name));
        let payload = PutPayload::from_bytes(Bytes::copy_from_slice(text.as_bytes()));
        let put = async move {
            let options = PutOptions::from(mode);
            let put = store.put_opts(&path, payload, options).await;
            Ok(put.map(UpdateVersion::from))
        };
        self.ask("write", name, put)
    }

    fn not_known(&self, name: &Path, e: &Error) -> Error {
        Error::Store {
            action: "tell whether it is in place",
            path: self.shown().join(name),
            what: e.reason(),
            remedy: "Look at it when the store answers again: sysds inspect. What it does not name is removed by sysds clean.".to_owned(),
        }
    }

    /// Sees whether the store heeds conditions: one that does not would let writers overwrite each other in silence.
    ///
    /// # Errors
    /// [`Error::Store`] where it does not, or nothing can be written.
    pub(crate) fn try_conditions(&self, random: &str) -> Result<()> {
        let name = PathBuf::from(format!("{PROBE}{random}"));
        let tried = self.conditions(&name);
        let removed = self.remove(std::slice::from_ref(&name));
        match tried? {
            true => removed,
            false => Err(Error::Store {
                action: "write",
                path: self.shown().to_path_buf(),
                what: "the store does not heed conditions (If-None-Match, If-Match)".to_owned(),
                remedy: "Two writers could overwrite each other there. Write to a disk and copy the folder, or use a store that \
                         heeds them: S3, Google Cloud Storage, Azure, MinIO, Ceph of this time."
                    .to_owned(),
            }),
        }
    }

    fn conditions(&self, name: &Path) -> Result<bool> {
        let heeded = |put: object_store::Result<UpdateVersion>| match put {
            Ok(_) => Ok(false),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotModified { .. },
            ) => Ok(true),
            Err(e) => Err(self.refused(("write", name), &e)),
        };
        let first = self.put(name, "1", PutMode::Create)?;
        let first = first.map_err(|e| self.refused(("write", name), &e))?;
        if !heeded(self.put(name, "2", PutMode::Create)?)? {
            return Ok(false);
        }
        let second = self.put(name, "2", PutMode::Update(first.clone()))?;
        second.map_err(|e| self.refused(("write", name), &e))?;
        heeded(self.put(name, "3", PutMode::Update(first))?)
    }

    /// Removes objects; those that are not there are removed already.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn remove(&self, names: &[PathBuf]) -> Result<()> {
        let store = Arc::clone(self.client().0);
        let paths: Vec<_> = names.iter().map(|name| self.object(name)).collect();
        let removed = async move {
            let each = paths.into_iter().map(|path| {
                let store = Arc::clone(&store);
                async move { store.delete(&path).await }
            });
            let mut each = futures::stream::iter(each).buffer_unordered(REMOVED_AT_ONCE);
            while let Some(removed) = each.next().await {
                match removed {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(e) => return Err(e),
                }
            }
            Ok(())
        };
        self.ask("remove objects in", Path::new(""), removed)
    }
}

/// Whether the store refused one of two requests that came at the same time.
fn is_conflict(e: &object_store::Error) -> bool {
    let text = e.to_string();
    ["409", "ConditionalRequestConflict", "Conflict"]
        .iter()
        .any(|code| text.contains(code))
}

/// The next part of a file; nothing at its end.
fn part(file: &mut File) -> std::io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(PART);
    file.take(PART as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
