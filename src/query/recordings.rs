//! The table `recordings`: what the manifest says of each recording, for SQL.
//!
//! It is no file: the manifest is where it stands once, for readers of JSON, and a query sees it as a table. So the load
//! generator's figures can be set beside those of the requests. Its contract is `schemas/recordings.json`.

use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::record_metadata::LoadSummary;
use arrow::array::{
    ArrayRef, Float64Builder, Int64Builder, ListBuilder, RecordBatch, StringArray, StructBuilder,
    TimestampNanosecondArray,
};
use arrow::array::{BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

/// Name of the table.
pub(super) const TABLE: &str = "recordings";

/// The table, a row for each recording in the order of the manifest.
pub(super) fn table(manifest: &Manifest) -> RecordBatch {
    let all = &manifest.recordings;
    let load = |r: &Recording| -> Option<LoadSummary> {
        r.recorded.as_ref()?.load.as_ref()?.summary.clone()
    };
    let loads: Vec<Option<LoadSummary>> = all.iter().map(load).collect();
    let mut columns = of_recordings(all);
    columns.extend(of_loads(&loads));
    columns.push(("load_percentiles", percentiles(&loads)));
    let nullable = |name: &str| !["trace_id", "path"].contains(&name);
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(n, array)| (n, array, nullable(n))),
    )
    .expect("all columns have a value for each recording")
}

fn of_recordings(all: &[Recording]) -> Vec<(&'static str, ArrayRef)> {
    let text = |get: &dyn Fn(&Recording) -> Option<String>| -> ArrayRef {
        Arc::new(all.iter().map(get).collect::<StringArray>())
    };
    let count = |get: &dyn Fn(&Recording) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            all.iter().map(|r| get(r) as i64),
        ))
    };
    let time = |get: &dyn Fn(&Recording) -> Option<i64>| -> ArrayRef {
        let times: TimestampNanosecondArray = all.iter().map(get).collect();
        Arc::new(times.with_timezone("UTC"))
    };
    let discarded = |r: &Recording| r.losses.iter().map(|l| l.discarded_events).sum();
    vec![
        ("trace_id", text(&|r| Some(r.trace_id.clone()))),
        ("label", text(&|r| r.label.clone())),
        ("path", text(&|r| Some(r.path.clone()))),
        ("first", time(&|r| r.first_ns)),
        ("last", time(&|r| r.last_ns)),
        ("events", count(&|r| r.events)),
        ("requests", count(&|r| r.requests)),
        ("incomplete_requests", count(&|r| r.incomplete_requests)),
        ("discarded_events", count(&discarded)),
    ]
}

fn of_loads(loads: &[Option<LoadSummary>]) -> Vec<(&'static str, ArrayRef)> {
    let loads = || loads.iter().map(Option::as_ref);
    let count = |get: &dyn Fn(&LoadSummary) -> Option<u64>| -> ArrayRef {
        let values = loads().map(|l| l.and_then(get).map(|n| n as i64));
        Arc::new(values.collect::<Int64Array>())
    };
    let rate = |get: &dyn Fn(&LoadSummary) -> Option<f64>| -> ArrayRef {
        Arc::new(loads().map(|l| l.and_then(get)).collect::<Float64Array>())
    };
    let tool = loads().map(|l| l.map(|l| l.tool.clone()));
    let corrected = loads().map(|l| l.map(|l| l.latency_corrected));
    vec![
        ("load_tool", Arc::new(tool.collect::<StringArray>())),
        ("load_rate_asked", rate(&|l| l.rate_asked)),
        ("load_rate_reached", rate(&|l| Some(l.rate_reached))),
        ("load_duration_ns", count(&|l| Some(l.duration_ns))),
        ("load_requests", count(&|l| Some(l.requests))),
        ("load_errors", count(&|l| Some(l.error_count()))),
        ("load_bytes_read", count(&|l| Some(l.bytes_read))),
        (
            "load_latency_corrected",
            Arc::new(corrected.collect::<BooleanArray>()),
        ),
        ("load_mean_ns", count(&|l| l.mean_ns)),
        ("load_max_ns", count(&|l| l.max_ns)),
    ]
}

