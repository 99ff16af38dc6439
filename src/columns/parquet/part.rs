//! A row group as a file of its own.

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// One row group on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its file, which is removed when it has been joined.
    pub path: PathBuf,
    /// Its rows.
    pub rows: usize,
}

/// Writes a file of one row group, into which `fill` puts the columns of `schema`.
///
/// # Errors
/// [`ParquetError`] where it cannot be written.
pub fn write_group<W: Write + Send>(
    file: W,
    schema: &Schema,
    properties: &WriterPropertiesPtr,
    fill: impl FnOnce(&mut SerializedRowGroupWriter<W>) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let mut writer = file_writer(file, schema, properties)?;
    let mut group = writer.next_row_group()?;
    fill(&mut group)?;
    group.close()?;
    writer.close()?;
    Ok(())
}

/// A file of columns of `schema`, without a row group yet.
pub(super) fn file_writer<W: Write + Send>(
    file: W,
    schema: &Schema,
    properties: &WriterPropertiesPtr,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let schema = ArrowSchemaConverter::new().convert(schema)?;
    SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::clone(properties))
}
