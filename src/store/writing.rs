//! Putting objects, and removing them.
//!
//! An object of any size goes in parts, a few at a time, so memory stays bounded. What others may put at the same time goes
//! under a condition, and whether it is there is known even where the answer was lost: the object is read again.

use super::client::{Folder, Version};
use super::refused::is_final;
use crate::error::{Error, Result};
use bytes::Bytes;
use futures::StreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a part, at least; S3 takes none below 5 MiB but the last.
const PART: usize = 8 << 20;
/// Parts that an object may have; S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;
/// Parts of an object that are under way at the same time.
const AT_ONCE: usize = 3;
/// Between two tries to put what goes under a condition.
const PAUSE: Duration = Duration::from_millis(200);
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
    /// Puts the file `from` as the object `name`, which nobody else puts.
    ///
    /// # Errors
    /// [`Error::Store`], and [`Error::Io`] where the file cannot be read; nothing is there then.
    pub(crate) fn put_file(&self, name: &Path, from: &Path) -> Result<()> {
        let mut file = File::open(from).map_err(Error::io("read", from))?;
        let size = file.metadata().map_err(Error::io("read", from))?.len();
        let (store, path) = (self.client().0, self.object(name));
        let unread = Error::io("read", from);
        let put = match size <= PART as u64 {
            true => {
                let bytes = match part(&mut file, PART) {
                    Ok(bytes) => bytes,
                    Err(e) => return Err(unread(e)),
                };
                let put = async move { store.put(&path, bytes.into()).await };
                self.ask("write", name, put).map(drop)
            }
            false => match self.ask("write", name, in_parts(store, path, file, size)) {
                Ok(Err(e)) => return Err(unread(e)),
                put => put.map(drop),
            },
        };
        match put {
            // The answer to the last request may have been lost, and the same again refused.
            Err(e) if self.size(name).ok().flatten() != Some(size) => Err(e),
            _ => Ok(()),
        }
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
        let begun = Instant::now();
        let mode = || match before {
            Some(version) => PutMode::Update(version.0.clone()),
            None => PutMode::Create,
        };
        loop {
            let Err(refused) = self.put(name, text, mode())? else {
                return Ok(PutIf::Done);
            };
            // The answer to a request that was carried out may have been lost, and the same again refused.
            let there = self.there(name, text)?;
            match (there, refused) {
                (There::Ours, _) => return Ok(PutIf::Done),
                (There::Other(version), _) if before != Some(&version) => {
                    return Ok(PutIf::Changed);
                }
                // It was there when it was read, and is not any more.
                (There::Nothing, _) if before.is_some() => return Ok(PutIf::Changed),
                // The connection was lost, or the store refused one of two requests that came at the same time. Since it goes
                // under the same condition, it can be carried out once only.
                (_, e) if begun.elapsed() < self.tried() && may_succeed(&e) => {
                    std::thread::sleep(PAUSE);
                }
                (_, e) => return Err(self.refused(("write", name), &e)),
            }
        }
    }

    /// What the object `name` is now, after `ours` may have been put there.
    fn there(&self, name: &Path, ours: &str) -> Result<There> {
        match self.text(name, ours.len() as u64) {
            Ok((text, _)) if text == ours => Ok(There::Ours),
            Ok((_, version)) => Ok(There::Other(version)),
            Err(e) if crate::foreign::is_absent(&e) => Ok(There::Nothing),
            // What is longer, or no text, is another's; its version is that of no manifest that was read.
            Err(Error::Input { .. }) => match self.version(name) {
                Ok(version) => Ok(There::Other(version)),
                Err(e) => Err(self.not_known(name, &e)),
            },
            Err(e) => Err(self.not_known(name, &e)),
        }
    }

    fn put(
        &self,
        name: &Path,
        text: &str,
        mode: PutMode,
    ) -> Result<object_store::Result<UpdateVersion>> {
        let (store, path) = (self.client().0, self.object(name));
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
        let heeded = |text: &str, before: Option<&Version>| {
            let put = self.put_text(name, text, before)?;
            Ok::<bool, Error>(put == PutIf::Changed)
        };
        self.put_text(name, "1", None)?;
        if !heeded("2", None)? {
            return Ok(false);
        }
        let (_, first) = self.text(name, 1)?;
        self.put_text(name, "3", Some(&first))?;
        heeded("4", Some(&first))
    }

    /// Removes objects; those that are not there are removed already.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn remove(&self, names: &[PathBuf]) -> Result<()> {
        let store = self.client().0;
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

/// Whether the same again may be carried out, where what it was to replace is there still.
fn may_succeed(e: &object_store::Error) -> bool {
    use object_store::Error as Of;
    match e {
        Of::AlreadyExists { .. } | Of::Precondition { .. } => true,
        Of::Generic { .. } => !is_final(e),
        _ => false,
    }
}

