//! The fields that events of a dataset's recordings can have, all recordings together: what an append needs to know of those
//! that are there, without reading a file of each.
//!
//! The one idea: what columns are called follows from the names of fields and their kinds (integer, float, text, list,
//! structure), of all event classes together. So the manifest keeps these, each name once, whatever the number of
//! recordings and classes; from one event class with all of these fields the same columns follow.

use crate::trace::event::{EventClass, Field, FieldType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fields of all recordings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JointFields {
    /// Those of `args`.
    pub args: Members,
    /// Those of `context`.
    pub context: Members,
}

/// Fields by their names.
pub type Members = BTreeMap<String, Kinds>;

/// What fields of one name are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kinds {
    /// Most are of one kind.
    One(FieldKind),
    /// In the order in which their columns are.
    Several(Vec<FieldKind>),
}

/// A kind of fields, which get a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Integers.
    Int,
    /// Integers, of which some are unsigned and have 64 bits.
    U64,
    /// Floats.
    Float,
    /// Texts.
    Text,
    /// Lists of a kind.
    List(Box<FieldKind>),
    /// Structures, with the members of all of them.
    Struct(Members),
}

impl JointFields {
    /// The fields of an event class that has those of all.
    pub fn of(class: &EventClass) -> Self {
        JointFields {
            args: members(&class.payload),
            context: members(&class.context),
        }
    }

    /// An event class that has all of them.
    pub fn class(&self) -> EventClass {
        EventClass::new("", fields(&self.context), fields(&self.args))
    }
}

fn members(fields: &[Field]) -> Members {
    let mut all = Members::new();
    for field in fields {
        let kind = kind(&field.ty);
        let name = field.name.clone();
        let joint = match all.remove(&name) {
            None => Kinds::One(kind),
            Some(Kinds::One(first)) => Kinds::Several(vec![first, kind]),
            Some(Kinds::Several(mut kinds)) => {
                kinds.push(kind);
                Kinds::Several(kinds)
            }
        };
        all.insert(name, joint);
    }
    all
}

fn kind(ty: &FieldType) -> FieldKind {
    match ty {
        FieldType::Unsigned(64.., _) => FieldKind::U64,
        FieldType::Unsigned(..) | FieldType::Signed(..) => FieldKind::Int,
        FieldType::Float(_) => FieldKind::Float,
        FieldType::Text => FieldKind::Text,
        FieldType::List(element, _) => FieldKind::List(Box::new(kind(element))),
        FieldType::Struct(fields) | FieldType::Variant(fields) => {
            FieldKind::Struct(members(fields))
        }
    }
}

fn fields(members: &Members) -> Vec<Field> {
    let kinds = members.iter().flat_map(|(name, kinds)| {
        let kinds = match kinds {
            Kinds::One(kind) => std::slice::from_ref(kind),
            Kinds::Several(kinds) => kinds,
        };
        kinds.iter().map(move |kind| (name, kind))
    });
    let fields = kinds.zip(0..).map(|((name, kind), index)| Field {
        name: name.clone(),
        ty: field_type(kind),
        index,
    });
    fields.collect()
}

fn field_type(kind: &FieldKind) -> FieldType {
    match kind {
        FieldKind::Int => FieldType::Signed(64, Vec::new()),
        FieldKind::U64 => FieldType::Unsigned(64, Vec::new()),
        FieldKind::Float => FieldType::Float(64),
        FieldKind::Text => FieldType::Text,
        FieldKind::List(element) => FieldType::List(Box::new(field_type(element)), None),
        FieldKind::Struct(members) => FieldType::Struct(fields(members)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_shortly_and_read_as_they_were() {
        let text = r#"{"args":{"fd":"int","id":["u64","text",{"list":"int"}],"to":{"list":{"struct":{"port":"int"}}}},"context":{}}"#;
        let joint: JointFields = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&joint).unwrap(), text);
        assert_eq!(JointFields::of(&joint.class()), joint);
        let Kinds::Several(id) = &joint.args["id"] else {
            panic!("of several kinds");
        };
        assert_eq!(id[2], FieldKind::List(Box::new(FieldKind::Int)));
    }
}
