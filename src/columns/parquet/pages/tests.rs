//! Random columns of every type, with and without lists, written here and by the crate's own writer: what is read back is the
//! same, and what readers are told to skip by is true.

mod told;

use super::base::Base;
use super::chunk::{ChunkWriter, Workspace};
use super::deep::Deep;
use super::leaf::{Leaf, Texts, Words};
use super::shape::Shape;
use crate::columns::parquet::properties::properties;
use crate::columns::parquet::sparse::{Rows, Sparse, SparseBytes};
use crate::random::Random;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use std::sync::Arc;
use told::index_is_true;

/// The types of leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Bool,
    Int,
    Long,
    Unsigned,
    Double,
    Text,
    Binary,
    Word,
}

const TYPES: [Type; 8] = [
    Type::Bool,
    Type::Int,
    Type::Long,
    Type::Unsigned,
    Type::Double,
    Type::Text,
    Type::Binary,
    Type::Word,
];

/// A column: chunks of rows, each with how many elements its rows have, and which of these have which value.
struct Column {
    ty: Type,
    nullable: bool,
    lists: Lists,
    chunks: Vec<Chunk>,
}

/// Which rows have lists, whose elements the values are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lists {
    /// There are none.
    None,
    All,
    Some,
}

struct Chunk {
    /// Of each row; 1 where there are no lists, `None` where the row has none.
    lengths: Vec<Option<usize>>,
    /// Of each element, a number that a value is made of.
    values: Vec<Option<u64>>,
    /// Whether the column is not told of the chunk, which is null.
    silent: bool,
}

fn column(random: &mut Random) -> Column {
    let ty = random.one(&TYPES);
    let lists = random.one(&[Lists::None, Lists::All, Lists::Some]);
    let nullable = random.below(4) > 0;
    let different = random.one(&[1, 2, 50, 5000, u64::MAX]);
    let mut growing = 0;
    let mut chunks = Vec::new();
    for _ in 0..random.below(5) {
        let rows = random.one(&[0, 1, 7, 64, 1000, 20_000]) as usize;
        let longest = random.one(&[1, 2, 5, 40]);
        let few = random.one(&[1, 2, 50, 10_000]);
        let length = |_| match lists {
            Lists::None => Some(1),
            Lists::Some if random.below(few) > 0 => None,
            _ => Some(random.below(longest) as usize),
        };
        let lengths: Vec<Option<usize>> = (0..rows).map(length).collect();
        let one_in = random.one(&[1, 1, 2, 10, 1000, u64::MAX]);
        let grows = random.below(3) == 0;
        let elements: usize = lengths.iter().flatten().sum();
        let value = |random: &mut Random| {
            growing += random.below(9);
            match grows {
                true => growing,
                false => random.below(u64::MAX) % different,
            }
        };
        let mut value = value;
        let values: Vec<Option<u64>> = (0..elements)
            .map(|_| {
                let there = !nullable || random.below(one_in) == 0;
                there.then(|| value(random))
            })
            .collect();
        // A list column that is silent has no lists.
        let none = match lists {
            Lists::Some => lengths.iter().all(Option::is_none),
            _ => values.iter().all(Option::is_none),
        };
        let silent = none && random.below(2) == 0;
        chunks.push(Chunk {
            lengths,
            values,
            silent,
        });
    }
    Column {
        ty,
        nullable,
        lists,
        chunks,
    }
}

fn double(value: u64) -> f64 {
    match value % 7 {
        0 => f64::NAN,
        1 => -0.0,
        2 => 0.0,
        _ => f64::from_bits(value.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    }
}

fn text(value: u64) -> String {
    let long = match value.is_multiple_of(11) {
        true => "ü".repeat(40),
        false => String::new(),
    };
    format!("{long}/path/{value}")
}

fn bytes(value: u64) -> Vec<u8> {
    let long = if value.is_multiple_of(5) { 100 } else { 0 };
    [vec![u8::MAX; long], value.to_le_bytes().to_vec()].concat()
}

/// Words by their numbers; not all of them come.
fn words() -> StringArray {
    StringArray::from_iter_values((0..100).map(|n| format!("word {}", 99 - n)))
}

fn array(ty: Type, values: &[Option<u64>]) -> ArrayRef {
    let values = values.iter().copied();
    match ty {
        Type::Bool => Arc::new(
            values
                .map(|v| v.map(|v| v & 1 == 1))
                .collect::<BooleanArray>(),
        ),
        Type::Int => Arc::new(values.map(|v| v.map(|v| v as i32)).collect::<Int32Array>()),
        Type::Long => Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>()),
        Type::Unsigned => Arc::new(values.collect::<UInt64Array>()),
        Type::Double => Arc::new(values.map(|v| v.map(double)).collect::<Float64Array>()),
        Type::Text => Arc::new(values.map(|v| v.map(text)).collect::<StringArray>()),
        Type::Binary => Arc::new(values.map(|v| v.map(bytes)).collect::<BinaryArray>()),
        Type::Word => {
            let words = words();
            let word = |v: u64| words.value((v % 100) as usize).to_owned();
            Arc::new(values.map(|v| v.map(word)).collect::<StringArray>())
        }
    }
}

