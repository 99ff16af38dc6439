//! Which columns are gone, of another type, or new.

use super::level::{Change, Level};
use super::side::Side;
use crate::error::Result;
use arrow::datatypes::{DataType, Field, Fields};
use std::collections::{BTreeMap, BTreeSet};

/// Compares columns; returns the tables whose rows can be compared: those that kept all columns and types.
pub(super) fn schemas(sides: &[Side; 2], changes: &mut Vec<Change>) -> Result<BTreeSet<String>> {
    let mut comparable = BTreeSet::new();
    for table in sides[0].manifest.dataset.tables.keys() {
        let (Some(old), Some(new)) = (sides[0].schema(table)?, sides[1].schema(table)?) else {
            changes.push(Change {
                level: Level::Major,
                what: format!("the table {table} is gone"),
            });
            continue;
        };
        let columns = [old, new].map(|schema| {
            let mut found = BTreeMap::new();
            leaves(schema.fields(), "", &mut found);
            found
        });
        let before = changes.iter().filter(|c| c.level == Level::Major).count();
        compare_columns(table, &columns, changes);
        if changes.iter().filter(|c| c.level == Level::Major).count() == before {
            comparable.insert(table.clone());
        }
    }
    Ok(comparable)
}

fn compare_columns(
    table: &str,
    columns: &[BTreeMap<String, String>; 2],
    changes: &mut Vec<Change>,
) {
    for (column, ty) in &columns[0] {
        let what = match columns[1].get(column) {
            Some(new) if new == ty => continue,
            Some(new) => format!("{table}.{column} is {new}, was {ty}"),
            None => format!("{table}.{column} is gone"),
        };
        changes.push(Change {
            level: Level::Major,
            what,
        });
    }
    let added = columns[1].keys().filter(|c| !columns[0].contains_key(*c));
    changes.extend(added.map(|column| Change {
        level: Level::Minor,
        what: format!("{table}.{column} is new"),
    }));
}

/// All columns that hold values, at any depth, with their types.
fn leaves(fields: &Fields, parent: &str, found: &mut BTreeMap<String, String>) {
    for field in fields {
        leaf(field, &format!("{parent}{}", field.name()), found);
    }
}

fn leaf(field: &Field, path: &str, found: &mut BTreeMap<String, String>) {
    match field.data_type() {
        DataType::Struct(members) => leaves(members, &format!("{path}."), found),
        DataType::List(element) => leaf(element, &format!("{path}[]"), found),
        other => drop(found.insert(path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_goes_or_turns_is_major_and_a_new_one_minor() {
        let columns = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = list.iter();
            pairs
                .map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))
                .collect()
        };
        let old = columns(&[("a", "Int64"), ("b", "Utf8"), ("c", "Utf8")]);
        let new = columns(&[("a", "Int64"), ("b", "Int64"), ("d", "Utf8")]);
        let mut changes = Vec::new();
        compare_columns("t", &[old, new], &mut changes);
        let said: Vec<(Level, &str)> = changes.iter().map(|c| (c.level, c.what.as_str())).collect();
        assert_eq!(
            said,
            [
                (Level::Major, "t.b is Int64, was Utf8"),
                (Level::Major, "t.c is gone"),
                (Level::Minor, "t.d is new"),
            ]
        );
    }
}
