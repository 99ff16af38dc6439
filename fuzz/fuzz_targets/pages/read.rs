//! A file read by the crate `parquet`: the same values are at the same rows, whether all are read or the rows of a few pages,
//! which the reader finds by the page index.

use crate::recipe::Glance;
use crate::table::{Step, Table};
use crate::value::{Type, Value};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use std::ops::Range;

/// A file of one row group.
pub struct File {
    pub bytes: Bytes,
    metadata: ArrowReaderMetadata,
}

impl File {
    pub fn open(bytes: Bytes) -> Self {
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .with_encoding_stats_as_mask(false);
        let metadata = ArrowReaderMetadata::load(&bytes, options).unwrap();
        assert_eq!(metadata.metadata().num_row_groups(), 1);
        File { bytes, metadata }
    }

    pub fn builder(&self) -> ParquetRecordBatchReaderBuilder<Bytes> {
        let metadata = self.metadata.clone();
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), metadata)
    }

    pub fn chunk(&self, column: usize) -> &ColumnChunkMetaData {
        self.metadata.metadata().row_group(0).column(column)
    }

    pub fn column_index(&self, column: usize) -> &ColumnIndexMetaData {
        &self
            .metadata
            .metadata()
            .column_index()
            .expect("it is required")[0][column]
    }

    pub fn offset_index(&self, column: usize) -> &OffsetIndexMetaData {
        &self
            .metadata
            .metadata()
            .offset_index()
            .expect("it is required")[0][column]
    }

    /// The rows of each page of a column of a table.
    pub fn pages(&self, table: &Table, column: usize) -> Vec<Range<usize>> {
        let pages = self.offset_index(column).page_locations().iter();
        let mut starts: Vec<usize> = pages.map(|page| page.first_row_index as usize).collect();
        assert_eq!(starts.first(), Some(&0));
        starts.push(table.rows());
        let rows = starts.windows(2).map(|ends| ends[0]..ends[1]);
        rows.inspect(|rows| assert!(!rows.is_empty())).collect()
    }
}

pub fn all_rows_come_back(table: &Table, file: &File) {
    let rows = 0..table.rows();
    compare(table, std::slice::from_ref(&rows), file.builder());
}

pub fn single_pages_come_back(table: &Table, file: &File, glance: &Glance) {
    let pages = file.pages(table, glance.column % table.columns.len());
    let first = glance.first % pages.len();
    let behind = pages[first + 1..].iter().enumerate();
    let behind = behind.filter(|(at, _)| glance.pattern >> (at % 8) & 1 == 1);
    let mut rows = vec![pages[first].clone()];
    rows.extend(behind.map(|(_, rows)| rows.clone()));
    let selection = RowSelection::from_consecutive_ranges(rows.iter().cloned(), table.rows());
    let reader = file.builder().with_row_selection(selection);
    compare(table, &rows, reader.with_batch_size(glance.batch));
}

/// Whether a reader gives exactly these rows of a table.
fn compare(table: &Table, rows: &[Range<usize>], reader: ParquetRecordBatchReaderBuilder<Bytes>) {
    let mut read = Read {
        lengths: vec![Vec::new(); table.layers.len()],
        columns: vec![Vec::new(); table.columns.len()],
    };
    for batch in reader.build().unwrap() {
        match batch {
            Ok(batch) => read.add(table, &batch),
            Err(e) if is_fault_of_the_reader(&e) => return,
            Err(e) => panic!("{e}"),
        }
    }
    for (number, layer) in table.layers.iter().enumerate() {
        let lengths = rows
            .iter()
            .flat_map(|rows| &layer.lengths[table.elements_before(number, rows)]);
        assert!(
            read.lengths[number].iter().eq(lengths),
            "layer {number} of {rows:?}"
        );
    }
    for (number, column) in table.columns.iter().enumerate() {
        let values = rows
            .iter()
            .flat_map(|rows| &column.values[table.elements(rows)]);
        let mut both = read.columns[number].iter().zip(values);
        if let Some((at, (read, written))) = both.by_ref().enumerate().find(|(_, (r, w))| r != w) {
            panic!("column {number}, value {at} of {rows:?} is {read:?} instead of {written:?}");
        }
    }
}

