//! Fields united by name, and what their columns are called.

use super::*;
use crate::columns::schema::names::caseless;
use crate::columns::schema::route::{Route, route};
use std::collections::BTreeSet;

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

fn names(columns: &[FieldColumn]) -> Vec<&str> {
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

#[test]
fn a_layout_follows_from_the_one_class_that_it_gives_alone_and_with_others() {
    let point = |name| {
        FieldType::Struct(vec![
            field(name, unsigned(64)),
            field("x", list(list(unsigned(8)))),
        ])
    };
    let options = FieldType::Variant(vec![
        field("X", FieldType::Text),
        field("y", FieldType::Float(32)),
    ]);
    let all = [
        EventClass::new(
            "a",
            vec![field("ctx", unsigned(64))],
            vec![field("p", point("y")), field("IP", unsigned(8))],
        ),
        EventClass::new(
            "b",
            vec![field("ctx", FieldType::Text)],
            vec![field("p", options), field("ip", FieldType::Text)],
        ),
        EventClass::new(
            "c",
            vec![],
            vec![
                field("p", list(point("z"))),
                field("none", FieldType::Struct(vec![])),
            ],
        ),
        EventClass::new(
            "d",
            vec![],
            vec![
                field("p_u64", unsigned(64)),
                field("p", FieldType::Signed(8, vec![])),
            ],
        ),
    ];
    let stores = |name: &str| name != "IP";
    let whole = Layout::new(all.iter(), stores);
    assert_eq!(Layout::new([whole.class()].iter(), stores), whole);
    for split in 0..=all.len() {
        let (some, others) = all.split_at(split);
        let some = Layout::new(some.iter(), stores).class();
        assert_eq!(
            Layout::new(others.iter().chain([&some]), stores),
            whole,
            "{split}"
        );
    }
}
