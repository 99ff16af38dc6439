//! The way of a field's values into the columns of a layout, worked out once for each event class.

use super::kind::Kind;
use super::layout::{FieldColumn, hollow};
use crate::trace::event::{Field, FieldType};

/// How a field's value goes into columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Nowhere: the field is not stored, or it is a structure without members, which has nothing to store.
    Nowhere,
    /// Integer, float or text.
    Leaf,
    /// Each element by the route.
    List(Box<Route>),
    /// Each member (or the option of a variant) to the column of this number by the route.
    Members(Vec<(usize, Route)>),
}

/// The column of `columns` for a field, and the route of its values; [`Route::Nowhere`] (and any number) where the field
/// was not among those that were united.
pub fn route(columns: &[FieldColumn], field: &Field) -> (usize, Route) {
    if hollow(&field.ty) {
        return (0, Route::Nowhere);
    }
    let kind = Kind::of(&field.ty);
    let found = columns
        .iter()
        .position(|c| c.field == field.name && c.kind == kind);
    match found {
        Some(i) => (i, route_of(&columns[i], &field.ty)),
        None => (0, Route::Nowhere),
    }
}

fn route_of(column: &FieldColumn, ty: &FieldType) -> Route {
    match ty {
        FieldType::List(element, _) => Route::List(Box::new(route_of(column, element))),
        FieldType::Struct(fields) | FieldType::Variant(fields) => {
            Route::Members(fields.iter().map(|f| route(&column.members, f)).collect())
        }
        _ => Route::Leaf,
    }
}