fn percentiles(loads: &[Option<LoadSummary>]) -> ArrayRef {
    let fields = Fields::from(vec![
        Field::new("percent", DataType::Float64, false),
        Field::new("latency_ns", DataType::Int64, false),
    ]);
    let element = Field::new("element", DataType::Struct(fields.clone()), false);
    let mut lists =
        ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(Arc::new(element));
    for load in loads {
        for percentile in load.iter().flat_map(|l| &l.percentiles) {
            let row = lists.values();
            let percents = row.field_builder::<Float64Builder>(0);
            percents.expect("percent").append_value(percentile.percent);
            let latencies = row.field_builder::<Int64Builder>(1);
            latencies
                .expect("latency_ns")
                .append_value(percentile.latency_ns as i64);
            row.append(true);
        }
        lists.append(load.is_some());
    }
    Arc::new(lists.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::record_metadata::{Count, Percentile};
    use arrow::array::{Array, AsArray};

    fn load(percentiles: Vec<Percentile>) -> LoadSummary {
        LoadSummary {
            tool: "oha".to_owned(),
            rate_asked: Some(15.0),
            rate_reached: 14.5,
            duration_ns: 20,
            requests: 300,
            errors: vec![Count {
                what: "timeout".to_owned(),
                count: 2,
            }],
            bytes_read: 5,
            latency_corrected: true,
            mean_ns: Some(7),
            max_ns: None,
            percentiles,
        }
    }

    #[test]
    fn recordings_without_a_load_are_null() {
        let p = |percent, latency_ns| Percentile {
            percent,
            latency_ns,
        };
        let lists = percentiles(&[
            None,
            Some(load(vec![p(50.0, 3), p(99.0, 9)])),
            Some(load(vec![])),
        ]);
        let lists = lists.as_list::<i32>();
        assert_eq!(lists.len(), 3);
        assert!(lists.is_null(0) && lists.is_valid(2));
        assert_eq!((lists.value_length(1), lists.value_length(2)), (2, 0));
        let columns = of_loads(&[None, Some(load(vec![]))]);
        assert!(columns.iter().all(|(_, c)| c.is_null(0)));
        let nulls = columns.iter().filter(|(_, c)| c.is_null(1));
        assert_eq!(nulls.map(|(n, _)| *n).collect::<Vec<_>>(), ["load_max_ns"]);
    }

    #[test]
    fn the_contract_names_every_column_and_its_type() {
        let text = include_str!("../../schemas/recordings.json");
        let contract: serde_json::Value = serde_json::from_str(text).unwrap();
        let columns = contract["columns"].as_array().unwrap().iter();
        let wanted: Vec<(String, String, bool)> = columns
            .map(|c| {
                let of = |key: &str| c[key].as_str().unwrap().to_owned();
                (of("name"), of("type"), c["nullable"].as_bool().unwrap())
            })
            .collect();
        let manifest = of_recordings(&[]).into_iter().chain(of_loads(&[]));
        let mut found: Vec<(String, String)> = manifest
            .map(|(n, a)| (n.to_owned(), name_of(a.data_type())))
            .collect();
        found.push((
            "load_percentiles".to_owned(),
            name_of(percentiles(&[]).data_type()),
        ));
        let both = wanted.iter().map(|(n, t, _)| (n.clone(), t.clone()));
        assert_eq!(found, both.collect::<Vec<_>>());
        for (name, _, nullable) in wanted {
            assert_eq!(
                nullable,
                !["trace_id", "path"].contains(&name.as_str()),
                "{name}"
            );
        }
    }

    fn name_of(data_type: &DataType) -> String {
        match data_type {
            DataType::Utf8 => "utf8".to_owned(),
            DataType::Int64 => "int64".to_owned(),
            DataType::Float64 => "float64".to_owned(),
            DataType::Boolean => "boolean".to_owned(),
            DataType::Timestamp(_, _) => "timestamp[ns, UTC]".to_owned(),
            DataType::List(_) => "list<struct>".to_owned(),
            other => panic!("{other}"),
        }
    }
}
