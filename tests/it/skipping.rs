//! What readers skip by is used: queries read the row groups and pages that can have what is asked for, and no others.

use crate::common::*;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use regex::Regex;
use std::fs::File;
use std::path::Path;

/// What a query read of a table, as DataFusion counts it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    row_groups: usize,
    pages: usize,
    rows: usize,
    bytes: usize,
}

/// Asks `SELECT columns FROM events WHERE condition`, and tells what was read for that.
fn read(dataset: &Path, columns: &str, condition: &str) -> Read {
    let sql = format!("EXPLAIN ANALYZE SELECT {columns} FROM events WHERE {condition}");
    let asked = sysds(["query", "-d", dataset.to_str().unwrap(), "-e", &sql]);
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));
    let plan = String::from_utf8(asked.stdout).unwrap();
    let scan = plan.lines().find(|line| line.contains("DataSourceExec"));
    let scan = scan.unwrap_or_else(|| panic!("{plan}"));
    let count = |pattern: &str| -> usize {
        let count = Regex::new(pattern).unwrap();
        let found = count
            .captures(scan)
            .unwrap_or_else(|| panic!("{pattern} in {scan}"));
        let unit = match found.get(2).map(|unit| unit.as_str()) {
            Some("K") => 1e3,
            Some("M") => 1e6,
            _ => 1.0,
        };
        (found[1].parse::<f64>().unwrap() * unit) as usize
    };
    let matched = |of: &str| count(&format!(r"{of}=[^,]*?(\d+) matched"));
    Read {
        row_groups: matched("row_groups_pruned_bloom_filter"),
        pages: matched("page_index_pages_pruned"),
        rows: count(r"metrics=\[output_rows=([\d.]+) ?([KM])?"),
        bytes: count(r"bytes_scanned=([\d.]+) ?([KM])?"),
    }
}

/// The number of pages of a column in each row group of the table `events`, and the bytes of the pages.
fn pages(dataset: &Path, column: &str) -> Vec<Vec<usize>> {
    let mut groups = Vec::new();
    for file in files(dataset, "events") {
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&File::open(file).unwrap())
            .unwrap();
        for (group, offsets) in metadata
            .row_groups()
            .iter()
            .zip(metadata.offset_index().unwrap())
        {
            let columns = group.columns().iter();
            let number = columns
                .map(|c| c.column_path().string())
                .position(|c| c == column);
            let pages = offsets[number.unwrap()].page_locations().iter();
            groups.push(
                pages
                    .map(|page| page.compressed_page_size as usize)
                    .collect(),
            );
        }
    }
    groups
}

#[test]
fn queries_read_the_row_groups_and_pages_that_can_have_what_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    let traces = [trace("apache-keepalive"), trace("apache-prefork")];
    ingest(&[&traces[0], &traces[1]], &dataset, &["--quiet"]);
    let all = pages(&dataset, "event_id");
    // There is something to skip: two pages of the first recording, three of the second.
    let counts: Vec<usize> = all.iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 3]);
    let bytes: usize = all.iter().flatten().sum();
    let columns = "count(*), max(event_id)";
    let everything = read(&dataset, columns, "event_id >= 0");
    assert!(
        everything.row_groups == 2 && everything.rows > 232_000,
        "{everything:?}"
    );
    assert_eq!(everything.bytes, bytes);

    // Behind the first recording's events: its row group is skipped by statistics, two of three pages by the page index.
    let found = read(&dataset, columns, "event_id BETWEEN 132000 AND 132100");
    assert_eq!((found.row_groups, found.pages), (1, 1), "{found:?}");
    // The bytes are those of the page index, too, which is longer than this column.
    assert!(found.rows < 65_536, "{found:?} of {all:?}");
    // In both: a page of each.
    let found = read(&dataset, columns, "event_id BETWEEN 65537 AND 65600");
    assert_eq!((found.row_groups, found.pages), (2, 2), "{found:?}");
    assert!(found.rows < 97_000, "{found:?} of {all:?}");

    // No event is that late, and no thread has this number, which is within the bounds of all threads.
    let found = read(&dataset, columns, "event_id > 1000000000");
    assert_eq!((found.row_groups, found.rows), (0, 0), "{found:?}");
    let found = read(&dataset, "count(*), max(tid)", "tid = 3");
    assert_eq!((found.row_groups, found.rows), (0, 0), "{found:?}");
}
