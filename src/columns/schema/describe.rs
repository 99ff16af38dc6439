//! Metadata of the fields in `args` and `context`: which events have a field, and as what the trace declares it.
//!
//! Keys: `field`, the field's name in the trace (the column's may have a suffix; members of structures have this key, and
//! no other, where their own name differs); `events`, the tracer's names of the
//! events that have the field, separated by commas; `ctf`, the types that the trace declares for it; `labels`, for
//! enumerations, a JSON object from label to ranges of values.

use super::kind::Kind;
use super::layout::FieldColumn;
use super::types::{FIELD, Usage, used_fields};
use crate::trace::event::{EventClass, Field as TraceField, FieldType, Label};
use arrow::datatypes::{Field, Fields};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The fields of the columns that are used, described by the classes that occur. `payload` tells whether the columns
/// are those of payloads or of contexts.
pub fn described<'a>(
    columns: &[FieldColumn],
    usage: &[Usage],
    classes: impl Iterator<Item = &'a EventClass> + Clone,
    payload: bool,
) -> Fields {
    let mut about: HashMap<(String, Kind), About> = HashMap::new();
    for class in classes {
        let fields = if payload {
            &class.payload
        } else {
            &class.context
        };
        for field in fields {
            let key = (field.name.clone(), Kind::of(&field.ty));
            about.entry(key).or_default().add(class, field);
        }
    }
    let by_name: HashMap<&str, &FieldColumn> = columns
        .iter()
        .flat_map(|c| [(c.name.as_str(), c), (c.sibling.as_str(), c)])
        .collect();
    let described = used_fields(columns, usage).into_iter().map(|field| {
        let column = by_name[field.name().as_str()];
        let about = about.get(&(column.field.clone(), column.kind.clone()));
        let mut metadata = about.map(About::metadata).unwrap_or_default();
        metadata.insert(FIELD.to_owned(), column.field.clone());
        field.with_metadata(metadata)
    });
    described.collect::<Vec<Field>>().into()
}

#[derive(Default)]
struct About {
    events: BTreeSet<String>,
    types: BTreeSet<String>,
    labels: BTreeMap<String, Vec<String>>,
}

impl About {
    fn add(&mut self, class: &EventClass, field: &TraceField) {
        self.events.insert(class.full_name.clone());
        self.types.insert(type_text(&field.ty));
        if let FieldType::Unsigned(_, labels) | FieldType::Signed(_, labels) = &field.ty {
            for Label { name, ranges } in labels {
                let ranges = ranges.iter().map(|(low, high)| match low == high {
                    true => low.to_string(),
                    false => format!("{low}..{high}"),
                });
                self.labels.insert(name.clone(), ranges.collect());
            }
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(",");
        let mut metadata = HashMap::from([
            ("events".to_owned(), join(&self.events)),
            ("ctf".to_owned(), join(&self.types)),
        ]);
        if !self.labels.is_empty() {
            let labels = serde_json::to_string(&self.labels).expect("strings are JSON");
            metadata.insert("labels".to_owned(), labels);
        }
        metadata
    }
}

/// A type in the words of CTF.
pub fn type_text(ty: &FieldType) -> String {
    let names = |fields: &[TraceField]| {
        let members = fields
            .iter()
            .map(|f| format!("{} {}", type_text(&f.ty), f.name));
        members.collect::<Vec<_>>().join("; ")
    };
    match ty {
        FieldType::Unsigned(bits, labels) if labels.is_empty() => format!("uint{bits}"),
        FieldType::Signed(bits, labels) if labels.is_empty() => format!("int{bits}"),
        FieldType::Unsigned(bits, _) => format!("enum:uint{bits}"),
        FieldType::Signed(bits, _) => format!("enum:int{bits}"),
        FieldType::Float(bits) => format!("float{bits}"),
        FieldType::Text => "string".to_owned(),
        FieldType::List(element, Some(n)) => format!("{}[{n}]", type_text(element)),
        FieldType::List(element, None) => format!("{}[]", type_text(element)),
        FieldType::Struct(members) => format!("struct {{ {} }}", names(members)),
        FieldType::Variant(options) => format!("variant {{ {} }}", names(options)),
    }
}
