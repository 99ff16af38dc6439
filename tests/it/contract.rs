//! Every written file against the published contract, and the tables against each other.

use crate::common::*;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Fields};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use sysds::columns::schema::contract::{self, Contract};

fn dataset(dir: &Path) -> std::path::PathBuf {
    let dataset = dir.join("d");
    ingest(
        &[&trace("apache-prefork"), &trace("apache-lossy")],
        &dataset,
        &["--quiet"],
    );
    dataset
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

#[test]
fn files_keep_the_contract_and_carry_what_readers_skip_by() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(dir.path());
    for contract in contract::all() {
        let files = files(&dataset, &contract.table);
        assert_eq!(files.len(), 2, "a file per recording");
        let mut schemas = Vec::new();
        for file in &files {
            keeps(&contract, file);
            let (schema, _) = table(&dataset, &contract.table);
            schemas.push(schema);
        }
        assert!(schemas.windows(2).all(|w| w[0] == w[1]));
    }
}

fn keeps(contract: &Contract, path: &Path) {
    let file = File::open(path).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&file)
        .unwrap();
    let described = metadata.file_metadata();
    let schema = parquet::arrow::parquet_to_arrow_schema(
        described.schema_descr(),
        described.key_value_metadata(),
    )
    .unwrap();
    let structs = structs(schema.fields());
    assert_eq!(
        schema.fields(),
        &contract.fields(&structs),
        "{}",
        path.display()
    );
    if let Some(args) = structs.get("args") {
        let names: Vec<&str> = args
            .iter()
            .map(|f| f.metadata()["field"].as_str())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(args.iter().all(|f| !f.metadata()["events"].is_empty()));
    }
    for group in metadata.row_groups() {
        assert!(group.columns().iter().all(|c| c.statistics().is_some()));
        if contract.table == "events" {
            let bloom = group
                .columns()
                .iter()
                .filter(|c| c.bloom_filter_offset().is_some());
            let bloom: Vec<String> = bloom.map(|c| c.column_path().string()).collect();
            assert_eq!(bloom, ["tid", "name"]);
        }
    }
}

#[test]
fn ids_are_dense_times_rise_and_the_manifest_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dataset(dir.path());
    let manifest = manifest(&dataset);
    let recordings = manifest["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 2);
    for (path, recording) in files(&dataset, "events").iter().zip(recordings) {
        let rows = rows_of(path);
        let ids: Vec<i64> = all_longs(&rows, "event_id").into_iter().flatten().collect();
        assert_eq!(
            ids,
            (0..recording["events"].as_i64().unwrap()).collect::<Vec<_>>()
        );
        assert!(all_longs(&rows, "timestamp").is_sorted());
        let trace_ids = all_texts(&rows, "trace_id");
        assert!(
            trace_ids
                .iter()
                .all(|t| t.as_deref() == recording["trace_id"].as_str())
        );
    }
    let mut files = 0;
    for table in manifest["tables"].as_object().unwrap().values() {
        for file in table["files"].as_array().unwrap() {
            let bytes = fs::read(dataset.join(file["path"].as_str().unwrap())).unwrap();
            let digest: String = Sha256::digest(&bytes)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(digest, file["sha256"]);
            assert_eq!(bytes.len() as u64, file["bytes"]);
            files += 1;
        }
    }
    assert_eq!(files, 8);
}

/// The rows of `events` that the nested events of all requests name, against the nested events, column by column.
#[test]
fn nested_events_equal_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[&trace("apache-prefork")], &dataset, &["--quiet"]);
    let (schema, events) = table(&dataset, "events");
    let events = arrow::compute::concat_batches(&schema, &events).unwrap();
    let (schema, requests) = table(&dataset, "requests");
    let requests = arrow::compute::concat_batches(&schema, &requests).unwrap();
    let lists = requests.column_by_name("events").unwrap().as_list::<i32>();
    let starts = longs(requests.column_by_name("start").unwrap());
    let tids = longs(requests.column_by_name("tid").unwrap());
    let mut total = 0;
    for row in 0..requests.num_rows() {
        let nested = lists.value(row);
        let nested = RecordBatch::from(nested.as_struct());
        let ids: Vec<i64> = longs(nested.column_by_name("event_id").unwrap())
            .into_iter()
            .flatten()
            .collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
        let first = longs(requests.column_by_name("first_event").unwrap())[row];
        let last = longs(requests.column_by_name("last_event").unwrap())[row];
        assert_eq!((ids.first().copied(), ids.last().copied()), (first, last));
        let n = longs(requests.column_by_name("n_events").unwrap())[row];
        assert_eq!(ids.len() as i64, n.unwrap());
        let indices = arrow::array::Int64Array::from(ids.clone());
        let rows = arrow::compute::take_record_batch(&events, &indices).unwrap();
        same(&nested, &rows, starts[row].unwrap());
        assert!(
            longs(rows.column_by_name("tid").unwrap())
                .iter()
                .all(|t| *t == tids[row])
        );
        total += ids.len();
    }
    assert_eq!(total, 53_962);
}

fn same(nested: &RecordBatch, rows: &RecordBatch, start: i64) {
    for column in ["name", "phase"] {
        let both = [nested, rows].map(|b| texts(b.column_by_name(column).unwrap()));
        assert_eq!(both[0], both[1], "{column}");
    }
    for column in ["tid", "ret", "duration_ns"] {
        let both = [nested, rows].map(|b| longs(b.column_by_name(column).unwrap()));
        assert_eq!(both[0], both[1], "{column}");
    }
    let offsets = longs(nested.column_by_name("offset_ns").unwrap());
    let times = longs(rows.column_by_name("timestamp").unwrap());
    assert!(
        offsets
            .iter()
            .zip(&times)
            .all(|(o, t)| o.unwrap() + start == t.unwrap())
    );
    let nested = nested.column_by_name("args").unwrap().as_struct();
    let rows = rows.column_by_name("args").unwrap().as_struct();
    for (i, field) in rows.fields().iter().enumerate() {
        match nested.column_by_name(field.name()) {
            Some(column) => {
                assert_eq!(column.as_ref(), rows.column(i).as_ref(), "{}", field.name())
            }
            None => assert_eq!(rows.column(i).null_count(), rows.len(), "{}", field.name()),
        }
    }
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let twice = ["a", "b"].map(|name| {
        let dataset = dir.path().join(name);
        ingest(&[&trace("apache-keepalive")], &dataset, &["--quiet"]);
        dataset
    });
    for table in ["events", "requests", "losses"] {
        let bytes = twice
            .clone()
            .map(|d| fs::read(&files(&d, table)[0]).unwrap());
        assert!(bytes[0] == bytes[1], "{table}");
    }
}
