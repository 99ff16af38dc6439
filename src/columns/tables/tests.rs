//! Each table fills the columns of its contract, and says so where it does not.

use super::columns::{Columns, NamedColumn};
use super::mismatch::Mismatch;
use super::request_group::Common;
use super::rows::Rows;
use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::schema::contract;
use crate::columns::schema::layout::Layout;
use crate::columns::tables::plans::Plans;
use arrow::datatypes::DataType;
use std::sync::Arc;

/// A contract of these columns: names, types, and whether they may be null.
fn contract(columns: &[(&str, &str, bool)]) -> Vec<contract::Column> {
    let columns = columns.iter().map(|(name, ty, nullable)| {
        serde_json::json!({"name": name, "type": ty, "nullable": nullable, "description": ""})
    });
    serde_json::from_value(columns.collect()).unwrap()
}

/// Two columns of the rows, which are pairs.
/// A number, and one that may be null.
type Pair = (i64, Option<i64>);

fn pair() -> Vec<NamedColumn<[Pair]>> {
    let rows = Rows::<(i64, Option<i64>)>::all();
    vec![rows.column("b", |row| row.1), rows.column("a", |row| row.0)]
}

fn mismatch(contracted: &[(&str, &str, bool)]) -> Mismatch {
    Columns::open("t", &contract(contracted), pair())
        .err()
        .unwrap()
}

#[test]
fn every_table_fills_the_columns_of_its_contract() {
    let layout = Layout::new([].iter(), |_| true);
    let plans = Arc::new(Plans::new(&[], &layout, &contract::events()));
    let common = Common {
        trace_id: "t".to_owned(),
        label: None,
        spans: Arc::new([]),
        rule: "connection",
        with_args: true,
    };
    let c = contract::events();
    Columns::open(
        &c.table,
        &c.columns,
        super::event_chunk::columns(("t", None), &plans),
    )
    .unwrap();
    let c = contract::requests();
    let columns = super::request_group::columns(&common, Vec::new());
    Columns::open(&c.table, &c.columns, columns).unwrap();
    let events = c.columns.iter().find(|c| c.name == "events").unwrap();
    let columns = super::request_events::columns(&plans);
    Columns::open("requests.events", &events.items, columns).unwrap();
    let c = contract::downstream();
    Columns::open(&c.table, &c.columns, super::downstream::columns("t")).unwrap();
    let c = contract::losses();
    Columns::open(&c.table, &c.columns, super::losses::columns("t")).unwrap();
}

#[test]
fn columns_come_in_the_order_of_the_contract_whatever_the_order_in_the_table() {
    let contract = contract(&[("a", "int64", false), ("b", "int64", true)]);
    let columns = Columns::open("t", &contract, pair()).unwrap();
    assert_eq!(columns.len(), 2);
    let rows = [(1, None), (2, Some(-2))];
    let filled = columns.fill(&rows[..], rows.len()).map(|column| {
        let (field, content) = column.unwrap();
        let Content::Numbers(Numbers::Long(numbers)) = content else {
            panic!("integers are numbers");
        };
        let values = numbers.values().to_vec();
        (
            field.name().clone(),
            values.clone(),
            (0..values.len())
                .map(|n| numbers.at().element(n))
                .collect::<Vec<_>>(),
        )
    });
    let filled: Vec<_> = filled.collect();
    let expected = [
        ("a".to_owned(), vec![1, 2], vec![0, 1]),
        ("b".to_owned(), vec![-2], vec![1]),
    ];
    assert_eq!(filled, expected);
}

#[test]
fn a_column_of_the_contract_that_nothing_fills_is_an_error() {
    let all = [
        ("a", "int64", false),
        ("b", "int64", true),
        ("c", "utf8", true),
    ];
    let found = mismatch(&all);
    let column = "t.c".to_owned();
    assert_eq!(found, Mismatch::NotFilled { column });
}

