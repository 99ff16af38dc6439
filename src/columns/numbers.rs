//! Columns of numbers, encoded from the numbers that are there.
//!
//! An Arrow array has a place for every row, and what writes arrays to Parquet walks over the places, though most columns
//! of this program are null in nearly all rows. Parquet itself keeps values and definition levels apart, and so do its
//! column writers: they are given the few values as they were gathered, and the levels from a buffer that all columns
//! share. What comes out is what the arrays would give. The columns may be a row's or those of a list's elements: only the
//! levels differ.

use super::sparse::Sparse;
use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;
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

/// The levels of a column that is null but for some values; kept so that columns need not make their own.
#[derive(Default)]
pub struct Levels {
    /// Of nulls, and of lists without elements.
    definition: Vec<i16>,
    /// None at top level.
    repetition: Vec<i16>,
    /// Where in both each element of the lists is; at top level each row is at its own number.
    places: Vec<u32>,
    /// The definition level of a null.
    null: i16,
}

/// A piece of a column.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Its levels.
    pub levels: Range<usize>,
    /// The number of its first row or element, from which its values are numbered.
    pub first: usize,
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

/// Where the pages of a column go.
#[derive(Clone)]
struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

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

    /// Encodes the next piece.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    ///
    /// # Panics
    /// Where the numbers are of another type than the first.
    pub fn write(
        &mut self,
        numbers: &Numbers,
        piece: &Piece,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        match (self, numbers) {
            (NumberWriter::Int(writer), Numbers::Int(numbers)) => {
                writer.write(numbers, piece, levels)
            }
            (NumberWriter::Long(writer), Numbers::Long(numbers)) => {
                writer.write(numbers, piece, levels)
            }
            (NumberWriter::Double(writer), Numbers::Double(numbers)) => {
                writer.write(numbers, piece, levels)
            }
            _ => unreachable!("a column has one type"),
        }
    }

    /// Encodes a piece of nulls.
    ///
    /// # Errors
    /// As [`NumberWriter::write`].
    pub fn write_nulls(&mut self, piece: &Piece, levels: &mut Levels) -> Result<(), ParquetError> {
        match self {
            NumberWriter::Int(writer) => writer.write(&Sparse::new(), piece, levels),
            NumberWriter::Long(writer) => writer.write(&Sparse::new(), piece, levels),
            NumberWriter::Double(writer) => writer.write(&Sparse::new(), piece, levels),
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
            there: column.max_def_level(),
            writer: ColumnWriterImpl::new(column, properties, Box::new(pages.clone())),
            pages,
        }
    }

    fn write(
        &mut self,
        numbers: &Sparse<T::T>,
        piece: &Piece,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        let values = numbers.values();
        let written = match self.there {
            0 => self.writer.write_batch(values, None, None),
            there => levels.with(numbers.rows(), there, piece, |definition, repetition| {
                self.writer
                    .write_batch(values, Some(definition), repetition)
            }),
        };
        written.map(|_| ())
    }

    fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let closed = self.writer.close()?;
        let pages = Arc::into_inner(self.pages.0).expect("the writer had the other one");
        let pages = pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((pages.into_inner()?.into(), closed))
    }
}

impl Levels {
    /// Those of the elements of lists that every row has, and that have so many elements each.
    pub fn of_lists(lengths: impl Iterator<Item = usize>) -> Self {
        let mut levels = Levels {
            null: 1,
            ..Levels::default()
        };
        for length in lengths {
            let first = levels.definition.len() as u32;
            levels.places.extend(first..first + length as u32);
            match length {
                // A list without elements has a level, too.
                0 => levels.definition.push(0),
                _ => levels.definition.resize(first as usize + length, 1),
            }
            levels.repetition.push(0);
            levels.repetition.resize(levels.definition.len(), 1);
        }
        levels
    }

    /// A piece of so many rows at top level.
    pub fn of_rows(&mut self, rows: usize) -> Piece {
        if self.definition.len() < rows {
            self.definition.resize(rows, 0);
        }
        Piece {
            levels: 0..rows,
            first: 0,
        }
    }

