//! A row group whose columns all have every row, encoded by the thread that makes them.

use super::column::ColumnWriter;
use super::content::Content;
use super::slot::Slot;
use super::tree::Tools;
use arrow::datatypes::{Field, FieldRef};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedRowGroupWriter;
use std::io::Write;
use std::sync::Arc;

/// The columns of a row group, being encoded.
pub struct RowsWriter {
    properties: WriterPropertiesPtr,
    columns: Vec<ColumnWriter>,
    tools: Tools,
}

impl RowsWriter {
    /// No columns.
    pub fn new(properties: WriterPropertiesPtr) -> Self {
        RowsWriter {
            properties,
            columns: Vec::new(),
            tools: Tools::default(),
        }
    }

    /// Encodes the values that all columns have in the next `rows` rows. The columns are the same, in the same order,
    /// every time.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub fn write<'a>(
        &mut self,
        rows: usize,
        columns: impl Iterator<Item = Result<(&'a Field, Content), ParquetError>>,
    ) -> Result<(), ParquetError> {
        for (number, column) in columns.enumerate() {
            let (field, content) = column?;
            if number == self.columns.len() {
                let slot = Slot {
                    parent: None,
                    field: field.clone(),
                };
                let column = ColumnWriter::new(slot, &self.properties)?;
                self.columns.push(column);
            }
            self.columns[number].write(&content, rows, &mut self.tools)?;
        }
        Ok(())
    }

    /// The fields of the columns.
    pub fn fields(&self) -> Vec<FieldRef> {
        let fields = self.columns.iter().map(|c| Arc::new(c.slot.field.clone()));
        fields.collect()
    }

    /// Ends the columns, and puts them into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be written.
    pub fn append_to<W: Write + Send>(
        mut self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let mut columns = self.columns.into_iter();
        columns.try_for_each(|column| {
            let (_, ended) = column.end(&mut self.tools)?;
            ended.append_to(group)
        })
    }
}