#[test]
fn a_column_that_the_contract_does_not_have_is_an_error() {
    let found = mismatch(&[("a", "int64", false)]);
    let column = "t.b".to_owned();
    assert_eq!(found, Mismatch::NotInContract { column });
    let fault = found.into_fault().to_string();
    assert!(fault.contains("the contract has no column t.b"), "{fault}");
}

#[test]
fn a_column_that_is_filled_twice_is_an_error() {
    let twice = || pair().into_iter().chain(pair()).collect();
    let contract = contract(&[("a", "int64", false), ("b", "int64", true)]);
    let found = Columns::open("t", &contract, twice()).err().unwrap();
    assert!(matches!(found, Mismatch::Twice { .. }), "{found}");
}

#[test]
fn values_of_another_type_than_the_contracts_are_an_error() {
    for ty in [
        "int32",
        "utf8",
        "timestamp[ns, UTC]",
        "list<int64>",
        "boolean",
        "list<struct>",
    ] {
        let found = mismatch(&[("a", ty, false), ("b", "int64", true)]);
        let expected = Mismatch::Type {
            column: "t.a".to_owned(),
            contract: ty.to_owned(),
            filled: DataType::Int64,
        };
        assert_eq!(found, expected);
    }
    let words = || vec![Rows::<u8>::all().constant("w", Some("x"))];
    for (ty, fits) in [("utf8", true), ("dictionary<utf8>", true), ("int64", false)] {
        let opened = Columns::open("t", &contract(&[("w", ty, true)]), words());
        assert_eq!(opened.is_ok(), fits, "words as {ty}");
    }
    let apart = || vec![NamedColumn::<[u8]>::apart("s")];
    for (ty, fits) in [
        ("struct<by field name>", true),
        ("list<struct>", true),
        ("int64", false),
    ] {
        let opened = Columns::open("t", &contract(&[("s", ty, true)]), apart());
        assert_eq!(opened.is_ok(), fits, "a structure as {ty}");
    }
}

#[test]
fn members_of_lists_are_compared_too() {
    let list = |member: &'static str| {
        let items = Rows::<i64>::all().column(member, |item| *item);
        vec![Rows::<Option<Vec<i64>>>::all().structs("l", vec![items], |row| row.as_deref())]
    };
    let mut contract = contract(&[("l", "list<struct>", true)]);
    contract[0].items = self::contract(&[("m", "int64", false)]);
    let rows = [Some(vec![1, 2]), None, Some(vec![])];
    let columns = Columns::open("t", &contract, list("m")).unwrap();
    let (_, content) = columns.fill(&rows[..], 3).next().unwrap().unwrap();
    let Content::Lists(lists) = content else {
        panic!("they are lists");
    };
    let of_rows: Vec<usize> = lists.rows.iter().collect();
    assert_eq!((of_rows, lists.offsets), (vec![0, 2], vec![0, 2, 2]));
    let Content::Structures(structures) = *lists.elements else {
        panic!("of structures");
    };
    assert_eq!(structures.rows.iter().count(), 2);
    let [Some(Content::Numbers(Numbers::Long(longs)))] = &structures.members[..] else {
        panic!("with one member");
    };
    assert_eq!(longs.values(), [1, 2]);
    let found = Columns::open("t", &contract, list("n")).err().unwrap();
    let column = "t.l.m".to_owned();
    assert_eq!(found, Mismatch::NotFilled { column });
    let plain = self::contract(&[("l", "int64", true)]);
    let found = Columns::open("t", &plain, list("m")).err().unwrap();
    assert!(matches!(found, Mismatch::Type { .. }), "{found}");
}

#[test]
fn a_null_that_the_contract_excludes_is_an_error() {
    let contract = contract(&[("a", "int64", false), ("b", "int64", false)]);
    let columns = Columns::open("t", &contract, pair()).unwrap();
    let full = [(1, Some(1))];
    assert!(columns.fill(&full[..], 1).all(|column| column.is_ok()));
    let lacking = [(1, None)];
    let found: Vec<bool> = columns.fill(&lacking[..], 1).map(|c| c.is_ok()).collect();
    assert_eq!(found, [true, false]);
}
