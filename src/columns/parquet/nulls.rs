//! Column chunks of nulls, for columns that a part lacks.

use super::pages::base::Base;
use super::pages::chunk::{ChunkWriter, Workspace};
use super::pages::deep::Deep;
use super::pages::shape::Shape;
use super::source::{DonorLevels, Source};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;

/// Writes chunks for a part. What donors of levels say is read once for all columns that take it from them.
pub(super) struct Nulls<'a, R> {
    source: &'a Source<R>,
    properties: &'a WriterPropertiesPtr,
    rows: usize,
    /// What columns lie in, by the donor.
    donors: HashMap<Option<&'a str>, Base>,
}

impl<'a, R: ChunkReader + 'static> Nulls<'a, R> {
    pub(super) fn new(
        source: &'a Source<R>,
        properties: &'a WriterPropertiesPtr,
        rows: usize,
    ) -> Self {
        Nulls {
            source,
            properties,
            rows,
            donors: HashMap::new(),
        }
    }

    /// Writes a chunk that is null wherever its place in a row exists, which the column at the path `donor` tells.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<W>,
        column: &ColumnDescPtr,
        donor: Option<&'a str>,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        let base = match self.donors.entry(donor) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(base(&self.source.levels(donor)?)?),
        };
        let shape = Shape::of(base);
        let nothing = Deep::nothing(shape, column.max_def_level() as u8);
        let shape = nothing.shape(shape);
        let mut writer = ChunkWriter::new(column.clone(), self.properties)?;
        writer.write_nulls(self.rows, shape, workspace)?;
        let (pages, closed) = writer.close(shape, workspace)?;
        group.append_column(&pages, closed)
    }
}

/// What columns lie in whose donor has these levels: lists that every row has, of elements that are never null; or rows, where
/// there is no donor, or where the part lacks the list.
fn base(levels: &DonorLevels) -> Result<Base, ParquetError> {
    if levels.definition.is_empty() {
        return Ok(Base::rows());
    }
    if levels.greatest != (1, 1) {
        return Err(ParquetError::General(
            "a donor of levels is in a list that every row has, and never null".to_owned(),
        ));
    }
    let mut lengths: Vec<usize> = Vec::new();
    for (definition, repetition) in levels.definition.iter().zip(&levels.repetition) {
        match (repetition, lengths.last_mut()) {
            (1, Some(length)) => *length += 1,
            _ => lengths.push(*definition as usize),
        }
    }
    let mut base = Base::lists();
    base.add(lengths.into_iter());
    Ok(base)
}
