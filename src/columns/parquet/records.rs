//! Rows of a column in a list, put apart into several files as they are.
//!
//! An Arrow array of such a column has a place for each element of each list, in each of its structures, though most
//! members are null in most elements; to make it, to divide it and to write it again takes far longer than what it holds.
//! Here values and levels go from the column's reader to the columns' writers, row by row, and no array is made.

use super::fitting::Fitting;
use super::sink::Pages;
use bytes::Bytes;
use parquet::basic::Type;
use parquet::column::reader::{
    ColumnReader, ColumnReaderImpl, get_column_reader, get_typed_column_reader,
};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;
use std::sync::Arc;

/// Rows that are read at once.
const ROWS: usize = 256;

/// Which rows of a row group go where.
#[derive(Debug)]
pub struct Places {
    /// For each row, up to the last that is wanted, the number of its file; none where it goes nowhere.
    pub files: Vec<Option<usize>>,
    /// How many files there are.
    pub count: usize,
}

/// An encoded column.
pub struct Encoded(Bytes, ColumnCloseResult);

/// Rows of the column, as they were read or are to be written.
struct Rows<T: DataType> {
    definition: Vec<i16>,
    repetition: Vec<i16>,
    values: Vec<T::T>,
}

/// The column in one file.
struct Target<T: DataType> {
    writer: ColumnWriterImpl<'static, T>,
    pages: Pages,
    rows: Rows<T>,
}

/// Reads so many rows, and says how many there were.
type Read<T> = dyn FnMut(usize, &mut Rows<T>) -> Result<usize, ParquetError>;

impl Encoded {
    /// Puts it into a row group, as its next column.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        group.append_column(&self.0, self.1)
    }
}

/// The column `to` of the rows of `group`, a row group of `file`, once for each file of `places`.
///
/// # Errors
/// [`ParquetError`] where it cannot be read, or has not as many rows as it should.
pub fn apart<R: ChunkReader + 'static>(
    (file, group): (R, &RowGroupMetaData),
    (fitting, to): (&Fitting, &ColumnDescPtr),
    places: &Places,
    properties: &WriterPropertiesPtr,
) -> Result<Vec<Encoded>, ParquetError> {
    let chunk = group.column(fitting.column);
    let rows = group.num_rows() as usize;
    let pages = SerializedPageReader::new(Arc::new(file), chunk, rows, None)?;
    let reader = get_column_reader(chunk.column_descr_ptr(), Box::new(pages));
    let column = chunk.column_descr();
    let levels = (column.max_def_level(), column.max_rep_level());
    let copy = match to.physical_type() {
        Type::BOOLEAN => copy::<BoolType>,
        Type::INT32 => copy::<Int32Type>,
        Type::INT64 => copy::<Int64Type>,
        Type::INT96 => copy::<Int96Type>,
        Type::FLOAT => copy::<FloatType>,
        Type::DOUBLE => copy::<DoubleType>,
        Type::BYTE_ARRAY => copy::<ByteArrayType>,
        Type::FIXED_LEN_BYTE_ARRAY => copy::<FixedLenByteArrayType>,
    };
    copy((reader, levels), (fitting, to), places, properties)
}

fn copy<T: DataType>(
    (reader, levels): (ColumnReader, (i16, i16)),
    (fitting, to): (&Fitting, &ColumnDescPtr),
    places: &Places,
    properties: &WriterPropertiesPtr,
) -> Result<Vec<Encoded>, ParquetError> {
    let new = |_| Target::<T>::new(to, properties);
    let mut targets: Vec<Target<T>> = (0..places.count).map(new).collect();
    let mut read: Box<Read<T>> = match fitting.same {
        true => {
            let mut reader = get_typed_column_reader::<T>(reader);
            Box::new(move |count, rows| rows.read(&mut reader, count))
        }
        false => without_values(reader),
    };
    let mut rows = Rows::default();
    for files in places.files.chunks(ROWS) {
        rows.clear();
        if read(files.len(), &mut rows)? != files.len() {
            return Err(damaged(to, "has fewer rows than others"));
        }
        if !rows.within(levels) {
            return Err(damaged(to, "has levels that its schema has not"));
        }
        rows.deal(levels.0, files, &mut targets);
        targets
            .iter_mut()
            .try_for_each(|target| target.write(fitting))?;
    }
    targets.into_iter().map(Target::close).collect()
}

