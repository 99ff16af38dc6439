//! Events nested in requests against their rows in `events`, column by column, in the split of the request.
//!
//! Requests are taken in groups of a bounded number of nested events. Their ids, sorted, are then met by the rows of
//! `events` from the least to the greatest of them; no others are decoded.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::manifest::Recording;
use crate::dataset::tables;
use crate::error::{Error, Result};
use crate::publish::version::only;
use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StructArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Int64Type};
use parquet::errors::ParquetError;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Nested events of a group of requests, about.
const GROUP_EVENTS: usize = 100_000;
/// Columns of a request that its nested events are measured by.
const MEASURES: [&str; 6] = [
    "request_id",
    "start",
    "n_events",
    "n_events_omitted",
    "first_event",
    "last_event",
];

/// Checks the requests of a recording.
pub(super) fn check(release: &Release, recording: &Recording, report: &mut Report) -> Result<()> {
    let trace = &recording.trace_id;
    let columns = [&MEASURES[..], &["events"]].concat();
    let shards = release.shards(tables::REQUESTS, trace, None);
    let splits: BTreeSet<&str> = shards.iter().map(|(_, s)| s.split.as_str()).collect();
    for split in splits {
        let place = format!("requests of {trace} in {split}");
        let mut group: Vec<RecordBatch> = Vec::new();
        let mut size = 0;
        for (path, _) in release.shards(tables::REQUESTS, trace, Some(split)) {
            for batch in release.open(path)?.batches(Some(&columns))? {
                let batch = batch?;
                size += batch["events"].as_list::<i32>().values().len();
                group.push(batch);
                if size >= GROUP_EVENTS {
                    check_group(release, (trace, split, &place), &group, report)?;
                    group.clear();
                    size = 0;
                }
            }
        }
        if !group.is_empty() {
            check_group(release, (trace, split, &place), &group, report)?;
        }
    }
    Ok(())
}

/// The nested events of a group of requests, sorted by id.
struct Group {
    nested: StructArray,
    /// Ids of all nested events, and for each its request and the request's start.
    ids: Vec<i64>,
    requests: Vec<i64>,
    starts: Vec<i64>,
    /// Their numbers, in the order of their ids.
    order: Vec<u32>,
}

impl Group {
    fn new(batches: &[RecordBatch], place: &str, report: &mut Report) -> Result<Group> {
        let batch = concat_batches(&batches[0].schema(), batches).expect("of one table");
        let lists = batch["events"].as_list::<i32>();
        let longs = |name: &str| -> Vec<i64> {
            let plain = cast(&batch[name], &DataType::Int64).expect("64 bits");
            plain.as_primitive::<Int64Type>().values().to_vec()
        };
        let [request, start, n, omitted, first, last] = MEASURES.map(longs);
        let nested = lists.values().as_struct().clone();
        let ids = nested
            .column_by_name("event_id")
            .expect("the contract has it");
        let ids = ids.as_primitive::<Int64Type>().values().to_vec();
        let (mut requests, mut starts) = (vec![0; ids.len()], vec![0; ids.len()]);
        for row in 0..batch.num_rows() {
            let range =
                lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
            requests[range.clone()].fill(request[row]);
            starts[range.clone()].fill(start[row]);
            let own = &ids[range];
            let id = request[row];
            let mut fault = |what: std::fmt::Arguments| {
                report.add(Kind::Nested, place, format_args!("request {id}: {what}"));
            };
            if own.len() as i64 != n[row].saturating_sub(omitted[row]) {
                fault(format_args!(
                    "has {} nested events, but n_events - n_events_omitted is {}",
                    own.len(),
                    n[row].saturating_sub(omitted[row])
                ));
            }
            if own.windows(2).any(|w| w[0] >= w[1]) {
                fault(format_args!(
                    "its nested events are not in the order of their ids"
                ));
            }
            let ends = (own.first().copied(), own.last().copied());
            if omitted[row] == 0 && ends != (Some(first[row]), Some(last[row])) {
                fault(format_args!(
                    "first_event and last_event are not its first and last nested event"
                ));
            }
        }
        let mut order: Vec<u32> = (0..ids.len() as u32).collect();
        order.sort_by_key(|i| ids[*i as usize]);
        Ok(Group {
            nested,
            ids,
            requests,
            starts,
            order,
        })
    }

    fn id(&self, at: usize) -> i64 {
        self.ids[self.order[at] as usize]
    }
}

fn check_group(
    release: &Release,
    (trace, split, place): (&str, &str, &str),
    batches: &[RecordBatch],
    report: &mut Report,
) -> Result<()> {
    let group = Group::new(batches, place, report)?;
    if group.ids.is_empty() {
        return Ok(());
    }
    let (least, most) = (group.id(0), group.id(group.order.len() - 1));
    let mut at = 0;
    let missing = |at: usize, report: &mut Report| {
        let request = group.requests[group.order[at] as usize];
        let what = format_args!(
            "request {request}: the event {} is not in events of {split}",
            group.id(at)
        );
        report.add(Kind::Nested, place, what);
    };
    for (path, _) in release.shards(tables::EVENTS, trace, Some(split)) {
        for batch in release.open(path)?.of_events(None, &(least..=most))? {
            release.go_on()?;
            let batch = batch?;
            let ids = batch["event_id"].as_primitive::<Int64Type>().values();
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for (row, id) in ids.iter().enumerate() {
                while at < group.order.len() && group.id(at) < *id {
                    missing(at, report);
                    at += 1;
                }
                while at < group.order.len() && group.id(at) == *id {
                    ours.push(group.order[at]);
                    theirs.push(row as u32);
                    at += 1;
                }
            }
            compare(&group, (ours, theirs), &batch, place, report)?;
            if at == group.order.len() {
                return Ok(());
            }
        }
    }
    (at..group.order.len()).for_each(|at| missing(at, report));
    Ok(())
}