impl Column {
    fn leaf_type(&self) -> DataType {
        array(self.ty, &[]).data_type().clone()
    }

    fn field(&self) -> Field {
        match self.lists {
            Lists::None => Field::new("column", self.leaf_type(), self.nullable),
            lists => {
                let element = Field::new("element", self.leaf_type(), self.nullable);
                let list = DataType::List(Arc::new(element));
                Field::new("column", list, lists == Lists::Some)
            }
        }
    }

    fn batches(&self) -> Vec<RecordBatch> {
        let schema = Arc::new(Schema::new(vec![self.field()]));
        let batch = |chunk: &Chunk| {
            let leaf = array(self.ty, &chunk.values);
            let column: ArrayRef = match self.field().data_type() {
                DataType::List(element) => {
                    let lengths = chunk.lengths.iter().map(|length| length.unwrap_or(0));
                    let offsets = OffsetBuffer::from_lengths(lengths);
                    let valid: NullBuffer = chunk.lengths.iter().map(Option::is_some).collect();
                    let valid = (self.lists == Lists::Some).then_some(valid);
                    Arc::new(ListArray::new(Arc::clone(element), offsets, leaf, valid))
                }
                _ => leaf,
            };
            RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()
        };
        self.chunks.iter().map(batch).collect()
    }

    /// Written by the crate.
    fn theirs(&self, properties: &WriterProperties) -> Bytes {
        let schema = Arc::new(Schema::new(vec![self.field()]));
        let mut writer =
            ArrowWriter::try_new(Vec::new(), schema, Some(properties.clone())).unwrap();
        for batch in self.batches() {
            writer.write(&batch).unwrap();
        }
        writer.into_inner().unwrap().into()
    }

    /// Written here.
    fn ours(&self, properties: &WriterProperties) -> Bytes {
        let schema = ArrowSchemaConverter::new()
            .convert(&Schema::new(vec![self.field()]))
            .unwrap();
        let mut workspace = Workspace::default();
        let mut base = match self.lists {
            Lists::All => Base::lists(),
            Lists::None | Lists::Some => Base::rows(),
        };
        let mut lists = match self.lists {
            Lists::Some => Some(Deep::lists(Shape::of(&base), true)),
            Lists::None | Lists::All => None,
        };
        let mut writer = ChunkWriter::new(schema.column(0), properties).unwrap();
        let mut rows = 0;
        for chunk in &self.chunks {
            let first = rows;
            rows += chunk.lengths.len();
            match self.lists {
                Lists::None => {}
                Lists::All => base.add(chunk.lengths.iter().copied().flatten()),
                Lists::Some => {
                    let mut at = Rows::default();
                    let rows = chunk.lengths.iter().enumerate();
                    rows.filter(|(_, length)| length.is_some())
                        .for_each(|(row, _)| at.push(row));
                    let lengths = chunk.lengths.iter().copied().flatten();
                    let lists = lists.as_mut().unwrap();
                    lists.add_lists(Shape::of(&base), first, at.at(), lengths);
                }
            }
            let shape = Shape::of(&base);
            let shape = lists.as_ref().map_or(shape, |lists| lists.shape(shape));
            match chunk.silent {
                true => writer.write_nulls(rows, shape, &mut workspace).unwrap(),
                false => self.write(chunk, rows, &mut writer, shape, &mut workspace),
            }
        }
        let mut file = SerializedFileWriter::new(
            Vec::new(),
            schema.root_schema_ptr(),
            Arc::new(properties.clone()),
        )
        .unwrap();
        if rows > 0 {
            let shape = Shape::of(&base);
            let shape = lists.as_ref().map_or(shape, |lists| lists.shape(shape));
            let (pages, closed) = writer.close(shape, &mut workspace).unwrap();
            let mut group = file.next_row_group().unwrap();
            group.append_column(&pages, closed).unwrap();
            group.close().unwrap();
        }
        file.into_inner().unwrap().into()
    }

