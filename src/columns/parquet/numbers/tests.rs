//! Numbers are encoded as arrays of them would be.

use super::*;
use crate::columns::parquet::encoders::PartWriter;
use crate::columns::parquet::properties::properties;
use crate::columns::parquet::slot::{Content, Slot};
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array};
use arrow::datatypes::Field;
use parquet::basic::Compression;
use std::fs;

/// The file of one column, given in chunks of so many rows; chunks without a value are not given.
fn file(nullable: bool, chunks: Vec<(usize, Option<Content>)>, like: &ArrayRef) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let properties = Arc::new(properties(Compression::SNAPPY));
    let mut writer = PartWriter::new(1, properties, 1).unwrap();
    for (rows, content) in chunks {
        if let Some(content) = content {
            let slot = || Slot {
                parent: nullable.then_some("args"),
                field: Field::new("tid", like.data_type().clone(), nullable),
            };
            writer.write(0, slot, content);
        }
        writer.advance(rows).unwrap();
    }
    writer
        .finish(dir.path().join("part"))
        .unwrap()
        .wait()
        .unwrap();
    fs::read(dir.path().join("part")).unwrap()
}

/// Both ways give the same bytes, for chunks of a column.
fn same<T: Copy + Default>(
    chunks: &[Vec<Option<T>>],
    numbers: impl Fn(Sparse<T>) -> Numbers,
    array: impl Fn(&[Option<T>]) -> ArrayRef,
) {
    let nullable = chunks.iter().flatten().any(Option::is_none);
    let given = |chunk: &&Vec<Option<T>>| chunk.iter().any(Option::is_some);
    let all = |content: &dyn Fn(&Vec<Option<T>>) -> Content| {
        let chunks = chunks.iter();
        let chunks = chunks.map(|p| (p.len(), Some(p).filter(given).map(content)));
        file(nullable, chunks.collect(), &array(&[]))
    };
    let sparse = all(&|p| Content::Numbers(numbers(p.iter().copied().collect())));
    let dense = all(&|p| Content::Array(array(p)));
    assert!(
        sparse == dense,
        "what numbers give differs from what arrays give"
    );
}

#[test]
fn numbers_are_encoded_as_arrays_of_them_would_be() {
    let some = |n: i64, step: i64| (0..n).map(move |i| (i % step == 0).then_some(i * i - 5));
    let chunks: Vec<Vec<Option<i64>>> = vec![
        vec![None; 70_000],
        some(100_000, 7).collect(),
        vec![None; 10],
        some(3, 1).collect(),
        some(5_000, 4_999).collect(),
        vec![None; 3],
    ];
    let long = |p: &[Option<i64>]| Arc::new(Int64Array::from(p.to_vec())) as ArrayRef;
    same(&chunks, Numbers::Long, long);
    same(&[some(90_000, 1).collect()], Numbers::Long, long);
    let int = |p: &[Option<i32>]| Arc::new(Int32Array::from(p.to_vec())) as ArrayRef;
    same(&[vec![Some(i32::MIN), None, Some(7)]], Numbers::Int, int);
    let double = |p: &[Option<f64>]| Arc::new(Float64Array::from(p.to_vec())) as ArrayRef;
    let odd = vec![Some(-0.0), None, Some(f64::NAN), Some(f64::INFINITY)];
    same(&[odd], Numbers::Double, double);
}
