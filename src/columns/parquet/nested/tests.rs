//! Columns of lists that begin late and end early.

use super::*;
use crate::columns::parquet::content::Numbers;
use crate::columns::parquet::part::write_group;
use crate::columns::parquet::properties::properties;
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

/// Lists of so many elements each; the second batch begins after the third.
const LENGTHS: [usize; 7] = [0, 3, 0, 2, 0, 0, 4];
const BATCHES: [Range<usize>; 2] = [0..3, 3..7];

fn slot(parent: Option<&'static str>, name: &str, ty: DataType, nullable: bool) -> Slot {
    Slot {
        parent: parent.map(Into::into),
        field: Field::new(name, ty, nullable),
    }
}

fn longs(values: &[Option<i64>]) -> Content {
    Content::Numbers(Numbers::Long(values.iter().copied().collect()))
}

/// The lists that are read from a file with nothing but them.
fn read(writer: NestedWriter) -> ListArray {
    let schema = Schema::new(vec![writer.field()]);
    let properties = Arc::clone(&writer.properties);
    let mut file = Vec::new();
    let written = write_group(&mut file, &schema, &properties, |group| {
        writer.append_to(group)
    });
    written.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file));
    let mut batches = reader.unwrap().build().unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch.column(0).as_list::<i32>().clone()
}

#[test]
fn columns_of_any_kind_are_spread_over_the_lists_whenever_they_begin() {
    let properties = Arc::new(properties(Compression::SNAPPY));
    let mut writer = NestedWriter::new("events", properties);
    writer.add(LENGTHS.into_iter());
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let structs: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Float64, true)),
        Arc::new(Float64Array::from(vec![
            None,
            Some(0.5),
            None,
            None,
            Some(2.0),
            None,
        ])) as ArrayRef,
    )]));
    for (number, batch) in BATCHES.into_iter().enumerate() {
        let ids: &[Option<i64>] = match number {
            0 => &[Some(1), Some(2), Some(3)],
            _ => &[Some(4), Some(5), Some(6), Some(7), Some(8), Some(9)],
        };
        let id = || slot(None, "event_id", DataType::Int64, false);
        writer.write(0, batch.clone(), id, &longs(ids)).unwrap();
        let args = |name: &str, ty: &DataType| slot(Some("args"), name, ty.clone(), true);
        let mut put = |column, name, content: &Content| {
            let ty = match content {
                Content::Array(array) => array.data_type().clone(),
                _ => DataType::Int64,
            };
            let describe = || args(name, &ty);
            writer.write(column, batch.clone(), describe, content)
        };
        if number == 0 {
            // These two end before the group does.
            put(9, "early", &longs(&[None, Some(-7)])).unwrap();
            put(3, "list", &Content::Array(Arc::new(list.clone()))).unwrap();
        } else {
            // These begin late.
            put(
                4,
                "late",
                &longs(&[None, Some(i64::MIN), None, None, Some(5)]),
            )
            .unwrap();
            let texts = [None, None, Some(""), Some("x"), None, None];
            let texts = Content::Array(Arc::new(StringArray::from_iter(texts)));
            put(5, "text", &texts).unwrap();
            put(6, "inner", &Content::Array(Arc::clone(&structs))).unwrap();
        }
    }
    let lists = read(writer);
    let lengths: Vec<usize> = (0..lists.len())
        .map(|i| lists.value_length(i) as usize)
        .collect();
    assert_eq!((lengths, lists.null_count()), (LENGTHS.to_vec(), 0));
    let events = lists.values().as_struct();
    let of = |of: &StructArray, name: &str| Arc::clone(of.column_by_name(name).unwrap());
    assert_eq!(events.column_names(), ["event_id", "args"]);
    let ids = of(events, "event_id");
    assert_eq!(
        ids.as_primitive::<Int64Type>().values()[..],
        [1, 2, 3, 4, 5, 6, 7, 8, 9]
    );
    let args = of(events, "args");
    let args = args.as_struct();
    assert_eq!(
        args.column_names(),
        ["list", "late", "text", "inner", "early"]
    );
    let at = |name: &str, values: &[(usize, i64)]| {
        let mut all = vec![None; 9];
        values
            .iter()
            .for_each(|(at, value)| all[*at] = Some(*value));
        assert_eq!(
            of(args, name).as_primitive::<Int64Type>(),
            &Int64Array::from(all),
            "{name}"
        );
    };
    at("late", &[(4, i64::MIN), (7, 5)]);
    at("early", &[(1, -7)]);
    let text = of(args, "text");
    let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
    assert_eq!(text[5..7], [Some(""), Some("x")]);
    assert_eq!(text.iter().flatten().count(), 2);
    let read = of(args, "list");
    let read = read.as_list::<i32>();
    assert_eq!((read.slice(0, 3), read.null_count()), (list, 7));
    assert_eq!(of(args, "inner").slice(3, 6).to_data(), structs.to_data());
}

#[test]
fn lists_without_any_element_are_lists() {
    let properties = Arc::new(properties(Compression::SNAPPY));
    let mut writer = NestedWriter::new("events", properties);
    writer.add([0, 0].into_iter());
    let id = || slot(None, "event_id", DataType::Int64, false);
    writer.write(0, 0..2, id, &longs(&[])).unwrap();
    let lists = read(writer);
    assert_eq!((lists.len(), lists.null_count()), (2, 0));
    assert_eq!(lists.values().len(), 0);
}
