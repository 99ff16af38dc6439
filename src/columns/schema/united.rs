//! The one schema of a table that several recordings share: the contract's columns, with the arguments and contexts that
//! some recording uses, each described by the classes of all.

use super::contract::{self, Column, Contract};
use super::describe::described;
use super::layout::{FieldColumn, Layout};
use super::types::{Usage, merge};
use crate::trace::event::EventClass;
use arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

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

/// The schema with the columns that tables have since a later version of a dataset's form than the files were made in, each
/// at its place: behind the column that stands before it in the contract of the `table`.
pub fn completed(schema: &SchemaRef, table: &str) -> SchemaRef {
    let columns = contract::of(table).map_or_else(Vec::new, |contract| contract.columns);
    let lacks = |name: &str| schema.column_with_name(name).is_none();
    let since = |column: &&Column| column.since.is_some() && lacks(&column.name);
    if !columns.iter().any(|column| since(&column)) {
        return Arc::clone(schema);
    }
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let mut place = 0;
    for column in &columns {
        if since(&column) {
            fields.insert(place, Arc::new(column.field(&HashMap::new())));
            place += 1;
        } else if let Some(found) = fields.iter().position(|f| *f.name() == column.name) {
            place = found + 1;
        }
    }
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;

    #[test]
    fn columns_of_a_later_version_are_put_where_the_contract_has_them() {
        let contract = contract::requests();
        let whole = Arc::new(contract.schema());
        assert!(Arc::ptr_eq(&completed(&whole, &contract.table), &whole));
        let before = contract.columns.iter().filter(|c| c.since.is_none());
        let mut older: Vec<Field> = before.map(|c| c.field(&HashMap::new())).collect();
        assert!(older.len() < whole.fields().len());
        let made = completed(&Arc::new(Schema::new(older.clone())), &contract.table);
        assert_eq!(made.fields(), whole.fields());
        // Whatever else a file has or lacks stays as it is.
        older.remove(0);
        older.push(Field::new("more", DataType::Int64, true));
        let made = completed(&Arc::new(Schema::new(older)), &contract.table);
        let names: Vec<&str> = made.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names[..3], ["trace_id", "label", "span_label"]);
        assert_eq!(names.last(), Some(&"more"));
    }
}