/// Nested events and the rows of `events` that they are.
struct Pairs<'a> {
    group: &'a Group,
    /// Their numbers in the group.
    ours: UInt32Array,
    /// The numbers of the rows.
    theirs: UInt32Array,
    place: &'a str,
    report: &'a mut Report,
}

impl Pairs<'_> {
    /// The values of a column of the group, or of the batch, at `places`.
    fn taken(&self, column: &ArrayRef, places: &UInt32Array) -> Result<ArrayRef> {
        let taken = take(column, places, None).map_err(ParquetError::from);
        taken.map_err(Error::columns(self.place.as_ref()))
    }

    /// Reports where a column of the pairs differs.
    fn differ(&mut self, column: &str, a: &ArrayRef, b: &ArrayRef) {
        if a.as_ref() == b.as_ref() {
            return;
        }
        let other = (0..a.len()).find(|i| a.slice(*i, 1).as_ref() != b.slice(*i, 1).as_ref());
        let number = self.ours.value(other.unwrap_or_default()) as usize;
        let what = format_args!(
            "request {}: {column} of its event {} is not that of events",
            self.group.requests[number], self.group.ids[number]
        );
        self.report.add(Kind::Nested, self.place, what);
    }

    /// Compares a column of the group with one of the batch. Most columns are null in most batches: there is then nothing to
    /// be taken.
    fn compare(&mut self, column: &str, ours: &ArrayRef, theirs: &ArrayRef) -> Result<()> {
        let null = |array: &ArrayRef| array.null_count() == array.len();
        let mut numbers = self.ours.values().iter();
        if ours.data_type() == theirs.data_type()
            && null(theirs)
            && (null(ours) || numbers.all(|number| ours.is_null(*number as usize)))
        {
            return Ok(());
        }
        let (a, b) = (
            self.taken(ours, &self.ours)?,
            self.taken(theirs, &self.theirs)?,
        );
        self.differ(column, &a, &b);
        Ok(())
    }

    /// Compares texts, which may be in dictionaries.
    fn compare_texts(&mut self, column: &str, ours: &ArrayRef, theirs: &ArrayRef) -> Result<()> {
        let both = [
            self.taken(ours, &self.ours)?,
            self.taken(theirs, &self.theirs)?,
        ];
        let [a, b] = both.map(|taken| cast(&taken, &DataType::Utf8).expect("both are strings"));
        self.differ(column, &a, &b);
        Ok(())
    }

    /// Compares offsets with times.
    fn compare_times(&mut self, offsets: &ArrayRef, times: &ArrayRef) -> Result<()> {
        let times = self.taken(times, &self.theirs)?;
        let times = cast(&times, &DataType::Int64).expect("64 bits");
        let times = times.as_primitive::<Int64Type>().values().iter();
        let numbers = self.ours.values().iter();
        let starts = numbers.map(|number| self.group.starts[*number as usize]);
        let since = times.zip(starts).map(|(t, start)| t.wrapping_sub(start));
        let since: ArrayRef = Arc::new(Int64Array::from_iter_values(since));
        let offsets = self.taken(offsets, &self.ours)?;
        self.differ("offset_ns", &offsets, &since);
        Ok(())
    }

    /// Compares arguments: those that nested events have, with the same values; all others are null.
    fn compare_arguments(&mut self, nested: &StructArray, rows: &StructArray) -> Result<()> {
        for (field, column) in rows.fields().iter().zip(rows.columns()) {
            let name = format!("args.{}", field.name());
            match nested.column_by_name(field.name()) {
                Some(ours) => {
                    // A structure of a nested event may have fewer members.
                    let theirs = only(column, ours.data_type());
                    self.compare(&name, ours, theirs.as_ref().unwrap_or(column))?;
                }
                None if column.null_count() < column.len() => {
                    let nulls = new_null_array(column.data_type(), self.group.ids.len());
                    self.compare(&name, &nulls, column)?;
                }
                None => {}
            }
        }
        for field in nested.fields() {
            if rows.column_by_name(field.name()).is_none() {
                let ours = &nested[field.name().as_str()];
                let nulls = new_null_array(field.data_type(), rows.len());
                self.compare(&format!("args.{}", field.name()), ours, &nulls)?;
            }
        }
        Ok(())
    }
}

/// Compares nested events (`ours`, numbers in the group) with rows of `events` (`theirs`).
fn compare(
    group: &Group,
    (ours, theirs): (Vec<u32>, Vec<u32>),
    batch: &RecordBatch,
    place: &str,
    report: &mut Report,
) -> Result<()> {
    if ours.is_empty() {
        return Ok(());
    }
    let nested = &group.nested;
    let mut pairs = Pairs {
        group,
        ours: ours.into(),
        theirs: theirs.into(),
        place,
        report,
    };
    for column in ["name", "phase"] {
        pairs.compare_texts(column, &nested[column], &batch[column])?;
    }
    for column in ["tid", "ret", "duration_ns"] {
        pairs.compare(column, &nested[column], &batch[column])?;
    }
    pairs.compare_times(&nested["offset_ns"], &batch["timestamp"])?;
    match (nested.column_by_name("args"), batch.column_by_name("args")) {
        (Some(a), Some(b)) => pairs.compare_arguments(a.as_struct(), b.as_struct()),
        _ => Ok(()),
    }
}
