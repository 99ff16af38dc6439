//! What a row says by itself: words that the contract knows, sizes and durations that are not negative, and times that fit.

use super::ids::{each, longs, texts};
use super::release::Release;
use super::report::{Kind, Report};
use crate::columns::schema::contract;
use crate::dataset::manifest::Recording;
use crate::dataset::tables;
use crate::error::Result;
use crate::requests::{EndReason, Matched, rules};
use crate::trace::event::Phase;
use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

/// Ports that there are.
const PORTS: std::ops::RangeInclusive<i64> = 0..=65_535;
/// Columns whose values are not negative, of the tables that have them.
const SIZES: [&str; 20] = [
    "cpu",
    "exchange",
    "connection_id",
    "depth",
    "idle_ns",
    "wait_ns",
    "on_cpu_ns",
    "runnable_ns",
    "blocked_ns",
    "unattended_ns",
    "read_bytes",
    "written_bytes",
    "n_events",
    "n_events_omitted",
    "window_syscalls",
    "lost_events",
    "discarded_events",
    "discarded_packets",
    "access_lines",
    "response_bytes",
];
/// Statuses that three digits can say.
const STATUSES: std::ops::RangeInclusive<i64> = 0..=999;
/// What a request has of the one line of the access log that belongs to it, and whether each line has it.
const OF_LINE: [(&str, bool); 5] = [
    ("log_time", true),
    ("response_bytes", true),
    ("http_method", false),
    ("url", false),
    ("http_status", false),
];
/// What a duration is made of, where there is a scheduler's trace.
const PARTS: [&str; 4] = ["on_cpu_ns", "runnable_ns", "blocked_ns", "unattended_ns"];

/// What else is looked at, in the tables that have it.
const OTHERS: [&str; 14] = [
    "phase",
    "entry_id",
    "rule",
    "client_port",
    "accept_entry",
    "start",
    "end",
    "duration_ns",
    "end_reason",
    "matched_by",
    "log_time",
    "http_method",
    "url",
    "http_status",
];

