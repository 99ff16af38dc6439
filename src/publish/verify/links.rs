//! The links of `events`, `request_id` and `service_id`, against the lists that they must agree with: `events` of
//! requests, `event_ids` of downstream work.
//!
//! Each event of a list must have the link back, and there must be as many links as events in lists; so no link is
//! missing, and none too many. Lists are taken in groups of a bounded number of events, which are sorted and met by the
//! rows of `events` in the same split.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::manifest::Recording;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::release::Shard;
use crate::publish::rows;
use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use std::collections::BTreeSet;

/// Events of lists that are compared at once.
const GROUP_EVENTS: usize = 500_000;

/// A link, and the table whose lists it must agree with.
struct Link {
    /// The column of `events`, and the id of the table's rows.
    column: &'static str,
    table: &'static str,
    /// The list, and the path of the ids in it.
    list: &'static str,
    path: &'static str,
}

const LINKS: [Link; 2] = [
    Link {
        column: "request_id",
        table: tables::REQUESTS,
        list: "events",
        path: "events.list.element.event_id",
    },
    Link {
        column: "service_id",
        table: tables::DOWNSTREAM,
        list: "event_ids",
        path: "event_ids",
    },
];

/// Columns of a row that its list is measured by.
const MEASURES: [&str; 4] = ["n_events", "n_events_omitted", "first_event", "last_event"];

/// An event and the row that lists it.
type Listed = (i64, i64);

/// Checks the links of a recording.
pub(super) fn check(release: &Release, recording: &Recording, report: &mut Report) -> Result<()> {
    let trace = recording.trace_id.as_str();
    let shards = release.shards(tables::EVENTS, trace, None);
    let splits: BTreeSet<&str> = shards.iter().map(|(_, s)| s.split.as_str()).collect();
    for split in splits {
        let place = format!("events of {trace} in {split}");
        let linked = counts(release, (trace, split, &place), report)?;
        for (link, linked) in LINKS.iter().zip(linked) {
            let listed = lists(release, link, (trace, split, &place), report)?;
            if listed != linked {
                let Link { column, table, .. } = link;
                let what =
                    format_args!("{linked} have a {column}, but lists in {table} have {listed}");
                report.add(Kind::Links, &place, what);
            }
        }
    }
    Ok(())
}

/// How many events of a split have each link; an event that has both is a fault.
fn counts(
    release: &Release,
    (trace, split, place): (&str, &str, &str),
    report: &mut Report,
) -> Result<[u64; LINKS.len()]> {
    let mut counts = [0; LINKS.len()];
    let columns = ["event_id", LINKS[0].column, LINKS[1].column];
    for (path, _) in release.shards(tables::EVENTS, trace, Some(split)) {
        for batch in release.open(path)?.batches(Some(&columns))? {
            release.go_on()?;
            let batch = batch?;
            let ids = rows::ids(&batch, "event_id", &release.path(path))?;
            let links = LINKS.map(|link| links(&batch, link.column));
            for (count, link) in counts.iter_mut().zip(&links) {
                *count += (link.len() - link.null_count()) as u64;
            }
            let both = |row: &usize| links.iter().all(|link| link.is_valid(*row));
            for row in (0..ids.len()).filter(both) {
                let what = format_args!("{} is of a request and of downstream work", ids[row]);
                report.add(Kind::Links, place, what);
            }
        }
    }
    Ok(counts)
}

fn links(batch: &RecordBatch, column: &str) -> Int64Array {
    let column = batch.column_by_name(column).expect("the contract has it");
    column.as_primitive::<Int64Type>().clone()
}

/// Compares the lists of a table with the links of events, and gives how many events they list.
fn lists(
    release: &Release,
    link: &Link,
    of: (&str, &str, &str),
    report: &mut Report,
) -> Result<u64> {
    let (trace, split, _) = of;
    let events = release.shards(tables::EVENTS, trace, Some(split));
    let mut group: Vec<Listed> = Vec::new();
    let mut all = 0;
    for (path, _) in release.shards(link.table, trace, Some(split)) {
        let columns = [&[link.column, link.path], &MEASURES[..]].concat();
        for batch in release.open(path)?.batches(Some(&columns))? {
            release.go_on()?;
            let batch = batch?;
            listed(&batch, link, &mut group);
            // Those of requests are measured with all else that is nested in them.
            if link.table == tables::DOWNSTREAM {
                measured(&batch, path, link, report);
            }
            if group.len() >= GROUP_EVENTS {
                all += group.len() as u64;
                compare(release, link, (&events, of.2), &mut group, report)?;
            }
        }
    }
    all += group.len() as u64;
    compare(release, link, (&events, of.2), &mut group, report)?;
    Ok(all)
}

