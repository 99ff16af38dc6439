//! Writing the shards of a table: one series of files for each split and label, each of one recording.
//!
//! A row group ends near [`GROUP_BYTES`] of what it takes in memory when it is read, which is how Hugging Face measures it
//! and what a reader has to hold; encoded it is far smaller, since most arguments of most events are null. A shard ends
//! near the size on disk that is asked for. How many shards there will be is known at the end, and then they get names.

use super::rows;
use crate::columns::parquet::arrays::Chosen;
use crate::columns::parquet::batches::BatchWriter;
use crate::error::{Error, Result};
use crate::split::names::word;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Bytes in memory at which a row group ends: between 100 and 300 MB.
pub(super) const GROUP_BYTES: usize = 200_000_000;
/// Bytes in memory that a row group does not pass, unless a single batch does.
const GROUP_LIMIT: usize = 300_000_000;
/// Elements of lists at which a row group ends, too: while it is written, where each of them lies is kept in memory.
const GROUP_ELEMENTS: usize = 2 << 20;

/// A shard on disk that has no name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its split.
    pub split: String,
    /// Number of its recording.
    pub recording: usize,
    /// Rows.
    pub rows: u64,
}

/// The shards of one table.
pub(super) struct Shards {
    dir: PathBuf,
    schema: SchemaRef,
    limit: u64,
    properties: WriterProperties,
    open: BTreeMap<String, OpenShard>,
    written: Vec<Written>,
    recording: usize,
}

struct OpenShard {
    writer: BatchWriter<File>,
    path: PathBuf,
    rows: u64,
    /// Bytes of the open row group, in memory when it is read, and elements of its lists.
    group: usize,
    elements: usize,
}

impl Shards {
    /// Shards of `limit` bytes in the folder `dir`, which are written with these properties.
    pub(super) fn new(
        dir: &Path,
        schema: SchemaRef,
        limit: u64,
        properties: WriterProperties,
    ) -> Self {
        Shards {
            dir: dir.to_path_buf(),
            schema,
            limit,
            properties,
            open: BTreeMap::new(),
            written: Vec::new(),
            recording: 0,
        }
    }

    /// What follows is of the recording of this number.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn begin(&mut self, recording: usize) -> Result<()> {
        self.close_all()?;
        self.recording = recording;
        Ok(())
    }

    /// Writes the chosen rows of a batch, or all of them, to a split.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn write(
        &mut self,
        split: &str,
        batch: &RecordBatch,
        chosen: Option<&Chosen>,
    ) -> Result<()> {
        if !self.open.contains_key(split) {
            let open = self.create(split, batch)?;
            self.open.insert(split.to_owned(), open);
        }
        let open = self.open.get_mut(split).expect("just begun");
        let wrong = |e| Error::columns(&open.path)(e);
        let rows = chosen.map_or(batch.num_rows(), Chosen::count);
        // Those of a batch are much alike.
        let share = |all: usize| all * rows / batch.num_rows().max(1);
        let (size, elements) = (share(rows::bytes(batch)), share(rows::elements(batch)));
        if open.group > 0 && open.group + size > GROUP_LIMIT {
            open.writer.end_group().map_err(wrong)?;
            (open.group, open.elements) = (0, 0);
        }
        open.writer.write(batch, chosen).map_err(wrong)?;
        open.rows += rows as u64;
        open.group += size;
        open.elements += elements;
        if open.group >= GROUP_BYTES || open.elements >= GROUP_ELEMENTS {
            open.writer.end_group().map_err(wrong)?;
            (open.group, open.elements) = (0, 0);
        }
        if open.writer.size() as u64 >= self.limit {
            let open = self.open.remove(split).expect("is there");
            self.close(split.to_owned(), open)?;
        }
        Ok(())
    }

    fn create(&self, split: &str, first: &RecordBatch) -> Result<OpenShard> {
        let name = format!(".{split}-{}.parquet", self.written.len());
        let path = self.dir.join(name);
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        let schema = SchemaRef::clone(&self.schema);
        let writer = BatchWriter::new(file, schema, self.properties.clone());
        let mut writer = writer.map_err(Error::columns(&path))?;
        if let Some(trace) = trace_id(first) {
            writer.append_key_value(KeyValue::new("sysds:trace_id".to_owned(), trace));
        }
        Ok(OpenShard {
            writer,
            path,
            rows: 0,
            group: 0,
            elements: 0,
        })
    }

    fn close_all(&mut self) -> Result<()> {
        for (split, open) in std::mem::take(&mut self.open) {
            self.close(split, open)?;
        }
        Ok(())
    }

    fn close(&mut self, split: String, open: OpenShard) -> Result<()> {
        let file = open.writer.finish().map_err(Error::columns(&open.path))?;
        file.sync_all().map_err(Error::io("write", &open.path))?;
        self.written.push(Written {
            path: open.path,
            split,
            recording: self.recording,
            rows: open.rows,
        });
        Ok(())
    }

    /// Ends all shards. A table without rows gets one shard without rows, of the split `empty`, so that it can be read.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn finish(mut self, empty: &str) -> Result<Vec<Written>> {
        self.close_all()?;
        if self.written.is_empty() {
            let none = RecordBatch::new_empty(SchemaRef::clone(&self.schema));
            let open = self.create(empty, &none)?;
            self.recording = 0;
            self.close(empty.to_owned(), open)?;
        }
        Ok(self.written)
    }
}

