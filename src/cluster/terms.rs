//! What goes with each part of a plan: which dataset it is of, in which state, and the settings it was made with.
//!
//! A plan names files, and an executor that found others of these names would give other rows. So it opens the dataset
//! itself, and refuses the part unless the manifest that it finds is, byte by byte, the one that the plan was made from.

use crate::shown::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The header that holds them.
static HEADER: HeaderName = HeaderName::from_static("sysds-terms");
/// What DataFusion's own settings begin with; those of the crate that divides plans have no such name, and it sends them itself.
const OWN: &str = "datafusion.";

/// The terms of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// The folder of the dataset, as all machines name it: a path, links followed, or a URL.
    pub dataset: String,
    /// SHA-256 of its manifest, in hexadecimal.
    pub manifest: String,
    /// Settings that are not DataFusion's own.
    pub settings: BTreeMap<String, String>,
}

impl Terms {
    /// Those of a dataset, whose manifest is this text, for who plans with these settings.
    pub(super) fn new(dataset: String, manifest: &str, settings: &ConfigOptions) -> Self {
        Terms {
            dataset,
            manifest: digest(manifest),
            settings: changed(settings),
        }
    }

    /// As a header.
    pub(super) fn headers(&self) -> HeaderMap {
        let json = serde_json::to_vec(self).unwrap_or_default();
        // Of the characters that base64 writes, every one may be in a header.
        let value = HeaderValue::from_str(&BASE64.encode(json));
        value
            .map(|value| HeaderMap::from_iter([(HEADER.clone(), value)]))
            .unwrap_or_default()
    }

    /// Those in a header.
    ///
    /// # Errors
    /// [`DataFusionError`] where there are none.
    pub(super) fn read(headers: &HeaderMap) -> Result<Terms> {
        let value = headers.get(&HEADER).map(HeaderValue::as_bytes);
        let json = value.and_then(|value| BASE64.decode(value).ok());
        let terms = json.and_then(|json| serde_json::from_slice(&json).ok());
        terms.ok_or_else(|| {
            DataFusionError::External("a part of a plan came without its terms".into())
        })
    }

    /// Puts the settings in.
    ///
    /// # Errors
    /// [`DataFusionError`] for one that is not known.
    pub(super) fn set(&self, options: &mut ConfigOptions) -> Result<()> {
        let mut settings = self.settings.iter();
        settings.try_for_each(|(name, value)| options.set(name, value))
    }
}

/// SHA-256 of a manifest's text, in hexadecimal.
pub(super) fn digest(manifest: &str) -> String {
    hex(&Sha256::digest(manifest.as_bytes()))
}

/// The settings that are not the ones that every session begins with.
fn changed(options: &ConfigOptions) -> BTreeMap<String, String> {
    let usual = ConfigOptions::new().entries();
    let usual: BTreeMap<String, Option<String>> =
        usual.into_iter().map(|e| (e.key, e.value)).collect();
    let other = options
        .entries()
        .into_iter()
        .filter(|entry| entry.key.starts_with(OWN) && usual.get(&entry.key) != Some(&entry.value));
    let other = other.filter_map(|entry| Some((entry.key, entry.value?)));
    other.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_as_they_were_written() {
        let mut options = ConfigOptions::new();
        options
            .set("datafusion.execution.batch_size", "77")
            .unwrap();
        let terms = Terms::new("/data/ä b".to_owned(), "{}", &options);
        assert_eq!(terms.settings.len(), 1, "{:?}", terms.settings);
        let read = Terms::read(&terms.headers()).unwrap();
        assert_eq!(read, terms);
        let mut other = ConfigOptions::new();
        read.set(&mut other).unwrap();
        assert_eq!(other.execution.batch_size.get(), 77);
        assert!(Terms::read(&HeaderMap::new()).is_err());
    }
}
