//! Column chunks of nulls, for columns that a part lacks.

use super::pages::chunk::{ChunkWriter, Workspace, is_encoded};
use super::pages::shape::Shape;
use super::source::{DonorLevels, Source};
use super::sparse::At;
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;

/// Writes chunks for a part. What donors of levels say is read once for all columns that take it from them.
pub(super) struct Nulls<'a> {
    source: &'a Source,
    properties: &'a WriterPropertiesPtr,
    rows: usize,
    donors: HashMap<Option<&'a str>, Donor>,
}

/// Which rows and list elements there are.
struct Donor {
    levels: DonorLevels,
    /// The same as a shape, where it is that of lists that every row has.
    shape: Option<Shape>,
}

impl<'a> Nulls<'a> {
    pub(super) fn new(
        source: &'a Source,
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
        if donor.is_none() && is_encoded(column) {
            // At top level, or in a structure or a list there that the part lacks: nothing is there in any row.
            let mut shape = Shape::some_lists();
            shape.add_some(self.rows, At::Some(&[]), [].into_iter());
            return encode(group, column, self.properties, &mut shape, workspace);
        }
        let donor = match self.donors.entry(donor) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let levels = self.source.levels(donor)?;
                let shape = shape(&levels);
                entry.insert(Donor { levels, shape })
            }
        };
        match &mut donor.shape {
            Some(shape) if is_encoded(column) && column.max_def_level() == 2 => {
                encode(group, column, self.properties, shape, workspace)
            }
            _ => write_levels(group, column, &donor.levels, self.rows),
        }
    }
}

/// Encodes nulls for all rows of a shape of lists.
fn encode<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &ColumnDescPtr,
    properties: &WriterPropertiesPtr,
    shape: &mut Shape,
    workspace: &mut Workspace,
) -> Result<(), ParquetError> {
    let rows = shape.row_count().expect("shapes of lists count rows");
    let mut writer = ChunkWriter::new(column.clone(), properties)?;
    writer.write_nulls(rows, shape, workspace)?;
    let (pages, closed) = writer.close(shape, workspace)?;
    group.append_column(&pages, closed)
}

/// The shape of lists that every row has, of elements that are never null; `None` where the levels are not of such.
fn shape(levels: &DonorLevels) -> Option<Shape> {
    if levels.definition.is_empty() || levels.greatest != (1, 1) {
        return None;
    }
    let mut lengths: Vec<usize> = Vec::new();
    for (definition, repetition) in levels.definition.iter().zip(&levels.repetition) {
        match (repetition, lengths.last_mut()) {
            (1, Some(length)) => *length += 1,
            _ => lengths.push(*definition as usize),
        }
    }
    let mut shape = Shape::all_lists();
    shape.add(lengths.into_iter());
    Some(shape)
}

/// Has the crate write them, level by level.
fn write_levels<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &ColumnDescPtr,
    levels: &DonorLevels,
    rows: usize,
) -> Result<(), ParquetError> {
    let mut writer = group
        .next_column()?
        .ok_or_else(|| ParquetError::General(format!("no column {} left", column.path())))?;
    // At top level, and of a list at top level that the part lacks, every row is null.
    let zeros = vec![0; rows];
    let (definition, repetition) = match levels.definition.is_empty() {
        true => (&zeros, &zeros),
        false => (&levels.definition, &levels.repetition),
    };
    let repetition = (column.max_rep_level() > 0).then_some(repetition.as_slice());
    write_batch(&mut writer, definition, repetition)?;
    writer.close()
}

fn write_batch(
    writer: &mut SerializedColumnWriter,
    definition: &[i16],
    repetition: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let (d, r) = (Some(definition), repetition);
    match writer.untyped() {
        ColumnWriter::BoolColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int32ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int64ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::Int96ColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::FloatColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::DoubleColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::ByteArrayColumnWriter(w) => w.write_batch(&[], d, r),
        ColumnWriter::FixedLenByteArrayColumnWriter(w) => w.write_batch(&[], d, r),
    }
    .map(|_| ())
}