    fn write(
        &self,
        chunk: &Chunk,
        end: usize,
        writer: &mut ChunkWriter,
        shape: Shape,
        workspace: &mut Workspace,
    ) {
        let values = chunk.values.iter().copied();
        match self.ty {
            Type::Bool => {
                let sparse: Sparse<bool> = values.map(|v| v.map(|v| v & 1 == 1)).collect();
                let leaf = Leaf::Bool(sparse.values());
                writer.write(&leaf, sparse.at(), end, shape, workspace)
            }
            Type::Int => {
                let sparse: Sparse<i32> = values.map(|v| v.map(|v| v as i32)).collect();
                writer.write(
                    &Leaf::Int(sparse.values()),
                    sparse.at(),
                    end,
                    shape,
                    workspace,
                )
            }
            Type::Long | Type::Unsigned => {
                let sparse: Sparse<i64> = values.map(|v| v.map(|v| v as i64)).collect();
                writer.write(
                    &Leaf::Long(sparse.values()),
                    sparse.at(),
                    end,
                    shape,
                    workspace,
                )
            }
            Type::Double => {
                let sparse: Sparse<f64> = values.map(|v| v.map(double)).collect();
                writer.write(
                    &Leaf::Double(sparse.values()),
                    sparse.at(),
                    end,
                    shape,
                    workspace,
                )
            }
            Type::Text | Type::Binary => {
                let mut sparse = SparseBytes::new();
                for (at, value) in values.enumerate() {
                    match (value, self.ty) {
                        (Some(value), Type::Text) => sparse.push(at, text(value).as_bytes()),
                        (Some(value), _) => sparse.push(at, &bytes(value)),
                        _ => {}
                    }
                }
                let (offsets, bytes) = sparse.values();
                let texts = Texts {
                    offsets,
                    bytes,
                    these: None,
                };
                writer.write(&Leaf::Texts(texts), sparse.at(), end, shape, workspace)
            }
            Type::Word => {
                let keys: Sparse<i32> = values.map(|v| v.map(|v| (v % 100) as i32)).collect();
                let words = words();
                let words = Words {
                    keys: keys.values(),
                    words: &words,
                };
                writer.write(&Leaf::Words(words), keys.at(), end, shape, workspace)
            }
        }
        .unwrap();
    }
}

fn read(file: &Bytes) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
    let (schema, metadata) = (Arc::clone(reader.schema()), Arc::clone(reader.metadata()));
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), metadata)
}

/// All that a file says of its column chunk, but where things are.
fn said(metadata: &ParquetMetaData) -> Vec<String> {
    let groups = metadata.row_groups().iter();
    groups
        .map(|group| {
            let c = group.column(0);
            format!(
                "{:?} {} {:?} {:?} {:?} {:?}",
                c.statistics(),
                c.num_values(),
                c.repetition_level_histogram(),
                c.definition_level_histogram(),
                c.unencoded_byte_array_data_bytes().unwrap_or(0),
                c.compression_codec(),
            )
        })
        .collect()
}

fn all_properties(random: &mut Random) -> WriterProperties {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
    let codec = random.one(&[zstd, zstd, Compression::SNAPPY, Compression::UNCOMPRESSED]);
    let mut builder = properties(codec).into_builder();
    builder = builder
        .set_data_page_row_count_limit(random.one(&[100, 4096, 65536]))
        .set_write_batch_size(1 << 16)
        .set_dictionary_page_size_limit(random.one(&[200, 50_000, 1 << 20]))
        .set_data_page_size_limit(random.one(&[1000, 100_000, 1 << 20]));
    if random.below(4) == 0 {
        builder = builder.set_dictionary_enabled(false);
    }
    if random.below(3) == 0 {
        builder = builder
            .set_bloom_filter_enabled(true)
            .set_bloom_filter_max_ndv(1000);
    }
    builder.build()
}

#[test]
fn what_is_read_back_is_what_the_crates_own_writer_gives() {
    for seed in 1..400 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let column = column(&mut random);
        let mut properties = all_properties(&mut random);
        if random.below(4) == 0 && matches!(column.ty, Type::Int | Type::Long) {
            let delta = parquet::basic::Encoding::DELTA_BINARY_PACKED;
            let builder = properties.into_builder().set_dictionary_enabled(false);
            properties = builder.set_encoding(delta).build();
        }
        let what = format!("seed {seed}: {:?}, lists: {:?}", column.ty, column.lists);
        let (theirs, their_metadata) = read(&column.theirs(&properties));
        let (ours, our_metadata) = read(&column.ours(&properties));
        assert!(same_values(&ours) == same_values(&theirs), "{what}");
        assert_eq!(said(&our_metadata), said(&their_metadata), "{what}");
        index_is_true(&ours, &our_metadata, &what);
    }
}

/// NaN is not equal to itself.
fn same_values(batch: &RecordBatch) -> ArrayRef {
    let column = batch.column(0);
    let (leaf, list) = match column.as_list_opt::<i32>() {
        Some(list) => (list.values(), Some(list)),
        None => (column, None),
    };
    let Some(doubles) = leaf.as_primitive_opt::<arrow::datatypes::Float64Type>() else {
        return Arc::clone(column);
    };
    let bits: Int64Array = doubles
        .iter()
        .map(|v| v.map(|v| v.to_bits() as i64))
        .collect();
    match list {
        None => Arc::new(bits),
        Some(list) => {
            let element = Field::new("element", DataType::Int64, true);
            let offsets = list.offsets().clone();
            Arc::new(ListArray::new(
                Arc::new(element),
                offsets,
                Arc::new(bits),
                list.nulls().cloned(),
            ))
        }
    }
}