/// Adds the events that the rows of `batch` list.
fn listed(batch: &RecordBatch, link: &Link, group: &mut Vec<Listed>) {
    let to = batch.column_by_name(link.column);
    let to = to.expect("the contract has it").as_primitive::<Int64Type>();
    let list = batch
        .column_by_name(link.list)
        .expect("the contract has it");
    let list = list.as_list::<i32>();
    let elements = match list.values().as_struct_opt() {
        Some(members) => members.column(0),
        None => list.values(),
    };
    let ids = elements.as_primitive::<Int64Type>().values();
    for (row, to) in to.values().iter().enumerate() {
        let range = list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize;
        group.extend(ids[range].iter().map(|id| (*id, *to)));
    }
}

/// Checks the lists of `batch` against what their rows say of them.
fn measured(batch: &RecordBatch, path: &str, link: &Link, report: &mut Report) {
    let longs = |column: &str| -> &[i64] {
        let column = batch.column_by_name(column).expect("the contract has it");
        column.as_primitive::<Int64Type>().values()
    };
    let [n, omitted, first, last] = MEASURES.map(longs);
    let list = batch[link.list].as_list::<i32>();
    let listed = list.values().as_primitive::<Int64Type>().values();
    for (row, id) in longs(link.column).iter().enumerate() {
        let own = list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize;
        let own = &listed[own];
        let mut fault = |what: std::fmt::Arguments| {
            let column = link.column;
            report.add(Kind::Links, path, format_args!("{column} {id}: {what}"));
        };
        let said = n[row].saturating_sub(omitted[row]);
        if own.len() as i64 != said || omitted[row] < 0 {
            let (list, len) = (link.list, own.len());
            fault(format_args!(
                "{list} has {len} events, but n_events - n_events_omitted is {said}"
            ));
        }
        if own.windows(2).any(|w| w[0] >= w[1]) {
            fault(format_args!("its events are not in the order of their ids"));
        }
        let ends = (own.first().copied(), own.last().copied());
        if omitted[row] == 0 && ends != (Some(first[row]), Some(last[row])) {
            fault(format_args!(
                "first_event and last_event are not its first and last event"
            ));
        }
    }
}

/// Compares a group of listed events with their rows in these shards of `events`; afterwards it is empty.
fn compare(
    release: &Release,
    link: &Link,
    (events, place): (&[(&String, &Shard)], &str),
    group: &mut Vec<Listed>,
    report: &mut Report,
) -> Result<()> {
    group.sort_unstable();
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return Ok(());
    };
    let ids = first.0..=last.0;
    let mut wanted = group.iter().copied().peekable();
    let mut wrong = |(id, to): Listed, why: &str| {
        let Link { column, table, .. } = link;
        let what = format_args!("{column} {to} of {table} lists the event {id}, {why}");
        report.add(Kind::Links, place, what);
    };
    'shards: for (path, _) in events {
        let columns = ["event_id", link.column];
        for batch in release.open(path)?.of_events(Some(&columns), &ids)? {
            release.go_on()?;
            let batch = batch?;
            let links = links(&batch, link.column);
            let ids = rows::ids(&batch, "event_id", &release.path(path))?;
            for (row, id) in ids.iter().enumerate() {
                while let Some(before) = wanted.next_if(|(wanted, _)| wanted < id) {
                    wrong(before, "which is not in this split");
                }
                while let Some(listed) = wanted.next_if(|(wanted, _)| wanted == id) {
                    if links.is_null(row) || links.value(row) != listed.1 {
                        wrong(listed, "which has another link or none");
                    }
                }
            }
            if wanted.peek().is_none() {
                break 'shards;
            }
        }
    }
    wanted.for_each(|listed| wrong(listed, "which is not in this split"));
    group.clear();
    Ok(())
}
