//! Ids, times and splits of a recording: every row once, in one split, and nothing outside of the recording.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::manifest::Recording;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::release::Shard;
use crate::publish::rows;
use crate::split::names::is_of_complete;
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::BTreeMap;

/// Checks a recording; returns how many events it has.
pub(super) fn check(release: &Release, recording: &Recording, report: &mut Report) -> Result<u64> {
    let events = events(release, recording, report)?;
    let places = requests(release, recording, report)?;
    downstream(release, recording, &places, report)?;
    losses(release, recording, report)?;
    Ok(events)
}

/// A column as 64-bit integers: ids, or times in nanoseconds.
pub(super) fn longs(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = batch.column_by_name(column).expect("the contract has it");
    let plain = cast(column, &DataType::Int64).expect("integers and times are 64 bits");
    plain.as_primitive::<Int64Type>().values().to_vec()
}

pub(super) fn texts(batch: &RecordBatch, column: &str) -> StringArray {
    let column = batch.column_by_name(column).expect("the contract has it");
    let plain: ArrayRef = cast(column, &DataType::Utf8).expect("strings");
    plain.as_string::<i32>().clone()
}

/// Checks that all rows of a batch are of the shard's recording.
fn same_trace(batch: &RecordBatch, path: &str, shard: &Shard, report: &mut Report) {
    let traces = texts(batch, "trace_id");
    if let Some(other) = traces.iter().flatten().find(|t| *t != shard.trace_id) {
        let what = format_args!(
            "has rows of the recording {other}, but manifest.json says {}",
            shard.trace_id
        );
        report.add(Kind::Metadata, path, what);
    }
}

/// The batches of a table's shards with some columns, in order.
pub(super) fn each(
    release: &Release,
    shards: &[(&String, &Shard)],
    columns: &[&str],
    mut look: impl FnMut(&RecordBatch, &str, &Shard) -> Result<()>,
) -> Result<()> {
    for (path, shard) in shards {
        for batch in release.open(path)?.batches(Some(columns))? {
            release.go_on()?;
            look(&batch?, path, shard)?;
        }
    }
    Ok(())
}

/// Ids that room is made for: more than there are rows, whatever the metadata of the release say.
fn most_ids(release: &Release, shards: &[(&String, &Shard)], column: &str) -> Result<u64> {
    let mut rows = 0;
    each(release, shards, &[column], |batch, _, _| {
        rows += batch.num_rows() as u64;
        Ok(())
    })?;
    Ok(2 * rows + (1 << 20))
}

/// The batches of a shard.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

/// The events of a split, read as far as they are needed.
struct Cursor<'a> {
    split: &'a str,
    shards: std::vec::IntoIter<(&'a String, &'a Shard)>,
    batches: Option<(Batches, &'a String, &'a Shard)>,
    ids: Vec<i64>,
    times: Vec<i64>,
    at: usize,
}

impl Cursor<'_> {
    /// The next event, and its time.
    fn head(&mut self, release: &Release, report: &mut Report) -> Result<Option<(i64, i64)>> {
        while self.at == self.ids.len() {
            release.go_on()?;
            let next = self
                .batches
                .as_mut()
                .and_then(|(b, p, s)| Some((b.next()?, *p, *s)));
            match next {
                Some((batch, path, shard)) => {
                    let batch = batch?;
                    same_trace(&batch, path, shard, report);
                    labels(&batch, path, shard.label.as_deref(), report);
                    self.ids = longs(&batch, "event_id");
                    self.times = longs(&batch, "timestamp");
                    self.at = 0;
                }
                None => match self.shards.next() {
                    Some((path, shard)) => {
                        let columns = ["event_id", "timestamp", "trace_id", "label"];
                        let batches = release.open(path)?.batches(Some(&columns))?;
                        self.batches = Some((Box::new(batches), path, shard));
                    }
                    None => return Ok(None),
                },
            }
        }
        Ok(Some((self.ids[self.at], self.times[self.at])))
    }
}

/// The events of a recording, a cursor for each split.
fn cursors<'a>(release: &Release<'a>, recording: &Recording) -> Vec<Cursor<'a>> {
    let mut by_split: BTreeMap<&str, Vec<(&String, &Shard)>> = BTreeMap::new();
    for (path, shard) in release.shards(tables::EVENTS, &recording.trace_id, None) {
        by_split
            .entry(&shard.split)
            .or_default()
            .push((path, shard));
    }
    let cursors = by_split.into_iter().map(|(split, shards)| Cursor {
        split,
        shards: shards.into_iter(),
        batches: None,
        ids: Vec::new(),
        times: Vec::new(),
        at: 0,
    });
    cursors.collect()
}

