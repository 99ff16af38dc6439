//! One schema for a table whose files were written from different traces.
//!
//! Arguments are united by name, so a file has only the fields that occur in its trace. The table has the fields of all
//! its files, at every depth; a file that lacks one reads as null there. Arrow's own merge refuses fields whose
//! metadata differ, and ours tells which events of a trace use a field, so it is done here.

use crate::error::{Error, Place};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use std::path::Path;
use std::sync::Arc;

/// Two types under one name: the path of the field, and the types.
#[derive(Debug, PartialEq)]
pub(crate) struct Conflict {
    /// Names from the column down to the field.
    pub field: String,
    /// The type so far, and the one that does not fit.
    pub types: (DataType, DataType),
}

impl Conflict {
    /// The error of a table whose files are at `place`.
    pub(crate) fn refused(self, place: &Path) -> Error {
        let (a, b) = self.types;
        Error::input(
            format!("{} is {a} in one file and {b} in another", self.field),
            Place::file(place),
            "Make the dataset again with one version of sysds ingest.",
        )
    }
}

/// The schema that has every field of `schemas`.
pub(crate) fn merge(schemas: &[SchemaRef]) -> Result<SchemaRef, Conflict> {
    let mut fields = Fields::empty();
    for (i, schema) in schemas.iter().enumerate() {
        fields = match i {
            0 => schema.fields().clone(),
            _ => union(&fields, schema.fields(), "")?,
        };
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn retyped(field: &Field, data_type: DataType) -> Field {
    field.clone().with_data_type(data_type)
}

fn union(a: &Fields, b: &Fields, path: &str) -> Result<Fields, Conflict> {
    let mut all = Vec::with_capacity(a.len().max(b.len()));
    for x in a {
        all.push(match b.find(x.name()) {
            Some((_, y)) => both(x, y, path)?,
            None => optional(x),
        });
    }
    all.extend(
        b.iter()
            .filter(|y| a.find(y.name()).is_none())
            .map(optional),
    );
    Ok(all.into())
}

fn optional(field: &FieldRef) -> FieldRef {
    match field.is_nullable() {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_nullable(true)),
    }
}

fn both(x: &FieldRef, y: &FieldRef, path: &str) -> Result<FieldRef, Conflict> {
    if x == y {
        return Ok(Arc::clone(x));
    }
    let path = match path {
        "" => x.name().clone(),
        _ => format!("{path}.{}", x.name()),
    };
    let data_type = match (x.data_type(), y.data_type()) {
        (DataType::Struct(p), DataType::Struct(q)) => DataType::Struct(union(p, q, &path)?),
        (DataType::List(p), DataType::List(q)) => DataType::List(both(p, q, &path)?),
        (p, q) if p == q => p.clone(),
        (p, q) => {
            return Err(Conflict {
                field: path,
                types: (p.clone(), q.clone()),
            });
        }
    };
    let nullable = x.is_nullable() || y.is_nullable();
    Ok(Arc::new(retyped(x, data_type).with_nullable(nullable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: Vec<Field>) -> SchemaRef {
        Arc::new(Schema::new(fields))
    }

    fn nested(names: &[&str], note: &str) -> Field {
        let fields: Fields = names
            .iter()
            .map(|n| {
                Field::new(*n, DataType::Int64, true)
                    .with_metadata([("events".to_owned(), note.to_owned())].into())
            })
            .collect();
        Field::new("args", DataType::Struct(fields), false)
    }

    #[test]
    fn fields_are_united_at_every_depth_whatever_their_metadata() {
        let list = |args| {
            let item = DataType::Struct(vec![args].into());
            Field::new_list("events", Field::new("item", item, true), false)
        };
        let a = schema(vec![nested(&["fd"], "a"), list(nested(&["fd"], "a"))]);
        let b = schema(vec![
            nested(&["count", "fd"], "b"),
            list(nested(&["x"], "b")),
        ]);
        let merged = merge(&[a, b]).unwrap();
        let DataType::Struct(args) = merged.field(0).data_type() else {
            panic!("a struct");
        };
        let names: Vec<_> = args.iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["fd", "count"]);
        assert!(!merged.field(0).is_nullable());
        assert!(merged.field(1).to_string().contains("\"x\""));
    }

    #[test]
    fn what_a_file_lacks_is_nullable_and_two_types_are_a_conflict() {
        let a = schema(vec![Field::new("id", DataType::Int64, false)]);
        let merged = merge(&[Arc::clone(&a), schema(vec![])]).unwrap();
        assert!(merged.field(0).is_nullable());
        let b = schema(vec![Field::new("id", DataType::Utf8, false)]);
        assert_eq!(merge(&[a, b]).unwrap_err().field, "id");
    }
}
