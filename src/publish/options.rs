//! What to publish and how, and what came of it.

use super::about::{About, Gap};
use super::figures::Given;
use super::license::License;
use super::release::ReleaseManifest;
use super::rewrite::Warning;
use crate::dataset::codec::Codec;
use crate::dataset::root::Root;
use crate::split::SplitStrategy;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What to publish, and how.
#[derive(Debug, Clone)]
pub(crate) struct PublishOptions {
    /// The dataset.
    pub dataset: Root,
    /// The release's folder.
    pub output: Root,
    /// Replace a release that stands there.
    pub force: bool,
    /// Bytes on disk at which a shard ends.
    pub shard_bytes: u64,
    /// Compression of the shards.
    pub codec: Codec,
    /// How to split; `None` for not at all.
    pub split: Option<SplitStrategy>,
    /// What a person says of the dataset.
    pub about: About,
    /// Its licence.
    pub license: Option<License>,
    /// What models tell of its requests; refused where it is of other data.
    pub figures: Option<Given>,
    /// Version of the release; the least that fits where it is not given.
    pub version: Option<semver::Version>,
    /// The release before.
    pub previous: Option<Root>,
    /// Day of publication, `YYYY-MM-DD`; today where it is not given.
    pub published: Option<String>,
    /// Bytes that splitting may use before it goes to disk; half of what is free where it is not given.
    pub memory: Option<usize>,
}

/// The caller's hold on a running publication.
pub(crate) struct Control<'a> {
    /// Set to stop it: it then ends with [`Error::Interrupted`](crate::error::Error::Interrupted), and nothing is left.
    pub interrupted: Arc<AtomicBool>,
    /// Told, now and then, how many rows of how many are written.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// What was published.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The manifest of the release.
    pub manifest: ReleaseManifest,
    /// What `dataset.toml` does not say.
    pub gaps: Vec<Gap>,
    /// What the rewriting of the values warns of.
    pub warnings: Vec<Warning>,
}
