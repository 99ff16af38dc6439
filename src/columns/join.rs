//! Joins row groups that were written as files of their own into tables of one schema.
//!
//! Encoded column chunks are copied as they are, with their statistics, page indexes and bloom filters. A part that
//! lacks a column gets a chunk of nulls, whose levels (which rows and list elements there are) are those of a column
//! that the part has at the same place.

use super::parquet::Part;
use crate::error::{Error, Result};
use arrow::datatypes::Schema;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::bloom_filter::Sbbf;
use parquet::column::reader::ColumnReader;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Row groups per file: keeps a file's footer, and the memory to read it, small.
const PARTS_PER_FILE: usize = 16;
/// Levels that are copied at once.
const LEVELS: usize = 64 * 1024;

/// What the files of a table share.
pub struct Target<'a> {
    /// The table's folder; files in it are called `NAME-00000.parquet` and so on.
    pub dir: &'a Path,
    /// What file names begin with.
    pub name: &'a str,
    /// The schema of every file.
    pub schema: &'a Schema,
    /// Compression and encodings, as for the parts.
    pub properties: &'a WriterProperties,
    /// Key-value metadata of every file.
    pub metadata: Vec<KeyValue>,
    /// A column that every part has, and that is never null, per list that rows can have: its path. Columns that a part
    /// lacks take their levels from the one that shares the longest path with them; those that share none are at top
    /// level (or in structures that every row has).
    pub donors: &'a [&'a str],
}

/// Joins `parts` into files from number `first` on, removes those that are files of their own, and returns the files. No
/// parts give one file without rows, so that every table can be read.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where a file cannot be read or written.
pub fn join(parts: &[Part], first: usize, target: &Target) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let chunks: Vec<&[Part]> = match parts.is_empty() {
        true => vec![&[]],
        false => parts.chunks(PARTS_PER_FILE).collect(),
    };
    for (i, parts) in chunks.into_iter().enumerate() {
        let path = target
            .dir
            .join(format!("{}-{:05}.parquet", target.name, first + i));
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let mut joint = Joint::new(file, target).map_err(Error::columns(&path))?;
        for part in parts {
            joint.add(part, &path)?;
            if part.group.is_none() {
                std::fs::remove_file(&part.path).map_err(Error::io("remove", &part.path))?;
            }
        }
        let file = joint.writer.into_inner().map_err(Error::columns(&path))?;
        let file = file
            .into_inner()
            .map_err(|e| Error::io("write", &path)(e.into_error()))?;
        file.sync_all().map_err(Error::io("write", &path))?;
        files.push(path);
    }
    Ok(files)
}

/// A file being joined.
struct Joint<'a> {
    writer: SerializedFileWriter<BufWriter<File>>,
    schema: SchemaDescriptor,
    donors: &'a [&'a str],
}

impl<'a> Joint<'a> {
    fn new(file: File, target: &Target<'a>) -> Result<Self, ParquetError> {
        let schema = ArrowSchemaConverter::new().convert(target.schema)?;
        let mut properties = target.properties.clone().into_builder();
        properties = properties.set_key_value_metadata(Some(target.metadata.clone()));
        let mut properties = properties.build();
        add_encoded_arrow_schema_to_metadata(target.schema, &mut properties);
        let writer = SerializedFileWriter::new(
            BufWriter::with_capacity(1 << 20, file),
            schema.root_schema_ptr(),
            Arc::new(properties),
        )?;
        Ok(Joint {
            writer,
            schema,
            donors: target.donors,
        })
    }

    fn add(&mut self, part: &Part, path: &Path) -> Result<()> {
        let file = File::open(&part.path).map_err(Error::io("read", &part.path))?;
        let source = Source::open(file, part.group.unwrap_or(0));
        let source = source.map_err(Error::columns_read(&part.path))?;
        self.add_group(&source, part.rows)
            .map_err(Error::columns(path))
    }

    fn add_group(&mut self, source: &Source, rows: usize) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in self.schema.columns() {
            match source.find(&column.path().string()) {
                Some(index) => group.append_column(&source.file, source.chunk(index)?)?,
                None => {
                    let donor = donor(self.donors, &column.path().string());
                    let levels = source.levels(donor)?;
                    write_nulls(&mut group, column, &levels, rows)?;
                }
            }
        }
        group.close()?;
        Ok(())
    }
}

/// The donor of levels for a column: the one in whose list the column is.
fn donor<'a>(donors: &[&'a str], path: &str) -> Option<&'a str> {
    let list_of = |d: &'a str| d.rfind(".list.").map(|end| &d[..end + 1]);
    let inside = donors
        .iter()
        .filter(|d| list_of(d).is_some_and(|list| path.starts_with(list)));
    inside.max_by_key(|d| d.len()).copied()
}

