//! The table `losses`: what the tracer discarded.

use super::contract::Contract;
use super::events::coded;
use super::parquet::Part;
use crate::error::{Error, Result};
use crate::trace::event::Loss;
use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The schema of the table.
pub fn schema(contract: &Contract) -> Schema {
    Schema::new(contract.fields(&HashMap::new()))
}

/// Writes the losses of a recording, in the order of their beginnings, as a part at `path`; no losses give no part.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where it cannot be written.
pub fn write(
    path: &Path,
    contract: &Contract,
    trace_id: &str,
    losses: &[Loss],
    properties: &WriterProperties,
) -> Result<Option<Part>> {
    if losses.is_empty() {
        return Ok(None);
    }
    let file = File::create(path).map_err(Error::io("create", path))?;
    write_to(file, contract, trace_id, losses, properties).map_err(Error::columns(path))?;
    Ok(Some(Part {
        path: path.to_path_buf(),
        rows: losses.len(),
        group: None,
    }))
}

fn write_to(
    file: File,
    contract: &Contract,
    trace_id: &str,
    losses: &[Loss],
    properties: &WriterProperties,
) -> Result<(), ParquetError> {
    let schema = Arc::new(schema(contract));
    let time = |get: fn(&Loss) -> Option<i64>| -> ArrayRef {
        let times = losses.iter().map(get).collect::<TimestampNanosecondArray>();
        Arc::new(times.with_timezone("UTC"))
    };
    let count = |get: fn(&Loss) -> Option<u64>| -> ArrayRef {
        let counts = losses
            .iter()
            .map(|l| get(l).and_then(|n| i64::try_from(n).ok()));
        Arc::new(counts.collect::<Int64Array>())
    };
    let columns = vec![
        coded(
            vec![0; losses.len()].into(),
            &Arc::new(StringArray::from(vec![trace_id])),
        ),
        Arc::new(StringArray::from_iter_values(
            losses.iter().map(|l| &l.stream),
        )),
        Arc::new(losses.iter().map(|l| l.cpu).collect::<Int32Array>()),
        time(|l| l.begin),
        time(|l| l.end),
        count(|l| l.events),
        count(|l| l.packets),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties.clone()))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}