/// What stands where something was to be put.
enum There {
    /// What was put.
    Ours,
    /// Something else, of this version.
    Other(Version),
    /// Nothing.
    Nothing,
}

/// Puts a file of so many bytes in parts; gives the error of the file, if it cannot be read.
async fn in_parts(
    store: Arc<dyn ObjectStore>,
    path: object_store::path::Path,
    mut file: File,
    size: u64,
) -> object_store::Result<std::io::Result<()>> {
    let bytes = (size / MOST_PARTS).max(PART as u64) as usize;
    let upload = store.put_multipart(&path).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, bytes);
    loop {
        let waited = upload.wait_for_capacity(AT_ONCE).await;
        let read = waited.map(|()| tokio::task::block_in_place(|| part(&mut file, bytes)));
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
    // It ends without the parts that were put, whatever fails.
    if let Err(e) = upload.wait_for_capacity(0).await {
        let _ = upload.abort().await;
        return Err(e);
    }
    upload.finish().await.map(|_| Ok(()))
}

/// The next part of a file, of so many bytes; nothing at its end.
fn part(file: &mut File, most: usize) -> std::io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(most);
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::client::tests::{folder_in, put};
    use crate::store::object::Object;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    const NAME: &str = "manifest.json";

    fn folder() -> (Arc<InMemory>, Folder) {
        let store = Arc::new(InMemory::new());
        let folder = folder_in(Arc::clone(&store) as _);
        (store, folder)
    }

    #[test]
    fn what_somebody_else_has_put_is_not_replaced() {
        let (store, folder) = folder();
        let name = Path::new(NAME);
        let text = || folder.text(name, 100).unwrap();
        assert_eq!(folder.put_text(name, "1", None).unwrap(), PutIf::Done);
        // As where the answer was lost, and the same is put again.
        assert_eq!(folder.put_text(name, "1", None).unwrap(), PutIf::Done);
        for other in ["2", "longer"] {
            assert_eq!(folder.put_text(name, other, None).unwrap(), PutIf::Changed);
        }
        let (_, first) = text();
        assert_eq!(
            folder.put_text(name, "2", Some(&first)).unwrap(),
            PutIf::Done
        );
        assert_eq!(
            folder.put_text(name, "3", Some(&first)).unwrap(),
            PutIf::Changed
        );
        assert_eq!(
            folder.put_text(name, "2", Some(&first)).unwrap(),
            PutIf::Done
        );
        let (_, second) = text();
        put(
            &store,
            "data/web/manifest.json",
            b"a longer text of somebody else",
        );
        assert_eq!(
            folder.put_text(name, "3", Some(&second)).unwrap(),
            PutIf::Changed
        );
        folder.remove(&[NAME.into(), "never there".into()]).unwrap();
        assert_eq!(
            folder.put_text(name, "3", Some(&second)).unwrap(),
            PutIf::Changed
        );
        assert!(folder.list().unwrap().is_empty());
    }

    #[test]
    fn of_many_writers_none_is_lost() {
        let (_, folder) = folder();
        let name = Path::new(NAME);
        folder.put_text(name, "", None).unwrap();
        let write = |writer: usize| {
            for number in 0..25 {
                loop {
                    let (text, version) = folder.text(name, 10_000).unwrap();
                    let text = format!("{text}{writer}.{number}\n");
                    match folder.put_text(name, &text, Some(&version)).unwrap() {
                        PutIf::Done => break,
                        PutIf::Changed => {}
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            (0..8).for_each(|writer| drop(scope.spawn(move || write(writer))));
        });
        let (text, _) = folder.text(name, 10_000).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), text.lines().count()), (200, 200));
    }

    #[test]
    fn files_of_any_size_are_put_whole() {
        let (_, folder) = folder();
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 1, PART, PART + 1, 2 * PART + 3] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let (from, name) = (dir.path().join("f"), PathBuf::from(format!("{size}")));
            std::fs::write(&from, &bytes).unwrap();
            folder.put_file(&name, &from).unwrap();
            let object = Object::open(&folder, &name).unwrap();
            assert_eq!(object.bytes(0..u64::MAX).unwrap(), bytes);
        }
        let absent = folder.put_file(Path::new("x"), &dir.path().join("none"));
        assert!(matches!(absent, Err(Error::Io { .. })), "{absent:?}");
    }

    #[test]
    fn a_store_is_tried_and_nothing_of_it_stays() {
        let (_, folder) = folder();
        folder.try_conditions("0").unwrap();
        assert!(folder.list().unwrap().is_empty());
        let dir = tempfile::tempdir().unwrap();
        let heedless = LocalFileSystem::new_with_prefix(dir.path()).unwrap();
        let folder = folder_in(Arc::new(heedless));
        let e = folder.try_conditions("0").unwrap_err();
        assert!(e.to_string().contains("cannot do that"), "{e}");
        assert!(folder.list().unwrap().is_empty());
    }
}
