//! A column being encoded into memory, from the values that are there or from arrays.
//!
//! Arrays are what structures, booleans, and lists of lists come as; the crate `parquet` encodes them. All else is encoded in
//! [`pages`](super::pages).

use super::content::{Content, Form, ListsView, Values};
use super::pages::chunk::{ChunkWriter, Workspace};
use super::pages::leaf::Leaf;
use super::pages::shape::Shape;
use super::part::file_writer;
use super::slot::{Slot, schema_of};
use super::sparse::At;
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::column::writer::ColumnCloseResult;
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
    /// Values that are there, of one leaf.
    Values(Box<ChunkWriter>),
}

/// A column that has ended.
pub(super) enum Ended {
    /// Of arrays.
    Arrays(Vec<ArrowColumnChunk>),
    /// Of values: its pages, and what there is to say about them.
    Values(Bytes, Box<ColumnCloseResult>),
}

impl Writers {
    /// Those of the only column of `schema`, whose values come in this form. The column's path in the file decides its
    /// encoding, and must be the final one to be copied later.
    ///
    /// # Errors
    /// [`ParquetError`] where Parquet has no such type.
    pub(super) fn new(
        schema: Schema,
        form: Form,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        Ok(match form {
            Form::Array => {
                let nowhere = file_writer(std::io::sink(), &schema, properties)?;
                let writers = ArrowRowGroupWriterFactory::new(&nowhere, Arc::new(schema));
                Writers::Arrays(writers.create_column_writers(0)?)
            }
            Form::Leaf | Form::Lists => {
                let converted = ArrowSchemaConverter::new().convert(&schema)?;
                let writer = ChunkWriter::new(converted.column(0), properties)?;
                Writers::Values(Box::new(writer))
            }
        })
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        match self {
            Writers::Arrays(writers) => writers.iter().map(|w| w.get_estimated_total_bytes()).sum(),
            Writers::Values(writer) => writer.size(),
        }
    }

    /// Ends the column.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be encoded.
    pub(super) fn end(
        self,
        shape: &mut Shape,
        workspace: &mut Workspace,
    ) -> Result<Ended, ParquetError> {
        match self {
            Writers::Arrays(writers) => {
                let chunks = writers.into_iter().map(ArrowColumnWriter::close);
                Ok(Ended::Arrays(chunks.collect::<Result<_, _>>()?))
            }
            Writers::Values(writer) => {
                let (pages, closed) = writer.close(shape, workspace)?;
                Ok(Ended::Values(pages, Box::new(closed)))
            }
        }
    }
}

impl Ended {
    /// Puts the column into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        match self {
            Ended::Arrays(chunks) => chunks
                .into_iter()
                .try_for_each(|chunk| chunk.append_to_row_group(group)),
            Ended::Values(pages, closed) => group.append_column(&pages, *closed),
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
    shape: Shape,
    rows: usize,
}

impl ColumnWriter {
    /// A column whose values come in this form.
    pub(super) fn new(
        slot: Slot,
        form: Form,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let schema = schema_of(std::iter::once(&slot));
        Ok(ColumnWriter {
            writers: Writers::new(schema, form, properties)?,
            shape: match form {
                Form::Lists => Shape::some_lists(),
                Form::Array | Form::Leaf => Shape::rows(),
            },
            slot,
            rows: 0,
        })
    }

    /// Encodes the values of the next `rows` rows.
    pub(super) fn write(
        &mut self,
        content: &Content,
        rows: usize,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        match content.values() {
            Values::Array(array) => self.write_array(array),
            Values::Leaf(leaf, at) => self.write_leaf(&leaf, at, rows, workspace),
            Values::Lists(lists, leaf, at) => {
                self.write_lists(&lists, (&leaf, at), rows, workspace)
            }
        }
    }

    /// Encodes the lists that some of the next `rows` rows have.
    pub(super) fn write_lists(
        &mut self,
        lists: &ListsView,
        (leaf, at): (&Leaf, At),
        rows: usize,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        self.shape.add_some(rows, lists.rows, lists.lengths());
        self.write_leaf(leaf, at, rows, workspace)
    }

    /// Encodes the values of the next rows, one for each place of an array.
    pub(super) fn write_array(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        let Writers::Arrays(writers) = &mut self.writers else {
            unreachable!("a column is given arrays or values, not both")
        };
        self.rows += array.len();
        write_array(writers, &self.slot.field, array)
    }

    /// Encodes the values that those of the next `rows` rows have that `at` tells.
    pub(super) fn write_leaf(
        &mut self,
        leaf: &Leaf,
        at: At,
        rows: usize,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        let Writers::Values(writer) = &mut self.writers else {
            unreachable!("a column is given arrays or values, not both")
        };
        self.rows += rows;
        writer.write(leaf, at, self.rows, &mut self.shape, workspace)
    }

    /// Fills up with nulls to `rows` rows.
    pub(super) fn write_nulls(
        &mut self,
        rows: usize,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        match &mut self.writers {
            Writers::Arrays(writers) => {
                while self.rows < rows {
                    let run = (rows - self.rows).min(NULL_RUN);
                    let field = &self.slot.field;
                    write_array(writers, field, &new_null_array(field.data_type(), run))?;
                    self.rows += run;
                }
            }
            Writers::Values(writer) => {
                if let Some(known) = self.shape.row_count() {
                    let missing = rows - known;
                    self.shape.add_some(missing, At::Some(&[]), [].into_iter());
                }
                writer.write_nulls(rows, &mut self.shape, workspace)?;
            }
        }
        self.rows = rows;
        Ok(())
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        self.writers.size()
    }

    /// Ends the column.
    pub(super) fn end(mut self, workspace: &mut Workspace) -> Result<(Slot, Ended), ParquetError> {
        let ended = self.writers.end(&mut self.shape, workspace)?;
        Ok((self.slot, ended))
    }
}
