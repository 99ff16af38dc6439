//! Joins row groups that were written as files of their own into tables of one schema.
//!
//! Encoded column chunks are copied as they are, with their statistics, page indexes and bloom filters. A part that
//! lacks a column gets it from who knows its values now ([`Late`]), or else a chunk of nulls, whose levels (which rows
//! and list elements there are) are those of a column that the part has at the same place.

use super::late::{Late, write_numbers};
use super::nulls::Nulls;
use super::pages::chunk::Workspace;
use super::part::Part;
use super::source::Source;
use super::sparse::Sparse;
use crate::error::{Error, Result};
use arrow::datatypes::Schema;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Row groups per file: keeps a file's footer, and the memory to read it, small.
pub const PARTS_PER_FILE: usize = 16;

/// What the files of a table share.
pub struct Target<'a> {
    /// The table's folder; files in it are called `NAME-00000.parquet` and so on.
    pub dir: &'a Path,
    /// What file names begin with.
    pub name: &'a str,
    /// The schema of every file.
    pub schema: &'a Schema,
    /// Compression and encodings, as for the parts.
    pub properties: &'a WriterPropertiesPtr,
    /// Key-value metadata of every file.
    pub metadata: Vec<KeyValue>,
    /// A column that every part has, and that is never null, per list that rows can have: its path. Columns that a part
    /// lacks take their levels from the one that shares the longest path with them; those that share none are at top
    /// level (or in structures that every row has).
    pub donors: &'a [&'a str],
    /// Who knows the columns that parts lack because they became known later.
    pub late: Option<&'a dyn Late>,
}

impl Target<'_> {
    /// Where its file of this number stands.
    pub fn path(&self, number: usize) -> PathBuf {
        self.dir.join(format!("{}-{number:05}.parquet", self.name))
    }
}

/// A file that parts are to be joined into. It can be written whatever becomes of the others, and at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// Its number among the files of the table.
    number: usize,
    parts: &'a [Part],
    /// Rows of the parts before these.
    before: usize,
}

/// The files that `parts` are to be joined into, from number `first` on. No parts give one file without rows, so that
/// every table can be read.
pub fn planned(parts: &[Part], first: usize) -> Vec<Planned<'_>> {
    let chunks: Vec<&[Part]> = match parts.is_empty() {
        true => vec![&[]],
        false => parts.chunks(PARTS_PER_FILE).collect(),
    };
    let mut rows = 0;
    let files = (first..).zip(chunks).map(|(number, parts)| {
        let before = rows;
        rows += parts.iter().map(|part| part.rows).sum::<usize>();
        Planned {
            number,
            parts,
            before,
        }
    });
    files.collect()
}

impl Planned<'_> {
    /// Joins the parts into the file, removes theirs, and returns its path.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where a file cannot be read or written.
    pub fn join(&self, target: &Target) -> Result<PathBuf> {
        let path = target.path(self.number);
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let mut joint = Joint::new(file, target).map_err(Error::columns(&path))?;
        let mut rows = self.before;
        for part in self.parts {
            joint.add(part, rows, &path)?;
            rows += part.rows;
            std::fs::remove_file(&part.path).map_err(Error::io("remove", &part.path))?;
        }
        joint.finish(&path)?;
        Ok(path)
    }
}

/// A file being joined.
pub(super) struct Joint<'a> {
    writer: SerializedFileWriter<BufWriter<File>>,
    pub(super) schema: SchemaDescriptor,
    target: &'a Target<'a>,
    workspace: Workspace,
}

impl<'a> Joint<'a> {
    pub(super) fn new(file: File, target: &'a Target<'a>) -> Result<Self, ParquetError> {
        let schema = ArrowSchemaConverter::new().convert(target.schema)?;
        let mut properties = target.properties.as_ref().clone().into_builder();
        properties = properties.set_key_value_metadata(Some(target.metadata.clone()));
        let mut properties = properties.build();
        add_encoded_arrow_schema_to_metadata(target.schema, &mut properties);
        let writer = SerializedFileWriter::new(
            BufWriter::with_capacity(1 << 20, file),
            schema.root_schema_ptr(),
            Arc::new(properties),
        )?;
        Ok(Joint {
            writer,
            schema,
            target,
            workspace: Workspace::default(),
        })
    }

    /// Ends the file, which is at `path`, and makes it durable.
    pub(super) fn finish(mut self, path: &Path) -> Result<()> {
        self.writer.finish().map_err(Error::columns(path))?;
        // All of it is out of the buffers; `into_inner` would say of a full disk in words alone.
        let file = self.writer.inner().get_ref();
        file.sync_all().map_err(Error::io("write", path))
    }

    /// Adds a part, which comes after so many rows of parts, to the file at `path`.
    fn add(&mut self, part: &Part, before: usize, path: &Path) -> Result<()> {
        let file = File::open(&part.path).map_err(Error::io("read", &part.path))?;
        let source = Source::open(file);
        let source = source.map_err(Error::columns_read(&part.path))?;
        let late = self.late(&source, before..before + part.rows)?;
        self.add_group(&source, part.rows, late)
            .map_err(Error::columns(path))
    }

    /// The late columns that the part `source` lacks, by their numbers.
    fn late(&self, source: &Source, rows: Range<usize>) -> Result<HashMap<usize, Sparse<i64>>> {
        let mut found = HashMap::new();
        let Some(late) = self.target.late else {
            return Ok(found);
        };
        for (number, column) in self.schema.columns().iter().enumerate() {
            let path = column.path().string();
            if source.find(&path).is_none()
                && let Some(numbers) = late.numbers(&path, rows.clone())?
            {
                found.insert(number, numbers);
            }
        }
        Ok(found)
    }

    /// Adds a row group, with these columns that it lacks, by their numbers.
    pub(super) fn add_group<R: ChunkReader + 'static>(
        &mut self,
        source: &Source<R>,
        rows: usize,
        mut late: HashMap<usize, Sparse<i64>>,
    ) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        let (properties, workspace) = (self.target.properties, &mut self.workspace);
        let mut nulls = Nulls::new(source, properties, rows);
        for (number, column) in self.schema.columns().iter().enumerate() {
            if let Some(index) = source.find(&column.path().string()) {
                group.append_column(source.file.as_ref(), source.chunk(index)?)?;
            } else if let Some(numbers) = late.remove(&number) {
                write_numbers(&mut group, column, properties, &numbers, rows, workspace)?;
            } else {
                let donor = donor(self.target.donors, &column.path().string());
                nulls.write(&mut group, column, donor, workspace)?;
            }
        }
        group.close()?;
        Ok(())
    }
}

/// The donor of levels for a column: the one in whose list the column is.
fn donor<'a>(donors: &[&'a str], path: &str) -> Option<&'a str> {
    let list_of = |d: &'a str| d.rfind(".list.").map(|end| &d[..end + 1]);
    let inside = donors
        .iter()
        .filter(|d| list_of(d).is_some_and(|list| path.starts_with(list)));
    inside.max_by_key(|d| d.len()).copied()
}

#[cfg(test)]
mod tests;
