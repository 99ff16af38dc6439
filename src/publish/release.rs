//! `manifest.json` of a release: the manifest of its dataset, with the release's own files, and what publishing added.
//!
//! So whatever reads a dataset's manifest (`sysds query`, `sysds inspect`) reads a release's, too.

use crate::dataset::manifest::{self, Manifest};
use crate::dataset::root::Root;
use crate::dataset::{self, MANIFEST};
use crate::error::{Error, Place, Result};
use crate::shown::hex;
use crate::split::{SplitRule, names};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Name of the list of checksums.
pub(crate) const SUMS: &str = "SHA256SUMS";
/// Name of the figures of models, where there are some.
pub(crate) const FIGURES: &str = "experiment.json";
/// Folder of the contract in a release.
pub(crate) const SCHEMAS: &str = "schemas";
/// Version of the form of [`Release`]; a reader must refuse versions it does not know.
pub(crate) const RELEASE_VERSION: u32 = 1;
/// The split of everything where there are no others, and of `losses` always.
pub(crate) const FULL: &str = "full";

/// The manifest of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReleaseManifest {
    /// What publishing added.
    pub release: Release,
    /// The manifest of the dataset; `tables` names the shards.
    #[serde(flatten)]
    pub dataset: Manifest,
}

/// What publishing added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Release {
    /// [`RELEASE_VERSION`].
    pub release_version: u32,
    /// Semantic version of the data.
    pub version: String,
    /// Day of publication, `YYYY-MM-DD`.
    pub published: String,
    /// The program that published it, and its version.
    pub tool: String,
    /// Its licence, an SPDX expression.
    pub license: Option<String>,
    /// What it follows.
    pub previous: Option<Previous>,
    /// How requests were split; nothing where they were not.
    pub split: Option<SplitRule>,
    /// What was done to the values before they were published; nothing where they are as they were traced.
    pub privacy: Vec<String>,
    /// Which key the pseudonyms are of; nothing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The shards of all tables by path.
    pub shards: BTreeMap<String, Shard>,
}

/// The release before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Previous {
    /// Its version.
    pub version: String,
    /// SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// What has changed since, in sentences.
    pub changes: Vec<String>,
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shard {
    /// Its table.
    pub table: String,
    /// Its split.
    pub split: String,
    /// Its recording.
    pub trace_id: String,
    /// The label of its recording.
    pub label: Option<String>,
    /// Rows.
    pub rows: u64,
}

impl ReleaseManifest {
    /// Reads the manifest of the release in `root`.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where it is not the manifest of a release, or of an unknown version.
    pub(crate) fn read(root: &Root) -> Result<ReleaseManifest> {
        let path = root.join(MANIFEST);
        let manifest = Self::read_as_it_is(root)?;
        Ok(ReleaseManifest {
            dataset: manifest.dataset.checked(&path)?,
            release: manifest.release,
        })
    }

    /// As [`ReleaseManifest::read`], without refusing what no manifest can say (see [`Manifest::impossible`]).
    ///
    /// # Errors
    /// As [`ReleaseManifest::read`].
    pub(crate) fn read_as_it_is(root: &Root) -> Result<ReleaseManifest> {
        let path = root.join(MANIFEST);
        let text = root.text(MANIFEST)?;
        let manifest: ReleaseManifest = serde_json::from_str(&text).map_err(|e| {
            Error::input(
                format!("not the manifest of a release: {e}"),
                Place::line(&path, e.line() as u64, e.column() as u64),
                "Name a folder that sysds publish wrote; a dataset is made into one with sysds publish DATASET -o RELEASE.",
            )
        })?;
        match manifest.release.release_version {
            RELEASE_VERSION => {
                manifest::known(manifest.dataset.format_version, &path).map(|()| manifest)
            }
            other => Err(Error::input(
                format!("the release has form {other}; this program knows {RELEASE_VERSION}"),
                Place::file(&path),
                "Use the version of sysds that made it, or a newer one.",
            )),
        }
    }

    /// The shards by table and recording, in order.
    pub(crate) fn shards(&self) -> BTreeMap<(&str, &str), Vec<(&String, &Shard)>> {
        let mut found: BTreeMap<(&str, &str), Vec<(&String, &Shard)>> = BTreeMap::new();
        for (path, shard) in &self.release.shards {
            let key = (shard.table.as_str(), shard.trace_id.as_str());
            found.entry(key).or_default().push((path, shard));
        }
        found
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a manifest is JSON") + "\n"
    }

    /// Splits of a table in the order in which people think of them, each with its rows and shards.
    pub(crate) fn splits(&self, table: &str) -> Vec<(String, u64, usize)> {
        let mut sums: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        for shard in self.release.shards.values().filter(|s| s.table == table) {
            let (rows, shards) = sums.entry(&shard.split).or_default();
            *rows = rows.saturating_add(shard.rows);
            *shards += 1;
        }
        let sums = sums.into_iter();
        let mut found: Vec<(String, u64, usize)> = sums
            .map(|(name, (rows, shards))| (name.to_owned(), rows, shards))
            .collect();
        found.sort_by_key(|(name, ..)| (names::place(name), name.clone()));
        found
    }

    /// Whether shards stand in folders by label.
    pub(crate) fn by_label(&self) -> bool {
        let labels = self.dataset.recordings.iter().map(|r| &r.label);
        labels.into_iter().any(Option::is_some)
    }
}

/// What identifies the data of a release, whatever is said of them: SHA-256, in hexadecimal, over a line for each shard,
/// sorted by path (as bytes), of its SHA-256, two spaces, its path below the release, and a newline. So a shell has it, too:
/// `grep '  data/' SHA256SUMS | LC_ALL=C sort -k 2 | sha256sum`.
///
/// A release that is published again from the same dataset, with the same options for its rows, has the same.
pub(crate) fn data_sha256(manifest: &Manifest) -> String {
    let files = manifest.tables.values().flat_map(|table| &table.files);
    let sums: BTreeMap<&str, &str> = files.map(|f| (&*f.path, &*f.sha256)).collect();
    let mut hasher = Sha256::new();
    for (path, sha256) in sums {
        hasher.update(format!("{sha256}  {path}\n"));
    }
    hex(&hasher.finalize())
}

/// Whether the manifest in `root` is a release's; a text that is no JSON is none.
///
/// # Errors
/// As [`Root::text`]; there being no manifest is none.
pub(crate) fn is_release(root: &Root) -> Result<bool> {
    if !dataset::is_dataset(root)? {
        return Ok(false);
    }
    let text = root.text(MANIFEST)?;
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    Ok(json.is_some_and(|j| j.get("release").is_some()))
}
