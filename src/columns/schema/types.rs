//! The Arrow types of the columns that [`layout`](super::layout) plans, and which of them a dataset keeps.

use super::kind::Kind;
use super::layout::FieldColumn;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// Which parts of a column have come to be used, over all chunks of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Some event has the field.
    pub main: bool,
    /// Some value went to the sibling column.
    pub sibling: bool,
    /// The same for the members of structures.
    pub members: Vec<Usage>,
}

/// The Arrow type of a column.
pub fn main_type(column: &FieldColumn) -> DataType {
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, member_fields(&column.members))
    })
}

fn leaf_type(leaf: &Kind, members: Fields) -> DataType {
    match leaf {
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Text => DataType::Utf8,
        Kind::Struct => DataType::Struct(members),
        Kind::List(_) => unreachable!("lists are taken apart before"),
    }
}

/// The Arrow type of the sibling of a column.
pub fn sibling_type(column: &FieldColumn) -> DataType {
    of_kind(&column.kind, &|leaf| match leaf {
        Kind::Int => DataType::UInt64,
        _ => DataType::Binary,
    })
}

/// Whether values can come that go to the sibling.
pub fn can_have_sibling(column: &FieldColumn) -> bool {
    match column.kind.innermost() {
        Kind::Int => column.wide,
        kind => *kind == Kind::Text,
    }
}

fn of_kind(kind: &Kind, leaf: &dyn Fn(&Kind) -> DataType) -> DataType {
    match kind {
        Kind::List(inner) => DataType::List(element_field(of_kind(inner, leaf))),
        other => leaf(other),
    }
}

/// The field of the elements of a list.
pub fn element_field(ty: DataType) -> FieldRef {
    Arc::new(Field::new("element", ty, true))
}

/// The fields of a structure's members, with all siblings that they can have.
pub fn member_fields(members: &[FieldColumn]) -> Fields {
    let mut fields = Vec::new();
    for member in members {
        fields.push(Field::new(&member.name, main_type(member), true));
        if can_have_sibling(member) {
            fields.push(Field::new(&member.sibling, sibling_type(member), true));
        }
    }
    fields.into()
}

/// The fields of the columns that are used, without the siblings that are not, at any depth.
pub fn used_fields(columns: &[FieldColumn], usage: &[Usage]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (column, usage) in columns.iter().zip(usage) {
        if usage.main {
            fields.push(Field::new(&column.name, used_type(column, usage), true));
        }
        if usage.sibling {
            fields.push(Field::new(&column.sibling, sibling_type(column), true));
        }
    }
    fields
}

fn used_type(column: &FieldColumn, usage: &Usage) -> DataType {
    // A structure keeps all its members; of their siblings only those that are used.
    let mut members = usage.members.clone();
    members.iter_mut().for_each(|m| m.main = true);
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, used_fields(&column.members, &members).into())
    })
}
