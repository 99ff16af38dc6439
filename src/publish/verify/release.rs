//! A release that is checked, and the reading of its shards.

use crate::dataset::root::Root;
use crate::error::Result;
use crate::process::stop::go_on;
use crate::publish::release::{ReleaseManifest, Shard};
use crate::publish::rows::Rows;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A release that is checked.
pub(super) struct Release<'a> {
    pub(super) root: &'a Root,
    pub(super) manifest: &'a ReleaseManifest,
    /// Whether it is one, and not a dataset.
    pub(super) is_release: bool,
    /// Its shards by table and recording, in order.
    pub(super) shards: BTreeMap<(&'a str, &'a str), Vec<(&'a String, &'a Shard)>>,
    pub(super) interrupted: &'a AtomicBool,
}

impl<'a> Release<'a> {
    /// The shards of a table that are of a recording (and split, where one is named), in order.
    pub(super) fn shards(
        &self,
        table: &str,
        trace: &str,
        split: Option<&str>,
    ) -> Vec<(&'a String, &'a Shard)> {
        let shards = self.shards.get(&(table, trace)).into_iter().flatten();
        shards
            .filter(|(_, s)| split.is_none_or(|split| s.split == split))
            .copied()
            .collect()
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(super) fn open(&self, relative: &str) -> Result<Rows> {
        Rows::open(self.root, relative)
    }

    pub(super) fn go_on(&self) -> Result<()> {
        go_on(self.interrupted)
    }
}
