//! Columns of random types, with structures in lists in lists, written here and by the crate's own writer: what is read back,
//! and what readers are told of columns and pages, is the same.

use super::*;
use crate::columns::parquet::column::ColumnWriter;
use crate::columns::parquet::content::{Lists, Numbers, Structures};
use crate::columns::parquet::nested::NestedWriter;
use crate::columns::parquet::part::write_group;
use crate::columns::parquet::properties::properties;
use crate::columns::parquet::slot::{Slot, schema_of};
use crate::columns::parquet::sparse::{Rows, SparseBytes};
use crate::random::Random;
use arrow::array::{
    Array, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, concat_batches, filter};
use arrow::datatypes::{Fields, Float64Type, Int32Type, Int64Type, Schema, SchemaRef, UInt64Type};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use std::sync::Arc;

/// A field of any type; leaves come the sooner the deeper it is.
fn field(random: &mut Random, name: &str, depth: u64) -> Field {
    let ty = match random.below(6) + depth {
        0..=2 => {
            let count = 1 + random.below(3);
            let members = (0..count).map(|n| field(random, &format!("m{n}"), depth + 1));
            DataType::Struct(members.collect::<Vec<_>>().into())
        }
        3..=5 if depth < 4 => DataType::List(Arc::new(field(random, "element", depth + 1))),
        _ => random.one(&[
            DataType::Boolean,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt64,
            DataType::Float64,
            DataType::Utf8,
            DataType::Binary,
        ]),
    };
    Field::new(name, ty, random.below(4) > 0)
}

/// Values of a field at so many places. Behind what is null there may be others.
fn array(random: &mut Random, field: &Field, places: usize) -> ArrayRef {
    let one_in = random.one(&[1, 1, 2, 10, 1000]);
    let valid: Vec<bool> = (0..places)
        .map(|_| !field.is_nullable() || random.below(one_in) == 0)
        .collect();
    let nulls = field.is_nullable().then(|| NullBuffer::from(valid.clone()));
    match field.data_type() {
        DataType::Struct(fields) => {
            let members = fields.iter().map(|member| array(random, member, places));
            Arc::new(StructArray::new(fields.clone(), members.collect(), nulls))
        }
        DataType::List(element) => {
            let longest = random.one(&[1, 2, 4]);
            let lengths: Vec<usize> = (0..places)
                .map(|_| random.below(longest) as usize)
                .collect();
            let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
            let elements = array(random, element, lengths.iter().sum());
            Arc::new(ListArray::new(
                Arc::clone(element),
                offsets,
                elements,
                nulls,
            ))
        }
        ty => leaf(random, ty, &valid),
    }
}

fn leaf(random: &mut Random, ty: &DataType, valid: &[bool]) -> ArrayRef {
    let different = random.one(&[2, 50, u64::MAX]);
    let values: Vec<Option<u64>> = valid
        .iter()
        .map(|valid| valid.then(|| random.below(u64::MAX) % different))
        .collect();
    let values = values.into_iter();
    match ty {
        DataType::Boolean => Arc::new(
            values
                .map(|v| v.map(|v| v % 3 == 0))
                .collect::<BooleanArray>(),
        ),
        DataType::Int32 => Arc::new(values.map(|v| v.map(|v| v as i32)).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>()),
        DataType::UInt64 => Arc::new(values.collect::<UInt64Array>()),
        DataType::Float64 => {
            let doubles = values.map(|v| v.map(|v| v as i64 as f64 / 2.0));
            Arc::new(doubles.collect::<Float64Array>())
        }
        DataType::Utf8 => Arc::new(
            values
                .map(|v| v.map(|v| format!("/{v}")))
                .collect::<StringArray>(),
        ),
        _ => {
            let bytes = values.map(|v| v.map(|v| v.to_le_bytes()));
            Arc::new(bytes.collect::<BinaryArray>())
        }
    }
}

