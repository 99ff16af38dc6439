//! Lists of structures put apart, of a file that has all columns of the schema, and of one that lacks some.

use super::*;
use crate::columns::parquet::part::write_group;
use crate::columns::parquet::properties::properties;
use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;

const ROWS_OF_TEST: usize = 1000;

fn lists(nullable: bool, members: Vec<Field>) -> SchemaRef {
    let element = Field::new(
        "element",
        arrow::datatypes::DataType::Struct(members.into()),
        nullable,
    );
    let list = arrow::datatypes::DataType::List(Arc::new(element));
    Arc::new(Schema::new(vec![Field::new("events", list, nullable)]))
}

fn members(nullable: bool) -> Vec<Field> {
    use arrow::datatypes::DataType as Ty;
    let pids = Ty::List(Arc::new(Field::new("element", Ty::Int64, true)));
    vec![
        Field::new("id", Ty::Int64, nullable),
        Field::new("name", Ty::Utf8, true),
        Field::new("pids", pids, true),
        Field::new("wakes", Ty::Boolean, true),
    ]
}

/// Rows as JSON, row number `row` with as many elements as its last digit says.
fn rows(schema: &SchemaRef) -> RecordBatch {
    let element = |row: usize, at: usize| {
        let name = match at % 3 {
            0 => String::new(),
            _ => format!(r#", "name": "call {at}", "wakes": {}"#, at == 1),
        };
        let pids = match at % 4 {
            0 => String::new(),
            1 => r#", "pids": []"#.to_owned(),
            _ => format!(r#", "pids": [{row}, null, {at}]"#),
        };
        format!(r#"{{"id": {}{name}{pids}}}"#, row * 10 + at)
    };
    let line = |row: usize| {
        let elements: Vec<String> = (0..row % 10).map(|at| element(row, at)).collect();
        format!(r#"{{"events": [{}]}}"#, elements.join(", "))
    };
    let text: Vec<String> = (0..ROWS_OF_TEST).map(line).collect();
    let reader = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(ROWS_OF_TEST);
    let mut reader = reader.build(std::io::Cursor::new(text.join("\n"))).unwrap();
    reader.next().unwrap().unwrap()
}

/// The rows of `batch` that go to each of two files, as they are in them in the form of `schema`.
fn through_files(batch: &RecordBatch, schema: &SchemaRef, places: &Places) -> Vec<ArrayRef> {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    let metadata = ArrowReaderMetadata::load(&file, Default::default()).unwrap();
    let group = metadata.metadata().row_group(0);
    let descriptor = ArrowSchemaConverter::new().convert(schema).unwrap();
    let properties = Arc::new(properties(Compression::SNAPPY));
    let mut columns: Vec<Vec<Encoded>> = vec![Vec::new(), Vec::new()];
    for number in 0..descriptor.num_columns() {
        let fitting = Fitting::find(group.schema_descr(), "events", &descriptor, number).unwrap();
        let file = file.try_clone().unwrap();
        let to = descriptor.column(number);
        let encoded = apart((file, group), (&fitting, &to), places, &properties).unwrap();
        for (column, encoded) in columns.iter_mut().zip(encoded) {
            column.push(encoded);
        }
    }
    let written = columns.into_iter().map(|columns| {
        let mut file = Vec::new();
        let all = write_group(&mut file, schema, &properties, |group| {
            columns.into_iter().try_for_each(|c| c.append_to(group))
        });
        all.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
        let batches = reader.with_batch_size(ROWS_OF_TEST).build().unwrap();
        let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
        Arc::clone(batches[0].column(0))
    });
    written.collect()
}

fn places() -> Places {
    let file = |row: usize| match row % 7 {
        3 => None,
        n => Some(usize::from(n > 3)),
    };
    Places {
        files: (0..ROWS_OF_TEST).map(file).collect(),
        count: 2,
    }
}

fn those(places: &Places, number: usize) -> UInt32Array {
    let rows = places.files.iter().zip(0_u32..);
    let rows = rows.filter(|(file, _)| **file == Some(number));
    rows.map(|(_, row)| Some(row)).collect()
}

#[test]
fn each_file_has_its_rows() {
    let schema = lists(false, members(false));
    let (batch, places) = (rows(&schema), places());
    for (number, read) in through_files(&batch, &schema, &places).iter().enumerate() {
        let expected = take(batch.column(0), &those(&places, number), None).unwrap();
        assert_eq!(read, &expected);
    }
}

#[test]
fn what_a_file_lacks_is_null() {
    let of_file = lists(
        false,
        vec![members(false)[2].clone(), members(false)[0].clone()],
    );
    let schema = lists(true, members(true));
    let (batch, places) = (rows(&of_file), places());
    for (number, read) in through_files(&batch, &schema, &places).iter().enumerate() {
        let expected = take(batch.column(0), &those(&places, number), None).unwrap();
        let (read, expected) = (read.as_list::<i32>(), expected.as_list::<i32>());
        assert_eq!(read.offsets(), expected.offsets());
        let (read, expected) = (read.values().as_struct(), expected.values().as_struct());
        for name in ["id", "pids"] {
            let column = read.column_by_name(name).unwrap();
            let same = cast(expected.column_by_name(name).unwrap(), column.data_type());
            assert_eq!(column, &same.unwrap());
        }
        for name in ["name", "wakes"] {
            let column = read.column_by_name(name).unwrap();
            assert_eq!(column.null_count(), column.len());
        }
    }
}
