//! A column of rows being encoded into memory, from the values that are there or from arrays.

use super::content::Content;
use super::pages::base::Base;
use super::pages::shape::Shape;
use super::slot::{Slot, schema_of};
use super::tree::{Ended, Place, Source, Tools, Tree};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// A column of rows, begun with the first rows that have a value of it, or late.
pub(super) struct ColumnWriter {
    pub slot: Slot,
    base: Base,
    tree: Tree,
    rows: usize,
}

impl ColumnWriter {
    /// A column without rows.
    ///
    /// # Errors
    /// [`ParquetError`] where no table has such a type.
    pub(super) fn new(slot: Slot, properties: &WriterProperties) -> Result<Self, ParquetError> {
        let schema = schema_of(std::iter::once(&slot));
        let schema = ArrowSchemaConverter::new().convert(&schema)?;
        let mut leaves = schema.columns().iter().cloned();
        let base = Base::rows();
        let tree = Tree::new(&slot.field, Shape::of(&base), &mut leaves, properties)?;
        Ok(ColumnWriter {
            slot,
            base,
            tree,
            rows: 0,
        })
    }

    /// Encodes what the next `rows` rows have.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be encoded.
    pub(super) fn write(
        &mut self,
        content: &Content,
        rows: usize,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        self.write_source(&Source::Content(content), rows, tools)
    }

    /// The same, of any source.
    ///
    /// # Errors
    /// As [`ColumnWriter::write`].
    pub(super) fn write_source(
        &mut self,
        source: &Source,
        rows: usize,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        let first = self.rows;
        self.rows += rows;
        let place = Place {
            shape: Shape::of(&self.base),
            first,
            end: self.rows,
        };
        self.tree.write(source, place, tools)
    }

    /// Fills up with nulls to `rows` rows.
    ///
    /// # Errors
    /// As [`ColumnWriter::write`].
    pub(super) fn write_nulls(
        &mut self,
        rows: usize,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        if rows == self.rows {
            return Ok(());
        }
        let place = Place {
            shape: Shape::of(&self.base),
            first: self.rows,
            end: rows,
        };
        self.rows = rows;
        self.tree.write_nulls(place, tools)
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        self.tree.size()
    }

    /// Ends the column.
    ///
    /// # Errors
    /// As [`ColumnWriter::write`].
    pub(super) fn end(self, tools: &mut Tools) -> Result<(Slot, Ended), ParquetError> {
        let ended = self.tree.end(Shape::of(&self.base), tools)?;
        Ok((self.slot, ended))
    }
}