/// The values that are there, as they are gathered from a trace.
fn content(random: &mut Random, array: &ArrayRef) -> Content {
    fn all<T>(values: impl IntoIterator<Item = Option<T>>, mut push: impl FnMut(usize, T)) {
        for (at, value) in values.into_iter().enumerate() {
            if let Some(value) = value {
                push(at, value);
            }
        }
    }
    let rows = || -> Rows {
        (0..array.len())
            .filter(|row| array.is_valid(*row))
            .collect()
    };
    match array.data_type() {
        DataType::Struct(_) => {
            let structures = array.as_struct();
            let members = structures.columns().iter().map(|member| {
                let member = within(member, structures.nulls());
                let none = member.null_count() == member.len() && random.below(2) == 0;
                (!none).then(|| content(random, &member))
            });
            Content::Structures(Structures {
                members: members.collect(),
                rows: rows(),
            })
        }
        DataType::List(_) => {
            let lists = compact(array, None);
            Content::Lists(Lists {
                elements: Box::new(content(random, &lists.elements)),
                rows: lists.rows,
                offsets: lists.offsets,
            })
        }
        DataType::Boolean => Content::Bools(array.as_boolean().iter().collect()),
        DataType::Int32 => Content::Numbers(Numbers::Int(
            array.as_primitive::<Int32Type>().iter().collect(),
        )),
        DataType::Int64 => Content::Numbers(Numbers::Long(
            array.as_primitive::<Int64Type>().iter().collect(),
        )),
        DataType::UInt64 => {
            let bits = array.as_primitive::<UInt64Type>().iter();
            Content::Numbers(Numbers::Long(bits.map(|v| v.map(|v| v as i64)).collect()))
        }
        DataType::Float64 => Content::Numbers(Numbers::Double(
            array.as_primitive::<Float64Type>().iter().collect(),
        )),
        DataType::Utf8 => {
            let mut texts = SparseBytes::new();
            all(array.as_string::<i32>(), |at, text| {
                texts.push(at, text.as_bytes())
            });
            Content::Texts(texts)
        }
        _ => {
            let mut texts = SparseBytes::new();
            all(array.as_binary::<i32>(), |at, bytes| texts.push(at, bytes));
            Content::Texts(texts)
        }
    }
}

fn read(file: Vec<u8>) -> (ArrayRef, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(file), options).unwrap();
    let (schema, metadata) = (Arc::clone(reader.schema()), Arc::clone(reader.metadata()));
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let batch = concat_batches(&schema, &batches).unwrap();
    (Arc::clone(batch.column(0)), metadata)
}

/// Written by the crate.
fn theirs(schema: &SchemaRef, array: &ArrayRef, properties: &WriterProperties) -> Vec<u8> {
    let properties = Some(properties.clone());
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), properties).unwrap();
    let batch = RecordBatch::try_new(Arc::clone(schema), vec![Arc::clone(array)]).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// All that a file says of a column chunk, but where things are.
fn said(metadata: &ParquetMetaData, column: usize) -> String {
    let c = metadata.row_group(0).column(column);
    format!(
        "{} {:?} {} {:?} {:?} {:?}",
        c.column_path(),
        c.statistics(),
        c.num_values(),
        c.repetition_level_histogram(),
        c.definition_level_histogram(),
        c.unencoded_byte_array_data_bytes().unwrap_or(0),
    )
}

/// All that the page index says of a page, but where it is.
fn told(index: &ColumnIndexMetaData, page: usize) -> String {
    let bounds = match index {
        ColumnIndexMetaData::BOOLEAN(i) => {
            format!("{:?} {:?}", i.min_value(page), i.max_value(page))
        }
        ColumnIndexMetaData::INT32(i) => format!("{:?} {:?}", i.min_value(page), i.max_value(page)),
        ColumnIndexMetaData::INT64(i) => format!("{:?} {:?}", i.min_value(page), i.max_value(page)),
        ColumnIndexMetaData::DOUBLE(i) => {
            format!("{:?} {:?}", i.min_value(page), i.max_value(page))
        }
        ColumnIndexMetaData::BYTE_ARRAY(i) => {
            format!("{:?} {:?}", i.min_value(page), i.max_value(page))
        }
        other => format!("{other:?}"),
    };
    format!(
        "{bounds} {:?} {:?} {:?}",
        index.null_count(page),
        index.repetition_level_histogram(page),
        index.definition_level_histogram(page),
    )
}

