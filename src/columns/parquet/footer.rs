//! What is known of the row groups of a file, packed until it is written behind them.
//!
//! The crate `parquet` keeps what it will write of each column chunk (its metadata and its page index) as
//! structures until the file ends: a kilobyte for each of some hundred columns of each row group, also of those that have no
//! value. A file of hundreds of row groups comes to a hundred megabytes so, and a release has several open at once. Here
//! it is kept as the bytes that it comes to in a file of this row group alone, compressed; when the file ends they are unpacked
//! one row group after the other. The file is byte for byte what the crate writes.

use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, FileMetaData, KeyValue, ParquetMetaData,
    ParquetMetaDataBuilder, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::SchemaDescPtr;
use std::io::Write;

/// Of zstd: most of what is packed is the same for column after column.
const LEVEL: i32 = 1;
/// Behind the metadata of a file: their length, and a word.
const END: usize = 8;

/// What is known of the row groups so far.
pub(super) struct Footer {
    schema: SchemaDescPtr,
    groups: Vec<Packed>,
}

/// What is known of a column chunk beside its metadata.
pub(super) struct Indexes {
    pub filters: Vec<Option<Sbbf>>,
    pub columns: Vec<Option<ColumnIndexMetaData>>,
    pub offsets: Vec<Option<OffsetIndexMetaData>>,
}

/// A row group's: column indexes, offset indexes, metadata, as they stand at the end of a file. The metadata say where the
/// others are among these bytes.
struct Packed {
    bytes: Vec<u8>,
    /// How many they are when they are unpacked.
    size: usize,
    /// Of each column, whether its bounds are told to readers of the first format, too: that is not told when metadata are
    /// read.
    told_twice: Vec<bool>,
}

/// One kind of what stands between the row groups and the metadata of a file, and where the metadata say that it is.
struct Part {
    place: fn(&ColumnChunkMetaData) -> (Option<i64>, Option<i32>),
    moved: fn(ColumnChunkMetaDataBuilder, i64) -> ColumnChunkMetaDataBuilder,
}

/// In the order of a file.
const PARTS: [Part; 2] = [
    Part {
        place: |column| (column.column_index_offset(), column.column_index_length()),
        moved: |column, to| column.set_column_index_offset(Some(to)),
    },
    Part {
        place: |column| (column.offset_index_offset(), column.offset_index_length()),
        moved: |column, to| column.set_offset_index_offset(Some(to)),
    },
];

impl Footer {
    /// Of a file without row groups.
    pub(super) fn new(schema: SchemaDescPtr) -> Self {
        Footer {
            schema,
            groups: Vec::new(),
        }
    }

