//! Values that were gathered, as they are encoded: numbers and texts with their rows, lists and structures as Arrow arrays.

use super::values::{Data, Values};
use crate::columns::parquet::content::{Content, Lists, Numbers};
use crate::columns::parquet::sparse::Rows;
use crate::columns::schema::layout::FieldColumn;
use crate::columns::schema::types::{
    can_have_sibling, element_field, main_type, member_fields, sibling_type,
};
use arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, StructArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use std::sync::Arc;

/// A field's column that has values in a chunk of rows.
pub(super) struct Gathered {
    /// Its number among all columns and their siblings.
    pub number: usize,
    /// The column.
    pub field: Field,
    /// The values.
    pub content: Content,
}

/// What `rows` rows have in the columns that have values in them; afterwards there are none. Lists of numbers and texts come
/// as arrays where they are to go into lists themselves.
pub(super) fn gathered<'a>(
    columns: &'a [FieldColumn],
    values: &'a mut [Values],
    rows: usize,
    within_lists: bool,
) -> impl Iterator<Item = Gathered> + 'a {
    let touched = columns.iter().zip(values).enumerate();
    let touched = touched.filter(|(_, (_, values))| values.touched);
    touched.flat_map(move |(i, (column, values))| {
        let (main, sibling) = values.finish(rows, column, within_lists);
        let main = Gathered {
            number: 2 * i,
            field: Field::new(&column.name, main_type(column), true),
            content: main,
        };
        let sibling = sibling.map(|content| Gathered {
            number: 2 * i + 1,
            field: Field::new(&column.sibling, sibling_type(column), true),
            content,
        });
        std::iter::once(main).chain(sibling)
    })
}

impl Values {
    /// What `rows` rows have: the column, and its sibling where the chunk has values for it; afterwards there are no
    /// values. Structures come with all the siblings that their members can have.
    fn finish(
        &mut self,
        rows: usize,
        column: &FieldColumn,
        within_lists: bool,
    ) -> (Content, Option<Content>) {
        self.touched = false;
        let rows_beside = (!self.beside.is_empty()).then(|| self.beside_rows(rows));
        match &mut self.data {
            Data::Int(small, large) => (
                Content::Numbers(Numbers::Long(small.take())),
                rows_beside.map(|_| Content::Numbers(Numbers::Long(large.take().into_bits()))),
            ),
            Data::Float(values) => (Content::Numbers(Numbers::Double(values.take())), None),
            Data::Text(text, other) => (
                Content::Texts(text.take()),
                rows_beside.map(|_| Content::Texts(other.take())),
            ),
            Data::List {
                offsets,
                valid,
                child,
            } if !within_lists && child.is_leaf() => {
                let (offsets, valid) = (std::mem::replace(offsets, vec![0]), valid.take());
                lists(offsets, valid, child, rows, rows_beside)
            }
            _ => {
                let (main, sibling) = self.arrays(rows, column);
                let sibling = rows_beside.zip(sibling);
                (
                    Content::Array(main),
                    sibling.map(|(valid, array)| Content::Array(only_rows(array, valid))),
                )
            }
        }
    }

    /// The arrays of `rows` rows, with the sibling whether the chunk has values for it or not, if it can have any;
    /// afterwards there are no values.
    fn finish_both(&mut self, rows: usize, column: &FieldColumn) -> (ArrayRef, Option<ArrayRef>) {
        self.touched = false;
        let valid = self.beside_rows(rows);
        let (main, sibling) = self.arrays(rows, column);
        (
            main,
            sibling
                .filter(|_| can_have_sibling(column))
                .map(|a| only_rows(a, valid)),
        )
    }

    fn beside_rows(&mut self, rows: usize) -> NullBuffer {
        self.beside.finish(rows)
    }

