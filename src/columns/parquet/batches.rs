//! Batches of Arrow into the row groups of a file: tables that are written anew, row by row the same.
//!
//! Columns are encoded from the values that are in them ([`tree`](super::tree)).

use super::arrays::Chosen;
use super::column::ColumnWriter;
use super::file::FileWriter;
use super::nested::NestedWriter;
use super::slot::Slot;
use super::tree::{Source, Tools};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedRowGroupWriter;
use std::io::Write;
use std::sync::Arc;

/// A file that batches of one schema are written to.
pub struct BatchWriter<W: Write + Send> {
    file: FileWriter<W>,
    schema: SchemaRef,
    properties: WriterPropertiesPtr,
    group: Option<Group>,
    tools: Tools,
}

/// An open row group.
struct Group {
    columns: Vec<Top>,
    rows: usize,
}

/// Rows that are added to a row group.
struct Added<'a> {
    /// Rows before them.
    before: usize,
    /// How many they are.
    rows: usize,
    /// Which of the batch; all, where this is `None`.
    chosen: Option<&'a Chosen>,
}

/// A column at top level.
enum Top {
    /// One that is written as it is.
    Column(Box<ColumnWriter>),
    /// The members of a structure that every row has.
    Members(Vec<ColumnWriter>),
    /// Lists that every row has, of structures; with the place of each leaf in them.
    Lists(Box<NestedWriter>, Vec<Member>),
}

/// A member of a list's elements, perhaps of a structure in them.
struct Member {
    path: Vec<usize>,
    slot: Slot,
}

impl<W: Write + Send> BatchWriter<W> {
    /// A file for batches of `schema`.
    ///
    /// # Errors
    /// [`ParquetError`] where Parquet has no such types, or the file cannot be written.
    pub fn new(
        file: W,
        schema: SchemaRef,
        mut properties: WriterProperties,
    ) -> Result<Self, ParquetError> {
        let converted = ArrowSchemaConverter::new().convert(&schema)?;
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = Arc::new(properties);
        Ok(BatchWriter {
            file: FileWriter::new(file, Arc::new(converted), Arc::clone(&properties))?,
            schema,
            properties,
            group: None,
            tools: Tools::default(),
        })
    }

    /// Adds to the file's metadata.
    pub fn append_key_value(&mut self, pair: KeyValue) {
        self.file.append_key_value(pair);
    }

    /// Encodes the chosen rows of a batch, or all of them, into the open row group.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub fn write(
        &mut self,
        batch: &RecordBatch,
        chosen: Option<&Chosen>,
    ) -> Result<(), ParquetError> {
        let added = Added {
            before: self.group.as_ref().map_or(0, |group| group.rows),
            rows: chosen.map_or(batch.num_rows(), Chosen::count),
            chosen,
        };
        let group = match &mut self.group {
            Some(group) => group,
            group => group.insert(Group::new(self.schema.fields(), &self.properties)?),
        };
        for (column, array) in group.columns.iter_mut().zip(batch.columns()) {
            column.write(array, &added, &mut self.tools)?;
        }
        group.rows += added.rows;
        Ok(())
    }

    /// Ends the row group, if one is open.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        let mut writer = self.file.next_row_group()?;
        for column in group.columns {
            column.end(group.rows, &mut self.tools, &mut writer)?;
        }
        writer.close()?;
        Ok(())
    }

    /// Bytes of the file so far, and about as many as the open row group will come to.
    pub fn size(&self) -> usize {
        let columns = self.group.iter().flat_map(|group| &group.columns);
        self.file.bytes_written() + columns.map(Top::size).sum::<usize>()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As [`BatchWriter::end_group`].
    pub fn finish(mut self) -> Result<W, ParquetError> {
        self.end_group()?;
        self.file.finish()
    }
}

impl Group {
    fn new(fields: &[FieldRef], properties: &WriterPropertiesPtr) -> Result<Self, ParquetError> {
        let columns = fields.iter().map(|field| Top::new(field, properties));
        Ok(Group {
            columns: columns.collect::<Result<_, _>>()?,
            rows: 0,
        })
    }
}

