//! How requests were split, as the manifest of a release tells it.

use super::names::PARTS;
use crate::dataset::MANIFEST;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::query::output::Collected;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How requests were split: `queries/split.sql` and its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SplitRule {
    /// `hash`, `time`, `recording`, `label` or `parts`.
    pub by: String,
    /// The other parameters that were given, but for which recordings are in which part.
    pub parameters: BTreeMap<String, String>,
    /// By `parts`, the recordings (`trace_id`) of each part, in the order of the manifest. Those that are in none are not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Vec<String>>,
    /// The audit of the query: a row for each split, by column.
    pub audit: Vec<BTreeMap<String, String>>,
}

/// What is looked for in a manifest that may be a release's.
#[derive(Deserialize)]
struct Published {
    release: Option<Released>,
}

#[derive(Deserialize)]
struct Released {
    split: Option<SplitRule>,
}

impl SplitRule {
    /// How the release in `root` was split; nothing for a dataset, and for a release that is not split.
    ///
    /// # Errors
    /// As [`Root::text`].
    pub(crate) fn of_release(root: &Root) -> Result<Option<SplitRule>> {
        let published: Option<Published> = serde_json::from_str(&root.text(MANIFEST)?).ok();
        Ok(published.and_then(|p| p.release?.split))
    }

    /// The parts that recordings were put into, in their order, and which recordings.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&str, &[String])> {
        PARTS.iter().filter_map(|part| {
            let (name, recordings) = self.parts.get_key_value(*part)?;
            Some((name.as_str(), recordings.as_slice()))
        })
    }

    /// The part of a recording; `None` where it is in none.
    pub(crate) fn part_of(&self, trace_id: &str) -> Option<&str> {
        let mut parts = self.parts.iter();
        let found = parts.find(|(_, recordings)| recordings.iter().any(|r| r == trace_id));
        found.map(|(part, _)| part.as_str())
    }
}

/// The rows of the script's result, as texts, without times: a release may tell other times than its dataset.
pub(super) fn audit(told: &Collected) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for (schema, batches) in &told.results {
        let kept = |i: &usize| !matches!(schema.field(*i).data_type(), DataType::Timestamp(..));
        let kept: Vec<usize> = (0..schema.fields().len()).filter(kept).collect();
        for batch in batches {
            let texts = kept.iter().filter_map(|i| {
                let text = cast(batch.column(*i), &DataType::Utf8).ok()?;
                Some((schema.field(*i).name(), text))
            });
            let texts: Vec<(&String, ArrayRef)> = texts.collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let cells = texts.iter().filter(|(_, text)| text.is_valid(row));
                cells
                    .map(|(name, text)| {
                        let value = text.as_string::<i32>().value(row);
                        ((*name).clone(), value.to_owned())
                    })
                    .collect()
            }));
        }
    }
    rows
}
