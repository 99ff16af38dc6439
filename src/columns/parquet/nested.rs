//! Columns of the elements of lists.
//!
//! They are encoded one by one, as those of rows are, and not as one array of lists of structures: a column begins with its
//! first value, so that a row group has no columns (and no siblings) that it does not need, and numbers go to their column's
//! writer as they were gathered. All of them share the levels that say which row's list an element is in; a column that
//! begins late, or ends early, is filled up with them.

use super::column::{Writers, write_array};
use super::levels::{Chunk, Levels};
use super::slot::{Content, Slot, schema_of};
use arrow::array::{Array, ArrayRef, ListArray, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_writer::ArrowColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedRowGroupWriter;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// The elements of a row group's lists, being encoded.
pub struct NestedWriter {
    properties: WriterPropertiesPtr,
    shape: Shape,
    levels: Levels,
    /// By their numbers, which give the order.
    columns: BTreeMap<usize, ListColumn>,
}

/// A column of the list that was begun.
struct ListColumn {
    slot: Slot,
    writers: Writers,
    /// Rows whose elements it has.
    rows: usize,
}

impl NestedWriter {
    /// The lists called `name` of rows that have so many elements each, none of them encoded.
    pub fn new(
        name: &'static str,
        lengths: impl Iterator<Item = usize> + Clone,
        properties: WriterPropertiesPtr,
    ) -> Self {
        let (mut elements, mut slots) = (vec![0], vec![0]);
        for length in lengths.clone() {
            elements.push(elements[elements.len() - 1] + length as i32);
            slots.push(slots[slots.len() - 1] + length.max(1));
        }
        NestedWriter {
            properties,
            shape: Shape {
                name,
                elements,
                slots,
            },
            levels: Levels::of_lists(lengths),
            columns: BTreeMap::new(),
        }
    }

    /// Encodes the values that the column of this number has in the elements of these `rows`; they are counted from the
    /// first of these elements on. `describe` says where the column stands and is asked at its first values.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub fn write(
        &mut self,
        number: usize,
        rows: Range<usize>,
        describe: impl FnOnce() -> Slot,
        content: &Content,
    ) -> Result<(), ParquetError> {
        let shape = &self.shape;
        let column = match self.columns.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let slot = describe();
                let schema = Schema::new(vec![list_of(shape.name, std::slice::from_ref(&slot))]);
                entry.insert(ListColumn {
                    writers: Writers::new(schema, content, &self.properties)?,
                    slot,
                    rows: 0,
                })
            }
        };
        column.fill(rows.start, shape, &mut self.levels)?;
        column.rows = rows.end;
        match (&mut column.writers, content) {
            (Writers::Numbers(writer), Content::Numbers(numbers)) => {
                writer.write(numbers, &shape.chunk(rows), &mut self.levels)
            }
            (Writers::Arrays(writers), Content::Array(array)) => {
                shape.write(writers, &column.slot, rows, Arc::clone(array))
            }
            _ => unreachable!("a column is given arrays or numbers, not both"),
        }
    }

    /// The list's field, in the order of the columns that were begun.
    pub fn field(&self) -> Field {
        let slots: Vec<Slot> = self.columns.values().map(|c| c.slot.clone()).collect();
        list_of(self.shape.name, &slots)
    }

    /// Ends the columns, and puts them into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be written.
    pub fn append_to<W: Write + Send>(
        mut self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let rows = self.shape.slots.len() - 1;
        for mut column in self.columns.into_values() {
            column.fill(rows, &self.shape, &mut self.levels)?;
            column.writers.append_to(group)?;
        }
        Ok(())
    }
}

impl ListColumn {
    /// Fills up with nulls to so many rows.
    fn fill(
        &mut self,
        rows: usize,
        shape: &Shape,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        let missing = self.rows..rows;
        if missing.is_empty() {
            return Ok(());
        }
        self.rows = rows;
        match &mut self.writers {
            Writers::Numbers(writer) => writer.write_nulls(&shape.chunk(missing), levels),
            Writers::Arrays(writers) => {
                let elements = shape.elements[missing.end] - shape.elements[missing.start];
                let nulls = new_null_array(self.slot.field.data_type(), elements as usize);
                shape.write(writers, &self.slot, missing, nulls)
            }
        }
    }
}

/// How the elements are spread over the rows.
struct Shape {
    /// The list's name.
    name: &'static str,
    /// Where each row's elements begin among all, and where the last's end.
    elements: Vec<i32>,
    /// Where each row's levels begin, and where the last's end.
    slots: Vec<usize>,
}

impl Shape {
    fn chunk(&self, rows: Range<usize>) -> Chunk {
        Chunk {
            levels: self.slots[rows.start]..self.slots[rows.end],
            first: self.elements[rows.start] as usize,
        }
    }

    /// Encodes an array with a place for each element of some rows.
    fn write(
        &self,
        writers: &mut [ArrowColumnWriter],
        slot: &Slot,
        rows: Range<usize>,
        array: ArrayRef,
    ) -> Result<(), ParquetError> {
        let field = list_of(self.name, std::slice::from_ref(slot));
        let DataType::List(element) = field.data_type() else {
            unreachable!("made as a list")
        };
        let elements = &self.elements[rows.start..=rows.end];
        let offsets: Vec<i32> = elements.iter().map(|at| at - elements[0]).collect();
        let list = ListArray::new(
            Arc::clone(element),
            OffsetBuffer::new(offsets.into()),
            within(element.data_type(), array),
            None,
        );
        write_array(writers, &field, &(Arc::new(list) as ArrayRef))
    }
}

/// `array` in structures of the type `ty`, each of which has one member.
fn within(ty: &DataType, array: ArrayRef) -> ArrayRef {
    match ty {
        DataType::Struct(fields) if array.data_type() != ty => {
            let inner = within(fields[0].data_type(), array);
            Arc::new(StructArray::new(fields.clone(), vec![inner], None))
        }
        _ => array,
    }
}

/// A list that every row has, of structures of these columns; neighbours with the same parent come into one structure.
fn list_of(name: &str, slots: &[Slot]) -> Field {
    let fields = schema_of(slots.iter()).fields;
    let element = Field::new("element", DataType::Struct(fields), false);
    Field::new(name, DataType::List(Arc::new(element)), false)
}

#[cfg(test)]
mod tests;