/// The `trace_id` of the first row.
fn trace_id(batch: &RecordBatch) -> Option<String> {
    let column = batch.column_by_name("trace_id")?;
    let first = (!column.is_empty()).then(|| column.slice(0, 1))?;
    let plain = arrow::compute::cast(&first, &DataType::Utf8).ok()?;
    Some(plain.as_string::<i32>().value(0).to_owned())
}

/// Gives shards their names: `SPLIT-00000-of-00012.parquet` (with `_` for `-` in the split), counted for each split and folder; `folders` is the folder of
/// each recording, below `dir`. Returns them with their places, in order.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn name(dir: &Path, written: Vec<Written>, folders: &[String]) -> Result<Vec<Written>> {
    let mut series: BTreeMap<(String, String), Vec<Written>> = BTreeMap::new();
    for shard in written {
        let folder = folders.get(shard.recording).cloned().unwrap_or_default();
        series
            .entry((folder, shard.split.clone()))
            .or_default()
            .push(shard);
    }
    let mut named = Vec::new();
    for ((folder, split), shards) in series {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let count = shards.len();
        for (i, shard) in shards.into_iter().enumerate() {
            let path = folder.join(format!("{}-{i:05}-of-{count:05}.parquet", word(&split)));
            fs::rename(&shard.path, &path).map_err(Error::io("rename", &shard.path))?;
            named.push(Written { path, ..shard });
        }
    }
    Ok(named)
}

/// Letters of a label that its folder is called by: with a number behind them, far below the 255 of a name's most.
const LABEL: usize = 100;

