//! A release that is checked, and the reading of its shards.

use super::copies::Copies;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::Result;
use crate::process::stop::go_on;
use crate::publish::release::{ReleaseManifest, Shard};
use crate::publish::rows::Rows;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A release that is checked.
#[derive(Clone, Copy)]
pub(super) struct Release<'a> {
    pub(super) root: &'a Root,
    pub(super) manifest: &'a ReleaseManifest,
    /// Whether it is one, and not a dataset.
    pub(super) is_release: bool,
    /// Its shards by table and recording, in order.
    pub(super) shards: &'a BTreeMap<(&'a str, &'a str), Vec<(&'a String, &'a Shard)>>,
    /// Copies of some of its files, which are read in their place.
    pub(super) copies: Option<&'a Copies>,
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

    /// The files of all tables that are of a recording.
    pub(super) fn files(&self, trace: &str) -> Vec<&'a str> {
        let shards = tables::ALL.map(|table| self.shards(table, trace, None));
        let names = shards.into_iter().flatten();
        names.map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(super) fn open(&self, relative: &str) -> Result<Rows> {
        match self.copies.and_then(|copies| copies.open(relative)) {
            Some(copy) => Rows::of(copy, self.path(relative)),
            None => Rows::open(self.root, relative),
        }
    }

    pub(super) fn go_on(&self) -> Result<()> {
        go_on(self.interrupted)
    }
}
