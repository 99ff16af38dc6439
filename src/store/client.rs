//! A folder in a store, with a client that speaks to it.

use super::address::{Address, Kind};
use super::object::Object;
#[cfg(feature = "s3")]
use super::profile;
use super::refused::refused;
use super::waiting::{handle, wait};
use crate::error::{Error, Place, Result};
use futures::TryStreamExt;
use object_store::client::SpawnedReqwestConnector;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig, UpdateVersion};
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a request is tried again where the store does not answer, or says that it cannot now.
const TRY: Duration = Duration::from_secs(60);

/// A folder in a store.
#[derive(Clone)]
pub(crate) struct Folder {
    store: Arc<dyn ObjectStore>,
    address: Arc<Address>,
    shown: PathBuf,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.shown).finish()
    }
}

/// A version of an object, by which a store knows whether it has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version(pub(super) UpdateVersion);

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
        let shown = PathBuf::from(address.text());
        let built = build(&address, SpawnedReqwestConnector::new(handle()?));
        let store = built.map_err(|e| refused(address.kind, ("use", &shown), &e))?;
        Ok(Folder {
            store,
            address: Arc::new(address),
            shown,
        })
    }

    /// How it is called: a URL, which no file has for its name.
    pub(crate) fn shown(&self) -> &Path {
        &self.shown
    }

    /// The client, and the address of its bucket, which DataFusion knows it by.
    pub(crate) fn client(&self) -> (&Arc<dyn ObjectStore>, &url::Url) {
        (&self.store, &self.address.bucket)
    }

    /// Whether there is an object `name`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn has(&self, name: &Path) -> Result<bool> {
        match self.open(name) {
            Ok(_) => Ok(true),
            Err(e) if crate::foreign::is_absent(&e) => Ok(false),
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

    /// The object `name`, to be read in ranges.
    ///
    /// # Errors
    /// [`Error::Io`] where it is not there, [`Error::Store`].
    pub(crate) fn open(&self, name: &Path) -> Result<Object> {
        let (store, path) = (Arc::clone(&self.store), self.address.object(name));
        let head = async move { store.head(&path).await };
        let told = self.ask("read", name, head)?;
        Ok(Object::new(self.clone(), name.to_path_buf(), told.size))
    }

    /// The bytes `range` of the object `name`.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub(super) fn range(&self, name: &Path, range: std::ops::Range<u64>) -> Result<bytes::Bytes> {
        let (store, path) = (Arc::clone(&self.store), self.address.object(name));
        let got = async move { store.get_range(&path, range).await };
        self.ask("read", name, got)
    }

    /// The text of the object `name`, of at most so many bytes, and its version.
    ///
    /// # Errors
    /// As [`Folder::open`]; [`Error::Input`] where it is no UTF-8, or too long.
    pub(crate) fn text(&self, name: &Path, most: u64) -> Result<(String, Version)> {
        let wrong = |what: String| {
            Error::input(
                what,
                Place::file(self.shown.join(name)),
                "Fetch it or make it again.",
            )
        };
        let (store, path) = (Arc::clone(&self.store), self.address.object(name));
        let got = async move {
            let got = store.get(&path).await?;
            let version = Version(UpdateVersion {
                e_tag: got.meta.e_tag.clone(),
                version: got.meta.version.clone(),
            });
            if got.meta.size > most {
                return Ok((version, None));
            }
            Ok((version, Some(got.bytes().await?)))
        };
        let (version, bytes) = self.ask("read", name, got)?;
        let bytes = bytes.ok_or_else(|| wrong(format!("longer than {most} bytes")))?;
        let text = String::from_utf8(bytes.into()).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            wrong(format!("not UTF-8 from byte {at} on"))
        })?;
        Ok((text, version))
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
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// What the store answers to `request`, which is to `action` the object `name`.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub(super) fn ask<T: Send + 'static>(
        &self,
        action: &'static str,
        name: &Path,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let answer = wait(&crate::shown::path_text(&self.shown), request)?;
        let shown = match name.as_os_str().is_empty() {
            true => self.shown.clone(),
            false => self.shown.join(name),
        };
        answer.map_err(|e| refused(self.address.kind, (action, &shown), &e))
    }

    /// The error `e` of a request to `action` the object `name`.
    pub(super) fn refused(
        &self,
        (action, name): (&'static str, &Path),
        e: &object_store::Error,
    ) -> Error {
        refused(self.address.kind, (action, &self.shown.join(name)), e)
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

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 20,
        retry_timeout: TRY,
    }
}

fn build(
    address: &Address,
    connector: SpawnedReqwestConnector,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    match address.kind {
        #[cfg(feature = "s3")]
        Kind::S3 => s3(address, connector),
        #[cfg(feature = "gcs")]
        Kind::Gcs => {
            let builder = object_store::gcp::GoogleCloudStorageBuilder::from_env();
            let builder = builder
                .with_url(address.bucket.as_str())
                .with_retry(retries());
            Ok(Arc::new(builder.with_http_connector(connector).build()?))
        }
        #[cfg(feature = "azure")]
        Kind::Azure => {
            let builder = object_store::azure::MicrosoftAzureBuilder::from_env();
            let builder = builder
                .with_url(address.bucket.as_str())
                .with_retry(retries());
            Ok(Arc::new(builder.with_http_connector(connector).build()?))
        }
        #[allow(unreachable_patterns, reason = "of builds that have all kinds")]
        _ => unreachable!("no address is of a kind that the build has not"),
    }
}

/// A client of S3: the environment goes before the profile.
#[cfg(feature = "s3")]
fn s3(
    address: &Address,
    connector: SpawnedReqwestConnector,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut builder = AmazonS3Builder::from_env().with_url(address.bucket.as_str());
    let of_profile = profile::settings(&variable);
    // A profile that is named goes before keys of the environment that are not.
    for (name, key) in [
        ("aws_access_key_id", Key::AccessKeyId),
        ("aws_secret_access_key", Key::SecretAccessKey),
        ("aws_session_token", Key::Token),
        ("region", Key::Region),
        ("endpoint_url", Key::Endpoint),
    ] {
        if builder.get_config_value(&key).is_none()
            && let Some(value) = of_profile.get(name)
        {
            builder = builder.with_config(key, value);
        }
    }
    if builder.get_config_value(&Key::Region).is_none() {
        builder = builder.with_region("us-east-1");
    }
    let endpoint = builder.get_config_value(&Key::Endpoint);
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    let builder = builder.with_retry(retries()).with_http_connector(connector);
    Ok(Arc::new(builder.build()?))
}
