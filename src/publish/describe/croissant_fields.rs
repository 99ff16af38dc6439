//! The record set of a table in `croissant.json`: its columns, and the members of nested ones as sub-fields.

use super::json::one_or_many;
use super::metadata::ReleaseMetadata;
use crate::dataset::tables;
use arrow::datatypes::{DataType, Field, Fields};
use serde_json::{Value, json};

/// The record set of a table.
pub(super) fn record_set(metadata: &ReleaseMetadata, table: &str) -> Value {
    let contract = crate::columns::schema::contract::all();
    let contract = contract.iter().find(|c| c.table == table);
    let mut fields = vec![split_field(table)];
    let schema = &metadata.schemas[table];
    let of = Of { table };
    fields.extend(schema.fields().iter().filter_map(|f| of.column(f)));
    let mut set = json!({
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "description": contract.map_or("", |c| c.description.as_str()),
    });
    let key = match table {
        tables::EVENTS => Some("event_id"),
        tables::REQUESTS => Some("request_id"),
        tables::DOWNSTREAM => Some("service_id"),
        _ => None,
    };
    if let Some(key) = key {
        set["key"] =
            json!([{"@id": format!("{table}/trace_id")}, {"@id": format!("{table}/{key}")}]);
    }
    set["field"] = Value::Array(fields);
    set
}

/// The split, as the names of the shards tell it.
fn split_field(table: &str) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("{table}/split"),
        "name": format!("{table}/split"),
        "description": "The split, from the name of the file.",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": format!("{table}-files")},
            "extract": {"fileProperty": "filename"},
            // The loader applies it once more to its result.
            "transform": {"regex": "^([a-z_]+)(?:-[0-9]{5}-of-[0-9]{5}\\.parquet)?$"},
        },
    })
}

/// The fields of a table.
struct Of<'a> {
    table: &'a str,
}

impl Of<'_> {
    fn column(&self, field: &Field) -> Option<Value> {
        let id = format!("{}/{}", self.table, field.name());
        self.field(field, &id, field.name(), &Steps::default())
    }

    /// A field whose values are reached from the column by `steps`; `None` where they cannot be.
    fn field(&self, field: &Field, id: &str, column: &str, steps: &Steps) -> Option<Value> {
        let mut out = json!({
            "@type": "cr:Field",
            "@id": id,
            "name": id,
            "description": describe(field),
        });
        let (ty, shape) = unlisted(field.data_type());
        match ty {
            DataType::Struct(members) => {
                let steps = match shape {
                    0 => steps.clone(),
                    1 => steps.to_list()?,
                    _ => return None,
                };
                let members = self.members(members, id, column, &steps);
                if members.is_empty() {
                    return None;
                }
                out["subField"] = Value::Array(members);
            }
            ty => {
                out["dataType"] = data_type(ty).into();
                out["source"] = self.source(column, steps);
            }
        }
        if shape > 0 {
            out["isArray"] = true.into();
            out["arrayShape"] = vec!["-1"; shape].join(",").into();
        }
        Some(out)
    }

    fn members(&self, members: &Fields, id: &str, column: &str, steps: &Steps) -> Vec<Value> {
        let members = members.iter().filter_map(|member| {
            let id = format!("{id}/{}", member.name());
            self.field(member, &id, column, &steps.to(member.name()))
        });
        members.collect()
    }

    fn source(&self, column: &str, steps: &Steps) -> Value {
        let mut source = json!({
            "fileSet": {"@id": format!("{}-files", self.table)},
            "extract": {"column": column},
        });
        let paths = steps.paths.iter().filter(|p| !p.is_empty());
        let transforms = paths.map(|p| json!({"jsonPath": p})).collect();
        if let Some(transforms) = Some(one_or_many(transforms)).filter(|t| !t.is_null()) {
            source["transform"] = transforms;
        }
        source
    }
}

/// The way from a column to a value in it: a path, and another one from each element of the list where the first ends.
#[derive(Clone)]
struct Steps {
    paths: Vec<String>,
    in_list: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Steps {
            paths: vec![String::new()],
            in_list: false,
        }
    }
}

impl Steps {
    fn to(&self, member: &str) -> Steps {
        let mut steps = self.clone();
        let last = steps.paths.last_mut().expect("never empty");
        if !last.is_empty() {
            last.push('.');
        }
        last.push_str(&format!("'{member}'"));
        steps
    }

    /// Into the elements of the list that is here; `None` in a list already.
    fn to_list(&self) -> Option<Steps> {
        let mut steps = self.clone();
        steps.paths.push(String::new());
        steps.in_list = true;
        (!self.in_list).then_some(steps)
    }
}

/// The type inside of lists, and how many lists there are.
fn unlisted(mut ty: &DataType) -> (&DataType, usize) {
    let mut depth = 0;
    while let DataType::List(element) = ty {
        ty = element.data_type();
        depth += 1;
    }
    (ty, depth)
}

fn data_type(ty: &DataType) -> &'static str {
    match ty {
        DataType::Boolean => "sc:Boolean",
        DataType::Int32 => "cr:Int32",
        DataType::Int64 => "cr:Int64",
        DataType::UInt64 => "cr:UInt64",
        DataType::Float64 => "cr:Float64",
        DataType::Timestamp(..) => "sc:DateTime",
        _ => "sc:Text",
    }
}

/// What a field means: the contract's words, or which events have the argument.
fn describe(field: &Field) -> String {
    let metadata = field.metadata();
    let mut text = match (metadata.get("description"), metadata.get("events")) {
        (Some(words), _) => words.clone(),
        (None, Some(events)) => {
            let ctf = metadata.get("ctf").map_or("", String::as_str);
            format!("Field of {} ({ctf}).", events.replace(',', ", "))
        }
        (None, None) => format!("The member {}.", field.name()),
    };
    if let Some(labels) = metadata.get("labels") {
        text.push_str(&format!(" Labels: {labels}"));
    }
    text
}
