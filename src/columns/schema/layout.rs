//! Which columns there are for the fields of events: fields are united by name over all event classes.
//!
//! The rule depends only on the metadata of the traces, never on which event comes first, so that two traces of one
//! kernel give the same columns:
//!
//! - fields of one name and one kind (integer, float, text, list of a kind, structure) share a column;
//! - a name that has fields of several kinds gets a column for each. The first in the order integer, float, text, list,
//!   structure has the plain name, the others are called `NAME_float`, `NAME_str`, `NAME_list`, `NAME_struct` (a list of
//!   anything but integers: `NAME_list_str` …);
//! - structures of one name unite their members by the same rule; a variant is a structure of its options;
//! - beside an integer column stands `NAME_u64` for unsigned values of 2^63 and more, beside a text column `NAME_bytes`
//!   for values that are not UTF-8. A dataset has these siblings only where such values occur.
//!
//! A structure without members has no column: there is nothing to store, and Parquet has no such type.
//!
//! No column hides another, and no two have the same name without case (see `names`). Of fields whose
//! names differ only by case, the one whose name comes last in byte order (lower case after upper) keeps its name. The
//! others get underscores at the end, as do names for other kinds and siblings that are taken: `ip` and `IP_`.

use super::kind::Kind;
use super::names::{called, fresh};
use crate::trace::event::{EventClass, Field, FieldType};
use std::collections::BTreeMap;

/// A column that fields of one name and kind share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldColumn {
    /// The column's name.
    pub name: String,
    /// The name of the fields in it.
    pub field: String,
    /// Their kind.
    pub kind: Kind,
    /// Name of the column beside it for values that it cannot hold (`…_u64` or `…_bytes`), for the kinds that have
    /// such values, or lists of them.
    pub sibling: String,
    /// Whether some class has unsigned fields of 64 bits here, so that the sibling `…_u64` can come to be used.
    pub wide: bool,
    /// For structures and lists of structures: their united members.
    pub members: Vec<FieldColumn>,
}

/// Which columns the fields of a set of event classes go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Columns of `args`.
    pub args: Vec<FieldColumn>,
    /// Columns of `context`.
    pub context: Vec<FieldColumn>,
}

impl Layout {
    /// The layout for all of `classes`. `stores` says which payload fields get columns, by name.
    pub fn new<'a>(
        classes: impl Iterator<Item = &'a EventClass> + Clone,
        stores: impl Fn(&str) -> bool,
    ) -> Self {
        let payload = classes.clone().flat_map(|c| &c.payload);
        Layout {
            args: unite(payload.filter(|field| stores(&field.name))),
            context: unite(classes.flat_map(|c| &c.context)),
        }
    }

    /// One event class, of which alone the same layout follows.
    pub fn class(&self) -> EventClass {
        EventClass::new("", fields(&self.context), fields(&self.args))
    }

    /// How many columns these are, with the members of structures.
    pub fn count(&self) -> usize {
        count(&self.args) + count(&self.context)
    }
}

/// Fields to which these columns belong.
fn fields(columns: &[FieldColumn]) -> Vec<Field> {
    let fields = columns.iter().zip(0..).map(|(column, index)| Field {
        name: column.field.clone(),
        ty: field_type(column, &column.kind),
        index,
    });
    fields.collect()
}

fn field_type(column: &FieldColumn, kind: &Kind) -> FieldType {
    match kind {
        Kind::Int if column.wide => FieldType::Unsigned(64, Vec::new()),
        Kind::Int => FieldType::Signed(64, Vec::new()),
        Kind::Float => FieldType::Float(64),
        Kind::Text => FieldType::Text,
        Kind::List(element) => FieldType::List(Box::new(field_type(column, element)), None),
        Kind::Struct => FieldType::Struct(fields(&column.members)),
    }
}

fn count(columns: &[FieldColumn]) -> usize {
    columns.iter().map(|c| 1 + count(&c.members)).sum()
}

/// Unites `fields` (of all event classes) into columns, sorted by field name and kind.
pub fn unite<'a>(fields: impl Iterator<Item = &'a Field>) -> Vec<FieldColumn> {
    unite_all(fields.collect())
}

fn unite_all(fields: Vec<&Field>) -> Vec<FieldColumn> {
    let mut groups: BTreeMap<&str, BTreeMap<Kind, Vec<&FieldType>>> = BTreeMap::new();
    for field in fields.into_iter().filter(|f| !hollow(&f.ty)) {
        let kinds = groups.entry(&field.name).or_default();
        kinds
            .entry(Kind::of(&field.ty))
            .or_default()
            .push(&field.ty);
    }
    let (called, mut taken) = called(groups.keys().copied());
    let mut columns = Vec::new();
    for (name, kinds) in &groups {
        for (i, (kind, types)) in kinds.iter().enumerate() {
            let column = match i {
                0 => called[name].clone(),
                _ => fresh(format!("{name}_{}", kind.suffix()), &mut taken),
            };
            let sibling = match kind.innermost() {
                Kind::Int => fresh(format!("{column}_u64"), &mut taken),
                Kind::Text => fresh(format!("{column}_bytes"), &mut taken),
                _ => String::new(),
            };
            let inner: Vec<&FieldType> = types.iter().map(|t| element(t)).collect();
            columns.push(FieldColumn {
                name: column,
                field: (*name).to_owned(),
                kind: kind.clone(),
                sibling,
                wide: inner
                    .iter()
                    .any(|t| matches!(t, FieldType::Unsigned(64.., _))),
                members: unite_all(inner.iter().flat_map(|t| members(t)).collect()),
            });
        }
    }
    columns
}

/// Whether a type has no value in it: a structure without members, or with only such members.
pub(super) fn hollow(ty: &FieldType) -> bool {
    match ty {
        FieldType::Struct(fields) | FieldType::Variant(fields) => {
            fields.iter().all(|f| hollow(&f.ty))
        }
        FieldType::List(element, _) => hollow(element),
        _ => false,
    }
}

fn element(ty: &FieldType) -> &FieldType {
    match ty {
        FieldType::List(inner, _) => element(inner),
        other => other,
    }
}

fn members(ty: &FieldType) -> &[Field] {
    match ty {
        FieldType::Struct(fields) | FieldType::Variant(fields) => fields,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
