//! The table `spans`: what the manifest says of labels of parts of recordings, for SQL.
//!
//! It is no file, as `recordings` is none. A query that wants to know in which span an event lies joins the two by time:
//! a column of `events` would repeat for each event what a few rows say. Its contract is `schemas/spans.json`.

use crate::dataset::manifest::{Manifest, Recording};
use crate::label_spans::LabelSpan;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use std::sync::Arc;

/// Name of the table.
pub(super) const TABLE: &str = "spans";

/// The table, a row for each span in the order of the manifest.
pub(super) fn table(manifest: &Manifest) -> RecordBatch {
    let all: Vec<(&Recording, &LabelSpan)> = manifest.spans().collect();
    let text = |get: &dyn Fn(&(&Recording, &LabelSpan)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all.iter().map(get)))
    };
    let time = |get: &dyn Fn(&LabelSpan) -> i64| -> ArrayRef {
        let times = all.iter().map(|(_, span)| get(span));
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let columns = [
        (
            "trace_id",
            text(&|(recording, _)| recording.trace_id.clone()),
        ),
        ("begin", time(&|span| span.begin_ns)),
        ("end", time(&|span| span.end_ns)),
        ("label", text(&|(_, span)| span.label.clone())),
    ];
    let columns = columns
        .into_iter()
        .map(|(name, array)| (name, array, false));
    RecordBatch::try_from_iter_with_nullable(columns)
        .expect("all columns have a value for each span")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::schema::contract::Contract;
    use arrow::datatypes::DataType;

    #[test]
    fn the_contract_names_every_column_and_its_type() {
        let contract = include_str!("../../schemas/spans.json");
        let contract: Contract = serde_json::from_str(contract).unwrap();
        let manifest = r#"{"format_version": 4, "tool": {"name": "", "version": "", "reader": ""}, "created": "",
            "options": {"compression": "none", "end": "close", "keep_going": false, "max_request_events": 1,
            "request_args": "struct", "requests": "connection", "server": null}, "events": 0, "requests": 0,
            "incomplete_requests": 0, "discarded_events": 0, "discarded_packets": 0, "damaged": false,
            "recordings": [{"trace_id": "t", "label": null, "spans": [{"begin_ns": 1, "end_ns": 2, "label": "a"},
            {"begin_ns": 2, "end_ns": 9, "label": "b"}], "path": "p", "first_ns": 1, "last_ns": 8, "events": 0,
            "requests": 0, "incomplete_requests": 0, "sources": [], "losses": [], "damage": []}], "tables": {}}"#;
        let rows = table(&serde_json::from_str(manifest).unwrap());
        assert_eq!(rows.num_rows(), 2);
        let found = rows.schema();
        let found = found.fields().iter().map(|field| {
            let text = *field.data_type() == DataType::Utf8;
            (
                field.name().as_str(),
                if text { "utf8" } else { "timestamp[ns, UTC]" },
                field.is_nullable(),
            )
        });
        let wanted = contract.columns.iter();
        let wanted = wanted.map(|c| (c.name.as_str(), c.type_name.as_str(), c.nullable));
        assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}
