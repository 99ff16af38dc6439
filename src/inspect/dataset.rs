//! Describes a dataset by its manifest and the footers of its files.

use crate::columns::schema::merge;
use crate::dataset::manifest::{Manifest, footer};
use crate::dataset::root::Root;
use crate::dataset::type_name::type_name;
use crate::dataset::{Table, open};
use crate::error::{Error, Result};
use crate::foreign;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What a dataset holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DatasetReport {
    /// Its folder.
    #[serde(serialize_with = "crate::shown::serialize_path")]
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its tables.
    pub tables: Vec<TableReport>,
}

/// What a table holds, as its files say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TableReport {
    /// Its name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Number of files.
    pub files: u64,
    /// Number of row groups.
    pub row_groups: u64,
    /// Its columns.
    pub columns: Vec<ColumnReport>,
}

/// A column, or a member of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ColumnReport {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means: the contract's description, or the events that have the argument.
    pub description: Option<String>,
    /// Compressed bytes that it takes in all files.
    pub bytes: u64,
    /// Members of a structure or of a list of structures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<ColumnReport>,
}

/// Says what is in the dataset in `dir`.
///
/// # Errors
/// [`Error::Input`] where it is no dataset, [`Error::Io`] and [`Error::Columns`] where a file cannot be read.
pub(crate) fn inspect_dataset(dir: &Root) -> Result<DatasetReport> {
    let dataset = open(dir)?;
    let tables = dataset.tables.iter().map(|t| inspect_table(dir, t));
    Ok(DatasetReport {
        path: dir.into(),
        manifest: Manifest::read(dir)?,
        tables: tables.collect::<Result<_>>()?,
    })
}

fn inspect_table(root: &Root, table: &Table) -> Result<TableReport> {
    let mut report = TableReport {
        name: table.name.clone(),
        rows: 0,
        bytes: 0,
        files: table.files.len() as u64,
        row_groups: 0,
        columns: Vec::new(),
    };
    let mut schemas = Vec::new();
    let mut all = Vec::new();
    for path in &table.files {
        let file = root.open(root.name_of(path))?;
        let metadata = footer(&file, path)?;
        let schema = foreign::guarded(path, || {
            arrow_schema(&metadata).map_err(Error::columns_read(path))
        })?;
        let rows = metadata.file_metadata().num_rows().max(0) as u64;
        report.rows = report.rows.saturating_add(rows);
        report.bytes += file.size(path)?;
        report.row_groups += metadata.num_row_groups() as u64;
        schemas.push(Arc::new(schema));
        all.push(metadata);
    }
    let merged = merge::merge(&schemas).map_err(|conflict| conflict.refused(&table.dir))?;
    report.columns = merged.fields().iter().map(|f| column(f)).collect();
    let columns = &mut report.columns;
    all.iter().for_each(|metadata| add_bytes(columns, metadata));
    Ok(report)
}

fn arrow_schema(metadata: &ParquetMetaData) -> Result<Schema, parquet::errors::ParquetError> {
    let file = metadata.file_metadata();
    parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
}

fn column(field: &Field) -> ColumnReport {
    let metadata = field.metadata();
    let events = metadata
        .get("events")
        .map(|events| match events.matches(',').count() {
            0..=3 => events.clone(),
            more => format!("{} events", more + 1),
        });
    ColumnReport {
        name: field.name().clone(),
        type_name: type_name(field.data_type()),
        nullable: field.is_nullable(),
        description: metadata.get("description").cloned().or(events),
        bytes: 0,
        members: members(field.data_type()),
    }
}

fn members(ty: &DataType) -> Vec<ColumnReport> {
    match ty {
        DataType::Struct(fields) => fields.iter().map(|f| column(f)).collect(),
        DataType::List(element) => members(element.data_type()),
        _ => Vec::new(),
    }
}

/// Adds the sizes of a file's column chunks to the columns that they belong to.
fn add_bytes(columns: &mut [ColumnReport], metadata: &ParquetMetaData) {
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            let path = chunk.column_path().parts();
            // Parquet puts two levels of its own between a list and its elements.
            let names: Vec<&str> = path
                .iter()
                .map(String::as_str)
                .filter(|n| !matches!(*n, "list" | "element"))
                .collect();
            add_to(columns, &names, chunk.compressed_size().max(0) as u64);
        }
    }
}

fn add_to(columns: &mut [ColumnReport], names: &[&str], bytes: u64) {
    let Some((first, rest)) = names.split_first() else {
        return;
    };
    if let Some(column) = columns.iter_mut().find(|c| c.name == *first) {
        column.bytes = column.bytes.saturating_add(bytes);
        add_to(&mut column.members, rest, bytes);
    }
}
