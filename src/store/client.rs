//! A folder in a store: what is asked of it, by threads that wait for the answer.

use super::address::Address;
use super::environment;
use super::refused::{is_beyond, refused};
use super::remembering::Remembering;
use super::waiting::wait;
use crate::error::{Error, Place, Result};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, UpdateVersion};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Texts that are fetched at the same time.
const AT_ONCE: usize = 16;

/// A folder in a store.
#[derive(Clone)]
pub(crate) struct Folder {
    store: Arc<Remembering>,
    address: Arc<Address>,
    shown: PathBuf,
    /// How long a request is tried.
    tried: Duration,
    /// The texts that were read once; their readers shall see the same all the time.
    texts: Arc<Mutex<BTreeMap<PathBuf, (String, Version)>>>,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.shown).finish()
    }
}

/// A version of an object, by which a store knows whether it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version(pub(super) UpdateVersion);

impl Version {
    fn of(object: &ObjectMeta) -> Self {
        Version(UpdateVersion {
            e_tag: object.e_tag.clone(),
            version: object.version.clone(),
        })
    }
}

/// An object that a listing tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name in the folder.
    pub name: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was put, in seconds since the Unix epoch.
    pub put: i64,
}

impl Folder {
    /// The folder at `address`, with the credentials that the environment has. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`Error::Store`] where the environment does not fit together, [`Error::Io`] where there are no threads.
    pub(crate) fn new(address: Address) -> Result<Folder> {
        let tried = environment::tried()?;
        let store = environment::client(&address, tried)?;
        Ok(Self::of(store, address, tried))
    }

    /// The folder at `address`, in this store.
    pub(super) fn of(store: Arc<dyn ObjectStore>, address: Address, tried: Duration) -> Folder {
        Folder {
            store: Arc::new(Remembering::new(store)),
            shown: PathBuf::from(address.text()),
            address: Arc::new(address),
            tried,
            texts: Arc::default(),
        }
    }

    /// The same, for who wants to see what is there now.
    pub(crate) fn anew(&self) -> Folder {
        Folder {
            texts: Arc::default(),
            ..self.clone()
        }
    }

    /// How it is called: a URL, which no file has for its name.
    pub(crate) fn shown(&self) -> &Path {
        &self.shown
    }

    /// The client, and the address of its bucket, which DataFusion knows it by.
    pub(crate) fn client(&self) -> (Arc<dyn ObjectStore>, &url::Url) {
        (Arc::clone(&self.store) as _, &self.address.bucket)
    }

    /// How long a request is tried.
    pub(super) fn tried(&self) -> Duration {
        self.tried
    }

    /// Tells how long the object `name` is, so that the store is not asked.
    pub(crate) fn tell_size(&self, name: &Path, bytes: u64) {
        self.store.tell_size(self.address.object(name), bytes);
    }

