//! What is left: every column of texts, with how many distinct values it has and some of them.
//!
//! A person looks over it before publishing. It stands behind any [`Rewrite`] and sees what would be published, nested
//! texts too, and the texts of the manifest. Distinct values are counted by hash up to [`COUNTED`]; the samples are
//! those with the least hashes, which is a fair choice among all values and does not depend on their order.

use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::error::Result;
use crate::publish::rewrite::Rewrite;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// How many distinct values of a column are counted at most.
pub const COUNTED: usize = 1_000_000;
/// How many of them are shown.
const SAMPLES: usize = 6;
/// How many characters of each.
const SHOWN: usize = 60;

/// What is left in a column.
#[derive(Debug, Default)]
struct Left {
    rows: u64,
    seen: HashSet<u64>,
    samples: BTreeMap<u64, String>,
}

impl Left {
    fn take(&mut self, value: &[u8]) {
        self.rows += 1;
        let hash = blake3::hash(value);
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if self.seen.len() >= COUNTED || !self.seen.insert(hash) {
            return;
        }
        let least = self.samples.len() < SAMPLES;
        if least
            || self
                .samples
                .last_key_value()
                .is_some_and(|(most, _)| hash < *most)
        {
            let text = String::from_utf8_lossy(value).into_owned();
            self.samples.insert(hash, text);
            if self.samples.len() > SAMPLES {
                self.samples.pop_last();
            }
        }
    }
}

/// Looks at what another rewriting leaves.
pub struct Audit<'a> {
    inner: &'a mut dyn Rewrite,
    // The manifest comes by a shared reference, so that an audit of it needs this.
    left: Mutex<BTreeMap<String, Left>>,
}

impl<'a> Audit<'a> {
    /// Looks at what `inner` leaves.
    pub fn new(inner: &'a mut dyn Rewrite) -> Self {
        Audit {
            inner,
            left: Mutex::default(),
        }
    }

    /// The report, one paragraph for each column.
    pub fn report(&self) -> String {
        let left = self.left.lock().unwrap_or_else(|e| e.into_inner());
        let mut text = String::new();
        for (column, left) in left.iter() {
            let more = if left.seen.len() >= COUNTED {
                " or more"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "{column}: {}{more} distinct in {} values",
                left.seen.len(),
                left.rows
            );
            for sample in left.samples.values() {
                let shown: String = sample.chars().take(SHOWN).collect();
                let cut = if shown.len() < sample.len() {
                    "…"
                } else {
                    ""
                };
                let _ = writeln!(text, "    {shown:?}{cut}");
            }
        }
        text
    }

    fn column(left: &mut BTreeMap<String, Left>, name: &str, array: &ArrayRef) {
        match array.data_type() {
            DataType::Utf8 => {
                let left = left.entry(name.to_owned()).or_default();
                let texts = array.as_string::<i32>().iter().flatten();
                texts.for_each(|text| left.take(text.as_bytes()));
            }
            DataType::Binary => {
                let left = left.entry(name.to_owned()).or_default();
                array
                    .as_binary::<i32>()
                    .iter()
                    .flatten()
                    .for_each(|value| left.take(value));
            }
            DataType::Dictionary(_, value) => {
                if let Ok(plain) = arrow::compute::cast(array, value) {
                    Self::column(left, name, &plain);
                }
            }
            DataType::List(_) => {
                Self::column(left, &format!("{name}[]"), array.as_list::<i32>().values())
            }
            DataType::Struct(fields) => {
                for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                    Self::column(left, &format!("{name}.{}", field.name()), array);
                }
            }
            _ => {}
        }
    }

    fn json(left: &mut BTreeMap<String, Left>, name: &str, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) => left
                .entry(name.to_owned())
                .or_default()
                .take(text.as_bytes()),
            serde_json::Value::Array(items) => {
                items
                    .iter()
                    .for_each(|item| Self::json(left, &format!("{name}[]"), item));
            }
            serde_json::Value::Object(members) => {
                for (member, value) in members {
                    Self::json(left, &format!("{name}.{member}"), value);
                }
            }
            _ => {}
        }
    }
}

impl Rewrite for Audit<'_> {
    fn batch(&mut self, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        let batch = self.inner.batch(table, batch)?;
        let left = self.left.get_mut().unwrap_or_else(|e| e.into_inner());
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            Self::column(
                left,
                &format!("{table}.{}", field.name()),
                &Arc::clone(array),
            );
        }
        Ok(batch)
    }

    fn manifest(&self, manifest: Manifest) -> Result<Manifest> {
        let manifest = self.inner.manifest(manifest)?;
        let mut left = self.left.lock().unwrap_or_else(|e| e.into_inner());
        let recordings = serde_json::to_value(&manifest.recordings).unwrap_or_default();
        Self::json(&mut left, "manifest.recordings", &recordings);
        let options = serde_json::to_value(&manifest.options).unwrap_or_default();
        Self::json(&mut left, "manifest.options", &options);
        Ok(manifest)
    }

    fn classes(&self, classes: Vec<Classes>) -> Result<Vec<Classes>> {
        self.inner.classes(classes)
    }

    fn privacy(&self) -> Vec<String> {
        self.inner.privacy()
    }
}
