//! A client that speaks to a store, as the user's environment has it: credentials, endpoint, patience.
//!
//! The names of the settings are those of the stores' own tools; only how long a request is tried is ours.

#![cfg_attr(
    not(any(feature = "s3", feature = "gcs", feature = "azure")),
    allow(unused, reason = "a build without stores has no client to make")
)]

use super::address::{Address, Kind};
#[cfg(feature = "s3")]
use super::profile;
use super::refused::refused;
use super::waiting::handle;
use crate::error::{Error, Result};
use object_store::client::SpawnedReqwestConnector;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a request is tried again where the store does not answer, or says that it cannot now.
const TRY: Duration = Duration::from_secs(60);
/// By which a user sets it.
const TRY_SECONDS: &str = "SYSDS_STORE_TRY_SECONDS";

/// The client for the store at `address`, which tries a request for so long. Nothing is asked of the store yet.
///
/// # Errors
/// [`Error::Store`] where the environment does not fit together, [`Error::Io`] where there are no threads.
pub(super) fn client(address: &Address, tried: Duration) -> Result<Arc<dyn ObjectStore>> {
    #[cfg(feature = "s3")]
    if address.kind == Kind::S3 {
        profile::check(&variable)?;
    }
    let connector = SpawnedReqwestConnector::new(handle()?);
    let built = build(address, connector, retries(tried));
    let shown = address.text();
    built.map_err(|e| refused(address.kind, ("use", Path::new(&shown)), &e))
}

/// How long the user wants a request to be tried.
pub(super) fn tried() -> Result<Duration> {
    let Some(text) = std::env::var_os(TRY_SECONDS) else {
        return Ok(TRY);
    };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    let seconds = seconds.ok_or_else(|| {
        Error::usage(
            format!("{TRY_SECONDS}={}: not a number of seconds", text.display()),
            format!("Leave it out for {} seconds.", TRY.as_secs()),
        )
    })?;
    Ok(Duration::from_secs(seconds))
}

fn retries(tried: Duration) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        // The time ends them, not their number.
        max_retries: 1000,
        retry_timeout: tried,
    }
}

fn build(
    address: &Address,
    connector: SpawnedReqwestConnector,
    retries: RetryConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    match address.kind {
        #[cfg(feature = "s3")]
        Kind::S3 => s3(address, connector, retries),
        #[cfg(feature = "gcs")]
        Kind::Gcs => {
            let builder = object_store::gcp::GoogleCloudStorageBuilder::from_env();
            let builder = builder
                .with_url(address.bucket.as_str())
                .with_retry(retries);
            Ok(Arc::new(builder.with_http_connector(connector).build()?))
        }
        #[cfg(feature = "azure")]
        Kind::Azure => {
            let builder = object_store::azure::MicrosoftAzureBuilder::from_env();
            let builder = builder
                .with_url(address.bucket.as_str())
                .with_retry(retries);
            Ok(Arc::new(builder.with_http_connector(connector).build()?))
        }
        #[allow(unreachable_patterns, reason = "of builds that have all kinds")]
        _ => unreachable!("no address is of a kind that the build has not"),
    }
}

/// What the environment says, unless it is nothing.
#[cfg(feature = "s3")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A client of S3: the environment goes before the profile.
#[cfg(feature = "s3")]
fn s3(
    address: &Address,
    connector: SpawnedReqwestConnector,
    retries: RetryConfig,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
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
    let builder = builder.with_retry(retries).with_http_connector(connector);
    Ok(Arc::new(builder.build()?))
}
