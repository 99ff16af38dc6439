//! What the page index tells readers is true of the rows of each page.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_empty_array};
use arrow::buffer::NullBuffer;
use arrow::compute::concat;
use arrow::datatypes::DataType;
use parquet::basic::BoundaryOrder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

/// Whether the page index tells no more than is true of the rows of each page.
pub(super) fn index_is_true(batch: &RecordBatch, metadata: &ParquetMetaData, what: &str) {
    let (Some(columns), Some(offsets)) = (metadata.column_index(), metadata.offset_index()) else {
        assert_eq!(metadata.num_row_groups(), 0, "{what}");
        return;
    };
    let Some(index) = columns.first().map(|group| &group[0]) else {
        return;
    };
    let pages = offsets[0][0].page_locations();
    order_is_true(index, pages.len(), what);
    let rows = batch.num_rows();
    for (number, page) in pages.iter().enumerate() {
        let first = page.first_row_index as usize;
        let next = pages
            .get(number + 1)
            .map_or(rows, |p| p.first_row_index as usize);
        let column = batch.column(0).slice(first, next - first);
        let leaves = match column.as_list_opt::<i32>() {
            Some(list) => {
                let lists: Vec<ArrayRef> = list.iter().flatten().collect();
                let lists: Vec<&dyn Array> = lists.iter().map(AsRef::as_ref).collect();
                match lists.is_empty() {
                    true => new_empty_array(&list.value_type()),
                    false => concat(&lists).unwrap(),
                }
            }
            None => column,
        };
        page_is_true(index, number, &leaves, what);
    }
}

/// Whether the bounds of pages come in the order that the index tells, so that readers may look for a value by halves.
fn order_is_true(index: &ColumnIndexMetaData, pages: usize, what: &str) {
    let (ColumnIndexMetaData::BYTE_ARRAY(bounds), Some(order)) =
        (index, index.get_boundary_order())
    else {
        return;
    };
    let told: Vec<_> = (0..pages)
        .filter_map(|page| Some((bounds.min_value(page)?, bounds.max_value(page)?)))
        .collect();
    for pair in told.windows(2) {
        let ((a, b), (c, d)) = (pair[0], pair[1]);
        match order {
            BoundaryOrder::ASCENDING => assert!(a <= c && b <= d, "{what}: not ascending"),
            BoundaryOrder::DESCENDING => assert!(a >= c && b >= d, "{what}: not descending"),
            BoundaryOrder::UNORDERED => {}
        }
    }
}

fn page_is_true(index: &ColumnIndexMetaData, number: usize, leaves: &ArrayRef, what: &str) {
    let none = leaves.null_count() == leaves.len();
    if let ColumnIndexMetaData::NONE = index {
        // Only pages of nothing but NaN have no bounds.
        return assert_eq!(*leaves.data_type(), DataType::Float64, "{what}");
    }
    assert_eq!(index.is_null_page(number), none, "{what}, page {number}");
    if none {
        return;
    }
    let valid = leaves
        .nulls()
        .cloned()
        .unwrap_or_else(|| NullBuffer::new_valid(leaves.len()));
    let within = |test: &dyn Fn(usize) -> bool| {
        let rows = valid.valid_indices();
        rows.for_each(|at| assert!(test(at), "{what}, page {number}, value {at}"));
    };
    match index {
        ColumnIndexMetaData::BOOLEAN(index) => {
            let (least, greatest) = (
                *index.min_value(number).unwrap(),
                *index.max_value(number).unwrap(),
            );
            let leaves = leaves.as_boolean();
            within(&|at| (least..=greatest).contains(&leaves.value(at)));
        }
        ColumnIndexMetaData::INT32(index) => {
            let (least, greatest) = (
                *index.min_value(number).unwrap(),
                *index.max_value(number).unwrap(),
            );
            let leaves = leaves.as_primitive::<arrow::datatypes::Int32Type>();
            within(&|at| (least..=greatest).contains(&leaves.value(at)));
        }
        ColumnIndexMetaData::INT64(index) => {
            let (least, greatest) = (
                *index.min_value(number).unwrap(),
                *index.max_value(number).unwrap(),
            );
            match leaves.as_primitive_opt::<arrow::datatypes::Int64Type>() {
                Some(leaves) => within(&|at| (least..=greatest).contains(&leaves.value(at))),
                None => {
                    let leaves = leaves.as_primitive::<arrow::datatypes::UInt64Type>();
                    let bounds = least as u64..=greatest as u64;
                    within(&|at| bounds.contains(&leaves.value(at)));
                }
            }
        }
        ColumnIndexMetaData::DOUBLE(index) => {
            let (least, greatest) = (
                *index.min_value(number).unwrap(),
                *index.max_value(number).unwrap(),
            );
            let leaves = leaves.as_primitive::<arrow::datatypes::Float64Type>();
            within(&|at| {
                leaves.value(at).is_nan() || (least..=greatest).contains(&leaves.value(at))
            });
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            let (least, greatest) = (
                index.min_value(number).unwrap(),
                index.max_value(number).unwrap(),
            );
            let bytes = |at: usize| match leaves.as_string_opt::<i32>() {
                Some(leaves) => leaves.value(at).as_bytes(),
                None => leaves.as_binary::<i32>().value(at),
            };
            within(&|at| (least..=greatest).contains(&bytes(at)));
        }
        other => panic!("{what}: {other:?}"),
    }
}
