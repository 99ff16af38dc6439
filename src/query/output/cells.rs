//! One value as text or JSON.

use crate::error::{Error, Result};
use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write;

const LOCAL: &str = "%Y-%m-%dT%H:%M:%S%.9f";
const UTC: &str = "%Y-%m-%dT%H:%M:%S%.9fZ";
const ZONED: &str = "%Y-%m-%dT%H:%M:%S%.9f%:z";

/// How times are written in a result: with `Z` where all of them are in UTC.
fn zoned(schema: &SchemaRef) -> &'static str {
    let other = |t: &DataType| matches!(t, DataType::Timestamp(_, Some(tz)) if !is_utc(tz));
    match schema.fields().iter().any(|f| other(f.data_type())) {
        true => ZONED,
        false => UTC,
    }
}

fn is_utc(tz: &str) -> bool {
    matches!(tz, "UTC" | "Z" | "+00:00")
}

/// How JSON is written in a result.
pub(crate) fn json_options(schema: &SchemaRef) -> EncoderOptions {
    EncoderOptions::default()
        .with_timestamp_format(LOCAL.to_owned())
        .with_datetime_format(LOCAL.to_owned())
        .with_timestamp_tz_format(zoned(schema).to_owned())
}

/// How a plain value is written in a result.
fn text_options(schema: &SchemaRef) -> FormatOptions<'static> {
    FormatOptions::new()
        .with_timestamp_format(Some(LOCAL))
        .with_datetime_format(Some(LOCAL))
        .with_timestamp_tz_format(Some(zoned(schema)))
}

/// The values of a column, one at a time.
pub(crate) enum Cells<'a> {
    /// Plain values, and which are NULL (in a dictionary, also where the value is).
    Text(ArrayFormatter<'a>, Option<NullBuffer>),
    /// Nested values, and everything in JSON.
    Json(NullableEncoder<'a>),
}

impl Cells<'_> {
    /// Replaces `out` by the value in a row; false for NULL.
    pub(crate) fn text(&mut self, row: usize, out: &mut String) -> Result<bool> {
        out.clear();
        match self {
            Cells::Text(formatter, nulls) => {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    return Ok(false);
                }
                write!(out, "{}", formatter.value(row)).map_err(|_| failed("a value"))?;
            }
            Cells::Json(encoder) => {
                if encoder.is_null(row) {
                    return Ok(false);
                }
                let mut bytes = std::mem::take(out).into_bytes();
                encoder.encode(row, &mut bytes);
                *out = String::from_utf8(bytes).map_err(failed)?;
            }
        }
        Ok(true)
    }
}

/// The columns of a batch as text: plain values as such, nested ones as JSON.
pub(crate) fn text_columns<'a>(
    schema: &'a SchemaRef,
    batch: &'a RecordBatch,
    json: &'a EncoderOptions,
) -> Result<Vec<Cells<'a>>> {
    let options = text_options(schema);
    let columns = schema.fields().iter().zip(batch.columns());
    columns
        .map(|(field, array)| match field.data_type().is_nested() {
            true => make_encoder(field, array, json).map(Cells::Json),
            false => ArrayFormatter::try_new(array, &options)
                .map(|formatter| Cells::Text(formatter, array.logical_nulls())),
        })
        .collect::<Result<_, ArrowError>>()
        .map_err(failed)
}

/// The columns of a batch as JSON.
pub(super) fn json_columns<'a>(
    schema: &'a SchemaRef,
    batch: &'a RecordBatch,
    json: &'a EncoderOptions,
) -> Result<Vec<NullableEncoder<'a>>> {
    let columns = schema.fields().iter().zip(batch.columns());
    columns
        .map(|(field, array)| make_encoder(field, array, json))
        .collect::<Result<_, ArrowError>>()
        .map_err(failed)
}

fn failed(e: impl ToString) -> Error {
    Error::Sql {
        what: format!("a value has no text: {}", e.to_string()),
        remedy: "Cast the column to another type.".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, Float64Array, Int64Array, StringArray, StructArray, TimestampNanosecondArray,
    };
    use arrow::compute::cast;
    use arrow::datatypes::{Field, Schema};
    use std::sync::Arc;

    /// Three rows with what formats stumble over.
    pub(crate) fn sample() -> RecordBatch {
        let fd: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None, None]));
        let fields = vec![Field::new("fd", DataType::Int64, true)].into();
        let args = StructArray::new(fields, vec![fd], Some(vec![true, false, true].into()));
        let times = vec![Some(1_795_478_400_000_000_001), None, Some(0)];
        let times = TimestampNanosecondArray::from(times).with_timezone("UTC");
        let words = StringArray::from(vec![Some("a,\"b\"\n|"), None, Some("")]);
        let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "id",
                Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-1), None])),
            ),
            ("at", Arc::new(times)),
            ("text", cast(&words, &dictionary).unwrap()),
            (
                "ratio",
                Arc::new(Float64Array::from(vec![Some(0.1), None, Some(1.0)])),
            ),
            ("args", Arc::new(args)),
        ];
        let field = |(n, a): &(&str, ArrayRef)| Field::new(*n, a.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let arrays = columns.into_iter().map(|(_, a)| a).collect();
        RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
    }
}
