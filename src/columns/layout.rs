//! Which columns the fields of events go to: fields united by name over all event classes.
//!
//! The rule depends on the metadata of the trace only, never on which event comes first, so that two traces of one
//! kernel give the same columns:
//!
//! - fields of one name and one kind (integer, float, text, list of a kind, structure) share a column;
//! - a name that has fields of several kinds gets a column per kind; the first in the order integer, float, text, list,
//!   structure is called by the name alone, the others `NAME_float`, `NAME_str`, `NAME_list`, `NAME_struct` (a list of
//!   other things than integers: `NAME_list_str` …);
//! - structures of one name unite their members by the same rule; a variant is a structure of its options;
//! - beside an integer column stands `NAME_u64` for unsigned values of 2^63 and more, beside a text column `NAME_bytes`
//!   for values that are not UTF-8. They exist in a dataset only where such values occur.
//!
//! A structure without members has no column: there is nothing to store, and Parquet has no such type.
//!
//! A column's name never hides another's, and no two are the same without case: SQL knows no case, so that in DuckDB and
//! Spark `args.ip` would read whichever of `ip` and `IP` comes first. Of fields whose names differ only by case, the one
//! whose name comes last in the order of bytes (lower case after upper) is called by its name, and the others get
//! underscores at the end, as do names of columns for other kinds and siblings that are taken: `ip` and `IP_`.

use crate::trace::event::{Field, FieldType};
use std::collections::{BTreeMap, BTreeSet};

/// The kind of a field: what decides which column it goes to. The order is the order of the naming rule.
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

    fn suffix(&self) -> String {
        match self {
            Kind::Int => "int".to_owned(),
            Kind::Float => "float".to_owned(),
            Kind::Text => "str".to_owned(),
            Kind::List(inner) if **inner == Kind::Int => "list".to_owned(),
            Kind::List(inner) => format!("list_{}", inner.suffix()),
            Kind::Struct => "struct".to_owned(),
        }
    }
}

/// A column that fields of one name and kind share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The name of the fields in it.
    pub field: String,
    /// Their kind.
    pub kind: Kind,
    /// Name of the column beside it for values that it cannot hold (`…_u64` or `…_bytes`), for the kinds that have
    /// such, or lists of them.
    pub sibling: String,
    /// Whether some class has unsigned fields of 64 bits here, so that the sibling `…_u64` can come to be used.
    pub wide: bool,
    /// For structures and lists of structures: their united members.
    pub members: Vec<Column>,
}

/// How a field's value goes into columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Nowhere: it is not to be stored, or a structure without members, which has nothing to store.
    Nowhere,
    /// Integer, float or text.
    Leaf,
    /// Each element by the route.
    List(Box<Route>),
    /// Each member (or the option of a variant) to the column of this number by the route.
    Members(Vec<(usize, Route)>),
}

/// Unites `fields` (of all event classes) into columns, sorted by field name and kind.
pub fn unite<'a>(fields: impl Iterator<Item = &'a Field>) -> Vec<Column> {
    unite_all(fields.collect())
}

