//! A part of a table that has nothing but columns by name.

use super::columns::Columns;
use crate::columns::parquet::part::{Part, write_group};
use crate::columns::parquet::side_by_side::RowsWriter;
use crate::error::{Error, Result};
use arrow::datatypes::Schema;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

/// Writes `rows` as a row group to the file `path`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where it cannot be written.
pub(super) fn write_part<R: 'static>(
    path: PathBuf,
    columns: &Columns<[R]>,
    rows: &[R],
    properties: &WriterPropertiesPtr,
) -> Result<Part> {
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    write(file, columns, rows, properties).map_err(Error::columns(&path))?;
    Ok(Part {
        path,
        rows: rows.len(),
    })
}

fn write<R: 'static>(
    file: File,
    columns: &Columns<[R]>,
    rows: &[R],
    properties: &WriterPropertiesPtr,
) -> Result<(), ParquetError> {
    let mut writer = RowsWriter::new(Arc::clone(properties));
    writer.write(rows.len(), columns.fill(rows, rows.len()))?;
    let schema = Schema::new(writer.fields());
    write_group(BufWriter::new(file), &schema, properties, |group| {
        writer.append_to(group)
    })
}
