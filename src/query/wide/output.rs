//! The files that are written, each of the same columns.

use super::origin::told;
use crate::columns::parquet::any::AnyColumn;
use crate::columns::parquet::properties::properties;
use crate::columns::parquet::records::Encoded;
use crate::dataset::codec::Codec;
use crate::error::Error;
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files have in common.
pub(super) struct Form {
    /// Their columns.
    pub schema: SchemaRef,
    /// The same, as Parquet has them.
    pub columns: SchemaDescriptor,
    /// Compression and encodings.
    pub properties: WriterPropertiesPtr,
}

/// A file being written.
pub(super) struct Output {
    path: PathBuf,
    writer: SerializedFileWriter<BufWriter<File>>,
}

/// A column of a row group.
pub(super) enum Column {
    /// One that was encoded from arrays.
    Plain(AnyColumn),
    /// The columns of a list.
    List(Vec<Encoded>),
}

impl Form {
    /// Files of `schema`.
    ///
    /// # Errors
    /// Where Parquet has no such type.
    pub(super) fn new(schema: SchemaRef) -> Result<Self> {
        let columns = ArrowSchemaConverter::new().convert(&schema)?;
        let mut properties = properties(Codec::default().compression());
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        Ok(Form {
            schema,
            columns,
            properties: Arc::new(properties),
        })
    }
}

impl Output {
    /// Begins the file `path`, and makes its folder.
    ///
    /// # Errors
    /// Where it cannot be written; so do the others.
    pub(super) fn create(path: &Path, form: &Form) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| told(Error::io("create", folder)(e)))?;
        }
        let file = File::create_new(path).map_err(|e| told(Error::io("create", path)(e)))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let root = form.columns.root_schema_ptr();
        let writer = SerializedFileWriter::new(file, root, Arc::clone(&form.properties));
        Ok(Output {
            writer: writer.map_err(|e| told(Error::columns(path)(e)))?,
            path: path.to_path_buf(),
        })
    }

    /// Writes a row group.
    pub(super) fn add(&mut self, columns: Vec<Column>) -> Result<()> {
        let written = self.add_group(columns);
        written.map_err(|e| told(Error::columns(&self.path)(e)))
    }

    fn add_group(&mut self, columns: Vec<Column>) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in columns {
            match column {
                Column::Plain(column) => column.append_to(&mut group)?,
                Column::List(columns) => {
                    let mut columns = columns.into_iter();
                    columns.try_for_each(|column| column.append_to(&mut group))?;
                }
            }
        }
        group.close()?;
        Ok(())
    }

    /// Writes the footer.
    pub(super) fn finish(self) -> Result<()> {
        let closed = self.writer.close();
        closed.map_err(|e| told(Error::columns(&self.path)(e)))?;
        Ok(())
    }
}