/// A part that is read.
struct Source {
    file: File,
    metadata: ParquetMetaData,
    reader: SerializedFileReader<File>,
    /// Number of the row group that is read.
    group: usize,
}

/// Definition and repetition levels of a column; none at top level.
#[derive(Default)]
struct Levels {
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl Source {
    fn open(file: File, group: usize) -> Result<Self, ParquetError> {
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&file)?;
        let reader = SerializedFileReader::new(file.try_clone()?)?;
        Ok(Source {
            file,
            metadata,
            reader,
            group,
        })
    }

    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.group)
    }

    fn find(&self, path: &str) -> Option<usize> {
        let columns = self.group().columns();
        columns
            .iter()
            .position(|c| c.column_path().string() == path)
    }

    /// What the writer of the column's chunk said when it closed it.
    fn chunk(&self, index: usize) -> Result<ColumnCloseResult, ParquetError> {
        let column = self.group().column(index);
        Ok(ColumnCloseResult {
            bytes_written: column.compressed_size() as u64,
            rows_written: self.group().num_rows() as u64,
            metadata: column.clone(),
            bloom_filter: Sbbf::read_from_column_chunk(column, &self.file)?,
            column_index: self
                .metadata
                .column_index()
                .map(|a| a[self.group][index].clone()),
            offset_index: self
                .metadata
                .offset_index()
                .map(|a| a[self.group][index].clone()),
        })
    }

    /// The levels of the column called `donor`.
    fn levels(&self, donor: Option<&str>) -> Result<Levels, ParquetError> {
        let mut levels = Levels::default();
        let Some(index) = donor.and_then(|d| self.find(d)) else {
            return Ok(levels);
        };
        let group = self.reader.get_row_group(self.group)?;
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

/// Writes a chunk that is null wherever its place in a row exists.
fn write_nulls<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &ColumnDescriptor,
    levels: &Levels,
    rows: usize,
) -> Result<(), ParquetError> {
    let mut writer = group
        .next_column()?
        .ok_or_else(|| ParquetError::General(format!("no column {} left", column.path())))?;
    if levels.definition.is_empty() && column.max_rep_level() == 0 {
        let zeros = vec![0; rows.min(LEVELS)];
        let mut left = rows;
        while left > 0 {
            let run = left.min(LEVELS);
            write_levels(&mut writer, &zeros[..run], None)?;
            left -= run;
        }
        return writer.close();
    }
    // A list at top level that the part lacks is null in every row.
    let zeros = vec![0; rows];
    let (definition, repetition) = match levels.definition.is_empty() {
        true => (&zeros, &zeros),
        false => (&levels.definition, &levels.repetition),
    };
    write_levels(
        &mut writer,
        definition,
        (column.max_rep_level() > 0).then_some(repetition),
    )?;
    writer.close()
}

