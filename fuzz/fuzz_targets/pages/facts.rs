//! What a file says of a column and its pages, beside the values: each is counted anew from the table.
//!
//! Bounds must be those of the values, not only wide enough, but for texts, of which they may have the start; the zeros of
//! doubles are told as one, and NaN is not told (parquet.thrift, `ColumnOrder`).

use crate::read::File;
use crate::table::{Level, Table};
use crate::value::{Type, Value, ends};
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::LevelHistogram;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Pages are told by their headers, one behind the other, as the offset index tells them.
pub fn pages_are_where_the_index_says(table: &Table, file: &File, number: usize) {
    let (column, chunk) = (&table.columns[number], file.chunk(number));
    let locations = file.offset_index(number).page_locations();
    let (start, length) = chunk.byte_range();
    let mut end = chunk.data_page_offset();
    assert_eq!(chunk.dictionary_page_offset().unwrap_or(end), start as i64);
    for page in locations {
        assert_eq!(page.offset, end);
        end += i64::from(page.compressed_page_size);
    }
    assert_eq!(end, (start + length) as i64);
    if chunk.compression() == Compression::UNCOMPRESSED {
        assert_eq!(chunk.uncompressed_size(), chunk.compressed_size());
    }
    let bytes = Arc::new(file.bytes.clone());
    let mut reader = SerializedPageReader::new(bytes, chunk, table.rows(), None).unwrap();
    let mut levels = file
        .pages(table, number)
        .into_iter()
        .map(|rows| table.levels(column, &rows));
    let mut encodings: HashMap<(PageType, Encoding), i32> = HashMap::new();
    while let Some(page) = reader.get_next_page().unwrap() {
        *encodings
            .entry((page.page_type(), page.encoding()))
            .or_insert(0) += 1;
        match page {
            Page::DictionaryPage { num_values, .. } => {
                let different: HashSet<&Value> = column.values.iter().flatten().collect();
                assert!((1..=different.len()).contains(&(num_values as usize)));
            }
            page => assert_eq!(
                Some(page.num_values() as usize),
                levels.next().map(|l| l.len())
            ),
        }
    }
    assert!(levels.next().is_none());
    let mut told = HashMap::new();
    for page in chunk.page_encoding_stats().unwrap() {
        *told.entry((page.page_type, page.encoding)).or_insert(0) += page.count;
    }
    assert_eq!(told, encodings);
    assert!(
        encodings
            .keys()
            .all(|(_, encoding)| chunk.encodings().any(|e| e == *encoding))
    );
}

pub fn what_is_told_of_the_column_is_true(table: &Table, file: &File, number: usize) {
    let (column, chunk) = (&table.columns[number], file.chunk(number));
    let rows = 0..table.rows();
    let levels = table.levels(column, &rows);
    assert_eq!(chunk.num_values(), levels.len() as i64);
    let (repetition, definition) = histograms(&levels, table.deepest(column));
    let told = |told: Option<&LevelHistogram>| told.map_or(Vec::new(), |h| h.values().to_vec());
    assert_eq!(told(chunk.repetition_level_histogram()), repetition);
    assert_eq!(told(chunk.definition_level_histogram()), definition);
    assert_eq!(
        chunk.compression(),
        column.properties.compression(chunk.column_path())
    );
    let bytes: usize = table
        .values(column, &rows)
        .filter_map(Value::text_len)
        .sum();
    assert_eq!(
        chunk.unencoded_byte_array_data_bytes().unwrap_or(0),
        bytes as i64
    );
    let statistics = chunk.statistics().unwrap();
    assert_eq!(
        statistics.null_count_opt(),
        Some(nulls(&levels, table.deepest(column)))
    );
    let bounds = bounds_of_column(column.ty, statistics);
    match (ends(table.values(column, &rows)), bounds) {
        (None, None) => {}
        (Some((least, greatest)), Some((lower, upper))) => {
            is_lower(column.ty, &lower, least);
            is_upper(column.ty, &upper, greatest);
            assert!(!statistics.min_is_exact() || lower.compare(least) == Some(Ordering::Equal));
            assert!(!statistics.max_is_exact() || upper.compare(greatest) == Some(Ordering::Equal));
        }
        (ends, bounds) => panic!("column {number} of {ends:?} has the bounds {bounds:?}"),
    }
}

