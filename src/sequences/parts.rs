//! Which part each request is in: as the release says, or as the dataset is split now.

use super::options::{Control, Options};
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::{self, Dataset};
use crate::error::{Error, Result};
use crate::publish::release::{self, ReleaseManifest};
use crate::publish::rows::check_counts;
use crate::shown::path_text;
use crate::split::Splits;
use crate::split::names::{GAP, INCOMPLETE, OTHER, STRADDLING, UNUSED, place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The dataset or release, and its parts.
pub(super) struct Source {
    pub dataset: Dataset,
    pub manifest: Manifest,
    /// The release's version, where it is one.
    pub version: Option<String>,
    parts: Parts,
}

enum Parts {
    /// By the shard that a request is in.
    Released(BTreeMap<String, String>),
    Split(Splits),
}

/// Names of what is no part to train or test with: a request there is left out.
const NO_PARTS: [&str; 6] = [GAP, UNUSED, STRADDLING, INCOMPLETE, OTHER, release::FULL];

impl Source {
    /// Opens what `options` name, and splits it where it is not.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is split twice or not at all, and as [`Splits::find`].
    pub(super) fn open(options: &Options, control: &Control) -> Result<Source> {
        let root = &options.source;
        let dataset = dataset::open(root)?;
        let (manifest, release) = match release::is_release(root)? {
            true => {
                let ReleaseManifest { release, dataset } = ReleaseManifest::read(root)?;
                (dataset, Some(release))
            }
            false => (Manifest::read(root)?, None),
        };
        let version = release.as_ref().map(|release| release.version.clone());
        let is_split = release
            .as_ref()
            .is_some_and(|release| release.split.is_some());
        let parts = match (release, &options.split) {
            (Some(release), None) if is_split => {
                let shards = release.shards.into_iter();
                Parts::Released(shards.map(|(path, shard)| (path, shard.split)).collect())
            }
            (_, Some(_)) if is_split => return Err(split_twice(root)),
            (_, None) => return Err(not_split(root)),
            (_, Some(strategy)) => {
                check_counts(root, &manifest)?;
                let interrupted = Arc::clone(&control.interrupted);
                let found =
                    Splits::find(&dataset, &manifest, strategy, options.memory, interrupted);
                Parts::Split(found?)
            }
        };
        Ok(Source {
            dataset,
            manifest,
            version,
            parts,
        })
    }

    /// The names of the parts that there are, in their order.
    pub(super) fn names(&self) -> Vec<String> {
        let all: BTreeSet<&String> = match &self.parts {
            Parts::Released(shards) => shards.values().collect(),
            Parts::Split(splits) => splits.names.iter().collect(),
        };
        let names = all.into_iter().filter(|name| is_part(name));
        let mut names: Vec<String> = names.cloned().collect();
        names.sort_by_key(|name| place(name));
        names
    }

    /// The part of a request of the recording `recording`, in the file `file`; `None` where it is in none.
    pub(super) fn part(&self, recording: usize, file: &str, request_id: i64) -> Option<&str> {
        let name = match &self.parts {
            Parts::Released(shards) => shards.get(file)?,
            Parts::Split(splits) => {
                let number = splits.of_request(recording, request_id);
                splits.names.get(usize::from(number))?
            }
        };
        is_part(name).then_some(name)
    }
}

fn is_part(name: &str) -> bool {
    !NO_PARTS.contains(&name)
}

fn split_twice(root: &Root) -> Error {
    Error::usage(
        format!("{}: the release is split already", path_text(root.path())),
        "Leave --split out; or name the dataset that the release was made of.",
    )
}

fn not_split(root: &Root) -> Error {
    Error::usage(
        format!(
            "{}: has no parts to train and test with",
            path_text(root.path())
        ),
        "Say how to split it, as with --split hash.",
    )
}