fn write_levels(
    writer: &mut parquet::file::writer::SerializedColumnWriter,
    definition: &[i16],
    repetition: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let (d, r) = (Some(definition), repetition);
    match writer.untyped() {
        ColumnWriter::BoolColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int32ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int64ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int96ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::FloatColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::DoubleColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::ByteArrayColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::FixedLenByteArrayColumnWriter(w) => w.write_batch(&[], d, r),
    }
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::numbers::Numbers;
    use crate::columns::parquet::{Content, PartWriter, Slot, properties};
    use arrow::array::{
        Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{DataType, Field, Fields, Int64Type};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::Compression;

    fn list_of(element: DataType, nullable: bool) -> DataType {
        DataType::List(Arc::new(Field::new("element", element, nullable)))
    }

    fn read(files: &[PathBuf]) -> RecordBatch {
        let batches: Vec<RecordBatch> = files
            .iter()
            .flat_map(|f| {
                let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(f).unwrap());
                reader.unwrap().build().unwrap().map(Result::unwrap)
            })
            .collect();
        arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
    }

    /// A part of three rows with one argument, which turns up in the second batch.
    fn part(dir: &Path, number: usize, name: &str, ty: DataType, late: ArrayRef) -> Part {
        let properties = Arc::new(properties(Compression::SNAPPY));
        let mut writer = PartWriter::new(2, properties, 2).unwrap();
        let id = || Slot {
            parent: None,
            field: Field::new("event_id", DataType::Int64, false),
        };
        let argument = || Slot {
            parent: Some("args"),
            field: Field::new(name, ty.clone(), true),
        };
        let ids = |ids: &[i64]| {
            let ids = ids.iter().map(|id| Some(*id));
            Content::Numbers(Numbers::Long(ids.collect()))
        };
        writer.write(0, id, ids(&[0, 1]));
        writer.advance(2).unwrap();
        writer.write(0, id, ids(&[2]));
        writer.write(1, argument, Content::Array(late));
        writer.advance(1).unwrap();
        writer
            .finish(dir.join(format!("p{number}")))
            .unwrap()
            .wait()
            .unwrap()
    }

    #[test]
    fn parts_of_different_columns_become_one_table() {
        let dir = tempfile::tempdir().unwrap();
        let list = list_of(DataType::Int64, true);
        let of_list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some([Some(7), None]),
        ]));
        let parts = [
            part(
                dir.path(),
                0,
                "a",
                DataType::Utf8,
                Arc::new(StringArray::from(vec!["x"])),
            ),
            part(dir.path(), 1, "b", list.clone(), of_list),
        ];
        let inner = DataType::Struct(Fields::from(vec![Field::new("d", DataType::Int64, true)]));
        let args = Fields::from(vec![
            Field::new("a", DataType::Utf8, true),
            Field::new("b", list, true),
            Field::new("c", inner, true),
        ]);
        let schema = Schema::new(vec![
            Field::new("event_id", DataType::Int64, false),
            Field::new("args", DataType::Struct(args), false),
        ]);
        let target = Target {
            dir: dir.path(),
            name: "part",
            schema: &schema,
            properties: &properties(Compression::SNAPPY),
            metadata: Vec::new(),
            donors: &[],
        };
        let files = join(&parts, 3, &target).unwrap();
        assert_eq!(files, [dir.path().join("part-00003.parquet")]);
        let rows = read(&files);
        assert_eq!(rows.schema().fields(), schema.fields());
        let args = rows.column(1).as_struct();
        let valid = |i: usize| {
            (0..6)
                .filter(|row| args.column(i).is_valid(*row))
                .collect::<Vec<_>>()
        };
        assert_eq!((valid(0), valid(1), valid(2)), (vec![2], vec![5], vec![]));
        assert_eq!(args.column(0).as_string::<i32>().value(2), "x");
        let list = args.column(1).as_list::<i32>().value(5);
        assert_eq!(
            list.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(7), None]
        );
        assert!(parts.iter().all(|p| !p.path.exists()));
    }

    /// A part of requests with `lengths[i]` events, each with the argument `name`.
    fn nested(dir: &Path, name: &str, lengths: &[usize]) -> Part {
        let n: usize = lengths.iter().sum();
        let values = Int64Array::from_iter_values(0..n as i64);
        let args = Fields::from(vec![Field::new(name, DataType::Int64, true)]);
        let events = nested_fields(args.clone());
        let args = StructArray::new(args, vec![Arc::new(values.clone())], None);
        let events_array =
            StructArray::new(events.clone(), vec![Arc::new(values), Arc::new(args)], None);
        let element = Arc::new(Field::new("element", DataType::Struct(events), false));
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        let list = ListArray::new(Arc::clone(&element), offsets, Arc::new(events_array), None);
        let schema = Schema::new(vec![Field::new("events", DataType::List(element), false)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(list)]).unwrap();
        let path = dir.join(name);
        let properties = properties(Compression::SNAPPY);
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        Part {
            group: None,
            path,
            rows: lengths.len(),
        }
    }

    fn nested_fields(args: Fields) -> Fields {
        Fields::from(vec![
            Field::new("event_id", DataType::Int64, false),
            Field::new("args", DataType::Struct(args), false),
        ])
    }

    #[test]
    fn columns_missing_in_a_list_get_the_levels_of_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let parts = [
            nested(dir.path(), "x", &[2, 0, 1]),
            nested(dir.path(), "y", &[0, 3]),
        ];
        let args = Fields::from(vec![
            Field::new("x", DataType::Int64, true),
            Field::new("y", DataType::Int64, true),
            Field::new("z", list_of(DataType::Utf8, true), true),
        ]);
        let events = DataType::Struct(nested_fields(args));
        let schema = Schema::new(vec![Field::new("events", list_of(events, false), false)]);
        let target = Target {
            dir: dir.path(),
            name: "part",
            schema: &schema,
            properties: &properties(Compression::SNAPPY),
            metadata: Vec::new(),
            donors: &["events.list.element.event_id"],
        };
        let rows = read(&join(&parts, 0, &target).unwrap());
        let lists = rows.column(0).as_list::<i32>();
        let lengths: Vec<usize> = (0..5).map(|i| lists.value(i).len()).collect();
        assert_eq!(lengths, [2, 0, 1, 0, 3]);
        let args = lists.values().as_struct().column(1).as_struct();
        let ints = |i: usize| {
            args.column(i)
                .as_primitive::<Int64Type>()
                .iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(ints(0), [Some(0), Some(1), Some(2), None, None, None]);
        assert_eq!(ints(1), [None, None, None, Some(0), Some(1), Some(2)]);
        assert_eq!(args.column(2).null_count(), 6);
    }
}
