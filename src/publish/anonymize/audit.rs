//! What is left: every column, with how many distinct values it has, some of them, and of numbers the least and the
//! greatest.
//!
//! A person looks over it before publishing. It stands behind any [`Rewrite`] and sees what would be published: columns,
//! arguments, nested ones too, all of the manifest, and the names in the event classes. Distinct values are counted by hash
//! up to [`COUNTED`]; the samples are those with the least hashes, which is a fair choice among all values and does not
//! depend on their order.

use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::publish::rewrite::{Rewrite, Warning};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, UInt64Type};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How many distinct texts of a column are counted at most.
pub(crate) const COUNTED: usize = 1_000_000;
/// How many distinct numbers: there are many columns of them.
pub(crate) const COUNTED_NUMBERS: usize = 100_000;
/// How many of them are shown.
const SAMPLES: usize = 6;
/// How many characters of each.
const SHOWN: usize = 60;

/// What is left in a column of texts.
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
        let text = || String::from_utf8_lossy(value).into_owned();
        keep_least(&mut self.samples, hash, text);
    }

    fn write(&self, text: &mut String, column: &str) {
        let more = more(self.seen.len(), COUNTED);
        let count = self.seen.len();
        let _ = writeln!(
            text,
            "{column}: {count}{more} distinct in {} values",
            self.rows
        );
        for sample in self.samples.values() {
            let shown: String = sample.chars().take(SHOWN).collect();
            let cut = if shown.len() < sample.len() {
                "…"
            } else {
                ""
            };
            let _ = writeln!(text, "    {shown:?}{cut}");
        }
    }
}

/// What is left in a column of numbers.
#[derive(Debug, Default)]
struct Numbers {
    rows: u64,
    seen: HashSet<u64>,
    /// By what they are mixed to.
    samples: BTreeMap<u64, String>,
    least: Option<f64>,
    most: Option<f64>,
    ends: [String; 2],
}

impl Numbers {
    /// A number, by its bits, with what it is worth in comparison to others.
    fn take(&mut self, bits: u64, worth: f64, shown: impl Fn() -> String) {
        self.rows += 1;
        if self.least.is_none_or(|least| worth < least) {
            self.least = Some(worth);
            self.ends[0] = shown();
        }
        if self.most.is_none_or(|most| worth > most) {
            self.most = Some(worth);
            self.ends[1] = shown();
        }
        if self.seen.len() >= COUNTED_NUMBERS || !self.seen.insert(bits) {
            return;
        }
        keep_least(&mut self.samples, mixed(bits), shown);
    }

    fn write(&self, text: &mut String, column: &str) {
        let more = more(self.seen.len(), COUNTED_NUMBERS);
        let [least, most] = &self.ends;
        let samples: Vec<&str> = self.samples.values().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "{column}: {}{more} distinct in {} numbers, from {least} to {most}: {}",
            self.seen.len(),
            self.rows,
            samples.join(", ")
        );
    }
}

fn more(count: usize, limit: usize) -> &'static str {
    if count >= limit { " or more" } else { "" }
}

fn keep_least(samples: &mut BTreeMap<u64, String>, hash: u64, text: impl FnOnce() -> String) {
    let most = samples.last_key_value().map(|(most, _)| *most);
    if samples.len() < SAMPLES || most.is_some_and(|most| hash < most) {
        samples.insert(hash, text());
        if samples.len() > SAMPLES {
            samples.pop_last();
        }
    }
}

/// The finalizer of MurmurHash3: near numbers come to lie far from each other.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ bits >> 33
}

#[derive(Debug, Default)]
struct All {
    texts: BTreeMap<String, Left>,
    numbers: BTreeMap<String, Numbers>,
}

/// Looks at what another rewriting leaves.
pub(crate) struct Audit<'a> {
    inner: &'a mut dyn Rewrite,
    all: All,
}

impl<'a> Audit<'a> {
    /// Looks at what `inner` leaves.
    pub(crate) fn new(inner: &'a mut dyn Rewrite) -> Self {
        Audit {
            inner,
            all: All::default(),
        }
    }

    /// The report, one paragraph for each column.
    pub(crate) fn report(&self) -> String {
        let mut columns: BTreeMap<&str, String> = BTreeMap::new();
        for (column, left) in &self.all.texts {
            left.write(columns.entry(column).or_default(), column);
        }
        for (column, numbers) in &self.all.numbers {
            numbers.write(columns.entry(column).or_default(), column);
        }
        columns.into_values().collect()
    }
}

