//! Columns whose values become known only after the row groups that they belong to were encoded.
//!
//! They are encoded when parts are joined: beside the copied chunks, a row group at a time.

use super::pages::base::Base;
use super::pages::chunk::{ChunkWriter, Workspace};
use super::pages::leaf::Leaf;
use super::pages::shape::Shape;
use super::sparse::Sparse;
use crate::error::Result;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;
use std::ops::Range;

/// Who knows the values of late columns.
pub trait Late {
    /// The values of the top-level column at `path` in these rows of the table's parts, counted from 0 on through all
    /// parts; `None` where it is no late column.
    ///
    /// # Errors
    /// Those of reading where the values are kept.
    fn numbers(&self, path: &str, rows: Range<usize>) -> Result<Option<Sparse<i64>>>;
}

/// Writes a chunk of `rows` rows.
pub(super) fn write_numbers<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &ColumnDescPtr,
    properties: &WriterPropertiesPtr,
    numbers: &Sparse<i64>,
    rows: usize,
    workspace: &mut Workspace,
) -> Result<(), ParquetError> {
    let mut writer = ChunkWriter::new(column.clone(), properties)?;
    let (leaf, base) = (Leaf::Long(numbers.values()), Base::rows());
    let shape = Shape::of(&base);
    writer.write(&leaf, numbers.at(), rows, shape, workspace)?;
    writer.write_nulls(rows, shape, workspace)?;
    let (pages, closed) = writer.close(shape, workspace)?;
    group.append_column(&pages, closed)
}
