//! What is written in batches is what the crate's own writer gives: values, and what readers skip by.

use super::*;
use crate::columns::parquet::properties::properties;
use arrow::array::{
    BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    StructArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Fields, Int32Type, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

/// Every third value of a column, or each of them.
fn every(nth: usize, rows: std::ops::Range<usize>) -> impl Iterator<Item = Option<usize>> {
    rows.map(move |row| row.is_multiple_of(nth).then_some(row))
}

fn structure(members: Vec<(&str, ArrayRef, bool)>, nulls: Option<NullBuffer>) -> ArrayRef {
    let fields = members.iter().map(|(name, array, nullable)| {
        Arc::new(Field::new(*name, array.data_type().clone(), *nullable))
    });
    let fields: Fields = fields.collect();
    let arrays = members.into_iter().map(|(_, array, _)| array).collect();
    Arc::new(StructArray::new(fields, arrays, nulls))
}

fn list(lengths: &[usize], elements: ArrayRef, element_nullable: bool) -> ArrayRef {
    let element = Field::new("element", elements.data_type().clone(), element_nullable);
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Arc::new(ListArray::new(Arc::new(element), offsets, elements, None))
}

/// Arguments, as events have them: leaves, a list, and a structure that may be null.
fn args(rows: std::ops::Range<usize>) -> ArrayRef {
    let n = rows.len();
    let texts = every(5, rows.clone()).map(|row| row.map(|row| format!("/path/{}", row % 7)));
    let large = every(3, rows.clone()).map(|row| row.map(|row| u64::MAX - row as u64));
    let none: Int64Array = std::iter::repeat_n(None, n).collect();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(
        every(4, rows.clone()).map(|row| row.map(|row| vec![Some(row as i32), None])),
    );
    let inner = every(2, rows.clone()).map(|row| row.map(|row| row as f64));
    let valid: NullBuffer = rows
        .clone()
        .map(|row| row % 6 == 0)
        .collect::<Vec<_>>()
        .into();
    let inner: ArrayRef = Arc::new(inner.collect::<Float64Array>());
    structure(
        vec![
            ("filename", Arc::new(texts.collect::<StringArray>()), true),
            ("size_u64", Arc::new(large.collect::<UInt64Array>()), true),
            ("never", Arc::new(none), true),
            ("fds", Arc::new(lists), true),
            (
                "inner",
                structure(vec![("x", inner, true)], Some(valid)),
                true,
            ),
        ],
        None,
    )
}

fn batch(rows: std::ops::Range<usize>) -> RecordBatch {
    let n = rows.len();
    let ids: Int64Array = rows.clone().map(|row| row as i64).collect();
    let times: TimestampNanosecondArray = rows.clone().map(|row| Some(1000 * row as i64)).collect();
    let words = StringArray::from(vec!["read", "write", "close"]);
    let keys: Int32Array = every(2, rows.clone())
        .map(|row| row.map(|row| (row % 3) as i32))
        .collect();
    let names = DictionaryArray::<Int32Type>::new(keys, Arc::new(words));
    let complete: BooleanArray = rows.clone().map(|row| Some(row % 3 == 0)).collect();
    let lengths: Vec<usize> = rows.clone().map(|row| row % 4).collect();
    let elements: usize = lengths.iter().sum();
    let within = rows.start * 2..rows.start * 2 + elements;
    let nested_ids: Int64Array = within.clone().map(|row| row as i64).collect();
    let events = structure(
        vec![
            ("event_id", Arc::new(nested_ids), false),
            ("args", args(within), false),
        ],
        None,
    );
    let longs: Int64Array = (0..elements as i64).collect();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("event_id", Arc::new(ids), false),
        ("timestamp", Arc::new(times), false),
        ("procname", Arc::new(names), true),
        ("complete", Arc::new(complete), false),
        ("args", args(rows), false),
        ("longs", list(&lengths, Arc::new(longs), false), false),
        ("events", list(&lengths, events, false), false),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array, nullable)| Field::new(*name, array.data_type().clone(), *nullable))
        .collect();
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    assert_eq!(n, lengths.len());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn read(file: Vec<u8>) -> (RecordBatch, Vec<Vec<String>>) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let groups = reader.metadata().row_groups().iter();
    let said = groups.map(|group| {
        let columns = group.columns().iter();
        columns
            .map(|c| {
                format!(
                    "{} {:?} {}",
                    c.column_path(),
                    c.statistics(),
                    c.num_values()
                )
            })
            .collect()
    });
    let (said, schema) = (said.collect(), Arc::clone(reader.schema()));
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    (concat_batches(&schema, &batches).unwrap(), said)
}

#[test]
fn batches_are_written_as_the_crate_writes_them() {
    // Slices, whose arrays do not begin at 0, and one without rows.
    let long = batch(10..9000);
    let batches = [
        batch(0..10),
        long.slice(5, 4000),
        long.slice(0, 0),
        long.slice(4005, 100),
    ];
    let properties = properties(Compression::SNAPPY);
    let schema = batches[0].schema();
    let mut ours = BatchWriter::new(Vec::new(), Arc::clone(&schema), properties.clone()).unwrap();
    let mut theirs = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    for (number, batch) in batches.iter().enumerate() {
        ours.write(batch, None).unwrap();
        theirs.write(batch).unwrap();
        let some: BooleanArray = (0..batch.num_rows()).map(|row| Some(row % 5 < 2)).collect();
        theirs
            .write(&filter_record_batch(batch, &some).unwrap())
            .unwrap();
        ours.write(batch, Some(&Chosen::new(some))).unwrap();
        assert!(ours.size() > 0);
        if number == 1 {
            ours.end_group().unwrap();
            theirs.flush().unwrap();
        }
    }
    let (ours, theirs) = (
        read(ours.finish().unwrap()),
        read(theirs.into_inner().unwrap()),
    );
    assert_eq!(ours.0, theirs.0);
    assert_eq!(ours.1, theirs.1);
    assert_eq!(ours.1.len(), 2);
}
