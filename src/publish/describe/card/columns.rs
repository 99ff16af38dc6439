//! The card's sections on how requests are cut, and on the columns of the tables.

use crate::columns::schema::contract::{self, Column};
use crate::publish::describe::markdown::code;
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::requests::rules;
use std::fmt::Write;

pub(super) fn requests(text: &mut String, metadata: &ReleaseMetadata) {
    let options = &metadata.manifest.dataset.options;
    // Nothing is said of a rule that only another version of this program has.
    let rule = rules::named(&options.requests);
    let words = rule.map_or(String::new(), |rule| format!(": {}", rule.description));
    let _ = writeln!(text, "## How requests are cut\n");
    let _ = writeln!(
        text,
        "By the rule {}{words}. The options of the cut:\n",
        code(&options.requests)
    );
    for (key, value) in options.pairs() {
        let _ = writeln!(text, "- {}: {}", code(&key), code(&value.to_string()));
    }
    text.push('\n');
}

pub(super) fn columns(text: &mut String, metadata: &ReleaseMetadata) {
    let _ = writeln!(
        text,
        "## Columns\n\n\
         Times and durations are in nanoseconds. `schemas/` has the contract of each table; the members of `args` are the\n\
         fields of the events by name, with the events that have each in the metadata of the Parquet files."
    );
    let tables = metadata.tables();
    for contract in contract::all()
        .iter()
        .filter(|c| tables.contains(&c.table.as_str()))
    {
        let _ = writeln!(
            text,
            "\n### `{}`\n\n{}\n",
            contract.table, contract.description
        );
        let _ = writeln!(text, "| column | type | meaning |\n|---|---|---|");
        let there = |c: &&Column| {
            metadata.schemas[&contract.table]
                .field_with_name(&c.name)
                .is_ok()
        };
        for column in contract.columns.iter().filter(there) {
            row(text, "", column);
            let parent = format!("{}[].", column.name);
            column
                .items
                .iter()
                .for_each(|item| row(text, &parent, item));
        }
    }
    text.push('\n');
}

fn row(text: &mut String, parent: &str, column: &Column) {
    let null = if column.nullable { ", null" } else { "" };
    let _ = writeln!(
        text,
        "| `{parent}{}` | {}{null} | {} |",
        column.name, column.type_name, column.description
    );
}
