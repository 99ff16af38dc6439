//! Requests with their lists, as they are given out: a batch of rows of the table.

use super::columns::{Kind, LISTS, List, OF_REQUESTS, list_of};
use super::gather::{Gather, Lists};
use super::values::{Elements, Values};
use arrow::array::{Array, ArrayRef, ListArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use std::sync::Arc;

/// A column of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// One of `requests`, by its name.
    OfRequests(&'static str),
    /// A list, by its number among those that are made.
    List(usize),
}

/// What is made of which tables.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub schema: SchemaRef,
    pub columns: Vec<Column>,
    /// The lists that are made.
    pub lists: Vec<&'static List>,
}

impl Layout {
    /// The columns of `schema`, which are some of the table's.
    pub(super) fn new(schema: SchemaRef) -> Layout {
        let mut lists = Vec::new();
        let mut columns = Vec::new();
        for field in schema.fields() {
            let list = LISTS.iter().find(|list| list.name == field.name());
            let of_requests = OF_REQUESTS.iter().find(|name| *name == field.name());
            columns.extend(match (of_requests, list) {
                (Some(name), _) => Some(Column::OfRequests(name)),
                (None, Some(list)) => {
                    lists.push(list);
                    Some(Column::List(lists.len() - 1))
                }
                (None, None) => None,
            });
        }
        Layout {
            schema,
            columns,
            lists,
        }
    }

    /// The lists as they are put aside: words as their numbers.
    pub(super) fn aside(&self) -> SchemaRef {
        let field = |list: &&List| {
            let lists = list_of(list.kind.kept_as(), true);
            Field::new(list.name, lists, false)
        };
        // The length of the lists stands beside them, for where there are none.
        let length = Field::new("length", DataType::Int64, false);
        let fields = self.lists.iter().map(field);
        Arc::new(Schema::new(
            std::iter::once(length).chain(fields).collect::<Vec<_>>(),
        ))
    }
}

/// Lists of several requests, one after another.
pub(super) struct Given {
    pub lengths: Vec<usize>,
    pub elements: usize,
    values: Vec<Values>,
}

impl Given {
    pub(super) fn new(lists: &[&'static List]) -> Self {
        Given {
            lengths: Vec::new(),
            elements: 0,
            values: lists.iter().map(|list| Values::new(list.kind)).collect(),
        }
    }

    /// Appends the lists of one request; `None` are those without an event.
    pub(super) fn push(&mut self, lists: Option<Lists>) {
        let Some(lists) = lists else {
            self.lengths.push(0);
            return;
        };
        let elements = lists.values.into_iter().map(Values::into_elements);
        self.push_run(lists.len, &elements.collect::<Vec<_>>(), 0);
    }

    /// Appends lists of `len` elements each, which begin at `start`.
    pub(super) fn push_run(&mut self, len: usize, elements: &[Elements], start: usize) {
        for (values, elements) in self.values.iter_mut().zip(elements) {
            values.append(elements, start..start + len);
        }
        self.lengths.push(len);
        self.elements += len;
    }

    /// The rows of the table that begin with the request in row `first`.
    ///
    /// # Errors
    /// [`datafusion::error::DataFusionError::ArrowError`] where a table's columns are not of the contract's types.
    pub(super) fn into_batch(
        self,
        first: usize,
        layout: &Layout,
        gather: &mut Gather,
    ) -> Result<RecordBatch> {
        let rows = self.lengths.len();
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let mut lists: Vec<ArrayRef> = Vec::new();
        for (number, (list, values)) in layout.lists.iter().zip(self.values).enumerate() {
            let elements = match list.kind {
                Kind::Word => values.into_words(gather.words(number)),
                _ => values.into_array(),
            };
            lists.push(list_array(elements, list.nullable, &offsets)?);
        }
        let column = |column: &Column| match column {
            Column::OfRequests(name) => {
                let at = gather.known.rows.schema_ref().index_of(name)?;
                Ok(gather.known.rows.column(at).slice(first, rows))
            }
            Column::List(number) => Ok(Arc::clone(&lists[*number])),
        };
        let columns = layout.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&layout.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    /// The lists as they are put aside.
    ///
    /// # Errors
    /// As [`Given::into_batch`].
    pub(super) fn into_aside(self, schema: &SchemaRef) -> Result<RecordBatch> {
        let lengths = self.lengths.iter().map(|length| *length as i64);
        let lengths = arrow::array::Int64Array::from_iter_values(lengths);
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(lengths)];
        for values in self.values {
            columns.push(list_array(values.into_array(), true, &offsets)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

fn list_array(elements: ArrayRef, nullable: bool, offsets: &OffsetBuffer<i32>) -> Result<ArrayRef> {
    let field = Field::new_list_field(elements.data_type().clone(), nullable);
    let lists = ListArray::try_new(Arc::new(field), offsets.clone(), elements, None)?;
    Ok(Arc::new(lists))
}