    /// How long the object `name` is, if it is there. The store is asked, whatever is known.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn size(&self, name: &Path) -> Result<Option<u64>> {
        match self.head(name) {
            Ok(told) => {
                self.tell_size(name, told.size);
                Ok(Some(told.size))
            }
            Err(e) if crate::foreign::is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether the name of some object begins with `name/`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn has_below(&self, name: &Path) -> Result<bool> {
        let (store, prefix) = (Arc::clone(&self.store), self.address.object(name));
        let first = async move { store.list(Some(&prefix)).try_next().await };
        Ok(self.ask("list", name, first)?.is_some())
    }

    /// The size of the object `name`, which is asked for where nobody has told it.
    ///
    /// # Errors
    /// [`Error::Io`] where it is not there, [`Error::Store`].
    pub(super) fn size_once(&self, name: &Path) -> Result<u64> {
        match self.store.size(&self.address.object(name)) {
            Some(size) => Ok(size),
            None => Ok(self.head(name)?.size),
        }
    }

    /// The bytes `range` of the object `name`.
    ///
    /// # Errors
    /// As [`Folder::size_once`].
    pub(super) fn range(&self, name: &Path, range: std::ops::Range<u64>) -> Result<Bytes> {
        let (store, path) = (Arc::clone(&self.store), self.address.object(name));
        let wanted = range.clone();
        let got = async move { Ok(store.get_range(&path, wanted).await) };
        let got = self.ask("read", name, got)?;
        let short = match &got {
            Ok(bytes) => bytes.len() as u64 != range.end - range.start,
            Err(e) => is_beyond(e),
        };
        let got = got.map_err(|e| self.refused(("read", name), &e));
        if !short {
            return got;
        }
        match self.size(name) {
            Ok(Some(bytes)) if bytes < range.end => Err(Error::input(
                format!("has {bytes} bytes, fewer than the manifest says"),
                Place::file(self.shown.join(name)),
                "The dataset is damaged: fetch it or make it again.",
            )),
            _ => got,
        }
    }

    /// As [`Folder::text`]; the same each time, whatever becomes of the object.
    ///
    /// # Errors
    /// As [`Folder::text`].
    pub(crate) fn text_once(&self, name: &Path, most: u64) -> Result<(String, Version)> {
        let texts = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts().get(name) {
            return Ok(text.clone());
        }
        let text = self.text(name, most)?;
        texts().insert(name.to_path_buf(), text.clone());
        Ok(text)
    }

    /// The text of the object `name`, of at most so many bytes, and its version.
    ///
    /// # Errors
    /// As [`Folder::size_once`]; [`Error::Input`] where it is no UTF-8, or too long.
    pub(crate) fn text(&self, name: &Path, most: u64) -> Result<(String, Version)> {
        let got = fetched(Arc::clone(&self.store), self.address.object(name), most);
        let got = self.ask("read", name, got)?;
        self.as_text(name, got, most)
    }

    /// The texts of these objects, several of which are fetched at the same time.
    ///
    /// # Errors
    /// As [`Folder::text`].
    pub(crate) fn texts(&self, names: &[&Path], most: u64) -> Result<Vec<String>> {
        let each = names.iter().map(|name| {
            let (store, path) = (Arc::clone(&self.store), self.address.object(name));
            fetched(store, path, most)
        });
        let each: Vec<_> = each.collect();
        let all = async move {
            Ok(stream::iter(each)
                .buffered(AT_ONCE)
                .collect::<Vec<_>>()
                .await)
        };
        let all = self.ask("read", Path::new(""), all)?;
        let texts = names.iter().zip(all).map(|(name, got)| {
            let got = got.map_err(|e| self.refused(("read", name), &e))?;
            self.as_text(name, got, most).map(|(text, _)| text)
        });
        texts.collect()
    }

    fn as_text(
        &self,
        name: &Path,
        (version, bytes): (Version, Option<Bytes>),
        most: u64,
    ) -> Result<(String, Version)> {
        let wrong = |what: String| {
            let place = Place::file(self.shown.join(name));
            Error::input(what, place, "Fetch it or make it again.")
        };
        let bytes = bytes.ok_or_else(|| wrong(format!("longer than {most} bytes")))?;
        let text = String::from_utf8(bytes.into()).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            wrong(format!("not UTF-8 from byte {at} on"))
        })?;
        Ok((text, version))
    }

    /// The version of the object `name`.
    ///
    /// # Errors
    /// As [`Folder::size_once`].
    pub(super) fn version(&self, name: &Path) -> Result<Version> {
        Ok(Version::of(&self.head(name)?))
    }

    /// What the store tells of the object `name`, whatever is known of it.
    fn head(&self, name: &Path) -> Result<ObjectMeta> {
        let (store, path) = (Arc::clone(self.store.inner()), self.address.object(name));
        self.ask("read", name, async move { store.head(&path).await })
    }

    /// All objects below the folder, sorted by name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn list(&self) -> Result<Vec<Listed>> {
        let (store, prefix) = (Arc::clone(&self.store), self.address.folder.clone());
        let listed = async move { store.list(Some(&prefix)).try_collect::<Vec<_>>().await };
        let listed = self.ask("list", Path::new(""), listed)?;
        let mut found: Vec<Listed> = listed
            .into_iter()
            .filter_map(|object| {
                let parts = object.location.prefix_match(&self.address.folder)?;
                Some(Listed {
                    name: parts.map(|part| part.as_ref().to_owned()).collect(),
                    bytes: object.size,
                    put: object.last_modified.timestamp(),
                })
            })
            .collect();
        // By an empty object of the folder's name consoles show that it is there.
        found.retain(|object| !object.name.as_os_str().is_empty());
        found.sort_by(|a, b| a.name.cmp(&b.name));
        for object in &found {
            self.tell_size(&object.name, object.bytes);
        }
        Ok(found)
    }

    /// What the store answers to `request`, which is to `action` the object `name`.
    ///
    /// # Errors
    /// As [`Folder::size_once`].
    pub(super) fn ask<T: Send + 'static>(
        &self,
        action: &'static str,
        name: &Path,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let answer = wait(&crate::shown::path_text(&self.shown), request)?;
        answer.map_err(|e| self.refused((action, name), &e))
    }

    /// The error `e` of a request to `action` the object `name`.
    pub(crate) fn refused(
        &self,
        (action, name): (&'static str, &Path),
        e: &object_store::Error,
    ) -> Error {
        let shown = match name.as_os_str().is_empty() {
            true => self.shown.clone(),
            false => self.shown.join(name),
        };
        refused(self.address.kind, (action, &shown), e)
    }

    /// The path of the object `name` in its bucket.
    pub(super) fn object(&self, name: &Path) -> object_store::path::Path {
        self.address.object(name)
    }

    /// The URL of the object `name`, as DataFusion takes it.
    pub(crate) fn url(&self, name: &Path) -> String {
        self.address.url(name)
    }
}