    /// How many row groups there are.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.groups.iter().map(|group| group.bytes.len()).sum()
    }

    /// Writes the filters of a row group, which stand behind it, and packs what else is known of it.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be written, or the crate finds that it does not go together.
    pub(super) fn add<W: Write + Send>(
        &mut self,
        out: &mut TrackedWrite<W>,
        mut group: RowGroupMetaData,
        indexes: Indexes,
    ) -> Result<(), ParquetError> {
        let filters = group.columns_mut().iter_mut().zip(&indexes.filters);
        for (column, filter) in filters {
            let Some(filter) = filter else { continue };
            let from = out.bytes_written();
            filter.write(&mut *out)?;
            let length = out.bytes_written() - from;
            let builder = column.clone().into_builder();
            let builder = builder.set_bloom_filter_offset(Some(from as i64));
            *column = builder
                .set_bloom_filter_length(Some(length as i32))
                .build()?;
        }
        let told_twice = group.columns().iter().map(|column| {
            let statistics = column.statistics();
            statistics.is_some_and(Statistics::is_min_max_backwards_compatible)
        });
        let told_twice = told_twice.collect();
        let columns = indexes.columns.into_iter();
        let columns = columns.map(|index| index.unwrap_or(ColumnIndexMetaData::NONE));
        let offsets: Option<Vec<_>> = indexes.offsets.into_iter().collect();
        let offsets = offsets.ok_or_else(|| fault("a column chunk has no offset index"))?;
        let alone = FileMetaData::new(1, 0, None, None, self.schema.clone(), None);
        let alone = ParquetMetaDataBuilder::new(alone)
            .add_row_group(group)
            .set_column_index(Some(vec![columns.collect()]))
            .set_offset_index(Some(vec![offsets]))
            .build();
        let mut bytes = Vec::new();
        ParquetMetaDataWriter::new(&mut bytes, &alone).finish()?;
        self.groups.push(Packed {
            size: bytes.len(),
            bytes: zstd::bulk::compress(&bytes, LEVEL)?,
            told_twice,
        });
        Ok(())
    }

    /// Writes all of it to the end of a file, with what else there is to say about the file.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn write<W: Write + Send>(
        self,
        out: &mut TrackedWrite<W>,
        properties: &WriterProperties,
        key_values: Vec<KeyValue>,
    ) -> Result<(), ParquetError> {
        let options = ParquetMetaDataOptions::new()
            .with_schema(self.schema.clone())
            .with_encoding_stats_as_mask(false);
        let groups = self.groups.iter().map(|packed| packed.metadata(&options));
        let mut groups = groups.collect::<Result<Vec<_>, _>>()?;
        for part in PARTS {
            for (group, packed) in groups.iter_mut().zip(&self.groups) {
                let bytes = packed.unpacked()?;
                for column in group.columns_mut() {
                    let (Some(from), Some(length)) = (part.place)(column) else {
                        continue;
                    };
                    let to = out.bytes_written() as i64;
                    out.write_all(&bytes[from as usize..][..length as usize])?;
                    *column = (part.moved)(column.clone().into_builder(), to).build()?;
                }
            }
        }
        let metadata = FileMetaData::new(
            properties.writer_version().as_num(),
            groups.iter().map(RowGroupMetaData::num_rows).sum(),
            Some(properties.created_by().to_owned()),
            (!key_values.is_empty()).then_some(key_values),
            self.schema,
            None,
        );
        let mut bytes = Vec::new();
        let metadata = ParquetMetaData::new(metadata, groups);
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
        Ok(out.write_all(&bytes)?)
    }
}

impl Packed {
    fn unpacked(&self) -> Result<Vec<u8>, ParquetError> {
        Ok(zstd::bulk::decompress(&self.bytes, self.size)?)
    }

    fn metadata(&self, options: &ParquetMetaDataOptions) -> Result<RowGroupMetaData, ParquetError> {
        let bytes = self.unpacked()?;
        let (before, end) = bytes.split_at(bytes.len() - END);
        let length = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
        let bytes = &before[before.len() - length..];
        let alone = ParquetMetaDataReader::decode_metadata_with_options(bytes, Some(options))?;
        let group = alone.into_builder().take_row_groups().pop();
        let mut group = group.ok_or_else(|| fault("a row group was packed and is not there"))?;
        for (column, told_twice) in group.columns_mut().iter_mut().zip(&self.told_twice) {
            if let (true, Some(statistics)) = (*told_twice, column.statistics()) {
                let statistics = tell_twice(statistics.clone());
                let builder = column.clone().into_builder();
                *column = builder.set_statistics(statistics).build()?;
            }
        }
        Ok(group)
    }
}

/// The same bounds, for readers of the first format, too.
fn tell_twice(statistics: Statistics) -> Statistics {
    macro_rules! of {
        ($($kind:ident),*) => {
            match statistics {
                $(Statistics::$kind(values) => {
                    Statistics::$kind(values.with_backwards_compatible_min_max(true))
                })*
            }
        };
    }
    of!(
        Boolean,
        Int32,
        Int64,
        Int96,
        Float,
        Double,
        ByteArray,
        FixedLenByteArray
    )
}

fn fault(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
