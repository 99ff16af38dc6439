//! Where a column stands in a row group.

use arrow::datatypes::{DataType, Field, Fields, Schema};
use std::borrow::Cow;

/// Where a column stands: at top level, or in a structure that every row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The structure, by name.
    pub parent: Option<Cow<'static, str>>,
    /// The column.
    pub field: Field,
}

/// The schema of columns in order; neighbours with the same parent come into one structure.
pub fn schema_of<'a>(slots: impl Iterator<Item = &'a Slot>) -> Schema {
    let mut top: Vec<Field> = Vec::new();
    let mut open: Option<(&str, Vec<Field>)> = None;
    for slot in slots {
        let parent = slot.parent.as_deref();
        if let Some((parent, members)) = open.take_if(|(open, _)| parent != Some(*open)) {
            top.push(structure(parent, members));
        }
        match (parent, &mut open) {
            (None, _) => top.push(slot.field.clone()),
            (Some(_), Some((_, members))) => members.push(slot.field.clone()),
            (Some(parent), None) => open = Some((parent, vec![slot.field.clone()])),
        }
    }
    top.extend(open.map(|(parent, members)| structure(parent, members)));
    Schema::new(top)
}

fn structure(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(members)), false)
}
