//! Tables against their contract, and their numbers of rows against the manifest.

use super::release::Release;
use super::report::{Kind, Report, ends};
use crate::columns::schema::contract::{self, Contract};
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::release::SCHEMAS;
use crate::publish::rows::Rows;
use arrow::datatypes::{DataType, Fields, SchemaRef};
use std::collections::HashMap;

/// Checks all tables; returns whether their rows can be read as what the contract says.
pub(super) fn check(release: &Release, report: &mut Report) -> Result<bool> {
    let mut sound = true;
    for expected in contract::all() {
        let table = expected.table.clone();
        let Some(contract) = contract_of(release, expected, report) else {
            sound = false;
            continue;
        };
        let Some(files) = release.manifest.dataset.tables.get(&table) else {
            report.add(
                Kind::Missing,
                &table,
                "manifest.json names no files of this table",
            );
            sound = false;
            continue;
        };
        let mut first: Option<SchemaRef> = None;
        let mut rows = 0;
        for file in &files.files {
            release.go_on()?;
            let opened = match release.open(&file.path) {
                Ok(opened) => opened,
                Err(e) if ends(&e) => return Err(e),
                Err(e) => {
                    report.add(Kind::Unreadable, &file.path, e.reason());
                    sound = false;
                    continue;
                }
            };
            let of_contract = (&contract, !release.is_release);
            sound &= columns(&opened, &file.path, of_contract, first.as_ref(), report);
            if release.is_release {
                first.get_or_insert_with(|| opened.schema().clone());
            }
            let shard = release.manifest.release.shards.get(&file.path);
            let told = [Some(file.rows), shard.map(|s| s.rows)];
            rows += count(&opened, &file.path, &told, report);
        }
        total(report, &table, rows, files.rows);
        let m = &release.manifest.dataset;
        match table.as_str() {
            tables::EVENTS => total(report, &table, rows, m.events),
            tables::REQUESTS => total(report, &table, rows, m.requests),
            _ => {}
        }
        report.rows += rows;
    }
    Ok(sound)
}

/// The contract of a table: a release brings its own.
fn contract_of(release: &Release, expected: Contract, report: &mut Report) -> Option<Contract> {
    if !release.is_release {
        return Some(expected);
    }
    let name = format!("{SCHEMAS}/{}.json", expected.table);
    let text = release.root.text(&name);
    let read = text.map_err(|e| e.reason());
    match read.and_then(|text| contract::read(&text)) {
        Ok(contract) => Some(contract),
        Err(e) => {
            report.add(Kind::Schema, name, e);
            None
        }
    }
}

fn count(opened: &Rows, path: &str, told: &[Option<u64>], report: &mut Report) -> u64 {
    let rows = opened.metadata().file_metadata().num_rows().max(0) as u64;
    for told in told.iter().flatten().filter(|t| **t != rows) {
        report.add(
            Kind::Rows,
            path,
            format_args!("has {rows} rows, but manifest.json says {told}"),
        );
    }
    rows
}

fn total(report: &mut Report, table: &str, rows: u64, told: u64) {
    if rows != told {
        let what = format_args!("all shards have {rows} rows, but manifest.json says {told}");
        report.add(Kind::Rows, table, what);
    }
}

/// The members that a file gives to the open structures of the contract.
fn structs(fields: &Fields) -> HashMap<String, Fields> {
    let mut found = HashMap::new();
    for field in fields {
        match field.data_type() {
            DataType::Struct(members) if matches!(field.name().as_str(), "args" | "context") => {
                found.insert(field.name().clone(), members.clone());
            }
            DataType::List(element) if field.name() == "events" => {
                if let DataType::Struct(members) = element.data_type() {
                    found.extend(structs(members));
                }
            }
            _ => {}
        }
    }
    found
}

/// The `expected` fields without those that the contract has since a later version of a dataset's form, where the file lacks
/// them: to a dataset that was made before files can be added, and its own stay as they are.
fn with_what_was_there(expected: &Fields, contract: &Contract, fields: &Fields) -> Fields {
    let later = |name: &str| {
        let mut columns = contract.columns.iter();
        columns.any(|column| column.name == name && column.since.is_some())
    };
    let kept = expected.iter();
    let kept = kept.filter(|f| fields.find(f.name()).is_some() || !later(f.name()));
    kept.cloned().collect::<Vec<_>>().into()
}

/// Names each column that is not as the contract, or the table's first file, has it.
fn columns(
    opened: &Rows,
    path: &str,
    (contract, may_lack): (&Contract, bool),
    first: Option<&SchemaRef>,
    report: &mut Report,
) -> bool {
    let fields = opened.schema().fields();
    let expected = contract.fields(&structs(fields));
    let expected = match may_lack {
        true => with_what_was_there(&expected, contract, fields),
        false => expected,
    };
    if *fields == expected {
        if first.is_some_and(|f| f.fields() != fields) {
            let what = "has other members of args or context than the table's first file";
            report.add(Kind::Schema, path, what);
            return false;
        }
        return true;
    }
    let mut faults: Vec<String> = Vec::new();
    let mut fault = |what: String| faults.push(what);
    for want in &expected {
        match fields.find(want.name()) {
            None => fault(format!("lacks the column {}", want.name())),
            Some((_, have)) if have.data_type() != want.data_type() => fault(format!(
                "the column {} is not of the type that the contract says",
                want.name()
            )),
            Some((_, have)) if have.is_nullable() != want.is_nullable() => fault(format!(
                "the column {} may be null here or in the contract, but not in both",
                want.name()
            )),
            Some((_, have)) if have.metadata() != want.metadata() => fault(format!(
                "the column {} is not described as in the contract",
                want.name()
            )),
            Some(_) => {}
        }
    }
    for have in fields.iter().filter(|f| expected.find(f.name()).is_none()) {
        fault(format!(
            "has the column {}, which the contract does not",
            have.name()
        ));
    }
    if faults.is_empty() {
        faults.push("its columns are not in the order of the contract".to_owned());
    }
    faults
        .into_iter()
        .for_each(|what| report.add(Kind::Schema, path, what));
    false
}