    fn arrays(&mut self, rows: usize, column: &FieldColumn) -> (ArrayRef, Option<ArrayRef>) {
        match &mut self.data {
            Data::Int(small, large) => {
                let small: Int64Array = small.finish(rows);
                let large: UInt64Array = large.finish(rows);
                (Arc::new(small), Some(Arc::new(large)))
            }
            Data::Float(values) => {
                let values: Float64Array = values.finish(rows);
                (Arc::new(values), None)
            }
            Data::Text(text, other) => (
                Arc::new(text.finish_text(rows)),
                Some(Arc::new(other.finish_bytes(rows))),
            ),
            Data::List {
                offsets,
                valid,
                child,
            } => {
                let end = *offsets.last().expect("starts with 0");
                let own = std::mem::replace(offsets, vec![0]);
                let offsets = of_rows(&own, valid, rows);
                let valid = valid.finish(rows);
                child.touched = false;
                child.beside_rows(end as usize);
                let (main, sibling) = child.arrays(end as usize, column);
                let list = |values: ArrayRef| -> ArrayRef {
                    let field = element_field(values.data_type().clone());
                    Arc::new(ListArray::new(
                        field,
                        offsets.clone(),
                        values,
                        Some(valid.clone()),
                    ))
                };
                (list(main), sibling.map(list))
            }
            Data::Struct { valid, members } => {
                let mut arrays = Vec::new();
                for (values, member) in members.iter_mut().zip(&column.members) {
                    let (main, sibling) = values.finish_both(rows, member);
                    arrays.push(main);
                    arrays.extend(sibling);
                }
                let fields = member_fields(&column.members);
                let array = StructArray::new(fields, arrays, Some(valid.finish(rows)));
                (Arc::new(array), None)
            }
        }
    }
}

/// Lists of numbers or texts that the rows `valid` have; and the sibling, of those of `rows` rows that are in `beside`.
fn lists(
    offsets: Vec<i32>,
    valid: Rows,
    child: &mut Values,
    rows: usize,
    beside: Option<NullBuffer>,
) -> (Content, Option<Content>) {
    child.touched = false;
    let elements = offsets[offsets.len() - 1] as usize;
    child.beside_rows(elements);
    let (main, sibling): (Content, Option<ArrayRef>) = match &mut child.data {
        Data::Int(small, large) => {
            let large: UInt64Array = large.finish(elements);
            let small = Numbers::Long(small.take());
            (Content::Numbers(small), Some(Arc::new(large)))
        }
        Data::Float(values) => (Content::Numbers(Numbers::Double(values.take())), None),
        Data::Text(text, other) => {
            let other = other.finish_bytes(elements);
            (Content::Texts(text.take()), Some(Arc::new(other)))
        }
        Data::List { .. } | Data::Struct { .. } => unreachable!("asked for numbers and texts"),
    };
    let sibling = beside.zip(sibling).map(|(beside, values)| {
        let field = element_field(values.data_type().clone());
        let offsets = of_rows(&offsets, &valid, rows);
        Content::Array(Arc::new(ListArray::new(
            field,
            offsets,
            values,
            Some(beside),
        )))
    });
    let main = Content::Lists(Lists {
        rows: valid,
        offsets,
        elements: Box::new(main),
    });
    (main, sibling)
}

/// The offsets of `rows` rows, of which those in `valid` have lists with these offsets, and the others none.
fn of_rows(offsets: &[i32], valid: &Rows, rows: usize) -> OffsetBuffer<i32> {
    let mut all = Vec::with_capacity(rows + 1);
    for (at, start) in valid.iter().zip(offsets) {
        all.resize(at + 1, *start);
    }
    all.resize(rows + 1, offsets[offsets.len() - 1]);
    OffsetBuffer::new(all.into())
}

/// A list array with only the rows in `valid`; other arrays have only those already.
fn only_rows(array: ArrayRef, valid: NullBuffer) -> ArrayRef {
    match array.as_any().downcast_ref::<ListArray>() {
        None => array,
        Some(list) => {
            let (field, offsets, values, _) = list.clone().into_parts();
            Arc::new(ListArray::new(field, offsets, values, Some(valid)))
        }
    }
}