/// Whether an error is one that the crate (59.3) gives for good files: it skips equal differences of 32-bit integers at once,
/// and their sum may be more than such an integer holds.
fn is_fault_of_the_reader(e: &ArrowError) -> bool {
    e.to_string().contains("delta*n overflow in skip")
}

/// What was read.
struct Read {
    /// Of each layer.
    lengths: Vec<Vec<Option<usize>>>,
    columns: Vec<Vec<Option<Value>>>,
}

impl Read {
    fn add(&mut self, table: &Table, batch: &RecordBatch) {
        let mut arrays = batch.columns().to_vec();
        for (layer, all) in table.layers.iter().zip(&mut self.lengths) {
            // Where a layer is in a structure, or in columns, it is alone.
            let array = &arrays[0];
            let inside = match layer.step {
                Step::Structure => structures(array, all),
                Step::Every | Step::List | Step::OptionalList => lists(array, all),
            };
            arrays = inside;
        }
        let leaves = arrays;
        for ((leaf, column), all) in leaves.iter().zip(&table.columns).zip(&mut self.columns) {
            add_values(column.ty, leaf, all);
        }
    }
}

/// The members of the structures of an array that are there.
fn structures(array: &ArrayRef, all: &mut Vec<Option<usize>>) -> Vec<ArrayRef> {
    let valid: BooleanArray = (0..array.len())
        .map(|at| Some(array.is_valid(at)))
        .collect();
    all.extend((0..array.len()).map(|at| array.is_valid(at).then_some(1)));
    let members = array.as_struct().columns().iter();
    members
        .map(|member| filter(member, &valid).unwrap())
        .collect()
}

/// The elements of the lists of an array; the members of those that are nothing but the structure of columns.
fn lists(array: &ArrayRef, all: &mut Vec<Option<usize>>) -> Vec<ArrayRef> {
    let lists = array.as_list::<i32>();
    let lengths = lists.offsets().lengths().enumerate();
    all.extend(lengths.map(|(at, length)| lists.is_valid(at).then_some(length)));
    let (first, last) = (lists.offsets()[0], lists.offsets()[lists.len()]);
    let elements = lists
        .values()
        .slice(first as usize, (last - first) as usize);
    let DataType::List(element) = array.data_type() else {
        panic!("it is a list");
    };
    match element.data_type() {
        DataType::Struct(_) if !element.is_nullable() => elements.as_struct().columns().to_vec(),
        _ => vec![elements],
    }
}

fn add_values(ty: Type, leaf: &ArrayRef, all: &mut Vec<Option<Value>>) {
    match ty {
        Type::Bool => {
            let leaf = leaf.as_boolean();
            all.extend(leaf.iter().map(|value| value.map(Value::Bool)));
        }
        Type::Int => {
            let leaf = leaf.as_primitive::<Int32Type>();
            all.extend(leaf.iter().map(|value| value.map(Value::Int)));
        }
        Type::Long => {
            let leaf = leaf.as_primitive::<Int64Type>();
            all.extend(leaf.iter().map(|value| value.map(Value::Long)));
        }
        Type::Unsigned => {
            let leaf = leaf.as_primitive::<UInt64Type>();
            all.extend(leaf.iter().map(|value| value.map(Value::Unsigned)));
        }
        Type::Double => {
            let leaf = leaf.as_primitive::<Float64Type>();
            let bits = leaf.iter().map(|value| value.map(f64::to_bits));
            all.extend(bits.map(|value| value.map(Value::Double)));
        }
        Type::Text | Type::Word => {
            let texts = leaf.as_string::<i32>().iter();
            all.extend(texts.map(|value| value.map(|text| Value::Bytes(text.into()))));
        }
        Type::Binary => {
            let texts = leaf.as_binary::<i32>().iter();
            all.extend(texts.map(|value| value.map(|text| Value::Bytes(text.into()))));
        }
    }
}