/// All splits together must be the events 0, 1, 2 … of the recording, each once, in time.
fn events(release: &Release, recording: &Recording, report: &mut Report) -> Result<u64> {
    let place = format!("events of {}", recording.trace_id);
    let mut cursors = cursors(release, recording);
    let (mut expected, mut last_time, mut rows) = (0, i64::MIN, 0);
    loop {
        let mut least: Option<(i64, i64, usize)> = None;
        for (i, cursor) in cursors.iter_mut().enumerate() {
            if let Some((id, time)) = cursor.head(release, report)?
                && least.is_none_or(|(l, ..)| id < l)
            {
                least = Some((id, time, i));
            }
        }
        let Some((id, time, which)) = least else {
            break;
        };
        let split = cursors[which].split;
        if id > expected {
            let what = format_args!("{expected} to {} are in no split", id - 1);
            report.add(Kind::Split, &place, what);
        } else if id < expected {
            let what = format_args!("{id} in {split} stands behind {}, or twice", expected - 1);
            report.add(Kind::Ids, &place, what);
        }
        if let Some(what) = wrong_time(recording, time, last_time) {
            report.add(Kind::Time, &place, format_args!("{id} in {split} {what}"));
        }
        expected = expected.max(id.saturating_add(1));
        last_time = last_time.max(time);
        cursors[which].at += 1;
        rows += 1;
    }
    if expected != recording.events as i64 {
        let what = format_args!(
            "end at {}, but the recording has {} events",
            expected - 1,
            recording.events
        );
        report.add(Kind::Rows, &place, what);
    }
    Ok(rows)
}

/// What is wrong with the time of an event.
fn wrong_time(recording: &Recording, time: i64, before: i64) -> Option<&'static str> {
    let span = recording.first_ns.zip(recording.last_ns);
    match span.is_some_and(|(first, last)| time < first || time > last) {
        true => Some("is not in the time of its recording"),
        false => (time < before).then_some("is earlier than the event before"),
    }
}

/// Where each request is: a number for its split, 0 where it is nowhere; and the names of the splits.
struct Places {
    by_request: Vec<u8>,
    names: Vec<String>,
}

impl Places {
    fn number(&mut self, split: &str) -> u8 {
        let known = self.names.iter().position(|n| n == split);
        let at = known.unwrap_or_else(|| {
            self.names.push(split.to_owned());
            self.names.len() - 1
        });
        u8::try_from(at).unwrap_or(u8::MAX)
    }
}

const REQUEST: [&str; 9] = [
    "request_id",
    "trace_id",
    "label",
    "start",
    "end",
    "first_event",
    "last_event",
    "complete",
    "lost_events",
];

fn requests(release: &Release, recording: &Recording, report: &mut Report) -> Result<Places> {
    let place = format!("requests of {}", recording.trace_id);
    let shards = release.shards(tables::REQUESTS, &recording.trace_id, None);
    let most = most_ids(release, &shards, "request_id")?;
    let mut places = Places {
        by_request: vec![0; recording.requests.min(most) as usize],
        names: vec![String::new()],
    };
    each(release, &shards, &REQUEST, |batch, path, shard| {
        same_trace(batch, path, shard, report);
        let number = places.number(&shard.split);
        for id in rows::ids(batch, "request_id", &release.path(path))? {
            let at = usize::try_from(*id).ok();
            let Some(at) = at.and_then(|at| places.by_request.get_mut(at)) else {
                let what = format_args!(
                    "request {id}: the recording has {} requests",
                    recording.requests
                );
                report.add(Kind::Ids, path, what);
                continue;
            };
            match *at {
                0 => *at = number,
                other if other == number => {
                    report.add(Kind::Ids, path, format_args!("request {id} stands twice"));
                }
                other => {
                    let other = &places.names[other as usize];
                    let what = format_args!("request {id} is in {other} and in {}", shard.split);
                    report.add(Kind::Split, &place, what);
                }
            }
        }
        windows(batch, path, ("request", "request_id"), recording, report);
        labels(batch, path, recording.label.as_deref(), report);
        if is_of_complete(&shard.split) {
            marked(batch, path, &shard.split, report);
        }
        Ok(())
    })?;
    let missing = places
        .by_request
        .iter()
        .enumerate()
        .filter(|(_, n)| **n == 0);
    for (id, _) in missing {
        report.add(
            Kind::Split,
            &place,
            format_args!("request {id} is in no split"),
        );
    }
    Ok(places)
}

