//! A part, as [`join`](super::join) reads it: encoded column chunks, and the levels of one column.

use parquet::bloom_filter::Sbbf;
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::File;

/// Levels that are read at once.
const LEVELS: usize = 64 * 1024;

/// A part that is read.
pub(super) struct Source {
    pub file: File,
    metadata: ParquetMetaData,
    reader: SerializedFileReader<File>,
}

/// Definition and repetition levels of a column of the part; none at top level.
#[derive(Default)]
pub(super) struct DonorLevels {
    pub definition: Vec<i16>,
    pub repetition: Vec<i16>,
    /// The greatest that each can be.
    pub greatest: (i16, i16),
}

impl Source {
    /// The row group in a file of one.
    pub(super) fn open(file: File) -> Result<Self, ParquetError> {
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&file)?;
        let reader = SerializedFileReader::new(file.try_clone()?)?;
        Ok(Source {
            file,
            metadata,
            reader,
        })
    }

    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(0)
    }

    /// The number of the column at `path`.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let columns = self.group().columns();
        columns
            .iter()
            .position(|c| c.column_path().string() == path)
    }

    /// What the writer of the column's chunk said when it closed it.
    pub(super) fn chunk(&self, index: usize) -> Result<ColumnCloseResult, ParquetError> {
        let column = self.group().column(index);
        Ok(ColumnCloseResult {
            bytes_written: column.compressed_size() as u64,
            rows_written: self.group().num_rows() as u64,
            metadata: column.clone(),
            bloom_filter: Sbbf::read_from_column_chunk(column, &self.file)?,
            column_index: self.metadata.column_index().map(|a| a[0][index].clone()),
            offset_index: self.metadata.offset_index().map(|a| a[0][index].clone()),
        })
    }

    /// The levels of the column at the path `donor`, or none where the part has no such column.
    pub(super) fn levels(&self, donor: Option<&str>) -> Result<DonorLevels, ParquetError> {
        let mut levels = DonorLevels::default();
        let Some(index) = donor.and_then(|d| self.find(d)) else {
            return Ok(levels);
        };
        let descriptor = self.group().column(index).column_descr();
        levels.greatest = (descriptor.max_def_level(), descriptor.max_rep_level());
        let group = self.reader.get_row_group(0)?;
        let ColumnReader::Int64ColumnReader(mut column) = group.get_column_reader(index)? else {
            return Err(ParquetError::General(
                "donors are 64-bit integers".to_owned(),
            ));
        };
        let mut values = Vec::new();
        loop {
            values.clear();
            let (_, _, read) = column.read_records(
                LEVELS,
                Some(&mut levels.definition),
                Some(&mut levels.repetition),
                &mut values,
            )?;
            if read == 0 {
                return Ok(levels);
            }
        }
    }
}
