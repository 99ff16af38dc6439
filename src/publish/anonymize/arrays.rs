//! Arrays with other values in them, and the error where they do not fit.

use crate::error::{Error, Place, Result};
use arrow::array::{Array, ArrayRef, ListArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use std::sync::Arc;

pub(super) fn failed(e: ArrowError) -> Error {
    Error::input(
        format!("its values cannot be anonymized: {e}"),
        Place::file("the dataset"),
        "Check it with sysds inspect, or make it again with sysds ingest.",
    )
}

/// A list with other items.
pub(super) fn rebuilt(list: &ListArray, items: ArrayRef) -> Result<ArrayRef> {
    let DataType::List(field) = list.data_type() else {
        return Ok(Arc::new(list.clone()));
    };
    let list = ListArray::try_new(
        Arc::clone(field),
        list.offsets().clone(),
        items,
        list.nulls().cloned(),
    );
    Ok(Arc::new(list.map_err(failed)?))
}
