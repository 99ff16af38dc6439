//! Column chunks of nulls, for columns that a part lacks.

use super::source::DonorLevels;
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescriptor;
use std::io::Write;

/// Levels that are written at once.
const LEVELS: usize = 64 * 1024;

/// Writes a chunk that is null wherever its place in a row exists.
pub(super) fn write_nulls<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &ColumnDescriptor,
    levels: &DonorLevels,
    rows: usize,
) -> Result<(), ParquetError> {
    let mut writer = group
        .next_column()?
        .ok_or_else(|| ParquetError::General(format!("no column {} left", column.path())))?;
    if levels.definition.is_empty() && column.max_rep_level() == 0 {
        let zeros = vec![0; rows.min(LEVELS)];
        let mut left = rows;
        while left > 0 {
            let run = left.min(LEVELS);
            write_levels(&mut writer, &zeros[..run], None)?;
            left -= run;
        }
        return writer.close();
    }
    // A list at top level that the part lacks is null in every row.
    let zeros = vec![0; rows];
    let (definition, repetition) = match levels.definition.is_empty() {
        true => (&zeros, &zeros),
        false => (&levels.definition, &levels.repetition),
    };
    write_levels(
        &mut writer,
        definition,
        (column.max_rep_level() > 0).then_some(repetition),
    )?;
    writer.close()
}

fn write_levels(
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
