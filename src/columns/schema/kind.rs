//! Kinds of fields: what decides which column a field goes to.

use crate::trace::event::FieldType;

/// The kind of a field. The order is the order of the naming rule (see [`layout`](super::layout)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Integers and enumerations of every width and sign.
    Int,
    /// Floats.
    Float,
    /// Strings.
    Text,
    /// Arrays and sequences, by what they hold.
    List(Box<Kind>),
    /// Structures and variants.
    Struct,
}

impl Kind {
    /// The kind of a type.
    pub fn of(ty: &FieldType) -> Kind {
        match ty {
            FieldType::Unsigned(..) | FieldType::Signed(..) => Kind::Int,
            FieldType::Float(_) => Kind::Float,
            FieldType::Text => Kind::Text,
            FieldType::List(element, _) => Kind::List(Box::new(Kind::of(element))),
            FieldType::Struct(_) | FieldType::Variant(_) => Kind::Struct,
        }
    }

    /// What names of columns end with, to tell the kinds of one name apart.
    pub(super) fn suffix(&self) -> String {
        match self {
            Kind::Int => "int".to_owned(),
            Kind::Float => "float".to_owned(),
            Kind::Text => "str".to_owned(),
            Kind::List(inner) if **inner == Kind::Int => "list".to_owned(),
            Kind::List(inner) => format!("list_{}", inner.suffix()),
            Kind::Struct => "struct".to_owned(),
        }
    }

    /// The kind of the innermost elements of a list; of anything else, its own.
    pub fn innermost(&self) -> &Kind {
        match self {
            Kind::List(inner) => inner.innermost(),
            other => other,
        }
    }
}