/// Folders for labels: their letters, digits, `.`, `_` and `-`, everything else as `-`, as far as [`LABEL`]; a number behind
/// it where two would be the same. Recordings without a label are in `unlabelled`; where no recording has one, there are no folders.
pub(super) fn folders(labels: &[Option<String>]) -> Vec<String> {
    if labels.iter().all(Option::is_none) {
        return labels.iter().map(|_| String::new()).collect();
    }
    let mut taken: BTreeMap<String, Option<String>> = BTreeMap::new();
    labels
        .iter()
        .map(|label| {
            let plain = |c: char| match c.is_ascii_alphanumeric() || "._-".contains(c) {
                true => c,
                false => '-',
            };
            let name: String = match label {
                Some(label) => label.chars().take(LABEL).map(plain).collect(),
                None => "unlabelled".to_owned(),
            };
            let name = match name.trim_matches('.') {
                "" => "label".to_owned(),
                name => name.to_owned(),
            };
            let numbered = (1..).map(|i| match i {
                1 => name.clone(),
                i => format!("{name}-{i}"),
            });
            let free = |n: &String| taken.get(n).is_none_or(|l| l == label);
            let folder = numbered.into_iter().find(free).expect("numbers never end");
            taken.insert(folder.clone(), label.clone());
            folder
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::parquet::properties::properties;
    use crate::dataset::codec::Codec;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
    use std::sync::Arc;

    fn batch(from: i64, n: usize, text: &str) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + n as i64));
        let traces: ArrayRef = Arc::new(StringArray::from(vec!["t"; n]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text; n]));
        RecordBatch::try_from_iter([("event_id", ids), ("trace_id", traces), ("text", texts)])
            .unwrap()
    }

    fn codec(text: &str) -> WriterProperties {
        let codec: Codec = text.parse().unwrap();
        properties(codec.compression())
    }

    #[test]
    fn labels_become_folders_that_tell_them_apart() {
        let labels = ["a b", "a-b", "..", "a b"].map(|l| Some(l.to_owned()));
        assert_eq!(folders(&labels), ["a-b", "a-b-2", "label", "a-b"]);
        let long = ["x", "y"].map(|end| Some("ü".repeat(300) + end));
        assert_eq!(folders(&long), ["-".repeat(100), "-".repeat(100) + "-2"]);
        assert_eq!(folders(&[None, None]), ["", ""]);
        assert_eq!(folders(&[None, Some("x".to_owned())]), ["unlabelled", "x"]);
    }

    #[test]
    fn row_groups_are_of_the_size_that_viewers_need() {
        let dir = tempfile::tempdir().unwrap();
        // 1,000 rows of 10,016 bytes and some: 10 MB a batch.
        let text = "x".repeat(10_000);
        let first = batch(0, 1000, &text);
        let mut shards = Shards::new(dir.path(), first.schema(), u64::MAX, codec("snappy"));
        for i in 0..50 {
            shards
                .write("train", &batch(i * 1000, 1000, &text), None)
                .unwrap();
        }
        let written = shards.finish(TRAIN).unwrap();
        assert_eq!((written.len(), written[0].rows), (1, 50_000));
        let file = File::open(&written[0].path).unwrap();
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&file)
            .unwrap();
        assert_eq!(metadata.num_row_groups(), 3);
        for group in metadata.row_groups().iter().take(2) {
            let bytes = group.num_rows() * 10_000;
            assert!((100_000_000..=300_000_000).contains(&bytes), "{bytes}");
        }
    }

    const TRAIN: &str = "train";

    #[test]
    fn shards_end_at_the_limit_and_are_named_when_all_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let noise: Vec<String> = (0..4000i64)
            .map(|i| format!("{:x}", i * 0x9e37_79b9_7f4a))
            .collect();
        let first = batch(0, 1, "");
        let mut shards = Shards::new(dir.path(), first.schema(), 2000, codec("none"));
        for (i, text) in noise.iter().enumerate() {
            shards
                .write(["test", TRAIN][i % 2], &batch(i as i64, 1, text), None)
                .unwrap();
        }
        let named = name(dir.path(), shards.finish(TRAIN).unwrap(), &["x".to_owned()]).unwrap();
        assert!(named.len() > 10, "{}", named.len());
        let of = named.iter().filter(|w| w.split == TRAIN).count();
        let last = format!("train-{:05}-of-{of:05}.parquet", of - 1);
        assert!(dir.path().join("x").join(last).is_file());
        let mut ids = Vec::new();
        for shard in named.iter().filter(|w| w.split == TRAIN) {
            let file = File::open(&shard.path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            for batch in reader.build().unwrap() {
                let batch = batch.unwrap();
                ids.extend_from_slice(rows::ids(&batch, "event_id", dir.path()).unwrap());
            }
        }
        assert_eq!(ids, (0..2000).map(|i| i * 2 + 1).collect::<Vec<_>>());
    }

    #[test]
    fn a_table_without_rows_has_a_shard_without_rows() {
        let dir = tempfile::tempdir().unwrap();
        let schema = batch(0, 1, "").schema();
        let shards = Shards::new(dir.path(), schema, 1, codec("snappy"));
        let named = name(dir.path(), shards.finish("full").unwrap(), &[String::new()]).unwrap();
        assert_eq!(
            named[0].path,
            dir.path().join("full-00000-of-00001.parquet")
        );
        assert_eq!(named[0].rows, 0);
    }
}
