//! The rows of a dataset's tables, recording by recording, in batches of a bounded size.

use crate::dataset::manifest::{DataFile, Manifest};
use crate::error::{Error, Place, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8192;
/// Elements of lists that a batch should have at most.
const BATCH_ELEMENTS: usize = 32 * 1024;

/// An opened Parquet file.
pub struct Rows {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
}

impl Rows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub fn open(path: &Path) -> Result<Rows> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(Error::columns(path))?;
        Ok(Rows {
            path: path.to_path_buf(),
            file,
            metadata,
        })
    }

    /// Its schema.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Its footer.
    pub fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// A value of its key-value metadata.
    pub fn key_value(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata().file_metadata().key_value_metadata();
        let found = pairs.into_iter().flatten().find(|kv| kv.key == key);
        found.and_then(|kv| kv.value.as_deref())
    }

    /// Its rows; of the columns `only` (paths in Parquet's form) where they are named.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub fn batches(
        &self,
        only: Option<&[&str]>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        self.read(only, None)
    }

    /// The rows of the row groups that `meets` is true for.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub fn some_batches(
        &self,
        meets: &dyn Fn(&RowGroupMetaData) -> bool,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let groups = self.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(_, group)| meets(group)).map(|(i, _)| i);
        self.read(None, Some(groups.collect()))
    }

    fn read(
        &self,
        only: Option<&[&str]>,
        groups: Option<Vec<usize>>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let file = self
            .file
            .try_clone()
            .map_err(Error::io("read", &self.path))?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        if let Some(groups) = groups {
            builder = builder.with_row_groups(groups);
        }
        let mask = match only {
            None => ProjectionMask::all(),
            Some(names) => ProjectionMask::columns(builder.parquet_schema(), names.iter().copied()),
        };
        let reader = builder
            .with_projection(mask)
            .with_batch_size(self.batch_rows())
            .build()
            .map_err(Error::columns(&self.path))?;
        let path = self.path.clone();
        Ok(reader.map(move |batch| {
            batch
                .map_err(parquet::errors::ParquetError::from)
                .map_err(Error::columns(&path))
        }))
    }

    /// Rows of a batch, fewer where rows carry long lists.
    fn batch_rows(&self) -> usize {
        let groups = self.metadata().row_groups();
        let densest = groups.iter().map(|group| {
            let values = group.columns().iter().map(|c| c.num_values());
            let most = values.max().unwrap_or(0).max(0) as usize;
            most.div_ceil((group.num_rows().max(1)) as usize)
        });
        BATCH_ELEMENTS
            .div_ceil(densest.max().unwrap_or(1).max(1))
            .clamp(1, BATCH_ROWS)
    }
}

/// The files of a table that are of each recording, in the manifest's order.
///
/// # Errors
/// As [`Rows::open`], and [`Error::Input`] where a file is not the one that the manifest tells of.
pub fn by_recording(root: &Path, manifest: &Manifest, table: &str) -> Result<Vec<Vec<PathBuf>>> {
    let mut found: Vec<Vec<PathBuf>> = manifest.recordings.iter().map(|_| Vec::new()).collect();
    let files: &[DataFile] = manifest.tables.get(table).map_or(&[], |t| &t.files);
    for file in files {
        let path = root.join(&file.path);
        let rows = Rows::open(&path)?;
        let count = rows.metadata().file_metadata().num_rows();
        if count != file.rows as i64 {
            return Err(Error::input(
                format!("has {count} rows, but the manifest says {}", file.rows),
                Place::file(&path),
                "The dataset is damaged: fetch it or make it again.",
            ));
        }
        let trace = rows.key_value("sysds:trace_id");
        let recording = manifest
            .recordings
            .iter()
            .position(|r| Some(r.trace_id.as_str()) == trace);
        match recording {
            Some(recording) => found[recording].push(path),
            None => {
                return Err(Error::input(
                    "is of no recording that the manifest tells of",
                    Place::file(&path),
                    "The dataset is damaged: fetch it or make it again.",
                ));
            }
        }
    }
    Ok(found)
}

/// A column of 64-bit integers without nulls.
///
/// # Errors
/// [`Error::Input`] where the batch has none of this name.
pub fn ids<'a>(batch: &'a RecordBatch, column: &str, path: &Path) -> Result<&'a [i64]> {
    let array = batch.column_by_name(column);
    let array = array.filter(|a| *a.data_type() == DataType::Int64 && a.null_count() == 0);
    match array {
        Some(array) => Ok(array.as_primitive::<Int64Type>().values()),
        None => Err(Error::input(
            format!("has no column {column} of 64-bit integers without nulls"),
            Place::file(path),
            "Make the dataset again with sysds ingest.",
        )),
    }
}

/// Bytes that a batch takes in memory: what readers call its uncompressed size.
pub fn bytes(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns
        .map(|c| {
            let data = c.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| c.get_buffer_memory_size())
        })
        .sum()
}