/// Compares our file with theirs, and what ours says of a page with what theirs says of a file of its rows.
fn compare(ours: Vec<u8>, schema: &SchemaRef, array: &ArrayRef, random: &mut Random, what: &str) {
    let properties = properties(Compression::SNAPPY);
    let (our_array, our_metadata) = read(ours);
    let (their_array, their_metadata) = read(theirs(schema, array, &properties));
    assert!(our_array == their_array, "{what}");
    for column in 0..our_metadata.row_group(0).num_columns() {
        assert_eq!(
            said(&our_metadata, column),
            said(&their_metadata, column),
            "{what}"
        );
        let index = &our_metadata.column_index().unwrap()[0][column];
        let pages = our_metadata.offset_index().unwrap()[0][column].page_locations();
        let page = random.below(pages.len() as u64) as usize;
        let first = pages[page].first_row_index as usize;
        let end = pages
            .get(page + 1)
            .map_or(array.len(), |next| next.first_row_index as usize);
        let (_, of_page) = read(theirs(
            schema,
            &array.slice(first, end - first),
            &properties,
        ));
        let expected = &of_page.column_index().unwrap()[0][column];
        let chunk = of_page.row_group(0).column(column);
        let bounded = chunk
            .statistics()
            .is_some_and(|s| s.min_bytes_opt().is_some());
        match expected {
            // The crate takes a page that has as many nulls as rows for one of nulls, even if its lists have values, too.
            expected if bounded && expected.is_null_page(0) => {
                assert!(!index.is_null_page(page), "{what}, page {page}");
            }
            // A page of lists without a value: ours is told to be one of nulls.
            ColumnIndexMetaData::NONE => assert!(index.is_null_page(page), "{what}"),
            expected => assert_eq!(told(index, page), told(expected, 0), "{what}, page {page}"),
        }
    }
}

/// How the chunks of a column are handed over.
fn write(
    random: &mut Random,
    chunk: &ArrayRef,
    mut put: impl FnMut(&Source, usize),
) -> Option<ArrayRef> {
    let rows = chunk.len();
    match random.below(4) {
        0 => {
            put(&Source::Array(chunk, None), rows);
            Some(Arc::clone(chunk))
        }
        1 => {
            let mask: BooleanArray = (0..rows).map(|_| Some(random.below(3) > 0)).collect();
            let those = filter(chunk, &mask).unwrap();
            put(&Source::Array(chunk, Some(&Chosen::new(mask))), those.len());
            Some(those)
        }
        _ => {
            put(&Source::Content(&content(random, chunk)), rows);
            Some(Arc::clone(chunk))
        }
    }
}

fn page_rows(random: &mut Random) -> WriterProperties {
    let rows = random.one(&[10, 100, 65536]);
    let dictionary = random.one(&[100, 1 << 20]);
    let builder = properties(Compression::SNAPPY).into_builder();
    let builder = builder.set_data_page_row_count_limit(rows);
    builder.set_dictionary_page_size_limit(dictionary).build()
}

#[test]
fn columns_of_rows_are_as_the_crate_writes_them() {
    for seed in 1..600 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let random = &mut random;
        let field = field(random, "column", random.0 % 3);
        let slot = Slot {
            parent: None,
            field: field.clone(),
        };
        let what = format!("seed {seed}: {field:?}");
        let schema = Arc::new(schema_of(std::iter::once(&slot)));
        let properties = Arc::new(page_rows(random));
        let mut writer = ColumnWriter::new(slot, &properties).unwrap();
        let (mut tools, mut chunks, mut all) = (Tools::default(), Vec::new(), 0);
        for _ in 0..1 + random.below(4) {
            let rows = random.one(&[1, 7, 100, 500]);
            let chunk = array(random, &field, rows);
            if field.is_nullable() && random.below(4) == 0 {
                all += rows;
                chunks.push(arrow::array::new_null_array(field.data_type(), rows));
                continue;
            }
            writer.write_nulls(all, &mut tools).unwrap();
            chunks.extend(write(random, &chunk, |source, rows| {
                writer.write_source(source, rows, &mut tools).unwrap();
                all += rows;
            }));
        }
        if all == 0 {
            continue;
        }
        writer.write_nulls(all, &mut tools).unwrap();
        let mut file = Vec::new();
        write_group(&mut file, &schema, &properties, |group| {
            writer.end(&mut tools)?.1.append_to(group)
        })
        .unwrap();
        let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        compare(file, &schema, &concat(&chunks).unwrap(), random, &what);
    }
}

