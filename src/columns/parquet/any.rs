//! Columns of any type, encoded by the crate `parquet` from arrays: what is asked for in SQL may have types that no table has.

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::io::Write;
use std::sync::Arc;

/// A column of a row group, encoded.
pub struct AnyColumn(Vec<ArrowColumnChunk>);

impl AnyColumn {
    /// The column `field` of a row group whose rows have these values.
    ///
    /// # Errors
    /// [`ParquetError`] where Parquet has no such type.
    pub fn encode(
        field: &Field,
        array: &ArrayRef,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let schema = Arc::new(Schema::new(vec![field.clone()]));
        let root = ArrowSchemaConverter::new()
            .convert(&schema)?
            .root_schema_ptr();
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&nowhere, schema);
        let mut writers = factory.create_column_writers(0)?;
        for (writer, leaf) in writers.iter_mut().zip(&compute_leaves(field, array)?) {
            writer.write(leaf)?;
        }
        let chunks = writers.into_iter().map(|writer| writer.close());
        Ok(AnyColumn(chunks.collect::<Result<_, _>>()?))
    }

    /// Puts it into a row group, as its next column.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let mut chunks = self.0.into_iter();
        chunks.try_for_each(|chunk| chunk.append_to_row_group(group))
    }
}
