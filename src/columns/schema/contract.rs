//! The published contract of the tables, `schemas/*.json`, as Arrow fields.
//!
//! The files in `schemas/` are what other labs read, and what this program writes by: they are compiled in and turned
//! into the Arrow schema of every file, descriptions and units included (as field metadata). So the two cannot differ.

use super::holds::Holds;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// A table's contract.
#[derive(Debug, Clone, Deserialize)]
pub struct Contract {
    /// The table's name, which is also its folder's.
    pub table: String,
    /// What a row is.
    pub description: String,
    /// The order of the rows.
    pub sorted_by: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// `events` only: names of arguments that hold the descriptor a call works on, best first.
    #[serde(default)]
    pub fd_arguments: Vec<String>,
    /// `events` only: names of arguments that hold a file name, best first.
    #[serde(default)]
    pub path_arguments: Vec<String>,
}

/// A column of a contract.
#[derive(Debug, Clone, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the contract writes it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Unit of its values.
    pub unit: Option<String>,
    /// What its values tell of. Releases of earlier versions do not say it; an anonymized release lets no value stay of
    /// which it is not said. It is not written into files.
    #[serde(default)]
    pub holds: Option<Holds>,
    /// What it means.
    pub description: String,
    /// Whether a dataset may lack it.
    #[serde(default)]
    pub optional: bool,
    /// The version of a dataset's form since which there is this column; since the first where it is not said. Files that
    /// were made before lack it, and it is null in their rows.
    #[serde(default)]
    pub since: Option<u32>,
    /// `list<struct>` only: the members of an element.
    #[serde(default)]
    pub items: Vec<Column>,
}

/// The contract of `events`.
pub fn events() -> Contract {
    parse(include_str!("../../../schemas/events.json"))
}

/// The contract of `requests`.
pub fn requests() -> Contract {
    parse(include_str!("../../../schemas/requests.json"))
}

/// The contract of `downstream`.
pub fn downstream() -> Contract {
    parse(include_str!("../../../schemas/downstream.json"))
}

/// The contract of `losses`.
pub fn losses() -> Contract {
    parse(include_str!("../../../schemas/losses.json"))
}

/// The contract of a table of a dataset; nothing for what is none of them.
pub fn of(table: &str) -> Option<Contract> {
    all().into_iter().find(|contract| contract.table == table)
}

/// The contracts of all tables.
pub fn all() -> [Contract; 4] {
    [events(), requests(), downstream(), losses()]
}

/// The files of `schemas/`: the name of each, and its text.
pub fn texts() -> [(&'static str, &'static str); 4] {
    [
        ("events.json", include_str!("../../../schemas/events.json")),
        (
            "requests.json",
            include_str!("../../../schemas/requests.json"),
        ),
        (
            "downstream.json",
            include_str!("../../../schemas/downstream.json"),
        ),
        ("losses.json", include_str!("../../../schemas/losses.json")),
    ]
}

/// Types that a contract may write.
const TYPES: [&str; 9] = [
    "int32",
    "int64",
    "boolean",
    "utf8",
    "dictionary<utf8>",
    "timestamp[ns, UTC]",
    "list<int64>",
    "list<struct>",
    "struct<by field name>",
];

/// Reads a contract that came from elsewhere, as with a release.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Contract, String> {
    let contract: Contract = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let columns = contract.columns.iter();
    let mut all = columns.flat_map(|c| std::iter::once(c).chain(&c.items));
    match all.find(|c| !TYPES.contains(&c.type_name.as_str())) {
        None => Ok(contract),
        Some(column) => Err(format!(
            "the column {} has the type {}, which this program does not know",
            column.name, column.type_name
        )),
    }
}

fn parse(text: &str) -> Contract {
    serde_json::from_str(text).expect("the contracts are tested")
}

impl Contract {
    /// All Arrow fields in order. `structs` gives the members of `struct<by field name>` columns by name; columns that
    /// are not in it are left out where they are optional.
    pub fn fields(&self, structs: &HashMap<String, Fields>) -> Fields {
        fields_of(&self.columns, structs)
    }

    /// The schema of a table without `struct<by field name>` columns.
    pub fn schema(&self) -> Schema {
        Schema::new(self.fields(&HashMap::new()))
    }
}

fn fields_of(columns: &[Column], structs: &HashMap<String, Fields>) -> Fields {
    columns
        .iter()
        .filter(|c| !(c.optional && c.is_open() && !structs.contains_key(&c.name)))
        .map(|c| Arc::new(c.field(structs)))
        .collect::<Vec<FieldRef>>()
        .into()
}

impl Column {
    /// Whether its members depend on the trace.
    pub fn is_open(&self) -> bool {
        self.type_name == "struct<by field name>"
    }

    /// The Arrow field; `structs` as in [`Contract::fields`].
    pub fn field(&self, structs: &HashMap<String, Fields>) -> Field {
        let mut metadata = HashMap::from([("description".to_owned(), self.description.clone())]);
        if let Some(unit) = &self.unit {
            metadata.insert("unit".to_owned(), unit.clone());
        }
        Field::new(&self.name, self.data_type(structs), self.nullable).with_metadata(metadata)
    }

    fn data_type(&self, structs: &HashMap<String, Fields>) -> DataType {
        match self.type_name.as_str() {
            "int32" => DataType::Int32,
            "int64" => DataType::Int64,
            "boolean" => DataType::Boolean,
            "utf8" => DataType::Utf8,
            "dictionary<utf8>" => dictionary(),
            "timestamp[ns, UTC]" => timestamp(),
            "list<int64>" => {
                DataType::List(Arc::new(Field::new("element", DataType::Int64, false)))
            }
            "list<struct>" => {
                let element = DataType::Struct(fields_of(&self.items, structs));
                DataType::List(Arc::new(Field::new("element", element, false)))
            }
            "struct<by field name>" => {
                DataType::Struct(structs.get(&self.name).cloned().unwrap_or_default())
            }
            other => unreachable!("type {other} in a contract"),
        }
    }
}

/// Strings of which few are different.
pub fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Nanoseconds since the Unix epoch.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

#[cfg(test)]
mod tests;
