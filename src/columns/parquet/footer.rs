//! What is known of the row groups of a file, packed until it is written behind them.
//!
//! The crate `parquet` keeps what it will write of each column chunk (its metadata and its page index) as
//! structures until the file ends: a kilobyte for each of some hundred columns of each row group, also of those that have no
//! value. A file of hundreds of row groups comes to a hundred megabytes so, and a release has several open at once. Here
//! it is kept as the bytes that it comes to in a file of this row group alone, compressed; when the file ends they are unpacked
//! and written one row group after the other. The file is byte for byte what the crate writes.

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
/// What a Parquet file begins and ends with.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";
/// Behind the metadata of a file: their length, and [`MAGIC`].
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
        let mut rows = 0;
        let mut places: Vec<Places> = Vec::new();
        for packed in &self.groups {
            let group = packed.metadata(&packed.unpacked()?, &options)?;
            rows += group.num_rows();
            places.push(
                group
                    .columns()
                    .iter()
                    .map(|c| PARTS.map(|part| (part.place)(c)))
                    .collect(),
            );
        }
        for part in 0..PARTS.len() {
            for (packed, places) in self.groups.iter().zip(&mut places) {
                let bytes = packed.unpacked()?;
                for place in places.iter_mut().map(|places| &mut places[part]) {
                    let (Some(from), Some(length)) = *place else {
                        continue;
                    };
                    let to = out.bytes_written() as i64;
                    out.write_all(&bytes[from as usize..][..length as usize])?;
                    place.0 = Some(to);
                }
            }
        }
        let about = FileMetaData::new(
            properties.writer_version().as_num(),
            rows,
            Some(properties.created_by().to_owned()),
            (!key_values.is_empty()).then_some(key_values),
            self.schema.clone(),
            None,
        );
        let groups = self.groups.iter().zip(places).map(|(packed, places)| {
            let mut group = packed.metadata(&packed.unpacked()?, &options)?;
            for (column, places) in group.columns_mut().iter_mut().zip(places) {
                for (part, place) in PARTS.iter().zip(places) {
                    if let (Some(to), Some(_)) = place {
                        *column = (part.moved)(column.clone().into_builder(), to).build()?;
                    }
                }
            }
            Ok(group)
        });
        write_metadata(out, &about, (self.groups.len(), rows), groups)
    }
}

/// Where each part of what is known of each column of a row group is, and how long.
type Places = Vec<[(Option<i64>, Option<i32>); PARTS.len()]>;

/// The metadata of a file with these row groups, as they stand at its end, without [`END`].
fn encoded(about: &FileMetaData, groups: Vec<RowGroupMetaData>) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::new();
    let metadata = ParquetMetaData::new(about.clone(), groups);
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
    bytes.truncate(bytes.len() - END);
    Ok(bytes)
}

/// Writes the metadata of a file of so many row groups with so many rows, one group after the other.
///
/// The crate writes them of row groups that are all in memory. In Thrift's compact protocol, what it writes of a file with
/// one row group is what it writes of one with none, but for the number of rows, for the header of the list of row groups,
/// and for the row group behind that:
///
/// ```text
/// version, schema, field 3 | rows | field 4 | header of the list | row groups | all else
/// ```
fn write_metadata<W: Write + Send>(
    out: &mut TrackedWrite<W>,
    about: &FileMetaData,
    (count, rows): (usize, i64),
    groups: impl Iterator<Item = Result<RowGroupMetaData, ParquetError>>,
) -> Result<(), ParquetError> {
    let begin = out.bytes_written();
    let none = encoded(about, Vec::new())?;
    let mut rest = &none[..];
    for (number, group) in groups.enumerate() {
        let group = group?;
        let rows_of_one = integer(group.num_rows());
        let one = encoded(about, vec![group])?;
        let differ = |(a, b): (&u8, &u8)| a != b;
        let first = none.iter().zip(&one).position(differ);
        let first = first.ok_or_else(|| fault("a row group leaves no trace in metadata"))?;
        // Of a row group without rows the list is the first difference.
        let at_rows = if rows_of_one == [0] { first - 2 } else { first };
        let header = at_rows + rows_of_one.len() + 1;
        if number == 0 {
            out.write_all(&none[..at_rows])?;
            out.write_all(&integer(rows))?;
            out.write_all(&one[header - 1..header])?;
            out.write_all(&list_header(one[header], count))?;
            rest = &none[at_rows + 3..];
        }
        let end = one.len() - (none.len() - (at_rows + 3));
        out.write_all(&one[header + 1..end])?;
    }
    out.write_all(rest)?;
    let length = u32::try_from(out.bytes_written() - begin)
        .map_err(|_| fault("the metadata of a file are longer than 4 GiB"))?;
    out.write_all(&length.to_le_bytes())?;
    Ok(out.write_all(MAGIC)?)
}

/// An integer in Thrift's compact protocol.
fn integer(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The header of a list of so many elements, of the type in that of a list of one.
fn list_header(of_one: u8, count: usize) -> Vec<u8> {
    let kind = of_one & 0x0f;
    if count < 15 {
        return vec![(count as u8) << 4 | kind];
    }
    let mut header = vec![0xf0 | kind];
    header.extend(varint(count as u64));
    header
}

impl Packed {
    fn unpacked(&self) -> Result<Vec<u8>, ParquetError> {
        Ok(zstd::bulk::decompress(&self.bytes, self.size)?)
    }

    /// The metadata in what is [unpacked](Packed::unpacked).
    fn metadata(
        &self,
        bytes: &[u8],
        options: &ParquetMetaDataOptions,
    ) -> Result<RowGroupMetaData, ParquetError> {
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
