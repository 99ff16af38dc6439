//! What may happen to rows on their way from a dataset into a release: nothing, or a change of values in place.
//!
//! `publish` reads the rows of each table in batches and writes them into the shards of the release;
//! in between every batch goes through one [`Rewrite`]. It sees each row of each table once, table by table, and within a
//! table in the order of the dataset. It may change values; it must keep the schema (names, types, metadata), the number and
//! order of the rows, the columns `event_id`, `request_id` and `service_id`, and whatever refers to them, and keep
//! equal values of `trace_id` and `label` equal.

use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::error::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::sync::atomic::AtomicBool;

/// What whoever publishes should know: a sentence, and what it is about, a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The sentence.
    pub sentence: String,
    /// What it is about, where that is a list.
    pub lines: Vec<String>,
}

impl From<String> for Warning {
    fn from(sentence: String) -> Self {
        Warning {
            sentence,
            lines: Vec::new(),
        }
    }
}

/// A change of the values that are published.
pub(crate) trait Rewrite {
    /// Looks at the dataset in `root` before any row is asked for; stops where `interrupted` is set.
    ///
    /// # Errors
    /// Where it cannot be read, or when it was stopped.
    fn begin(
        &mut self,
        _root: &Root,
        _manifest: &Manifest,
        _interrupted: &AtomicBool,
    ) -> Result<()> {
        Ok(())
    }

    /// The schema to publish a table in, in place of its `schema`: with the same fields, perhaps with other metadata.
    fn schema(&self, schema: SchemaRef) -> SchemaRef {
        schema
    }

    /// The rows to publish in place of `batch`, which is of the table `table` (`events`, `requests`, `downstream` or
    /// `losses`).
    ///
    /// # Errors
    /// Where a value cannot be changed as it should be; nothing is then published.
    fn batch(&mut self, table: &str, batch: RecordBatch) -> Result<RecordBatch>;

    /// The manifest to publish in place of `manifest`. It is asked for when all rows have gone through.
    ///
    /// # Errors
    /// As [`Rewrite::batch`].
    fn manifest(&mut self, manifest: Manifest) -> Result<Manifest>;

    /// The event classes to publish in place of `classes`.
    ///
    /// # Errors
    /// As [`Rewrite::batch`].
    fn classes(&mut self, classes: Vec<Classes>) -> Result<Vec<Classes>> {
        Ok(classes)
    }

    /// By which a release is known to have pseudonyms of the same key; none where values are as they were traced.
    fn key_id(&self) -> Option<String> {
        None
    }

    /// What whoever publishes should know when all has gone through; none where all is well.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// What was done to the values, in sentences for the dataset card; none where nothing was done.
    fn privacy(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Publishes every value as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsItIs;

impl Rewrite for AsItIs {
    fn batch(&mut self, _table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(batch)
    }

    fn manifest(&mut self, manifest: Manifest) -> Result<Manifest> {
        Ok(manifest)
    }
}
