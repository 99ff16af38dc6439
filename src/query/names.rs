//! What a person may name in SQL over a dataset: to be listed, described, and completed as it is typed.
//!
//! Columns are described by what their files say of them, and views by the comment at the top of their definition.

use crate::dataset::type_name::type_name;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::TableReference;
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::TableType;
use datafusion::prelude::SessionContext;
use futures::FutureExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The contracts of the tables, for their descriptions.
const CONTRACTS: [&str; 6] = [
    include_str!("../../schemas/events.json"),
    include_str!("../../schemas/requests.json"),
    include_str!("../../schemas/downstream.json"),
    include_str!("../../schemas/losses.json"),
    include_str!("../../schemas/recordings.json"),
    include_str!("../../schemas/spans.json"),
];

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    /// Its name.
    pub name: String,
    /// `table` or `view`.
    pub kind: &'static str,
    /// What a row of it is; empty where nobody says it.
    pub description: String,
}

/// A column, or a member of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in words.
    pub type_name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// The unit of its values; empty where they have none, or it is not known.
    pub unit: String,
    /// What it means, or the events that have the argument; empty where its file does not say it.
    pub description: String,
    /// Members of a structure, or of the structures in a list.
    pub members: Vec<Column>,
}

/// Everything that may be named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Tables and views, with the names of their columns.
    pub tables: Vec<(String, Vec<String>)>,
    /// The members of columns that have some, by the column's name: arguments of events above all.
    pub members: BTreeMap<String, Vec<String>>,
    /// Functions.
    pub functions: Vec<String>,
}

impl Names {
    /// The names of these tables and functions.
    pub(super) fn new(
        context: &SessionContext,
        tables: impl Iterator<Item = String>,
        functions: Vec<String>,
    ) -> Self {
        let mut names = Names {
            functions,
            ..Names::default()
        };
        for table in tables {
            let columns = columns(context, &table).unwrap_or_default();
            columns.iter().for_each(|column| names.add_members(column));
            let columns = columns.into_iter().map(|column| column.name);
            names.tables.push((table, columns.collect()));
        }
        for members in names.members.values_mut() {
            members.sort_unstable();
            members.dedup();
        }
        names
    }

    fn add_members(&mut self, column: &Column) {
        if column.members.is_empty() {
            return;
        }
        let known = self.members.entry(column.name.clone()).or_default();
        known.extend(column.members.iter().map(|member| member.name.clone()));
        for member in &column.members {
            self.add_members(member);
        }
    }
}

/// The tables and views of a session, sorted; `views` has the definitions of those that every dataset has.
pub(super) fn tables(context: &SessionContext, views: &[(&str, &str)]) -> Vec<TableName> {
    let mut names: Vec<String> = context
        .catalog_names()
        .iter()
        .filter_map(|catalog| context.catalog(catalog)?.schema("public"))
        .flat_map(|schema| schema.table_names())
        .collect();
    names.sort_unstable();
    let contracts = descriptions();
    let described = names.into_iter().map(|name| {
        let view = views.iter().find(|(view, _)| *view == name);
        let kind = match provider(context, &name).map(|table| table.table_type()) {
            Some(TableType::View) if !contracts.contains_key(&name) => "view",
            _ => "table",
        };
        let description = match view {
            Some((_, definition)) => gist(definition),
            None => contracts.get(&name).cloned().unwrap_or_default(),
        };
        TableName {
            name,
            kind,
            description,
        }
    });
    described.collect()
}

/// The columns of a table or view; `None` where there is none of this name.
pub(super) fn columns(context: &SessionContext, table: &str) -> Option<Vec<Column>> {
    let table = provider(context, table)?;
    Some(described(table.schema().fields()))
}

/// Tables of a session are in memory: nothing is waited for.
fn provider(context: &SessionContext, name: &str) -> Option<Arc<dyn TableProvider>> {
    let found = context.table_provider(TableReference::bare(name));
    found.now_or_never()?.ok()
}

fn described(fields: &Fields) -> Vec<Column> {
    fields.iter().map(|field| column(field)).collect()
}

fn column(field: &Field) -> Column {
    let said = |key: &str| field.metadata().get(key).cloned();
    Column {
        name: field.name().clone(),
        type_name: type_name(field.data_type()),
        nullable: field.is_nullable(),
        unit: said("unit").unwrap_or_default(),
        description: said("description").or(said("events")).unwrap_or_default(),
        members: members(field.data_type()),
    }
}

fn members(ty: &DataType) -> Vec<Column> {
    match ty {
        DataType::Struct(fields) => described(fields),
        DataType::List(element) => members(element.data_type()),
        _ => Vec::new(),
    }
}

/// What the contracts say of the tables, by their names.
fn descriptions() -> BTreeMap<String, String> {
    let contracts = CONTRACTS.iter().filter_map(|text| {
        let contract: Value = serde_json::from_str(text).ok()?;
        let text = |key: &str| contract[key].as_str().map(str::to_owned);
        Some((text("table")?, text("description")?))
    });
    contracts.collect()
}

/// The comment at the top of a definition up to its columns: in one line, to the first colon or full stop.
fn gist(definition: &str) -> String {
    let lines = definition.lines();
    let comment = lines.map_while(|line| line.strip_prefix("--"));
    let words: Vec<&str> = comment.flat_map(str::split_whitespace).collect();
    let text = words.join(" ");
    let end = text.find([':', '.']).unwrap_or(text.len());
    match end {
        0 => text,
        end => format!("{}.", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_describes_its_table() {
        let all = descriptions();
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "downstream",
                "events",
                "losses",
                "recordings",
                "requests",
                "spans"
            ]
        );
        assert!(all.values().all(|text| text.ends_with('.')));
    }

    #[test]
    fn a_view_is_described_by_the_first_words_of_its_comment() {
        let text = "-- Calls, one row\n-- each: entry_id. And more.\nCREATE VIEW x AS -- no";
        assert_eq!(gist(text), "Calls, one row each.");
        assert_eq!(gist("SELECT 1"), "");
    }

    #[test]
    fn members_are_known_at_every_depth() {
        let context = SessionContext::new();
        let sql = "CREATE VIEW v AS SELECT 1 AS id, named_struct('fd', 3, 'at', named_struct('x', 1)) AS args, \
                   make_array(named_struct('name', 'read')) AS events";
        let made = async { context.sql(sql).await.unwrap().collect().await.unwrap() };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(made);
        let all = tables(&context, &[]);
        assert_eq!((all[0].name.as_str(), all[0].kind), ("v", "view"));
        let columns = columns(&context, "v").unwrap();
        assert_eq!(columns[2].type_name, "list<struct>");
        let names = Names::new(&context, ["v".to_owned()].into_iter(), Vec::new());
        assert_eq!(names.tables[0].1, ["id", "args", "events"]);
        assert_eq!(names.members["args"], ["at", "fd"]);
        assert_eq!(names.members["at"], ["x"]);
        assert_eq!(names.members["events"], ["name"]);
        assert!(super::columns(&context, "none").is_none());
    }
}