    /// Calls `write` with the levels of `piece`, whose values are at `rows` and of the level `there`.
    fn with<R>(
        &mut self,
        rows: &[u32],
        there: i16,
        piece: &Piece,
        write: impl FnOnce(&[i16], Option<&[i16]>) -> R,
    ) -> R {
        self.set(rows, piece, there);
        let repetition = match self.repetition.is_empty() {
            true => None,
            false => Some(&self.repetition[piece.levels.clone()]),
        };
        let result = write(&self.definition[piece.levels.clone()], repetition);
        self.set(rows, piece, self.null);
        result
    }

    fn set(&mut self, rows: &[u32], piece: &Piece, level: i16) {
        let rows = rows.iter().map(|at| *at as usize);
        match self.places.is_empty() {
            true => rows.for_each(|at| self.definition[at] = level),
            false => {
                let places = &self.places[piece.first..];
                rows.for_each(|at| self.definition[places[at] as usize] = level);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::parquet::{Content, PartWriter, Slot, properties};
    use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};
    use arrow::datatypes::Field;
    use parquet::basic::Compression;
    use std::fs;

    /// The file of one column, given in pieces of so many rows; pieces without a value are not given.
    fn file(nullable: bool, pieces: Vec<(usize, Option<Content>)>, like: &ArrayRef) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let properties = Arc::new(properties(Compression::SNAPPY));
        let mut writer = PartWriter::new(1, properties, 1).unwrap();
        for (rows, content) in pieces {
            if let Some(content) = content {
                let slot = || Slot {
                    parent: nullable.then_some("args"),
                    field: Field::new("tid", like.data_type().clone(), nullable),
                };
                writer.write(0, slot, content);
            }
            writer.advance(rows).unwrap();
        }
        writer
            .finish(dir.path().join("part"))
            .unwrap()
            .wait()
            .unwrap();
        fs::read(dir.path().join("part")).unwrap()
    }

    /// Both ways give the same bytes, for pieces of a column.
    fn same<T: Copy + Default>(
        pieces: &[Vec<Option<T>>],
        numbers: impl Fn(Sparse<T>) -> Numbers,
        array: impl Fn(&[Option<T>]) -> ArrayRef,
    ) {
        let nullable = pieces.iter().flatten().any(Option::is_none);
        let given = |piece: &&Vec<Option<T>>| piece.iter().any(Option::is_some);
        let all = |content: &dyn Fn(&Vec<Option<T>>) -> Content| {
            let pieces = pieces.iter();
            let pieces = pieces.map(|p| (p.len(), Some(p).filter(given).map(content)));
            file(nullable, pieces.collect(), &array(&[]))
        };
        let sparse = all(&|p| Content::Numbers(numbers(p.iter().copied().collect())));
        let dense = all(&|p| Content::Array(array(p)));
        assert!(
            sparse == dense,
            "what numbers give differs from what arrays give"
        );
    }

    #[test]
    fn numbers_are_encoded_as_arrays_of_them_would_be() {
        let some = |n: i64, step: i64| (0..n).map(move |i| (i % step == 0).then_some(i * i - 5));
        let pieces: Vec<Vec<Option<i64>>> = vec![
            vec![None; 70_000],
            some(100_000, 7).collect(),
            vec![None; 10],
            some(3, 1).collect(),
            some(5_000, 4_999).collect(),
            vec![None; 3],
        ];
        let long = |p: &[Option<i64>]| Arc::new(Int64Array::from(p.to_vec())) as ArrayRef;
        same(&pieces, Numbers::Long, long);
        same(&[some(90_000, 1).collect()], Numbers::Long, long);
        let int = |p: &[Option<i32>]| Arc::new(Int32Array::from(p.to_vec())) as ArrayRef;
        same(&[vec![Some(i32::MIN), None, Some(7)]], Numbers::Int, int);
        let double = |p: &[Option<f64>]| Arc::new(Float64Array::from(p.to_vec())) as ArrayRef;
        let odd = vec![Some(-0.0), None, Some(f64::NAN), Some(f64::INFINITY)];
        same(&[odd], Numbers::Double, double);
    }
}
