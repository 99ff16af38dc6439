//! The columns of a batch by name and type.

use crate::error::{Error, Place, Result};
use arrow::array::{Array, AsArray, BooleanArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::ArrowPrimitiveType;
use std::path::Path;

/// A column of numbers.
///
/// # Errors
/// [`Error::Input`] where the batch, which is of the file `path`, has none of this name and type.
pub(super) fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
    path: &Path,
) -> Result<&'a PrimitiveArray<T>> {
    let column = batch.column_by_name(name);
    column
        .and_then(|column| column.as_primitive_opt::<T>())
        .ok_or_else(|| lacks(name, path))
}

/// A column of numbers that every row has.
///
/// # Errors
/// As [`numbers`].
pub(super) fn values<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
    path: &Path,
) -> Result<&'a [T::Native]> {
    let column = numbers::<T>(batch, name, path)?;
    match column.null_count() {
        0 => Ok(column.values()),
        _ => Err(lacks(name, path)),
    }
}

/// A column of truths.
///
/// # Errors
/// As [`numbers`].
pub(super) fn truths<'a>(
    batch: &'a RecordBatch,
    name: &str,
    path: &Path,
) -> Result<&'a BooleanArray> {
    let column = batch.column_by_name(name);
    column
        .and_then(|column| column.as_boolean_opt())
        .ok_or_else(|| lacks(name, path))
}

/// The error of a file that has not a column as it should.
pub(super) fn lacks(name: &str, path: &Path) -> Error {
    Error::input(
        format!("has no column {name} as sysds ingest writes it"),
        Place::file(path),
        "Make the dataset again from its traces with this version of sysds ingest.",
    )
}
