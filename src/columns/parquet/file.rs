//! A file that row groups are written to, however many: what the crate's own writer keeps of them is kept packed
//! ([`footer`](super::footer)).

use super::footer::{Footer, Indexes, MAGIC};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;
use std::io::Write;

/// The file.
pub(super) struct FileWriter<W: Write + Send> {
    out: TrackedWrite<W>,
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    footer: Footer,
    key_values: Vec<KeyValue>,
}

impl<W: Write + Send> FileWriter<W> {
    /// A file without row groups.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn new(
        file: W,
        schema: SchemaDescPtr,
        properties: WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let mut out = TrackedWrite::new(file);
        out.write_all(MAGIC)?;
        let key_values = properties.key_value_metadata().cloned();
        Ok(FileWriter {
            out,
            footer: Footer::new(SchemaDescPtr::clone(&schema)),
            schema,
            properties,
            key_values: key_values.unwrap_or_default(),
        })
    }

    /// Adds to the file's metadata.
    pub(super) fn append_key_value(&mut self, pair: KeyValue) {
        self.key_values.push(pair);
    }

    /// The next row group, to be closed when it has all columns.
    ///
    /// # Errors
    /// [`ParquetError`] where a file has no more.
    pub(super) fn next_row_group(
        &mut self,
    ) -> Result<SerializedRowGroupWriter<'_, W>, ParquetError> {
        let number = i16::try_from(self.footer.groups()).map_err(|_| {
            ParquetError::General(format!("a file has more than {} row groups", i16::MAX))
        })?;
        let footer = &mut self.footer;
        Ok(SerializedRowGroupWriter::new(
            SchemaDescPtr::clone(&self.schema),
            WriterPropertiesPtr::clone(&self.properties),
            &mut self.out,
            number,
            Some(Box::new(move |out, group, filters, columns, offsets| {
                let indexes = Indexes {
                    filters,
                    columns,
                    offsets,
                };
                footer.add(out, group, indexes)
            })),
        ))
    }

    /// Bytes of the file so far.
    pub(super) fn bytes_written(&self) -> usize {
        self.out.bytes_written()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub(super) fn finish(mut self) -> Result<W, ParquetError> {
        let (out, key_values) = (&mut self.out, self.key_values);
        self.footer.write(out, &self.properties, key_values)?;
        // First, since `into_inner` would say of a full disk in words alone.
        self.out.flush()?;
        self.out.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::parquet::content::Content;
    use crate::columns::parquet::properties::properties;
    use crate::columns::parquet::side_by_side::RowsWriter;
    use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray};
    use arrow::datatypes::{Field, Int32Type, Schema};
    use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
    use parquet::basic::Compression;
    use parquet::file::writer::SerializedFileWriter;
    use std::sync::Arc;

    const GROUPS: i64 = 40;
    const ROWS: i64 = 100;
    const EMPTY: usize = 150;

    /// Columns as events have them: two with filters, a list, and many without a value.
    fn columns(group: i64) -> Vec<(Field, ArrayRef)> {
        let rows = group * ROWS..(group + 1) * ROWS;
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone()));
        let tids: ArrayRef = Arc::new(
            rows.clone()
                .map(|r| (r % 7 > 0).then_some(r))
                .collect::<Int64Array>(),
        );
        let names = rows.clone().map(|r| Some(format!("ü{}", r % 11)));
        let names: ArrayRef = Arc::new(names.collect::<StringArray>());
        let lists = rows
            .clone()
            .map(|r| (r % 3 > 0).then(|| vec![Some(r as i32), None]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
        let empty: ArrayRef = Arc::new(Int64Array::new_null(rows.count()));
        let mut all = vec![
            (Field::new("event_id", ids.data_type().clone(), false), ids),
            (Field::new("tid", tids.data_type().clone(), true), tids),
            (Field::new("name", names.data_type().clone(), true), names),
            (Field::new("fds", lists.data_type().clone(), true), lists),
        ];
        all.extend((0..EMPTY).map(|n| {
            let field = Field::new(format!("empty_{n}"), empty.data_type().clone(), true);
            (field, Arc::clone(&empty))
        }));
        all
    }

    fn write<W: Write + Send>(
        group: i64,
        properties: &WriterPropertiesPtr,
        to: &mut SerializedRowGroupWriter<W>,
    ) {
        let mut rows = RowsWriter::new(Arc::clone(properties));
        let columns = columns(group);
        let columns = columns
            .iter()
            .map(|(field, array)| Ok((field, Content::Array(Arc::clone(array)))));
        rows.write(ROWS as usize, columns).unwrap();
        rows.append_to(to).unwrap();
    }

    /// What the crate's own writer and this one make of the same row groups; and the bytes that this one kept.
    fn both(groups: i64) -> (Vec<u8>, Vec<u8>, usize) {
        let fields = columns(0).into_iter().map(|(field, _)| field);
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let converted = Arc::new(ArrowSchemaConverter::new().convert(&schema).unwrap());
        let mut properties = properties(Compression::SNAPPY);
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = Arc::new(properties);
        let pair = KeyValue::new("sysds:trace_id".to_owned(), "t".to_owned());
        let root = converted.root_schema_ptr();
        let mut theirs =
            SerializedFileWriter::new(Vec::new(), root, Arc::clone(&properties)).unwrap();
        theirs.append_key_value_metadata(pair.clone());
        let mut ours = FileWriter::new(Vec::new(), converted, Arc::clone(&properties)).unwrap();
        ours.append_key_value(pair);
        for group in 0..groups {
            let mut to = theirs.next_row_group().unwrap();
            write(group, &properties, &mut to);
            to.close().unwrap();
            let mut to = ours.next_row_group().unwrap();
            write(group, &properties, &mut to);
            to.close().unwrap();
        }
        let kept = ours.footer.size();
        (theirs.into_inner().unwrap(), ours.finish().unwrap(), kept)
    }

    #[test]
    fn a_file_is_what_the_crate_makes_of_its_row_groups() {
        for groups in [0, 1, GROUPS] {
            let (theirs, ours, _) = both(groups);
            assert!(theirs == ours, "{groups}: {} {}", theirs.len(), ours.len());
        }
    }

    #[test]
    fn what_is_kept_of_a_column_without_values_is_a_few_bytes() {
        let (.., kept) = both(GROUPS);
        let each = kept / (GROUPS as usize * EMPTY);
        assert!(each < 40, "{each} bytes of each column of a row group");
    }
}