fn damaged(column: &ColumnDescPtr, how: &str) -> ParquetError {
    ParquetError::General(format!("the column {} {how}", column.path()))
}

/// What reads the levels of a column of any type.
fn without_values<T: DataType>(reader: ColumnReader) -> Box<Read<T>> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => levels_of(reader),
        ColumnReader::Int32ColumnReader(reader) => levels_of(reader),
        ColumnReader::Int64ColumnReader(reader) => levels_of(reader),
        ColumnReader::Int96ColumnReader(reader) => levels_of(reader),
        ColumnReader::FloatColumnReader(reader) => levels_of(reader),
        ColumnReader::DoubleColumnReader(reader) => levels_of(reader),
        ColumnReader::ByteArrayColumnReader(reader) => levels_of(reader),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => levels_of(reader),
    }
}

fn levels_of<D: DataType, T: DataType>(mut reader: ColumnReaderImpl<D>) -> Box<Read<T>> {
    let mut values = Vec::new();
    Box::new(move |count, rows| {
        values.clear();
        let (definition, repetition) = (&mut rows.definition, &mut rows.repetition);
        let read = reader.read_records(count, Some(definition), Some(repetition), &mut values);
        read.map(|(rows, _, _)| rows)
    })
}

impl<T: DataType> Default for Rows<T> {
    fn default() -> Self {
        Rows {
            definition: Vec::new(),
            repetition: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<T: DataType> Rows<T> {
    fn clear(&mut self) {
        self.definition.clear();
        self.repetition.clear();
        self.values.clear();
    }

    fn read(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        count: usize,
    ) -> Result<usize, ParquetError> {
        let (definition, repetition) = (&mut self.definition, &mut self.repetition);
        let read = reader.read_records(count, Some(definition), Some(repetition), &mut self.values);
        read.map(|(rows, _, _)| rows)
    }

    /// Whether all levels are at most these.
    fn within(&self, (definition, repetition): (i16, i16)) -> bool {
        let most = |levels: &[i16]| levels.iter().copied().max().unwrap_or_default();
        most(&self.definition) <= definition && most(&self.repetition) <= repetition
    }

    /// Adds each row to the file that it goes to, by number; a value has the level `there`.
    fn deal(&self, there: i16, files: &[Option<usize>], targets: &mut [Target<T>]) {
        let (mut level, mut value) = (0, 0);
        for run in files.chunk_by(|one, next| one == next) {
            let end = self.end(level, run.len());
            let definition = &self.definition[level..end];
            let values = match self.values.len() {
                0 => 0,
                _ => definition.iter().filter(|level| **level == there).count(),
            };
            // Of a column whose values are not read, levels may say that there are some.
            let values = values.min(self.values.len() - value);
            if let Some(file) = run[0] {
                let to = &mut targets[file].rows;
                to.definition.extend_from_slice(definition);
                to.repetition
                    .extend_from_slice(&self.repetition[level..end]);
                to.values
                    .extend_from_slice(&self.values[value..value + values]);
            }
            (level, value) = (end, value + values);
        }
    }

    /// Where the levels of so many rows end, the first of which begins at `level`.
    fn end(&self, level: usize, rows: usize) -> usize {
        let begins = self.repetition[level..].iter().enumerate();
        let mut begins = begins.filter(|(_, repetition)| **repetition == 0);
        let next = begins.nth(rows);
        next.map_or(self.repetition.len(), |(at, _)| level + at)
    }
}

impl<T: DataType> Target<T> {
    fn new(column: &ColumnDescPtr, properties: &WriterPropertiesPtr) -> Self {
        let pages = Pages::default();
        let (column, properties) = (Arc::clone(column), Arc::clone(properties));
        Target {
            writer: ColumnWriterImpl::new(column, properties, Box::new(pages.clone())),
            pages,
            rows: Rows::default(),
        }
    }

    fn write(&mut self, fitting: &Fitting) -> Result<(), ParquetError> {
        let Rows {
            definition,
            repetition,
            values,
        } = &mut self.rows;
        fitting.fit(definition, repetition);
        self.writer
            .write_batch(values, Some(definition), Some(repetition))?;
        self.rows.clear();
        Ok(())
    }

    fn close(self) -> Result<Encoded, ParquetError> {
        let closed = self.writer.close()?;
        Ok(Encoded(self.pages.into_bytes()?, closed))
    }
}

#[cfg(test)]
mod tests;
