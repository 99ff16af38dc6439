//! Columns whose values become known only after the row groups that they belong to were encoded.
//!
//! They are encoded when parts are joined: beside the copied chunks, a row group at a time.

use super::levels::Levels;
use super::numbers::{NumberWriter, Numbers};
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
    numbers: Sparse<i64>,
    rows: usize,
) -> Result<(), ParquetError> {
    let numbers = Numbers::Long(numbers);
    let mut writer = NumberWriter::new(&numbers, column.clone(), properties);
    let mut levels = Levels::default();
    let chunk = levels.of_rows(rows);
    writer.write(&numbers, &chunk, &mut levels)?;
    let (pages, closed) = writer.close()?;
    group.append_column(&pages, closed)
}
