//! The Arrow types of the columns that [`layout`](super::layout) plans, and which of them a dataset keeps.

use super::kind::Kind;
use super::layout::FieldColumn;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// Which parts of a column have come to be used, over all chunks of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Some event has the field.
    pub main: bool,
    /// Some value went to the sibling column.
    pub sibling: bool,
    /// The same for the members of structures.
    pub members: Vec<Usage>,
}

/// Adds to `sum` what is used in `other`, another usage of the same columns.
pub fn merge(sum: &mut [Usage], other: &[Usage]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        sum.main |= other.main;
        sum.sibling |= other.sibling;
        merge(&mut sum.members, &other.members);
    }
}

/// The Arrow type of a column.
pub fn main_type(column: &FieldColumn) -> DataType {
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, member_fields(&column.members))
    })
}

fn leaf_type(leaf: &Kind, members: Fields) -> DataType {
    match leaf {
        Kind::Int => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Text => DataType::Utf8,
        Kind::Struct => DataType::Struct(members),
        Kind::List(_) => unreachable!("lists are taken apart before"),
    }
}

/// The Arrow type of the sibling of a column.
pub fn sibling_type(column: &FieldColumn) -> DataType {
    of_kind(&column.kind, &|leaf| match leaf {
        Kind::Int => DataType::UInt64,
        _ => DataType::Binary,
    })
}

/// Whether values can come that go to the sibling.
pub fn can_have_sibling(column: &FieldColumn) -> bool {
    match column.kind.innermost() {
        Kind::Int => column.wide,
        kind => *kind == Kind::Text,
    }
}

fn of_kind(kind: &Kind, leaf: &dyn Fn(&Kind) -> DataType) -> DataType {
    match kind {
        Kind::List(inner) => DataType::List(element_field(of_kind(inner, leaf))),
        other => leaf(other),
    }
}

/// The field of the elements of a list.
pub fn element_field(ty: DataType) -> FieldRef {
    Arc::new(Field::new("element", ty, true))
}

/// The fields of a structure's members, with all siblings that they can have.
pub fn member_fields(members: &[FieldColumn]) -> Fields {
    let mut fields = Vec::new();
    for member in members {
        fields.push(Field::new(&member.name, main_type(member), true));
        if can_have_sibling(member) {
            fields.push(Field::new(&member.sibling, sibling_type(member), true));
        }
    }
    fields.into()
}

/// The metadata key under which a column says the name of its field.
pub const FIELD: &str = "field";

/// The fields of the columns that are used, without the siblings that are not, at any depth. A column that is not called
/// as its field says the field's name in its metadata.
pub fn used_fields(columns: &[FieldColumn], usage: &[Usage]) -> Vec<Field> {
    let mut fields = Vec::new();
    for (column, usage) in columns.iter().zip(usage) {
        if usage.main {
            fields.push(named(&column.name, used_type(column, usage), column));
        }
        if usage.sibling {
            fields.push(named(&column.sibling, sibling_type(column), column));
        }
    }
    fields
}

fn named(name: &str, ty: DataType, column: &FieldColumn) -> Field {
    let field = Field::new(name, ty, true);
    match name == column.field {
        true => field,
        false => field.with_metadata([(FIELD.to_owned(), column.field.clone())].into()),
    }
}

/// The name that the field of a column has in the trace.
pub fn field_name(column: &Field) -> &str {
    column.metadata().get(FIELD).unwrap_or(column.name())
}

fn used_type(column: &FieldColumn, usage: &Usage) -> DataType {
    // A structure keeps all its members; of their siblings only those that are used.
    let mut members = usage.members.clone();
    members.iter_mut().for_each(|m| m.main = true);
    of_kind(&column.kind, &|leaf| {
        leaf_type(leaf, used_fields(&column.members, &members).into())
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::unite;
    use super::*;
    use crate::trace::event::{Field as TraceField, FieldType};

    fn field(name: &str, ty: FieldType) -> TraceField {
        TraceField {
            name: name.to_owned(),
            ty,
            index: 0,
        }
    }

    #[test]
    fn members_say_the_names_of_their_fields_where_their_own_differ() {
        let unsigned = || FieldType::Unsigned(64, vec![]);
        let members = vec![
            field("count", unsigned()),
            field("count", FieldType::Text),
            field("count_u64", unsigned()),
            field("IP", FieldType::Text),
            field("ip", FieldType::Text),
        ];
        let structure = FieldType::Struct(members);
        let list = FieldType::List(Box::new(structure.clone()), None);
        let deep = FieldType::Struct(vec![field("s", structure)]);
        let columns = unite([field("deep", deep), field("list", list)].iter());
        let all = |columns: &[FieldColumn]| {
            let all = columns.iter().map(|_| Usage {
                main: true,
                sibling: true,
                members: Vec::new(),
            });
            all.collect::<Vec<Usage>>()
        };
        let mut usage = all(&columns);
        usage.iter_mut().for_each(|u| u.sibling = false);
        usage[0].members = all(&columns[0].members);
        usage[0].members[0].sibling = false;
        usage[0].members[0].members = all(&columns[0].members[0].members);
        usage[1].members = all(&columns[1].members);
        let fields = used_fields(&columns, &usage);
        let DataType::Struct(deep) = fields[0].data_type() else {
            panic!("a structure");
        };
        let DataType::List(element) = fields[1].data_type() else {
            panic!("a list");
        };
        for structure in [deep[0].data_type(), element.data_type()] {
            let DataType::Struct(members) = structure else {
                panic!("a structure");
            };
            let names: Vec<[&str; 2]> = members.iter().map(|m| [m.name(), field_name(m)]).collect();
            let expected = [
                ["IP_", "IP"],
                ["IP__bytes", "IP"],
                ["count", "count"],
                ["count_u64_", "count"],
                ["count_str", "count"],
                ["count_str_bytes", "count"],
                ["count_u64", "count_u64"],
                ["count_u64_u64", "count_u64"],
                ["ip", "ip"],
                ["ip_bytes", "ip"],
            ];
            assert_eq!(names, expected);
            let own = |m: &&FieldRef| m.metadata().is_empty() == (m.name() == field_name(m));
            assert!(members.iter().all(|m| own(&m)));
        }
    }
}