fn unite_all(fields: Vec<&Field>) -> Vec<Column> {
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
            let sibling = match innermost(kind) {
                Kind::Int => fresh(format!("{column}_u64"), &mut taken),
                Kind::Text => fresh(format!("{column}_bytes"), &mut taken),
                _ => String::new(),
            };
            let inner: Vec<&FieldType> = types.iter().map(|t| element(t)).collect();
            columns.push(Column {
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

/// How many columns these are, with those of their members.
pub fn count(columns: &[Column]) -> usize {
    columns.iter().map(|c| 1 + count(&c.members)).sum()
}

/// The column of `columns` for a field, and the route of its values; [`Route::Nowhere`] (and any number) where the field
/// was not among those that were united.
pub fn route(columns: &[Column], field: &Field) -> (usize, Route) {
    if hollow(&field.ty) {
        return (0, Route::Nowhere);
    }
    let kind = Kind::of(&field.ty);
    let found = columns
        .iter()
        .position(|c| c.field == field.name && c.kind == kind);
    match found {
        Some(i) => (i, route_of(&columns[i], &field.ty)),
        None => (0, Route::Nowhere),
    }
}

fn route_of(column: &Column, ty: &FieldType) -> Route {
    match ty {
        FieldType::List(element, _) => Route::List(Box::new(route_of(column, element))),
        FieldType::Struct(fields) | FieldType::Variant(fields) => {
            Route::Members(fields.iter().map(|f| route(&column.members, f)).collect())
        }
        _ => Route::Leaf,
    }
}

/// Whether a type has no value in it: a structure without members, or with only such.
fn hollow(ty: &FieldType) -> bool {
    match ty {
        FieldType::Struct(fields) | FieldType::Variant(fields) => {
            fields.iter().all(|f| hollow(&f.ty))
        }
        FieldType::List(element, _) => hollow(element),
        _ => false,
    }
}

/// What a kind of lists holds in the end.
pub fn innermost(kind: &Kind) -> &Kind {
    match kind {
        Kind::List(inner) => innermost(inner),
        other => other,
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

/// What the fields called `names` are called as columns, and the names that are taken then, without case.
fn called<'a>(
    names: impl DoubleEndedIterator<Item = &'a str> + Clone,
) -> (BTreeMap<&'a str, String>, BTreeSet<String>) {
    let mut taken = BTreeSet::new();
    let mut called = BTreeMap::new();
    // First those that keep their names, lest another take one of them.
    for name in names.clone().rev() {
        if taken.insert(caseless(name)) {
            called.insert(name, name.to_owned());
        }
    }
    for name in names.rev() {
        called
            .entry(name)
            .or_insert_with(|| fresh(format!("{name}_"), &mut taken));
    }
    (called, taken)
}

/// A name as one that knows no case compares it: DuckDB maps ASCII, Spark all of Unicode, there and back.
pub fn caseless(name: &str) -> String {
    name.to_lowercase().to_uppercase().to_lowercase()
}

fn fresh(mut name: String, taken: &mut BTreeSet<String>) -> String {
    while !taken.insert(caseless(&name)) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, ty: FieldType) -> Field {
        Field {
            name: name.to_owned(),
            ty,
            index: 0,
        }
    }

    fn unsigned(bits: u64) -> FieldType {
        FieldType::Unsigned(bits, vec![])
    }

    fn list(of: FieldType) -> FieldType {
        FieldType::List(Box::new(of), None)
    }

    fn names(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(|c| c.name.as_str()).collect()
    }

    #[test]
    fn one_name_of_several_kinds_has_a_column_per_kind_in_fixed_order() {
        let fields = [
            field("x", list(FieldType::Text)),
            field("x", FieldType::Struct(vec![field("y", unsigned(1))])),
            field("x", FieldType::Text),
            field("x", list(unsigned(8))),
            field("x", FieldType::Signed(32, vec![])),
            field("x", FieldType::Float(32)),
            field("x", unsigned(16)),
        ];
        let expected = ["x", "x_float", "x_str", "x_list", "x_list_str", "x_struct"];
        let columns = unite(fields.iter());
        assert_eq!(names(&columns), expected);
        assert_eq!(
            columns,
            unite(fields.iter().rev()),
            "the order of classes must not matter"
        );
        assert!(!columns[0].wide);
    }

    #[test]
    fn a_column_never_hides_another_field() {
        let fields = [
            field("x", unsigned(64)),
            field("x", FieldType::Text),
            field("x_str", FieldType::Float(64)),
            field("x_u64", unsigned(64)),
        ];
        let columns = unite(fields.iter());
        assert_eq!(names(&columns), ["x", "x_str_", "x_str", "x_u64"]);
        assert_eq!(columns[0].sibling, "x_u64_");
        assert!(columns[0].wide);
    }

    #[test]
    fn no_two_names_are_the_same_without_case() {
        let fields = [
            field("ip", unsigned(64)),
            field("IP", unsigned(64)),
            field("Ip", FieldType::Text),
            field("ip_", unsigned(8)),
            field("X", FieldType::Text),
            field("x_bytes", unsigned(64)),
            field("Y_U64", unsigned(64)),
            field("y", unsigned(64)),
            field("z", unsigned(64)),
            field("z", FieldType::Text),
            field("Z_str", FieldType::Float(64)),
            field("ſ", unsigned(64)),
            field("S", unsigned(64)),
        ];
        let columns = unite(fields.iter());
        let of = |name: &str| -> Vec<&str> {
            let all = columns.iter().filter(|c| c.field == name);
            all.map(|c| c.name.as_str()).collect()
        };
        assert_eq!(of("ip"), ["ip"], "the one in lower case keeps its name");
        assert_eq!((of("Ip"), of("IP")), (vec!["Ip__"], vec!["IP___"]));
        assert_eq!(of("ip_"), ["ip_"], "nor does another field lose its own");
        assert_eq!(of("z"), ["z", "z_str_"]);
        let sibling = |name: &str| &columns.iter().find(|c| c.name == name).unwrap().sibling;
        assert_eq!(sibling("X"), "X_bytes_");
        assert_eq!(sibling("y"), "y_u64_");
        assert_eq!(
            (of("ſ"), of("S")),
            (vec!["ſ"], vec!["S_"]),
            "Spark's case is Unicode's"
        );
        let all = columns.iter().flat_map(|c| [&c.name, &c.sibling]);
        let all: Vec<String> = all.filter(|n| !n.is_empty()).map(|n| caseless(n)).collect();
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(columns, unite(fields.iter().rev()), "in any order");
        let inner = field("s", FieldType::Struct(fields.to_vec()));
        assert_eq!(
            unite([&inner].into_iter())[0].members,
            columns,
            "at any depth"
        );
    }

    #[test]
    fn what_holds_nothing_has_no_column() {
        let hollow = field(
            "h",
            list(FieldType::Struct(vec![field(
                "i",
                FieldType::Struct(vec![]),
            )])),
        );
        let whole = field(
            "w",
            FieldType::Struct(vec![hollow.clone(), field("n", unsigned(8))]),
        );
        let columns = unite([&hollow, &whole].into_iter());
        assert_eq!(names(&columns), ["w"]);
        assert_eq!(route(&columns, &hollow).1, Route::Nowhere);
        let expected = Route::Members(vec![(0, Route::Nowhere), (0, Route::Leaf)]);
        assert_eq!(route(&columns, &whole), (0, expected));
    }

    #[test]
    fn structures_and_variants_unite_their_members() {
        let a = field(
            "s",
            list(FieldType::Struct(vec![field("fd", unsigned(32))])),
        );
        let b = field(
            "s",
            list(FieldType::Variant(vec![
                field("name", FieldType::Text),
                field("fd", FieldType::Signed(64, vec![])),
            ])),
        );
        let columns = unite([&a, &b].into_iter());
        assert_eq!(columns.len(), 1);
        assert_eq!(names(&columns[0].members), ["fd", "name"]);
        let expected = Route::Members(vec![(1, Route::Leaf), (0, Route::Leaf)]);
        assert_eq!(route(&columns, &b), (0, Route::List(Box::new(expected))));
    }
}