/// Checks the rows of a recording.
pub(super) fn check(release: &Release, recording: &Recording, report: &mut Report) -> Result<()> {
    for contract in contract::all() {
        let table = contract.table.as_str();
        let id = match table {
            tables::EVENTS => Some("event_id"),
            tables::REQUESTS => Some("request_id"),
            tables::DOWNSTREAM => Some("service_id"),
            _ => None,
        };
        let columns = contract.columns.iter().map(|column| column.name.as_str());
        let columns = columns.filter(|column| {
            id == Some(*column) || SIZES.contains(column) || OTHERS.contains(column)
        });
        let columns: Vec<&str> = columns.collect();
        let shards = release.shards(table, &recording.trace_id, None);
        each(release, &shards, &columns, |batch, path, _| {
            let rows = Rows::new(batch, path, id);
            rows.sizes(report);
            rows.words(report);
            match table {
                tables::EVENTS => rows.events(report),
                tables::REQUESTS => {
                    rows.times(report);
                    rows.logged(report);
                }
                tables::DOWNSTREAM => rows.times(report),
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Rows that are checked.
struct Rows<'a> {
    batch: &'a RecordBatch,
    path: &'a str,
    /// What a row is called by, before its id.
    called: &'static str,
    ids: Vec<i64>,
}

impl<'a> Rows<'a> {
    fn new(batch: &'a RecordBatch, path: &'a str, id: Option<&'static str>) -> Self {
        let ids = match id {
            Some(id) => longs(batch, id),
            None => (0..batch.num_rows() as i64).collect(),
        };
        Rows {
            batch,
            path,
            called: id.unwrap_or("row"),
            ids,
        }
    }

    /// A column of integers or times, if the table has it.
    fn longs(&self, column: &str) -> Option<Int64Array> {
        let column = self.batch.column_by_name(column)?;
        let plain = cast(column, &DataType::Int64).expect("integers and times");
        Some(plain.as_primitive::<Int64Type>().clone())
    }

    fn fault(&self, row: usize, report: &mut Report, what: std::fmt::Arguments) {
        let (called, id) = (self.called, self.ids[row]);
        report.add(
            Kind::Values,
            self.path,
            format_args!("{called} {id}: {what}"),
        );
    }

    fn sizes(&self, report: &mut Report) {
        let others = [("client_port", PORTS), ("http_status", STATUSES)];
        let sizes = SIZES.map(|column| (column, 0..=i64::MAX));
        for (column, fits) in sizes.into_iter().chain(others) {
            let Some(values) = self.longs(column) else {
                continue;
            };
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                let value = values.value(row);
                if !fits.contains(&value) {
                    self.fault(row, report, format_args!("{column} is {value}"));
                }
            }
        }
    }

    fn words(&self, report: &mut Report) {
        let phases = [Phase::Entry, Phase::Exit, Phase::Point].map(Phase::as_str);
        let reasons = EndReason::ALL.map(EndReason::as_str);
        let matched = Matched::ALL.map(Matched::as_str);
        let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
        let known: [(&str, &[&str]); 4] = [
            ("phase", &phases),
            ("end_reason", &reasons),
            ("matched_by", &matched),
            ("rule", &rules),
        ];
        for (column, known) in known {
            let Some(array) = self.batch.column_by_name(column) else {
                continue;
            };
            // Few words are different: where all of them are known, no row has another.
            let all_known = array.as_any_dictionary_opt().is_some_and(|coded| {
                let words = cast(coded.values(), &DataType::Utf8).expect("strings");
                let words = words.as_string::<i32>();
                words.iter().all(|w| w.is_some_and(|w| known.contains(&w)))
            });
            if all_known && array.null_count() == 0 {
                continue;
            }
            for (row, word) in texts(self.batch, column).iter().enumerate() {
                let word = word.unwrap_or_default();
                if !known.contains(&word) {
                    self.fault(row, report, format_args!("{column} is {word:?}"));
                }
            }
        }
    }

    /// The durations of requests and downstream work.
    fn times(&self, report: &mut Report) {
        let [start, end, duration] = ["start", "end", "duration_ns"].map(|c| longs(self.batch, c));
        let parts = PARTS.map(|column| self.longs(column).expect("both tables have it"));
        let idle = self.longs("accept_entry").zip(self.longs("idle_ns"));
        for row in 0..self.ids.len() {
            let (took, told) = (end[row].wrapping_sub(start[row]), duration[row]);
            if took != told {
                let what = format_args!("duration_ns is {told}, but end - start is {took}");
                self.fault(row, report, what);
            }
            if parts.iter().all(|part| part.is_valid(row)) {
                let sum = parts.iter().map(|part| i128::from(part.value(row)));
                let sum: i128 = sum.sum();
                if sum != i128::from(told) {
                    let what = format_args!("duration_ns is {told}, but its parts add up to {sum}");
                    self.fault(row, report, what);
                }
            }
            if let Some((entry, idle)) = &idle
                && entry.is_valid(row)
                && idle.is_valid(row)
                && start[row].wrapping_sub(entry.value(row)) != idle.value(row)
            {
                let what = format_args!("idle_ns is not start - accept_entry");
                self.fault(row, report, what);
            }
        }
    }

    /// What requests have of the access log. Datasets of earlier versions have nothing of it.
    fn logged(&self, report: &mut Report) {
        let Some(lines) = self.longs("access_lines") else {
            return;
        };
        let ends = longs(self.batch, "end");
        if let Some(times) = self.longs("log_time") {
            let late = |row: &usize| times.is_valid(*row) && times.value(*row) > ends[*row];
            for row in (0..ends.len()).filter(late) {
                self.fault(row, report, format_args!("log_time is after end"));
            }
        }
        for (column, always) in OF_LINE {
            let Some(array) = self.batch.column_by_name(column) else {
                continue;
            };
            for row in 0..self.ids.len() {
                let lines = lines.is_valid(row).then(|| lines.value(row));
                let (one, said) = (lines == Some(1), array.is_valid(row));
                if said && !one || one && always && !said {
                    let words = if said { "is said" } else { "is missing" };
                    let lines = lines.map_or("null".to_owned(), |n| n.to_string());
                    let what = format_args!("{column} {words}, but access_lines is {lines}");
                    self.fault(row, report, what);
                }
            }
        }
    }

    /// The entries of exits.
    fn events(&self, report: &mut Report) {
        let [entry, duration] =
            ["entry_id", "duration_ns"].map(|c| self.longs(c).expect("events has it"));
        let phases = texts(self.batch, "phase");
        for row in 0..self.ids.len() {
            if entry.is_valid(row) != duration.is_valid(row) {
                self.fault(
                    row,
                    report,
                    format_args!("has only one of entry_id and duration_ns"),
                );
            }
            if entry.is_null(row) || duration.is_null(row) {
                continue;
            }
            let (of, took) = (entry.value(row), duration.value(row));
            if !(0..self.ids[row]).contains(&of) || phases.value(row) != Phase::Exit.as_str() {
                self.fault(
                    row,
                    report,
                    format_args!("its entry cannot be the event {of}"),
                );
            }
            if took < 0 {
                self.fault(row, report, format_args!("duration_ns is {took}"));
            }
        }
    }
}