pub fn what_is_told_of_pages_is_true(table: &Table, file: &File, number: usize) {
    let column = &table.columns[number];
    let (index, pages) = (file.column_index(number), file.pages(table, number));
    let texts = file.offset_index(number).unencoded_byte_array_data_bytes();
    let unbounded = |rows| {
        table.values(column, rows).next().is_some() && ends(table.values(column, rows)).is_none()
    };
    if let ColumnIndexMetaData::NONE = index {
        return assert!(pages.iter().any(unbounded), "column {number} has no index");
    }
    assert_eq!(index.num_pages(), pages.len() as u64);
    let mut before = None;
    for (page, rows) in pages.iter().enumerate() {
        let levels = table.levels(column, rows);
        assert_eq!(
            index.null_count(page),
            Some(nulls(&levels, table.deepest(column)) as i64)
        );
        let (repetition, definition) = histograms(&levels, table.deepest(column));
        assert_eq!(
            index.repetition_level_histogram(page).unwrap_or_default(),
            repetition
        );
        assert_eq!(
            index.definition_level_histogram(page).unwrap_or_default(),
            definition
        );
        if let Some(texts) = texts {
            let bytes: usize = table.values(column, rows).filter_map(Value::text_len).sum();
            assert_eq!(texts[page], bytes as i64);
        }
        let bounds = bounds_of_page(column.ty, index, page);
        assert_eq!(
            index.is_null_page(page),
            table.values(column, rows).next().is_none()
        );
        match (ends(table.values(column, rows)), &bounds) {
            (None, None) => continue,
            (Some((least, greatest)), Some((lower, upper))) => {
                is_lower(column.ty, lower, least);
                is_upper(column.ty, upper, greatest);
            }
            (ends, bounds) => panic!("page {page} of {ends:?} has the bounds {bounds:?}"),
        }
        are_in_order(
            index.get_boundary_order().unwrap(),
            before,
            bounds.as_ref().unwrap(),
        );
        before = bounds;
    }
}

pub fn the_filter_knows_every_value(table: &Table, file: &File, number: usize) {
    let column = &table.columns[number];
    let filter = file
        .builder()
        .get_row_group_column_bloom_filter(0, number)
        .unwrap();
    let path = file.chunk(number).column_path();
    assert_eq!(
        filter.is_some(),
        column.properties.bloom_filter_properties(path).is_some()
    );
    let Some(filter) = filter else {
        return;
    };
    for value in column.values.iter().flatten() {
        let known = match value {
            Value::Bool(value) => filter.check(value),
            Value::Int(number) => filter.check(number),
            Value::Long(number) => filter.check(number),
            Value::Unsigned(number) => filter.check(&(*number as i64)),
            Value::Double(bits) => filter.check(&f64::from_bits(*bits)),
            Value::Bytes(bytes) => filter.check(bytes.as_slice()),
        };
        assert!(known, "{value:?}");
    }
}

/// How many levels there are of each kind, of repetition and of definition; none where there is only one kind.
fn histograms(levels: &[Level], (repetition, definition): Level) -> (Vec<i64>, Vec<i64>) {
    let empty = |deepest: usize| vec![0; if deepest > 0 { deepest + 1 } else { 0 }];
    let mut counts = (empty(repetition), empty(definition));
    for (repetition, definition) in levels {
        if let Some(count) = counts.0.get_mut(*repetition) {
            *count += 1;
        }
        if let Some(count) = counts.1.get_mut(*definition) {
            *count += 1;
        }
    }
    counts
}

/// What is not a value: nulls, and lists without elements.
fn nulls(levels: &[Level], (_, there): Level) -> u64 {
    levels
        .iter()
        .filter(|(_, definition)| *definition < there)
        .count() as u64
}

