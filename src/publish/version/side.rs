//! One of the two releases that are compared.

use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::release::{ReleaseManifest, Shard};
use crate::publish::rows::Rows;
use arrow::datatypes::SchemaRef;
use std::collections::BTreeMap;

/// One of the two releases.
pub(super) struct Side<'a> {
    pub(super) root: &'a Root,
    pub(super) manifest: &'a ReleaseManifest,
    /// The shards by table and recording, in order.
    shards: BTreeMap<(&'a str, &'a str), Vec<(&'a String, &'a Shard)>>,
    /// Checksums of the shards by path.
    pub(super) sums: BTreeMap<&'a str, &'a str>,
}

impl<'a> Side<'a> {
    pub(super) fn new(root: &'a Root, manifest: &'a ReleaseManifest) -> Self {
        let files = manifest.dataset.tables.values().flat_map(|t| &t.files);
        let sums = files.map(|f| (f.path.as_str(), f.sha256.as_str()));
        Side {
            root,
            manifest,
            shards: manifest.shards(),
            sums: sums.collect(),
        }
    }

    /// The shards of a table that are of a recording, in order.
    pub(super) fn of<'s>(
        &'s self,
        table: &'s str,
        trace_id: &'s str,
    ) -> &'s [(&'a String, &'a Shard)] {
        self.shards
            .get(&(table, trace_id))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn paths(&self, table: &str, trace_id: &str, split: &str) -> Vec<&'a String> {
        let shards = self.of(table, trace_id).iter();
        shards
            .filter(|(_, s)| s.split == split)
            .map(|(path, _)| *path)
            .collect()
    }

    /// Number of requests of a recording, as many rows as there are.
    pub(super) fn requests(&self, trace_id: &str) -> Result<usize> {
        let mut rows = 0;
        for (path, _) in self.of(tables::REQUESTS, trace_id) {
            for batch in Rows::open(self.root, path)?.batches(Some(&["request_id"]))? {
                rows += batch?.num_rows();
            }
        }
        Ok(rows)
    }

    pub(super) fn schema(&self, table: &str) -> Result<Option<SchemaRef>> {
        let files = self.manifest.dataset.tables.get(table);
        let first = files.and_then(|t| t.files.first());
        let open = first.map(|f| Rows::open(self.root, &f.path));
        Ok(open.transpose()?.map(|rows| rows.schema().clone()))
    }
}
