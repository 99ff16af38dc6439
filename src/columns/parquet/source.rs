//! A part, as [`join`](super::join) reads it: encoded column chunks, and the levels of one column.

use parquet::bloom_filter::Sbbf;
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    RowGroupMetaData,
};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use std::fs::File;
use std::sync::Arc;

/// Levels that are read at once.
const LEVELS: usize = 64 * 1024;

/// A part that is read.
pub(super) struct Source<R = File> {
    pub file: Arc<R>,
    metadata: ParquetMetaData,
    /// The number of the row group that is read.
    number: usize,
}

/// Definition and repetition levels of a column of the part; none at top level.
#[derive(Default)]
pub(super) struct DonorLevels {
    pub definition: Vec<i16>,
    pub repetition: Vec<i16>,
    /// The greatest that each can be.
    pub greatest: (i16, i16),
}

impl<R: ChunkReader + 'static> Source<R> {
    /// The row group in a file of one.
    pub(super) fn open(file: R) -> Result<Self, ParquetError> {
        Self::read(file, 0, ParquetMetaDataOptions::new())
    }

    /// A row group of a finished file, with all that the footer says of its pages: that is to be said again.
    pub(super) fn open_at(file: R, number: usize) -> Result<Self, ParquetError> {
        let whole = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        Self::read(file, number, whole)
    }

    fn read(file: R, number: usize, options: ParquetMetaDataOptions) -> Result<Self, ParquetError> {
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_metadata_options(Some(options))
            .parse_and_finish(&file)?;
        Ok(Source {
            file: Arc::new(file),
            metadata,
            number,
        })
    }

    /// Whether its columns can be copied as they are into files of the columns `to`, and all of them would be.
    pub(super) fn check(&self, to: &SchemaDescriptor) -> Result<(), ParquetError> {
        let ours = self.group().columns().iter().map(|c| c.column_descr_ptr());
        for column in ours {
            let path = column.path();
            let like = to.columns().iter().find(|c| c.path() == path);
            let same = |to: &ColumnDescPtr| {
                (to.physical_type(), to.logical_type_ref(), to.type_length())
                    == (
                        column.physical_type(),
                        column.logical_type_ref(),
                        column.type_length(),
                    )
                    && (to.max_def_level(), to.max_rep_level())
                        == (column.max_def_level(), column.max_rep_level())
            };
            if !like.is_some_and(same) {
                let what = format!("the column {} is not as its table has it", path.string());
                return Err(ParquetError::General(what));
            }
        }
        Ok(())
    }

    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.number)
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
            bloom_filter: Sbbf::read_from_column_chunk(column, self.file.as_ref())?,
            column_index: self
                .metadata
                .column_index()
                .map(|a| a[self.number][index].clone()),
            offset_index: self
                .metadata
                .offset_index()
                .map(|a| a[self.number][index].clone()),
        })
    }

    /// The levels of the column at the path `donor`, or none where the part has no such column.
    pub(super) fn levels(&self, donor: Option<&str>) -> Result<DonorLevels, ParquetError> {
        let mut levels = DonorLevels::default();
        let Some(index) = donor.and_then(|d| self.find(d)) else {
            return Ok(levels);
        };
        let chunk = self.group().column(index);
        let descriptor = chunk.column_descr_ptr();
        levels.greatest = (descriptor.max_def_level(), descriptor.max_rep_level());
        let rows = usize::try_from(self.group().num_rows()).unwrap_or_default();
        let pages = SerializedPageReader::new(Arc::clone(&self.file), chunk, rows, None)?;
        let reader = get_column_reader(descriptor, Box::new(pages));
        let ColumnReader::Int64ColumnReader(mut column) = reader else {
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