fn bounds_of_column(ty: Type, statistics: &Statistics) -> Option<(Value, Value)> {
    match statistics {
        Statistics::Boolean(s) => both(s.min_opt(), s.max_opt(), |v| Value::Bool(*v)),
        Statistics::Int32(s) => both(s.min_opt(), s.max_opt(), |v| Value::Int(*v)),
        Statistics::Int64(s) => both(s.min_opt(), s.max_opt(), |v| long(ty, *v)),
        Statistics::Double(s) => both(s.min_opt(), s.max_opt(), |v| Value::Double(v.to_bits())),
        Statistics::ByteArray(s) => both(s.min_opt(), s.max_opt(), |v| {
            Value::Bytes(v.data().to_vec())
        }),
        other => panic!("{other:?}"),
    }
}

fn bounds_of_page(ty: Type, index: &ColumnIndexMetaData, page: usize) -> Option<(Value, Value)> {
    match index {
        ColumnIndexMetaData::BOOLEAN(index) => {
            both(index.min_value(page), index.max_value(page), |v| {
                Value::Bool(*v)
            })
        }
        ColumnIndexMetaData::INT32(index) => {
            both(index.min_value(page), index.max_value(page), |v| {
                Value::Int(*v)
            })
        }
        ColumnIndexMetaData::INT64(index) => {
            both(index.min_value(page), index.max_value(page), |v| {
                long(ty, *v)
            })
        }
        ColumnIndexMetaData::DOUBLE(index) => {
            both(index.min_value(page), index.max_value(page), |v| {
                Value::Double(v.to_bits())
            })
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            both(index.min_value(page), index.max_value(page), |v| {
                Value::Bytes(v.to_vec())
            })
        }
        other => panic!("{other:?}"),
    }
}

fn long(ty: Type, value: i64) -> Value {
    match ty {
        Type::Unsigned => Value::Unsigned(value as u64),
        _ => Value::Long(value),
    }
}

fn both<T>(
    least: Option<T>,
    greatest: Option<T>,
    value: impl Fn(T) -> Value,
) -> Option<(Value, Value)> {
    assert_eq!(least.is_some(), greatest.is_some());
    Some((value(least?), value(greatest?)))
}

/// Whether `bound` is told rightly where `least` is the least value.
fn is_lower(ty: Type, bound: &Value, least: &Value) {
    let right = match (bound, least) {
        (Value::Bytes(bound), Value::Bytes(least)) => {
            least.starts_with(bound) && is_text(ty, bound)
        }
        (Value::Double(bound), Value::Double(least)) if f64::from_bits(*least) == 0.0 => {
            *bound == (-0.0_f64).to_bits()
        }
        _ => bound == least,
    };
    assert!(right, "{bound:?} is no lower bound of {least:?}");
}

/// Whether `bound` is told rightly where `greatest` is the greatest value.
fn is_upper(ty: Type, bound: &Value, greatest: &Value) {
    let right = match (bound, greatest) {
        (Value::Bytes(bound), Value::Bytes(greatest)) => {
            bound == greatest
                || bound > greatest && bound.len() < greatest.len() && is_text(ty, bound)
        }
        (Value::Double(bound), Value::Double(greatest)) if f64::from_bits(*greatest) == 0.0 => {
            *bound == 0.0_f64.to_bits()
        }
        _ => bound == greatest,
    };
    assert!(right, "{bound:?} is no upper bound of {greatest:?}");
}

fn is_text(ty: Type, bound: &[u8]) -> bool {
    !ty.is_utf8() || std::str::from_utf8(bound).is_ok()
}

/// Whether the bounds of a page come behind those of the page before, in the order that readers search by.
fn are_in_order(order: BoundaryOrder, before: Option<(Value, Value)>, bounds: &(Value, Value)) {
    let Some(before) = before else {
        return;
    };
    let wrong = match order {
        BoundaryOrder::UNORDERED => return,
        BoundaryOrder::ASCENDING => Some(Ordering::Less),
        BoundaryOrder::DESCENDING => Some(Ordering::Greater),
    };
    let right = bounds.0.compare(&before.0) != wrong && bounds.1.compare(&before.1) != wrong;
    assert!(
        right,
        "{bounds:?} comes behind {before:?}, but the order is {order}"
    );
}
