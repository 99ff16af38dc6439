//! Columns of numbers, encoded from the numbers that are there.
//!
//! An Arrow array has a place for every row, and what writes arrays to Parquet walks over the places, though most columns
//! of this program are null in nearly all rows. Parquet itself keeps values and definition levels apart, and so do its
//! column writers: they are given the few values as they were gathered, and the levels from a buffer that all columns
//! share. What comes out is what the arrays would give.

use super::sparse::Sparse;
use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers at some rows, by their type in Parquet.
pub enum Numbers {
    /// 32 bits.
    Int(Sparse<i32>),
    /// 64 bits; times too.
    Long(Sparse<i64>),
    /// Floating point.
    Double(Sparse<f64>),
}

/// Definition levels of a run of rows that is null but for some; kept so that columns need not make their own.
#[derive(Default)]
pub struct Levels(Vec<i16>);

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
    nullable: bool,
}

/// Where the pages of a column go.
#[derive(Clone)]
struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl NumberWriter {
    /// A column at top level or in structures that every row has, for numbers of the type of `numbers`.
    pub fn new(numbers: &Numbers, column: ColumnDescPtr, properties: &WriterPropertiesPtr) -> Self {
        let properties = Arc::clone(properties);
        match numbers {
            Numbers::Int(_) => NumberWriter::Int(Writer::new(column, properties)),
            Numbers::Long(_) => NumberWriter::Long(Writer::new(column, properties)),
            Numbers::Double(_) => NumberWriter::Double(Writer::new(column, properties)),
        }
    }

    /// Encodes the next `rows` rows.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    ///
    /// # Panics
    /// Where the numbers are of another type than the first.
    pub fn write(
        &mut self,
        numbers: &Numbers,
        rows: usize,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        match (self, numbers) {
            (NumberWriter::Int(writer), Numbers::Int(numbers)) => {
                writer.write(numbers, rows, levels)
            }
            (NumberWriter::Long(writer), Numbers::Long(numbers)) => {
                writer.write(numbers, rows, levels)
            }
            (NumberWriter::Double(writer), Numbers::Double(numbers)) => {
                writer.write(numbers, rows, levels)
            }
            _ => unreachable!("a column has one type"),
        }
    }

    /// Encodes `rows` rows of nulls.
    ///
    /// # Errors
    /// As [`NumberWriter::write`].
    pub fn write_nulls(&mut self, rows: usize, levels: &mut Levels) -> Result<(), ParquetError> {
        match self {
            NumberWriter::Int(writer) => writer.write(&Sparse::new(), rows, levels),
            NumberWriter::Long(writer) => writer.write(&Sparse::new(), rows, levels),
            NumberWriter::Double(writer) => writer.write(&Sparse::new(), rows, levels),
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
        let pages = Pages(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))));
        Writer {
            nullable: column.max_def_level() > 0,
            writer: ColumnWriterImpl::new(column, properties, Box::new(pages.clone())),
            pages,
        }
    }

    fn write(
        &mut self,
        numbers: &Sparse<T::T>,
        rows: usize,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        if !self.nullable {
            return self
                .writer
                .write_batch(numbers.values(), None, None)
                .map(|_| ());
        }
        levels.with(numbers.rows(), rows, |levels| {
            let written = self
                .writer
                .write_batch(numbers.values(), Some(levels), None);
            written.map(|_| ())
        })
    }

    fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let closed = self.writer.close()?;
        let pages = Arc::into_inner(self.pages.0).expect("the writer had the other one");
        let pages = pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((pages.into_inner()?.into(), closed))
    }
}

impl Levels {
    /// Calls `write` with the definition levels of `rows` rows of which those in `there` are not null.
    fn with<R>(&mut self, there: &[u32], rows: usize, write: impl FnOnce(&[i16]) -> R) -> R {
        if self.0.len() < rows {
            self.0.resize(rows, 0);
        }
        there.iter().for_each(|at| self.0[*at as usize] = 1);
        let result = write(&self.0[..rows]);
        there.iter().for_each(|at| self.0[*at as usize] = 0);
        result
    }
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SerializedPageWriter::new(&mut sink).write_page(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}