impl Top {
    fn new(field: &Field, properties: &WriterPropertiesPtr) -> Result<Self, ParquetError> {
        let column = |parent: Option<&str>, field: &Field| {
            let slot = Slot {
                parent: parent.map(|name| name.to_owned().into()),
                field: field.clone(),
            };
            ColumnWriter::new(slot, properties)
        };
        match field.data_type() {
            DataType::Struct(members) if !field.is_nullable() => {
                let name = Some(field.name().as_str());
                let members = members.iter().map(|member| column(name, member));
                Ok(Top::Members(members.collect::<Result<_, _>>()?))
            }
            DataType::List(element) if !field.is_nullable() && !element.is_nullable() => {
                match element.data_type() {
                    DataType::Struct(fields) => {
                        let lists = NestedWriter::new(field.name(), Arc::clone(properties));
                        Ok(Top::Lists(Box::new(lists), members(fields)))
                    }
                    _ => column(None, field).map(|c| Top::Column(Box::new(c))),
                }
            }
            _ => column(None, field).map(|c| Top::Column(Box::new(c))),
        }
    }

    fn write(
        &mut self,
        array: &ArrayRef,
        added: &Added,
        tools: &mut Tools,
    ) -> Result<(), ParquetError> {
        match self {
            Top::Column(column) => write(column, array, added, tools),
            Top::Members(members) => {
                let arrays = array.as_struct().columns().iter();
                let mut both = members.iter_mut().zip(arrays);
                both.try_for_each(|(column, array)| write(column, array, added, tools))
            }
            Top::Lists(lists, members) => match added.chosen {
                None => write_lists(lists, members, array),
                Some(chosen) => write_lists(lists, members, &chosen.of(array)),
            },
        }
    }

    fn size(&self) -> usize {
        match self {
            Top::Column(column) => column.size(),
            Top::Members(members) => members.iter().map(ColumnWriter::size).sum(),
            Top::Lists(lists, _) => lists.size(),
        }
    }

    fn end<W: Write + Send>(
        self,
        rows: usize,
        tools: &mut Tools,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let mut end = |mut column: ColumnWriter, group: &mut _| {
            column.write_nulls(rows, tools)?;
            let (_, ended) = column.end(tools)?;
            ended.append_to(group)
        };
        match self {
            Top::Column(column) => end(*column, group),
            Top::Members(members) => members.into_iter().try_for_each(|m| end(m, group)),
            Top::Lists(lists, _) => lists.append_to(group),
        }
    }
}

/// Where the leaves of a list's elements are; structures that every element has are looked into.
fn members(fields: &[FieldRef]) -> Vec<Member> {
    let mut found = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        match field.data_type() {
            DataType::Struct(inner) if !field.is_nullable() => {
                let members = inner.iter().enumerate().map(|(within, member)| Member {
                    path: vec![at, within],
                    slot: Slot {
                        parent: Some(field.name().clone().into()),
                        field: member.as_ref().clone(),
                    },
                });
                found.extend(members);
            }
            _ => found.push(Member {
                path: vec![at],
                slot: Slot {
                    parent: None,
                    field: field.as_ref().clone(),
                },
            }),
        }
    }
    found
}

/// Writes what a column has in rows that are added.
fn write(
    column: &mut ColumnWriter,
    array: &ArrayRef,
    added: &Added,
    tools: &mut Tools,
) -> Result<(), ParquetError> {
    if array.null_count() == array.len() {
        return Ok(());
    }
    column.write_nulls(added.before, tools)?;
    column.write_source(&Source::Array(array, added.chosen), added.rows, tools)
}

fn write_lists(
    lists: &mut NestedWriter,
    members: &[Member],
    array: &ArrayRef,
) -> Result<(), ParquetError> {
    let array = array.as_list::<i32>();
    let first = lists.rows();
    lists.add(array.offsets().lengths());
    let rows = first..first + array.len();
    let (start, end) = (array.value_offsets()[0], array.value_offsets()[array.len()]);
    let elements = array.values().slice(start as usize, (end - start) as usize);
    for (number, member) in members.iter().enumerate() {
        let mut values = Arc::clone(&elements);
        for at in &member.path {
            values = Arc::clone(values.as_struct().column(*at));
        }
        let describe = || member.slot.clone();
        lists.write_source(
            number,
            rows.clone(),
            describe,
            &Source::Array(&values, None),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