#[test]
fn columns_in_lists_are_as_the_crate_writes_them() {
    for seed in 1..400 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let random = &mut random;
        let fields: Vec<Field> = (0..2).map(|n| field(random, &format!("f{n}"), 1)).collect();
        let what = format!("seed {seed}: {fields:?}");
        let properties = Arc::new(page_rows(random));
        let mut writer = NestedWriter::new("list", Arc::clone(&properties));
        let mut chunks: Vec<ArrayRef> = Vec::new();
        let element = Field::new(
            "element",
            DataType::Struct(Fields::from(fields.clone())),
            false,
        );
        let element = Arc::new(element);
        for _ in 0..1 + random.below(4) {
            let longest = random.one(&[1, 3, 10]);
            let rows = random.one(&[1, 7, 100]);
            let lengths: Vec<usize> = (0..rows).map(|_| random.below(longest) as usize).collect();
            let elements: usize = lengths.iter().sum();
            let first = writer.rows();
            writer.add(lengths.iter().copied());
            let members = fields.iter().enumerate().map(|(number, field)| {
                let begun = !chunks.is_empty();
                if begun && field.is_nullable() && random.below(3) == 0 {
                    return arrow::array::new_null_array(field.data_type(), elements);
                }
                let describe = || Slot {
                    parent: None,
                    field: field.clone(),
                };
                let values = array(random, field, elements);
                let source = content(random, &values);
                let source = match random.below(2) {
                    0 => Source::Array(&values, None),
                    _ => Source::Content(&source),
                };
                writer
                    .write_source(number, first..first + rows, describe, &source)
                    .unwrap();
                values
            });
            let members = members.collect();
            let structures = match elements {
                0 => StructArray::new_null(Fields::from(fields.clone()), 0),
                _ => StructArray::new(Fields::from(fields.clone()), members, None),
            };
            let structures = StructArray::new(
                structures.fields().clone(),
                structures.columns().to_vec(),
                None,
            );
            let offsets = OffsetBuffer::from_lengths(lengths);
            chunks.push(Arc::new(ListArray::new(
                Arc::clone(&element),
                offsets,
                Arc::new(structures),
                None,
            )));
        }
        let schema = Arc::new(Schema::new(vec![writer.field()]));
        let mut file = Vec::new();
        write_group(&mut file, &schema, &properties, |group| {
            writer.append_to(group)
        })
        .unwrap();
        let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        compare(file, &schema, &concat(&chunks).unwrap(), random, &what);
    }
}

#[test]
fn a_dictionary_is_given_up_within_what_is_written_at_once() {
    let element = Field::new("element", DataType::Int64, false);
    let field = Field::new("column", DataType::List(Arc::new(element.clone())), false);
    let slot = Slot {
        parent: None,
        field,
    };
    let builder = properties(Compression::UNCOMPRESSED).into_builder();
    let properties = Arc::new(builder.set_dictionary_page_size_limit(100).build());
    let schema = schema_of(std::iter::once(&slot));
    let mut writer = ColumnWriter::new(slot, &properties).unwrap();
    let all = Arc::new(Int64Array::from_iter_values(0..1000));
    let offsets = OffsetBuffer::from_lengths([10; 100]);
    let lists: ArrayRef = Arc::new(ListArray::new(Arc::new(element), offsets, all, None));
    let mut tools = Tools::default();
    writer
        .write_source(&Source::Array(&lists, None), 100, &mut tools)
        .unwrap();
    let mut file = Vec::new();
    write_group(&mut file, &schema, &properties, |group| {
        writer.end(&mut tools)?.1.append_to(group)
    })
    .unwrap();
    let (read, metadata) = read(file);
    assert_eq!(&read, &lists);
    let chunk = metadata.row_group(0).column(0);
    let dictionary = chunk.data_page_offset() - chunk.dictionary_page_offset().unwrap();
    // The list that it became full in is in it as a whole.
    assert!((8 * 20..8 * 20 + 40).contains(&dictionary), "{dictionary}");
}
