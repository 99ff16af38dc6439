//! Parquet files made of row groups that did not know each other's columns.
//!
//! Which arguments occur is known only when the trace has been read to its end, but a row group must be written long
//! before, lest memory grow with the trace. So each row group is first a file of its own, a [`Part`], with the columns
//! that its rows use; at the end [`join`](super::join) copies the encoded column chunks of the parts, unchanged, into files of one
//! schema, and writes a chunk of nulls where a part lacks a column.
//!
//! In a part the same holds on a smaller scale: a column that turns up late is begun with as many nulls as rows passed.

use crate::error::{Error, Result};
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows after which a data page ends: what a reader can skip by time within a row group.
const PAGE_ROWS: usize = 64 * 1024;
/// Rows of nulls that are written at once.
const NULL_RUN: usize = 64 * 1024;
/// Different values that bloom filters are made for; names and threads are fewer.
const BLOOM_VALUES: u64 = 4096;

/// How the columns of all tables are encoded.
pub fn properties(compression: Compression) -> WriterProperties {
    builder(compression).build()
}

fn builder(compression: Compression) -> WriterPropertiesBuilder {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sysds {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_write_batch_size(16 * 1024);
    // Numbers that grow from row to row: differences are far smaller than the numbers, and no two are the same.
    for column in [
        "event_id",
        "timestamp",
        "entry_id",
        "request_id",
        "start",
        "end",
    ] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["event_id", "offset_ns"] {
        let path = nested(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["tid", "name"] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_max_ndv(path, BLOOM_VALUES);
    }
    builder
}

/// Path of a member of the nested events of `requests`.
fn nested(member: &str) -> ColumnPath {
    let path = ["events", "list", "element", member];
    ColumnPath::new(path.iter().map(|p| (*p).to_owned()).collect())
}

/// One row group on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: usize,
    /// Its row group, in a file that stays; `None` for a file of its own, which goes when it has been joined.
    pub group: Option<usize>,
}

/// Where a column stands: at top level, or in a structure that every row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The structure, by name.
    pub parent: Option<&'static str>,
    /// The column.
    pub field: Field,
}

/// A row group being written: columns in fixed order, each begun when its first value comes.
pub struct PartWriter {
    properties: WriterPropertiesPtr,
    slots: Vec<Option<Open>>,
    rows: usize,
}

/// A column that was begun.
struct Open {
    slot: Slot,
    writers: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl PartWriter {
    /// An empty row group of at most `slots` columns.
    pub fn new(slots: usize, properties: WriterPropertiesPtr) -> Self {
        PartWriter {
            properties,
            slots: (0..slots).map(|_| None).collect(),
            rows: 0,
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of memory that the encoded columns take.
    pub fn memory(&self) -> usize {
        let open = self.slots.iter().flatten();
        open.flat_map(|o| &o.writers)
            .map(ArrowColumnWriter::memory_size)
            .sum()
    }

    /// Writes the values of column number `slot` for the rows that the next [`PartWriter::advance`] counts; `describe`
    /// says what the column is and is asked at its first values. Columns that are not written are null there.
    pub fn write(
        &mut self,
        slot: usize,
        describe: impl FnOnce() -> Slot,
        array: &ArrayRef,
    ) -> Result<(), ParquetError> {
        if self.slots[slot].is_none() {
            self.slots[slot] = Some(Open::new(describe(), &self.properties)?);
        }
        let open = self.slots[slot].as_mut().expect("just begun");
        open.write_nulls(self.rows)?;
        open.write(array)
    }

    /// Counts `rows` rows as written.
    pub fn advance(&mut self, rows: usize) {
        self.rows += rows;
    }

    /// Ends the row group and writes it to the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where the file cannot be written.
    pub fn finish(self, path: &Path) -> Result<Part> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        let rows = self.rows;
        self.write_to(BufWriter::new(file))
            .map_err(Error::columns(path))?;
        Ok(Part {
            path: path.to_path_buf(),
            rows,
            group: None,
        })
    }

    fn write_to(self, file: BufWriter<File>) -> Result<(), ParquetError> {
        let mut open: Vec<Open> = self.slots.into_iter().flatten().collect();
        for column in &mut open {
            column.write_nulls(self.rows)?;
        }
        let schema = schema_of(open.iter().map(|o| &o.slot));
        let schema = ArrowSchemaConverter::new().convert(&schema)?;
        let mut writer =
            SerializedFileWriter::new(file, schema.root_schema_ptr(), self.properties)?;
        let mut group = writer.next_row_group()?;
        for writer in open.into_iter().flat_map(|o| o.writers) {
            writer.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        writer.close()?;
        Ok(())
    }
}

impl Open {
    fn new(slot: Slot, properties: &WriterPropertiesPtr) -> Result<Self, ParquetError> {
        // The column's path in the file decides its encoding, and must be the final one to be copied later.
        let schema = Arc::new(schema_of(std::iter::once(&slot)));
        let root = ArrowSchemaConverter::new()
            .convert(&schema)?
            .root_schema_ptr();
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(properties))?;
        let writers = ArrowRowGroupWriterFactory::new(&nowhere, schema).create_column_writers(0)?;
        Ok(Open {
            slot,
            writers,
            rows: 0,
        })
    }

    fn write(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        // The parent is there in every row, so the column's levels are those of a column without a parent.
        let leaves = compute_leaves(&self.slot.field, array)?;
        for (writer, leaf) in self.writers.iter_mut().zip(&leaves) {
            writer.write(leaf)?;
        }
        self.rows += array.len();
        Ok(())
    }

    /// Fills up with nulls to `rows` rows.
    fn write_nulls(&mut self, rows: usize) -> Result<(), ParquetError> {
        while self.rows < rows {
            let run = (rows - self.rows).min(NULL_RUN);
            self.write(&new_null_array(self.slot.field.data_type(), run))?;
        }
        Ok(())
    }
}

/// The schema of columns in order; neighbours with the same parent come into one structure.
pub fn schema_of<'a>(slots: impl Iterator<Item = &'a Slot>) -> Schema {
    let mut top: Vec<Field> = Vec::new();
    let mut open: Option<(&'static str, Vec<Field>)> = None;
    for slot in slots {
        if let Some((parent, members)) = open.take_if(|(p, _)| slot.parent != Some(*p)) {
            top.push(structure(parent, members));
        }
        match (slot.parent, &mut open) {
            (None, _) => top.push(slot.field.clone()),
            (Some(_), Some((_, members))) => members.push(slot.field.clone()),
            (Some(parent), None) => open = Some((parent, vec![slot.field.clone()])),
        }
    }
    top.extend(open.map(|(parent, members)| structure(parent, members)));
    Schema::new(top)
}

fn structure(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(members)), false)
}

/// Key-value metadata of a finished file.
pub fn key_values(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let pairs = pairs.iter();
    pairs
        .map(|(k, v)| KeyValue::new((*k).to_owned(), (*v).to_owned()))
        .collect()
}