/// The version and the bytes of an object, unless those are more than `most`.
async fn fetched(
    store: Arc<Remembering>,
    path: object_store::path::Path,
    most: u64,
) -> object_store::Result<(Version, Option<Bytes>)> {
    let got = store.get(&path).await?;
    let version = Version::of(&got.meta);
    match got.meta.size > most {
        true => Ok((version, None)),
        false => Ok((version, Some(got.bytes().await?))),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::address::Kind;
    use object_store::memory::InMemory;
    use object_store::path::Path as Key;

    /// The folder `data/web` of a bucket in `store`.
    pub(in crate::store) fn folder_in(store: Arc<dyn ObjectStore>) -> Folder {
        let address = Address {
            kind: Kind::S3,
            bucket: url::Url::parse("s3://lab").unwrap(),
            folder: Key::from("data/web"),
        };
        Folder::of(store, address, Duration::from_secs(2))
    }

    /// Puts an object at this place of the bucket.
    pub(in crate::store) fn put(store: &Arc<InMemory>, key: &str, bytes: &[u8]) {
        let (store, key, bytes) = (Arc::clone(store), Key::from(key), bytes.to_vec());
        wait(
            "s3://lab",
            async move { store.put(&key, bytes.into()).await },
        )
        .unwrap()
        .unwrap();
    }

    #[test]
    fn what_is_below_the_folder_is_listed_by_its_names() {
        let store = Arc::new(InMemory::new());
        for key in ["data/web/b", "data/web/a/x=1/c", "data/web2/d", "data/e"] {
            put(&store, key, b"12");
        }
        let folder = folder_in(store);
        let names = folder.list().unwrap().into_iter();
        let names: Vec<PathBuf> = names.map(|object| object.name).collect();
        assert_eq!(names, ["a/x=1/c", "b"].map(PathBuf::from));
        assert!(folder.has_below(Path::new("a")).unwrap());
        assert!(!folder.has_below(Path::new("b")).unwrap());
        assert_eq!(folder.size(Path::new("b")).unwrap(), Some(2));
        assert_eq!(folder.size(Path::new("c")).unwrap(), None);
    }

    #[test]
    fn a_text_that_was_read_once_stays_as_it_was() {
        let store = Arc::new(InMemory::new());
        put(&store, "data/web/t", b"old");
        let folder = folder_in(Arc::clone(&store) as _);
        let read = |folder: &Folder| folder.text_once(Path::new("t"), 10).unwrap().0;
        assert_eq!(read(&folder), "old");
        put(&store, "data/web/t", b"new");
        assert_eq!(read(&folder.clone()), "old");
        assert_eq!(read(&folder.anew()), "new");
        assert_eq!(folder.text(Path::new("t"), 10).unwrap().0, "new");
    }

    #[test]
    fn what_is_no_text_is_told() {
        let store = Arc::new(InMemory::new());
        put(&store, "data/web/t", b"a\xff");
        let folder = folder_in(store);
        let told = |most| folder.text(Path::new("t"), most).unwrap_err().to_string();
        assert!(told(2).contains("s3://lab/data/web/t: not UTF-8 from byte 1"));
        assert!(told(1).contains("longer than 1 bytes"));
        let absent = folder.text(Path::new("u"), 1).unwrap_err();
        assert!(crate::foreign::is_absent(&absent));
    }
}