/// Checks that the events and the time of rows, each a `what` with its id in a column, are in the recording.
fn windows(
    batch: &RecordBatch,
    path: &str,
    (what, column): (&str, &str),
    recording: &Recording,
    report: &mut Report,
) {
    let [ids, starts, ends, firsts, lasts] =
        [column, "start", "end", "first_event", "last_event"].map(|c| longs(batch, c));
    let time = recording.first_ns.zip(recording.last_ns);
    for row in 0..ids.len() {
        let id = ids[row];
        if !(0 <= firsts[row] && firsts[row] <= lasts[row] && lasts[row] < recording.events as i64)
        {
            let why = format_args!(
                "{what} {id}: events {} to {} are not in the recording, which has {}",
                firsts[row], lasts[row], recording.events
            );
            report.add(Kind::Window, path, why);
        }
        let outside = time.is_some_and(|(first, last)| starts[row] < first || ends[row] > last);
        if outside || starts[row] > ends[row] {
            let why = format_args!("{what} {id}: its time is not in that of its recording");
            report.add(Kind::Window, path, why);
        }
    }
}

/// Checks that all rows of a batch have the label of their recording.
fn labels(batch: &RecordBatch, path: &str, label: Option<&str>, report: &mut Report) {
    let labels = texts(batch, "label");
    if labels.iter().any(|l| l != label) {
        let what = format_args!(
            "has another label than its recording, {}",
            label.unwrap_or("which has none")
        );
        report.add(Kind::Metadata, path, what);
    }
}

fn marked(batch: &RecordBatch, path: &str, split: &str, report: &mut Report) {
    let complete = batch
        .column_by_name("complete")
        .expect("the contract has it");
    let complete: &BooleanArray = complete.as_boolean();
    let lost = longs(batch, "lost_events");
    for (row, id) in longs(batch, "request_id").into_iter().enumerate() {
        if !complete.value(row) || lost[row] != 0 {
            let what = format_args!(
                "request {id} is in {split}, but complete is {} and lost_events {}",
                complete.value(row),
                lost[row]
            );
            report.add(Kind::Marked, path, what);
        }
    }
}

fn downstream(
    release: &Release,
    recording: &Recording,
    places: &Places,
    report: &mut Report,
) -> Result<()> {
    let mut seen: Vec<bool> = Vec::new();
    let shards = release.shards(tables::DOWNSTREAM, &recording.trace_id, None);
    let rows: u64 = shards.iter().map(|(_, s)| s.rows).sum();
    let most = most_ids(release, &shards, "service_id")?;
    let columns = [
        "service_id",
        "trace_id",
        "request_id",
        "start",
        "end",
        "first_event",
        "last_event",
    ];
    each(release, &shards, &columns, |batch, path, shard| {
        same_trace(batch, path, shard, report);
        let [ids, requests] = ["service_id", "request_id"].map(|c| longs(batch, c));
        for row in 0..ids.len() {
            let id = ids[row];
            match usize::try_from(id)
                .ok()
                .filter(|at| (*at as u64) < rows.min(most))
            {
                None => report.add(
                    Kind::Ids,
                    path,
                    format_args!("service {id}: there are {rows} of them"),
                ),
                Some(at) => {
                    seen.resize(seen.len().max(at + 1), false);
                    if std::mem::replace(&mut seen[at], true) {
                        report.add(Kind::Ids, path, format_args!("service {id} stands twice"));
                    }
                }
            }
            of_request(id, requests[row], places, shard, (path, report));
        }
        windows(batch, path, ("service", "service_id"), recording, report);
        Ok(())
    })
}

/// Whether the request of a service is there, and in the split of the shard.
fn of_request(
    id: i64,
    request: i64,
    places: &Places,
    shard: &Shard,
    (path, report): (&str, &mut Report),
) {
    let found = usize::try_from(request).ok();
    let found = found.and_then(|at| places.by_request.get(at));
    match found.map(|n| places.names[*n as usize].as_str()) {
        None | Some("") => {
            let what = format_args!("service {id}: there is no request {request}");
            report.add(Kind::Ids, path, what);
        }
        Some(split) if split != shard.split => {
            let what = format_args!("service {id} is in {}, its request in {split}", shard.split);
            report.add(Kind::Split, path, what);
        }
        Some(_) => {}
    }
}

fn losses(release: &Release, recording: &Recording, report: &mut Report) -> Result<()> {
    let shards = release.shards(tables::LOSSES, &recording.trace_id, None);
    each(release, &shards, &["trace_id"], |batch, path, shard| {
        same_trace(batch, path, shard, report);
        Ok(())
    })
}
