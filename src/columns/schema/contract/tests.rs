//! The contracts that are compiled in.

use super::*;

#[test]
fn the_contracts_parse_and_name_their_tables() {
    for (contract, table) in [
        (events(), "events"),
        (requests(), "requests"),
        (downstream(), "downstream"),
        (losses(), "losses"),
    ] {
        assert_eq!(contract.table, table);
        for column in &contract.sorted_by {
            assert!(contract.columns.iter().any(|c| c.name == *column));
        }
        assert!(!contract.fields(&HashMap::new()).is_empty());
    }
}

#[test]
fn every_column_says_what_it_holds_and_of_its_type() {
    for contract in all() {
        let columns = contract.columns.iter();
        for column in columns.flat_map(|c| std::iter::once(c).chain(&c.items)) {
            let place = format!("{}.{}", contract.table, column.name);
            let holds = column
                .holds
                .unwrap_or_else(|| panic!("{place} says nothing"));
            let kind = column.type_name.as_str();
            let structure = matches!(kind, "list<struct>" | "struct<by field name>");
            assert_eq!(holds == Holds::Members, structure, "{place}");
            assert_eq!(
                holds == Holds::Time,
                kind.starts_with("timestamp"),
                "{place}"
            );
            let numbers = matches!(kind, "int32" | "int64" | "list<int64>" | "boolean");
            assert!(!(numbers && holds.is_text()), "{place}");
        }
    }
    let wrong = r#"{"table": "t", "description": "", "sorted_by": [], "columns": [
        {"name": "a", "type": "int64", "nullable": true, "holds": "somewhat", "description": ""}]}"#;
    assert!(read(wrong).unwrap_err().contains("somewhat"));
}

#[test]
fn every_duration_and_time_says_its_unit() {
    for contract in all() {
        let all = contract
            .columns
            .iter()
            .flat_map(|c| std::iter::once(c).chain(&c.items));
        for column in all {
            let timed = column.name.ends_with("_ns") || column.type_name.starts_with("timestamp");
            assert_eq!(
                column.unit.as_deref() == Some("ns"),
                timed,
                "{}",
                column.name
            );
        }
    }
}
