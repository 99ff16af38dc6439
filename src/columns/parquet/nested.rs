//! Columns of the elements of lists.
//!
//! They are encoded one by one, as those of rows are, and not as one array of lists of structures: a column begins with its
//! first value, so that a row group has no columns (and no siblings) that it does not need, and numbers go to their column's
//! writer as they were gathered. All of them share the shape that says which row's list an element is in; a column that
//! begins late, or ends early, is filled up with nulls.

use super::column::{Writers, write_array};
use super::content::{Content, Form, Values};
use super::pages::chunk::Workspace;
use super::pages::leaf::Leaf;
use super::pages::shape::Shape;
use super::slot::{Slot, schema_of};
use super::sparse::At;
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
    /// The list's name.
    name: String,
    shape: Shape,
    workspace: Workspace,
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
    /// The lists called `name`, of no rows yet.
    pub fn new(name: &str, properties: WriterPropertiesPtr) -> Self {
        NestedWriter {
            properties,
            name: name.to_owned(),
            shape: Shape::all_lists(),
            workspace: Workspace::default(),
            columns: BTreeMap::new(),
        }
    }

    /// Adds rows whose lists have so many elements each.
    pub fn add(&mut self, lengths: impl Iterator<Item = usize>) {
        self.shape.add(lengths);
    }

    /// Encodes the values that the column of this number has in the elements of these `rows`, which were
    /// [added](NestedWriter::add); they are counted from the first of these elements on. `describe` says where the column
    /// stands and is asked at its first values.
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
        match content.values() {
            Values::Array(array) => self.write_array(number, rows, describe, array),
            Values::Leaf(leaf, at) => self.write_leaf(number, rows, describe, (&leaf, at)),
            Values::Lists(..) => unreachable!("lists in lists come as arrays"),
        }
    }

    /// The same for values of an array, which has a place for each of the elements.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub(super) fn write_array(
        &mut self,
        number: usize,
        rows: Range<usize>,
        describe: impl FnOnce() -> Slot,
        array: &ArrayRef,
    ) -> Result<(), ParquetError> {
        self.begin(number, &rows, describe, Form::Array)?;
        let column = self.columns.get_mut(&number).expect("just begun");
        let Writers::Arrays(writers) = &mut column.writers else {
            unreachable!("a column is given arrays or values, not both")
        };
        let of = (self.name.as_str(), &column.slot);
        write_lists(writers, of, rows, Arc::clone(array), &self.shape)
    }

    /// The same for values that those elements have that are told with them.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub(super) fn write_leaf(
        &mut self,
        number: usize,
        rows: Range<usize>,
        describe: impl FnOnce() -> Slot,
        (leaf, at): (&Leaf, At),
    ) -> Result<(), ParquetError> {
        self.begin(number, &rows, describe, Form::Leaf)?;
        let column = self.columns.get_mut(&number).expect("just begun");
        let Writers::Values(writer) = &mut column.writers else {
            unreachable!("a column is given arrays or values, not both")
        };
        writer.write(leaf, at, rows.end, &mut self.shape, &mut self.workspace)
    }

    /// Makes the column ready for the values of `rows`.
    fn begin(
        &mut self,
        number: usize,
        rows: &Range<usize>,
        describe: impl FnOnce() -> Slot,
        form: Form,
    ) -> Result<(), ParquetError> {
        let name = &self.name;
        let column = match self.columns.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let slot = describe();
                let schema = Schema::new(vec![list_of(name, std::slice::from_ref(&slot))]);
                entry.insert(ListColumn {
                    writers: Writers::new(schema, form, &self.properties)?,
                    slot,
                    rows: 0,
                })
            }
        };
        let (shape, workspace) = (&mut self.shape, &mut self.workspace);
        column.fill(rows.start, name, shape, workspace)?;
        column.rows = rows.end;
        Ok(())
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        self.columns.values().map(|c| c.writers.size()).sum()
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.shape.row_count().unwrap_or(0)
    }

    /// The list's field, in the order of the columns that were begun.
    pub fn field(&self) -> Field {
        let slots: Vec<Slot> = self.columns.values().map(|c| c.slot.clone()).collect();
        list_of(&self.name, &slots)
    }

    /// Ends the columns, and puts them into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be written.
    pub fn append_to<W: Write + Send>(
        mut self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let (shape, workspace) = (&mut self.shape, &mut self.workspace);
        let rows = shape.row_count().unwrap_or(0);
        for mut column in self.columns.into_values() {
            column.fill(rows, &self.name, shape, workspace)?;
            column.writers.end(shape, workspace)?.append_to(group)?;
        }
        Ok(())
    }
}

impl ListColumn {
    /// Fills up with nulls to so many rows.
    fn fill(
        &mut self,
        rows: usize,
        name: &str,
        shape: &mut Shape,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        let missing = self.rows..rows;
        if missing.is_empty() {
            return Ok(());
        }
        self.rows = rows;
        match &mut self.writers {
            Writers::Values(writer) => writer.write_nulls(rows, shape, workspace),
            Writers::Arrays(writers) => {
                let elements = shape.elements(&missing).len();
                let nulls = new_null_array(self.slot.field.data_type(), elements);
                write_lists(writers, (name, &self.slot), missing, nulls, shape)
            }
        }
    }
}

/// Encodes an array with a place for each element of some rows.
fn write_lists(
    writers: &mut [ArrowColumnWriter],
    (name, slot): (&str, &Slot),
    rows: Range<usize>,
    array: ArrayRef,
    shape: &Shape,
) -> Result<(), ParquetError> {
    let field = list_of(name, std::slice::from_ref(slot));
    let DataType::List(element) = field.data_type() else {
        unreachable!("made as a list")
    };
    let lengths = rows.map(|row| shape.elements(&(row..row + 1)).len());
    let list = ListArray::new(
        Arc::clone(element),
        OffsetBuffer::from_lengths(lengths),
        within(element.data_type(), array),
        None,
    );
    write_array(writers, &field, &(Arc::new(list) as ArrayRef))
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
