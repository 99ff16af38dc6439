//! The one schema of a table that several recordings share: the contract's columns, with the arguments and contexts that
//! some recording uses, each described by the classes of all.

use super::contract::Contract;
use super::describe::described;
use super::layout::{FieldColumn, Layout};
use super::types::{Usage, merge};
use crate::trace::event::EventClass;
use arrow::datatypes::{DataType, Fields, Schema};
use std::collections::HashMap;

/// The schema of `events`, where these columns of the layout are used and these classes occur.
pub fn events(
    contract: &Contract,
    layout: &Layout,
    (args, context): (&[Usage], &[Usage]),
    classes: &[&EventClass],
) -> Schema {
    let mut structs = HashMap::new();
    for (name, columns, usage) in [
        ("args", &layout.args, args),
        ("context", &layout.context, context),
    ] {
        let fields = described(columns, usage, classes.iter().copied(), name == "args");
        insert(&mut structs, name, fields);
    }
    Schema::new(contract.fields(&structs))
}

/// The schema of `requests`, where nested events use these columns, or have no arguments, and these classes occur in them.
pub fn requests(
    contract: &Contract,
    layout: &Layout,
    args: Option<&[Usage]>,
    classes: &[&EventClass],
) -> Schema {
    let mut structs = HashMap::new();
    if let Some(args) = args {
        insert(
            &mut structs,
            "args",
            described(&layout.args, args, classes.iter().copied(), true),
        );
    }
    Schema::new(contract.fields(&structs))
}

/// Gives a structure its fields; one without fields is left out, because Parquet has no such.
fn insert(structs: &mut HashMap<String, Fields>, name: &str, fields: Fields) {
    if !fields.is_empty() {
        structs.insert(name.to_owned(), fields);
    }
}

/// Which of `columns` the `fields` of a file are.
pub fn usage(columns: &[FieldColumn], fields: &Fields) -> Vec<Usage> {
    let of = |column: &FieldColumn| {
        let main = member(fields, &column.name);
        Usage {
            main: main.is_some(),
            sibling: fields.find(&column.sibling).is_some(),
            members: usage(&column.members, &members(main)),
        }
    };
    columns.iter().map(of).collect()
}

/// What is used in any of several usages of the same columns.
pub fn merged<'a>(mut all: impl Iterator<Item = &'a Vec<Usage>>) -> Vec<Usage> {
    let mut sum = all.next().cloned().unwrap_or_default();
    all.for_each(|usage| merge(&mut sum, usage));
    sum
}

/// The type of the field of this name.
pub fn member<'a>(fields: &'a Fields, name: &str) -> Option<&'a DataType> {
    fields.find(name).map(|f| f.1.data_type())
}

/// The members of a structure, or of the structures in a list.
pub fn members(ty: Option<&DataType>) -> Fields {
    match ty {
        Some(DataType::Struct(members)) => members.clone(),
        Some(DataType::List(element)) => members(Some(element.data_type())),
        _ => Fields::empty(),
    }
}
