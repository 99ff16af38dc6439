//! The files of sequences: a series of shards for each part.
//!
//! Row groups are small, so that a loader that shuffles them holds little; how many shards there are is known at the end,
//! and then they get names.

use crate::columns::parquet::batches::BatchWriter;
use crate::columns::parquet::properties::properties;
use crate::dataset::codec::Codec;
use crate::error::{Error, Result};
use crate::split::names::word;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Elements of each list in a row group: in memory, some 15 MB with all columns.
const GROUP: usize = 1 << 18;

/// The files of all parts.
pub(super) struct Shards {
    dir: PathBuf,
    schema: SchemaRef,
    limit: u64,
    parts: Vec<Series>,
}

struct Series {
    name: String,
    written: usize,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    writer: BatchWriter<File>,
    /// Elements in the row group that is open.
    group: usize,
}

impl Shards {
    /// Shards of `limit` bytes in the folder `dir`, which is there, for parts of these names.
    pub(super) fn new(dir: &Path, schema: SchemaRef, limit: u64, names: &[String]) -> Self {
        let series = |name: &String| Series {
            name: name.clone(),
            written: 0,
            open: None,
        };
        Shards {
            dir: dir.to_path_buf(),
            schema,
            limit,
            parts: names.iter().map(series).collect(),
        }
    }

    /// The columns.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The name of a part.
    pub(super) fn name(&self, part: usize) -> &str {
        &self.parts[part].name
    }

    /// Writes rows with so many elements to a part.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn write(
        &mut self,
        part: usize,
        batch: Result<RecordBatch, ArrowError>,
        elements: usize,
    ) -> Result<()> {
        let series = &mut self.parts[part];
        let open = match &mut series.open {
            Some(open) => open,
            none => {
                let name = temporary(&series.name, series.written);
                none.insert(Open::create(self.dir.join(name), &self.schema)?)
            }
        };
        let batch = batch.map_err(Error::columns(&open.path))?;
        open.write(&batch, elements)?;
        if open.writer.size() as u64 >= self.limit {
            series.close()?;
        }
        Ok(())
    }

    /// Ends all of them; gives the names of the files of each part, in order. A part without rows has one without rows.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn finish(mut self) -> Result<Vec<Vec<PathBuf>>> {
        let mut all = Vec::new();
        for series in &mut self.parts {
            if series.written == 0 && series.open.is_none() {
                let path = self.dir.join(temporary(&series.name, 0));
                series.open = Some(Open::create(path, &self.schema)?);
            }
            series.close()?;
            let (name, count) = (&series.name, series.written);
            let files = (0..count).map(|number| {
                let from = self.dir.join(temporary(name, number));
                let file = format!("{}-{number:05}-of-{count:05}.parquet", word(name));
                let to = self.dir.join(file);
                fs::rename(&from, &to).map_err(Error::io("rename", &from))?;
                Ok(to)
            });
            all.push(files.collect::<Result<_>>()?);
        }
        Ok(all)
    }
}

/// What a shard is called until all are there.
fn temporary(part: &str, number: usize) -> String {
    format!(".{part}-{number}.parquet")
}

impl Series {
    fn close(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            let file = open.writer.finish().map_err(Error::columns(&open.path))?;
            file.sync_all().map_err(Error::io("write", &open.path))?;
            self.written += 1;
        }
        Ok(())
    }
}

impl Open {
    fn create(path: PathBuf, schema: &SchemaRef) -> Result<Self> {
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        let codec = properties(Codec::default().compression());
        let writer = BatchWriter::new(file, SchemaRef::clone(schema), codec);
        Ok(Open {
            writer: writer.map_err(Error::columns(&path))?,
            path,
            group: 0,
        })
    }

    fn write(&mut self, batch: &RecordBatch, elements: usize) -> Result<()> {
        let written = self.writer.write(batch, None);
        written.map_err(Error::columns(&self.path))?;
        self.group += elements;
        if self.group >= GROUP {
            let ended = self.writer.end_group();
            ended.map_err(Error::columns(&self.path))?;
            self.group = 0;
        }
        Ok(())
    }
}
