//! How long the lists of a recording may be, before any of them is decoded.
//!
//! A few bytes decode to lists of any length, which have to be in memory as a whole. No list of events has more than the
//! recording has, and no row group more than a release is written with; how many values the pages have is said by their
//! headers, which is what decoding goes by.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::manifest::Recording;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::rows::Rows;
use parquet::basic::{LogicalType, Type};
use parquet::schema::types::ColumnDescriptor;
use std::collections::BTreeMap;

/// Bytes that the lists of a row group take in memory at most: more than a release is written with.
const GROUP_BYTES: u64 = 1 << 30;
/// The lists of events of a request.
const NESTED: &str = "events.list.element.";
/// A member that each nested event has.
const NESTED_ID: &str = "events.list.element.event_id";

/// Checks the lists of a recording that has so many events; returns whether they can be decoded.
pub(super) fn check(
    release: &Release,
    recording: &Recording,
    events: u64,
    report: &mut Report,
) -> Result<bool> {
    let mut sound = true;
    for table in [tables::EVENTS, tables::REQUESTS, tables::DOWNSTREAM] {
        let mut in_lists: BTreeMap<String, u64> = BTreeMap::new();
        let mut all_rows = 0_u64;
        for (path, _) in release.shards(table, &recording.trace_id, None) {
            release.go_on()?;
            let rows = release.open(path)?;
            for group in 0..rows.metadata().num_row_groups() {
                sound &= of_group(&rows, (group, path), &mut in_lists, report)?;
                let count = rows.metadata().row_group(group).num_rows();
                all_rows = all_rows.saturating_add(count.max(0) as u64);
            }
        }
        for (column, elements) in in_lists {
            let (most, kind) = match column.as_str() {
                "event_ids" => (events, Kind::Links),
                // Blocked in a call once for each event at which it was, and once before the first.
                "blocked" => (events.saturating_add(all_rows), Kind::Nested),
                _ => (events, Kind::Nested),
            };
            if elements > most {
                let what = format_args!(
                    "lists in {column} have {elements} elements, but there are {events} events"
                );
                let place = format!("{table} of {}", recording.trace_id);
                report.add(kind, place, what);
                sound = false;
            }
        }
    }
    Ok(sound)
}

/// Checks a row group, and adds to `in_lists` how many elements those lists have that events bound: at least so many, as
/// an empty list has a place among the values of its column, too.
fn of_group(
    rows: &Rows,
    (group, path): (usize, &str),
    in_lists: &mut BTreeMap<String, u64>,
    report: &mut Report,
) -> Result<bool> {
    let metadata = rows.metadata().row_group(group);
    let count = metadata.num_rows().max(0) as u64;
    let columns = || metadata.columns().iter().enumerate();
    let mut nested = 0;
    if let Some((at, _)) = columns().find(|(_, c)| c.column_path().string() == NESTED_ID) {
        nested = rows.values(group, at)?;
    }
    let mut bytes = 0_u64;
    for (at, column) in columns().filter(|(_, c)| c.column_descr().max_rep_level() > 0) {
        let (name, depth) = (
            column.column_path().string(),
            column.column_descr().max_rep_level(),
        );
        let values = rows.values(group, at)?;
        let told = column.num_values().max(0) as u64;
        if values > told {
            let what = format_args!("{name} has {values} values, but its footer says {told}");
            report.add(Kind::Unreadable, path, what);
            return Ok(false);
        }
        let bounded = match name.split('.').next() {
            Some(list @ ("event_ids" | "blocked")) => Some(list),
            Some("events") if depth == 1 => Some(name.as_str()),
            _ => None,
        };
        let places = match name.starts_with(NESTED) && depth > 1 {
            true => nested,
            false => count,
        };
        let elements = values.saturating_sub(places);
        match bounded {
            Some(list) => {
                let sum = in_lists.entry(list.to_owned()).or_default();
                // Each member of a structure has all elements of its list.
                *sum = match list {
                    "blocked" if !name.ends_with(".name") => *sum,
                    _ => sum.saturating_add(elements),
                };
            }
            None => {
                bytes = bytes.saturating_add(elements.saturating_mul(width(column.column_descr())));
            }
        }
    }
    if bytes > GROUP_BYTES {
        let what = format_args!(
            "the lists of a row group take {bytes} bytes, more than any row group of a release"
        );
        report.add(Kind::Unreadable, path, what);
    }
    Ok(bytes <= GROUP_BYTES)
}

/// Bytes in memory of a value of a column, at least.
fn width(column: &ColumnDescriptor) -> u64 {
    match (column.logical_type_ref(), column.physical_type()) {
        (Some(LogicalType::Integer(integer)), _) => {
            u64::try_from(integer.bit_width / 8).unwrap_or(1).max(1)
        }
        (_, Type::BOOLEAN) => 1,
        (_, Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY) => 4,
        _ => 8,
    }
}
