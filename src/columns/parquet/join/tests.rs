//! Parts of different columns become one table.

use super::*;
use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::parquet::encoders::PartWriter;
use crate::columns::parquet::properties::properties;
use crate::columns::parquet::slot::Slot;
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
        parent: Some("args".into()),
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

fn join_all(parts: &[Part], first: usize, target: &Target) -> Vec<PathBuf> {
    let files = planned(parts, first).into_iter();
    files.map(|file| file.join(target).unwrap()).collect()
}

#[test]
fn files_are_planned_with_the_rows_before_them_and_one_for_no_parts() {
    let part = |rows| Part {
        path: PathBuf::new(),
        rows,
    };
    let parts: Vec<Part> = (1..=2 * PARTS_PER_FILE + 1).map(part).collect();
    let files = planned(&parts, 7);
    let told = files.iter().map(|f| (f.number, f.parts.len(), f.before));
    let rows = |parts: usize| parts * (parts + 1) / 2;
    let expected = [
        (7, PARTS_PER_FILE, 0),
        (8, PARTS_PER_FILE, rows(PARTS_PER_FILE)),
        (9, 1, rows(2 * PARTS_PER_FILE)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let none = planned(&[], 2);
    assert_eq!((none.len(), none[0].number, none[0].parts.len()), (1, 2, 0));
}

#[test]
fn parts_of_different_columns_become_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let list = list_of(DataType::Int64, true);
    let of_list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([
        Some(7),
        None,
    ])]));
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
        properties: &Arc::new(properties(Compression::SNAPPY)),
        metadata: Vec::new(),
        donors: &[],
        late: None,
    };
    let files = join_all(&parts, 3, &target);
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
        properties: &Arc::new(properties(Compression::SNAPPY)),
        metadata: Vec::new(),
        donors: &["events.list.element.event_id"],
        late: None,
    };
    let rows = read(&join_all(&parts, 0, &target));
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
