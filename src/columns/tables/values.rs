//! Values of fields, gathered column by column and turned into what Parquet's writers take.
//!
//! A column is told only of the rows that have a value (see [`sparse`](crate::columns::parquet::sparse)), so columns that
//! no value came for cost nothing.

use crate::columns::parquet::numbers::Numbers;
use crate::columns::parquet::slot::Content;
use crate::columns::parquet::sparse::{Rows, Sparse, SparseBytes};
use crate::columns::schema::kind::Kind;
use crate::columns::schema::layout::FieldColumn;
use crate::columns::schema::route::Route;
use crate::columns::schema::types::{
    Usage, can_have_sibling, element_field, main_type, member_fields, sibling_type,
};
use crate::trace::event::{Cursor, FieldType};
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

/// The values of one column.
pub struct Values {
    data: Data,
    usage: Usage,
    /// Rows, in the present chunk, whose value (or an element of it) went to the sibling.
    beside: Rows,
    /// Whether the present chunk has values.
    touched: bool,
}

enum Data {
    Int(Sparse<i64>, Sparse<u64>),
    Float(Sparse<f64>),
    Text(SparseBytes, SparseBytes),
    List {
        offsets: Vec<i32>,
        valid: Rows,
        child: Box<Values>,
    },
    Struct {
        valid: Rows,
        members: Vec<Values>,
    },
}

impl Values {
    /// No values of `column`.
    pub fn new(column: &FieldColumn) -> Self {
        Self::of_kind(&column.kind, column)
    }

    fn of_kind(kind: &Kind, column: &FieldColumn) -> Self {
        let data = match kind {
            Kind::Int => Data::Int(Sparse::new(), Sparse::new()),
            Kind::Float => Data::Float(Sparse::new()),
            Kind::Text => Data::Text(SparseBytes::new(), SparseBytes::new()),
            Kind::List(inner) => Data::List {
                offsets: vec![0],
                valid: Rows::default(),
                child: Box::new(Self::of_kind(inner, column)),
            },
            Kind::Struct => Data::Struct {
                valid: Rows::default(),
                members: column.members.iter().map(Values::new).collect(),
            },
        };
        Values {
            data,
            usage: Usage::default(),
            beside: Rows::default(),
            touched: false,
        }
    }

    /// Reads a value of type `ty` from `cursor` into row `at`, which must be behind all rows set before. Returns
    /// whether (part of) it went to the sibling.
    pub fn push(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) -> bool {
        self.touched = true;
        self.usage.main = true;
        let beside = match (&mut self.data, ty) {
            (Data::Int(small, large), FieldType::Unsigned(..)) => {
                let value = cursor.integer();
                match i64::try_from(value) {
                    Ok(value) => small.push(at, value),
                    Err(_) => large.push(at, value),
                }
                value > i64::MAX as u64
            }
            (Data::Int(small, _), FieldType::Signed(..)) => {
                small.push(at, cursor.integer() as i64);
                false
            }
            (Data::Float(values), FieldType::Float(_)) => {
                values.push(at, cursor.float());
                false
            }
            (Data::Text(text, other), FieldType::Text) => {
                let read = cursor.utf8();
                match read {
                    Ok(utf8) => text.push(at, utf8.as_bytes()),
                    Err(bytes) => other.push(at, bytes),
                }
                read.is_err()
            }
            (Data::List { .. }, FieldType::List(element, _)) => {
                self.push_list(at, element, route, cursor)
            }
            (Data::Struct { .. }, _) => {
                self.push_members(at, ty, route, cursor);
                false
            }
            _ => unreachable!("routes lead to columns of their kind"),
        };
        if beside {
            self.beside.push(at);
            self.usage.sibling = true;
        }
        beside
    }

    fn push_list(
        &mut self,
        at: usize,
        element: &FieldType,
        route: &Route,
        cursor: &mut Cursor,
    ) -> bool {
        let (
            Data::List {
                offsets,
                valid,
                child,
            },
            Route::List(inner),
        ) = (&mut self.data, route)
        else {
            unreachable!("lists go to lists")
        };
        let start = *offsets.last().expect("starts with 0");
        offsets.resize(at + 1, start);
        let n = cursor.count();
        let mut beside = false;
        for i in 0..n {
            beside |= child.push(start as usize + i, element, inner, cursor);
        }
        let end = i32::try_from(start as usize + n).expect("a chunk holds few elements");
        offsets.push(end);
        valid.push(at);
        beside
    }

    fn push_members(&mut self, at: usize, ty: &FieldType, route: &Route, cursor: &mut Cursor) {
        let (Data::Struct { valid, members }, Route::Members(routes)) = (&mut self.data, route)
        else {
            unreachable!("structures go to structures")
        };
        valid.push(at);
        match ty {
            FieldType::Struct(fields) => {
                for (field, route) in fields.iter().zip(routes) {
                    push_field(members, at, &field.ty, route, cursor);
                }
            }
            FieldType::Variant(options) => {
                let option = cursor.count();
                push_field(members, at, &options[option].ty, &routes[option], cursor);
            }
            _ => unreachable!("structures go to structures"),
        }
    }

    /// What has come to be used so far.
    pub fn usage(&self) -> Usage {
        let members = match &self.data {
            Data::Struct { members, .. } => members.iter().map(Values::usage).collect(),
            Data::List { child, .. } => child.usage().members,
            _ => Vec::new(),
        };
        Usage {
            members,
            ..self.usage.clone()
        }
    }

    /// What `rows` rows have: the column, and its sibling where the chunk has values for it; afterwards there are no
    /// values. Structures come with all the siblings that their members can have.
    fn finish(&mut self, rows: usize, column: &FieldColumn) -> (Content, Option<Content>) {
        self.touched = false;
        let rows_beside = (!self.beside.is_empty()).then(|| self.beside_rows(rows));
        match &mut self.data {
            Data::Int(small, large) => (
                Content::Numbers(Numbers::Long(small.take())),
                rows_beside.map(|_| {
                    let large: UInt64Array = large.finish(rows);
                    Content::Array(Arc::new(large))
                }),
            ),
            Data::Float(values) => (Content::Numbers(Numbers::Double(values.take())), None),
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
                offsets.resize(rows + 1, end);
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
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

/// What `rows` rows have in the columns that have values in them; afterwards there are none.
pub(super) fn gathered<'a>(
    columns: &'a [FieldColumn],
    values: &'a mut [Values],
    rows: usize,
) -> impl Iterator<Item = Gathered> + 'a {
    let touched = columns.iter().zip(values).enumerate();
    let touched = touched.filter(|(_, (_, values))| values.touched);
    touched.flat_map(move |(i, (column, values))| {
        let (main, sibling) = values.finish(rows, column);
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

/// Reads a field's value from `cursor` into row `at` of the column that its route leads to.
pub fn push_field(
    columns: &mut [Values],
    at: usize,
    ty: &FieldType,
    (column, route): &(usize, Route),
    cursor: &mut Cursor,
) {
    match route {
        Route::Nowhere => cursor.skip(ty),
        route => {
            columns[*column].push(at, ty, route, cursor);
        }
    }
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
