//! Columns of numbers, encoded from the numbers that are there.
//!
//! An Arrow array has a place for every row, and what writes arrays to Parquet walks over all places, though most columns
//! here are null in nearly all rows. Parquet itself keeps values and definition levels apart, and so do its column
//! writers: they get the few values as they were gathered, and the levels from a buffer that all columns share. What
//! comes out is what the arrays would give. The columns may be those of rows or of a list's elements: only the levels
//! differ.

use super::levels::{Chunk, Levels};
use super::pages::Pages;
use super::sparse::Sparse;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};
use bytes::Bytes;
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// Numbers at some rows, by their type in Parquet.
pub enum Numbers {
    /// 32 bits.
    Int(Sparse<i32>),
    /// 64 bits; times too.
    Long(Sparse<i64>),
    /// Floating point.
    Double(Sparse<f64>),
}

/// A column being encoded into memory.
pub enum NumberWriter {
    /// 32 bits.
    Int(Writer<Int32Type>),
    /// 64 bits.
    Long(Writer<Int64Type>),
    /// Floating point.
    Double(Writer<DoubleType>),
}

/// A column of one type.
pub struct Writer<T: DataType> {
    writer: ColumnWriterImpl<'static, T>,
    pages: Pages,
    /// The definition level of a value.
    there: i16,
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Numbers::Int(numbers) => numbers.values().len(),
            Numbers::Long(numbers) => numbers.values().len(),
            Numbers::Double(numbers) => numbers.values().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An array with a place for each of `rows` rows.
    pub(super) fn into_array(self, rows: usize) -> ArrayRef {
        match self {
            Numbers::Int(mut numbers) => {
                let all: Int32Array = numbers.finish(rows);
                Arc::new(all)
            }
            Numbers::Long(mut numbers) => {
                let all: Int64Array = numbers.finish(rows);
                Arc::new(all)
            }
            Numbers::Double(mut numbers) => {
                let all: Float64Array = numbers.finish(rows);
                Arc::new(all)
            }
        }
    }
}

impl NumberWriter {
    /// A column at top level, or in a list that every row has, or in structures that are always there, for numbers of the
    /// type of `numbers`.
    pub fn new(numbers: &Numbers, column: ColumnDescPtr, properties: &WriterPropertiesPtr) -> Self {
        let properties = Arc::clone(properties);
        match numbers {
            Numbers::Int(_) => NumberWriter::Int(Writer::new(column, properties)),
            Numbers::Long(_) => NumberWriter::Long(Writer::new(column, properties)),
            Numbers::Double(_) => NumberWriter::Double(Writer::new(column, properties)),
        }
    }

    /// Encodes the next chunk.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    ///
    /// # Panics
    /// Where the numbers are of another type than the first.
    pub fn write(
        &mut self,
        numbers: &Numbers,
        chunk: &Chunk,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        match (self, numbers) {
            (NumberWriter::Int(writer), Numbers::Int(numbers)) => {
                writer.write(numbers, chunk, levels)
            }
            (NumberWriter::Long(writer), Numbers::Long(numbers)) => {
                writer.write(numbers, chunk, levels)
            }
            (NumberWriter::Double(writer), Numbers::Double(numbers)) => {
                writer.write(numbers, chunk, levels)
            }
            _ => unreachable!("a column has one type"),
        }
    }

    /// Encodes a chunk of nulls.
    ///
    /// # Errors
    /// As [`NumberWriter::write`].
    pub fn write_nulls(&mut self, chunk: &Chunk, levels: &mut Levels) -> Result<(), ParquetError> {
        match self {
            NumberWriter::Int(writer) => writer.write(&Sparse::new(), chunk, levels),
            NumberWriter::Long(writer) => writer.write(&Sparse::new(), chunk, levels),
            NumberWriter::Double(writer) => writer.write(&Sparse::new(), chunk, levels),
        }
    }

    /// The encoded column, and what there is to say about it.
    ///
    /// # Errors
    /// As [`NumberWriter::write`].
    pub fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        match self {
            NumberWriter::Int(writer) => writer.close(),
            NumberWriter::Long(writer) => writer.close(),
            NumberWriter::Double(writer) => writer.close(),
        }
    }
}

impl<T: DataType> Writer<T>
where
    T::T: Copy + Default,
{
    fn new(column: ColumnDescPtr, properties: WriterPropertiesPtr) -> Self {
        let pages = Pages::default();
        Writer {
            there: column.max_def_level(),
            writer: ColumnWriterImpl::new(column, properties, Box::new(pages.clone())),
            pages,
        }
    }

    fn write(
        &mut self,
        numbers: &Sparse<T::T>,
        chunk: &Chunk,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        let values = numbers.values();
        let written = match self.there {
            0 => self.writer.write_batch(values, None, None),
            there => levels.with(numbers.rows(), there, chunk, |definition, repetition| {
                self.writer
                    .write_batch(values, Some(definition), repetition)
            }),
        };
        written.map(|_| ())
    }

    fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let closed = self.writer.close()?;
        Ok((self.pages.into_bytes()?, closed))
    }
}

#[cfg(test)]
mod tests;
