//! Results in a file: written aside, and in place when complete.

use super::super::wide;
use super::results::{Format, Results, unique_names};
use super::text::TextOutput;
use crate::dataset::aside::WholeFile;
use crate::dataset::codec::Codec;
use crate::dataset::within;
use crate::error::{Error, Result};
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

/// Writes results as text into a file.
pub(crate) struct FileOutput {
    aside: WholeFile,
    text: TextOutput<BufWriter<File>>,
}

impl FileOutput {
    /// Begins the file `target`; one that is there is replaced when this one is complete.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`within::refuse`].
    pub(crate) fn create(format: Format, target: &Path) -> Result<Self> {
        within::refuse(target)?;
        let (aside, file) = WholeFile::create(target)?;
        let text = TextOutput::new(format, BufWriter::with_capacity(1 << 16, file), target);
        Ok(FileOutput { aside, text })
    }

    /// Puts it in place.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn finish(self) -> Result<()> {
        let buffer = self.text.finish()?;
        self.aside.commit(buffer.get_ref())
    }
}

impl Results for FileOutput {
    fn begin(&mut self, schema: &SchemaRef) -> Result<()> {
        self.text.begin(schema)
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        self.text.rows(batch)
    }

    fn end(&mut self) -> Result<()> {
        self.text.end()
    }

    fn wrote(&mut self, target: &Path, rows: u64) {
        self.text.wrote(target, rows);
    }
}

/// Writes one result as a Parquet file.
pub(crate) struct ParquetOutput {
    aside: WholeFile,
    file: File,
    writer: Option<(SchemaRef, ArrowWriter<File>)>,
}

impl ParquetOutput {
    /// Begins the file `target`; one that is there is replaced when this one is complete.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`within::refuse`].
    pub(crate) fn create(target: &Path) -> Result<Self> {
        within::refuse(target)?;
        let (aside, file) = WholeFile::create(target)?;
        Ok(ParquetOutput {
            aside,
            file,
            writer: None,
        })
    }

    /// Writes the footer and puts it in place.
    ///
    /// # Errors
    /// [`Error::Usage`] where there was no result.
    pub(crate) fn finish(self) -> Result<()> {
        let (_, writer) = self.writer.ok_or_else(|| {
            Error::usage(
                "the query has no result to write as Parquet",
                "A statement that selects rows must be among its statements.",
            )
        })?;
        writer
            .close()
            .map_err(Error::columns(self.aside.target()))?;
        self.aside.commit(&self.file)
    }
}

impl Results for ParquetOutput {
    fn begin(&mut self, schema: &SchemaRef) -> Result<()> {
        if self.writer.is_some() {
            return Err(Error::usage(
                "a Parquet file holds one result, and the query has several",
                "Run its statements one by one, or write them with COPY … TO 'file.parquet'.",
            ));
        }
        unique_names(schema)?;
        let schema = without_views(schema);
        let mut properties =
            WriterProperties::builder().set_compression(Codec::default().compression());
        if wide::of_structures(&schema) {
            properties = properties
                .set_max_row_group_row_count(Some(wide::ROW_GROUP))
                .set_data_page_row_count_limit(wide::PAGE);
        }
        let file = self.file.try_clone();
        let file = file.map_err(Error::io("write", self.aside.target()))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties.build()))
            .map_err(Error::columns(self.aside.target()))?;
        self.writer = Some((schema, writer));
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some((schema, writer)) = &mut self.writer else {
            return Ok(());
        };
        let columns = batch.columns().iter().zip(schema.fields());
        let plain = columns
            .map(
                |(array, field)| match array.data_type() == field.data_type() {
                    true => Ok(Arc::clone(array)),
                    false => cast(array, field.data_type()),
                },
            )
            .collect::<Result<Vec<_>, _>>()
            .and_then(|arrays| RecordBatch::try_new(Arc::clone(schema), arrays));
        plain
            .map_err(parquet::errors::ParquetError::from)
            .and_then(|batch| writer.write(&batch))
            .map_err(Error::columns(self.aside.target()))
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    fn wrote(&mut self, target: &Path, rows: u64) {
        crate::say!("{}: {rows} rows", target.display());
    }
}

/// The schema with plain strings for views, which are a matter of memory and which not every reader of files knows.
fn without_views(schema: &Schema) -> SchemaRef {
    let plain = |field: &FieldRef| -> FieldRef {
        let data_type = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            other => other.clone(),
        };
        Arc::new(Field::clone(field).with_data_type(data_type))
    };
    Arc::new(Schema::new(
        schema.fields().iter().map(plain).collect::<Fields>(),
    ))
}