impl All {
    fn text(&mut self, name: &str, value: &[u8]) {
        if !self.texts.contains_key(name) {
            self.texts.insert(name.to_owned(), Left::default());
        }
        let left = self.texts.get_mut(name).expect("just made");
        left.take(value);
    }

    fn column(&mut self, name: &str, array: &ArrayRef) {
        match array.data_type() {
            DataType::Utf8 => {
                let left = self.texts.entry(name.to_owned()).or_default();
                let texts = array.as_string::<i32>().iter().flatten();
                texts.for_each(|text| left.take(text.as_bytes()));
            }
            DataType::Binary => {
                let left = self.texts.entry(name.to_owned()).or_default();
                let values = array.as_binary::<i32>().iter().flatten();
                values.for_each(|value| left.take(value));
            }
            DataType::Dictionary(_, value) => {
                if let Ok(plain) = cast(array, value) {
                    self.column(name, &plain);
                }
            }
            DataType::List(_) => {
                self.column(&format!("{name}[]"), array.as_list::<i32>().values());
            }
            DataType::Struct(fields) => {
                for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                    self.column(&format!("{name}.{}", field.name()), array);
                }
            }
            _ => self.numbers(name, array),
        }
    }

    fn numbers(&mut self, name: &str, array: &ArrayRef) {
        if array.null_count() == array.len() {
            return;
        }
        let numbers = self.numbers.entry(name.to_owned()).or_default();
        match array.data_type() {
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().iter().flatten();
                values.for_each(|v| numbers.take(v, v as f64, || v.to_string()));
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().iter().flatten();
                values.for_each(|v| numbers.take(v.to_bits(), v, || v.to_string()));
            }
            _ => {
                let Ok(longs) = cast(array, &DataType::Int64) else {
                    return;
                };
                let values = longs.as_primitive::<Int64Type>().iter().flatten();
                values.for_each(|v| numbers.take(v as u64, v as f64, || v.to_string()));
            }
        }
    }

    fn json(&mut self, name: &str, value: &serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => self.text(name, text.as_bytes()),
            // Pairs of a name and a value, as an environment is: each is a column of its own.
            Value::Array(items) => {
                items
                    .iter()
                    .for_each(|item| match item.as_array().map(Vec::as_slice) {
                        Some([Value::String(key), Value::String(text)]) => {
                            self.text(&format!("{name}.{key}"), text.as_bytes());
                        }
                        _ => self.json(&format!("{name}[]"), item),
                    })
            }
            Value::Object(members) => {
                for (member, value) in members {
                    self.json(&format!("{name}.{member}"), value);
                }
            }
            Value::Number(number) => {
                let numbers = self.numbers.entry(name.to_owned()).or_default();
                let worth = number.as_f64().unwrap_or(f64::NAN);
                numbers.take(worth.to_bits(), worth, || number.to_string());
            }
            Value::Bool(_) | Value::Null => {}
        }
    }
}

impl Rewrite for Audit<'_> {
    fn begin(&mut self, root: &Root, manifest: &Manifest, interrupted: &AtomicBool) -> Result<()> {
        self.inner.begin(root, manifest, interrupted)
    }

    fn schema(&self, schema: SchemaRef) -> SchemaRef {
        self.inner.schema(schema)
    }

    fn batch(&mut self, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        let batch = self.inner.batch(table, batch)?;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = format!("{table}.{}", field.name());
            self.all.column(&name, &Arc::clone(array));
        }
        Ok(batch)
    }

    fn manifest(&mut self, manifest: Manifest) -> Result<Manifest> {
        let manifest = self.inner.manifest(manifest)?;
        let mut whole = serde_json::to_value(&manifest).unwrap_or_default();
        // The files are those of the dataset; the release has others.
        if let Some(members) = whole.as_object_mut() {
            members.remove("tables");
            members.remove("classes");
        }
        self.all.json("manifest", &whole);
        Ok(manifest)
    }

    fn classes(&mut self, classes: Vec<Classes>) -> Result<Vec<Classes>> {
        let classes = self.inner.classes(classes)?;
        for class in classes.iter().flat_map(|of| &of.classes) {
            let name = &class.class.full_name;
            self.all.text("classes.events", name.as_bytes());
            let fields = class.class.context.iter().chain(&class.class.payload);
            for field in fields {
                self.all.text("classes.fields", field.name.as_bytes());
            }
        }
        Ok(classes)
    }

    fn key_id(&self) -> Option<String> {
        self.inner.key_id()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.inner.warnings()
    }

    fn privacy(&self) -> Vec<String> {
        self.inner.privacy()
    }
}
