//! A column being encoded into memory, from arrays or from numbers.

use super::levels::Levels;
use super::numbers::NumberWriter;
use super::part::file_writer;
use super::slot::{Content, Slot, schema_of};
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedRowGroupWriter;
use std::io::Write;
use std::sync::Arc;

/// Rows of nulls that are written at once.
const NULL_RUN: usize = 64 * 1024;

/// What encodes a column.
pub(super) enum Writers {
    /// Arrays: a writer for each leaf.
    Arrays(Vec<ArrowColumnWriter>),
    /// Numbers, of one leaf.
    Numbers(Box<NumberWriter>),
}

impl Writers {
    /// Those of the only column of `schema`, for values like `content`. The column's path in the file decides its
    /// encoding, and must be the final one to be copied later.
    ///
    /// # Errors
    /// [`ParquetError`] where Parquet has no such type.
    pub(super) fn new(
        schema: Schema,
        content: &Content,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        Ok(match content {
            Content::Numbers(numbers) => {
                let converted = ArrowSchemaConverter::new().convert(&schema)?;
                let writer = NumberWriter::new(numbers, converted.column(0), properties);
                Writers::Numbers(Box::new(writer))
            }
            Content::Array(_) => {
                let nowhere = file_writer(std::io::sink(), &schema, properties)?;
                let writers = ArrowRowGroupWriterFactory::new(&nowhere, Arc::new(schema));
                Writers::Arrays(writers.create_column_writers(0)?)
            }
        })
    }

    /// Ends the column, and puts it into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        match self {
            Writers::Arrays(writers) => writers
                .into_iter()
                .try_for_each(|writer| writer.close()?.append_to_row_group(group)),
            Writers::Numbers(writer) => {
                let (pages, closed) = writer.close()?;
                group.append_column(&pages, closed)
            }
        }
    }
}

/// Writes an array of a column whose parent, if it has one, is there in every row, so that its levels are those of a
/// column without a parent.
pub(super) fn write_array(
    writers: &mut [ArrowColumnWriter],
    field: &Field,
    array: &ArrayRef,
) -> Result<(), ParquetError> {
    let leaves = compute_leaves(field, array)?;
    for (writer, leaf) in writers.iter_mut().zip(&leaves) {
        writer.write(leaf)?;
    }
    Ok(())
}

/// A column of rows, begun with the first rows that have a value of it, or late.
pub(super) struct ColumnWriter {
    pub slot: Slot,
    writers: Writers,
    rows: usize,
}

impl ColumnWriter {
    /// A column for values like `content`.
    pub(super) fn new(
        slot: Slot,
        content: &Content,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let schema = schema_of(std::iter::once(&slot));
        Ok(ColumnWriter {
            writers: Writers::new(schema, content, properties)?,
            slot,
            rows: 0,
        })
    }

    /// Encodes the values of the next `rows` rows.
    pub(super) fn write(
        &mut self,
        content: &Content,
        rows: usize,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        match (&mut self.writers, content) {
            (Writers::Arrays(writers), Content::Array(array)) => {
                write_array(writers, &self.slot.field, array)?;
            }
            (Writers::Numbers(writer), Content::Numbers(numbers)) => {
                writer.write(numbers, &levels.of_rows(rows), levels)?;
            }
            _ => unreachable!("a column is given arrays or numbers, not both"),
        }
        self.rows += rows;
        Ok(())
    }

    /// Fills up with nulls to `rows` rows.
    pub(super) fn write_nulls(
        &mut self,
        rows: usize,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        while self.rows < rows {
            let run = (rows - self.rows).min(NULL_RUN);
            match &mut self.writers {
                Writers::Arrays(writers) => {
                    let field = &self.slot.field;
                    write_array(writers, field, &new_null_array(field.data_type(), run))?;
                }
                Writers::Numbers(writer) => writer.write_nulls(&levels.of_rows(run), levels)?,
            }
            self.rows += run;
        }
        Ok(())
    }

    /// Ends the column, and puts it into a row group.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        self.writers.append_to(group)
    }
}
