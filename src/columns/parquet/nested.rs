//! Columns of the elements of lists.
//!
//! They are encoded one by one, as those of rows are, and not as one array of lists of structures: a column begins with its
//! first value, so that a row group has no columns (and no siblings) that it does not need, and numbers go to their column's
//! writer as they were gathered. All of them share the base that says which row's list an element is in; a column that
//! begins late, or ends early, is filled up with nulls.

use super::content::Content;
use super::pages::base::Base;
use super::pages::shape::Shape;
use super::slot::{Slot, schema_of};
use super::tree::{Place, Source, Tools, Tree};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
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
    base: Base,
    tools: Tools,
    /// By their numbers, which give the order.
    columns: BTreeMap<usize, ListColumn>,
}

/// A column of the list that was begun.
struct ListColumn {
    slot: Slot,
    tree: Tree,
    /// Rows whose elements it has.
    rows: usize,
}

impl NestedWriter {
    /// The lists called `name`, of no rows yet.
    pub fn new(name: &str, properties: WriterPropertiesPtr) -> Self {
        NestedWriter {
            properties,
            name: name.to_owned(),
            base: Base::lists(),
            tools: Tools::default(),
            columns: BTreeMap::new(),
        }
    }

    /// Adds rows whose lists have so many elements each.
    pub fn add(&mut self, lengths: impl Iterator<Item = usize>) {
        self.base.add(lengths);
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
        self.write_source(number, rows, describe, &Source::Content(content))
    }

    /// The same, of any source.
    ///
    /// # Errors
    /// As [`NestedWriter::write`].
    pub(super) fn write_source(
        &mut self,
        number: usize,
        rows: Range<usize>,
        describe: impl FnOnce() -> Slot,
        source: &Source,
    ) -> Result<(), ParquetError> {
        let (base, tools) = (&self.base, &mut self.tools);
        let column = match self.columns.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let column = ListColumn::new(&self.name, describe(), base, &self.properties)?;
                entry.insert(column)
            }
        };
        column.fill(rows.start, base, tools)?;
        let place = column.advance(rows.end, base);
        column.tree.write(source, place, tools)
    }

    /// Bytes that are kept of it.
    pub(super) fn size(&self) -> usize {
        self.columns.values().map(|c| c.tree.size()).sum()
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.base.row_count().unwrap_or(0)
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
        let rows = self.rows();
        for mut column in self.columns.into_values() {
            column.fill(rows, &self.base, &mut self.tools)?;
            let ended = column.tree.end(Shape::of(&self.base), &mut self.tools)?;
            ended.append_to(group)?;
        }
        Ok(())
    }
}

impl ListColumn {
    /// A column of the list `name` without rows.
    fn new(
        name: &str,
        slot: Slot,
        base: &Base,
        properties: &WriterProperties,
    ) -> Result<Self, ParquetError> {
        let schema = Schema::new(vec![list_of(name, std::slice::from_ref(&slot))]);
        let schema = ArrowSchemaConverter::new().convert(&schema)?;
        let mut leaves = schema.columns().iter().cloned();
        Ok(ListColumn {
            tree: Tree::new(&slot.field, Shape::of(base), &mut leaves, properties)?,
            slot,
            rows: 0,
        })
    }

    /// The next rows, up to so many.
    fn advance<'a>(&mut self, rows: usize, base: &'a Base) -> Place<'a> {
        let first = base.elements(&(self.rows..self.rows)).start;
        self.rows = rows;
        Place {
            shape: Shape::of(base),
            first,
            end: rows,
        }
    }

    /// Fills up with nulls to so many rows.
    fn fill(&mut self, rows: usize, base: &Base, tools: &mut Tools) -> Result<(), ParquetError> {
        if self.rows == rows {
            return Ok(());
        }
        let place = self.advance(rows, base);
        self.tree.write_nulls(place, tools)
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
