//! Which split each request, and with it each event, belongs to.
//!
//! The rule is `queries/split.sql`; there is no other. Its script runs as `sysds query split` would run it, without what
//! it copies, and its view `split_ids` says where each complete request is. Requests that are not complete are in
//! [`INCOMPLETE`]. An event is where its request is, or the request that it was done for (`downstream`); all others are in
//! [`OTHER`].
//!
//! A request's split is kept in a byte of memory; an event's in a byte of a temporary file, since events can be more
//! than memory holds. Both are found by their ids, which count from 0 in each trace.

use super::release::{INCOMPLETE, OTHER, SplitRule};
use super::rows::{Rows, ids};
use crate::dataset::Dataset;
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Place, Result};
use crate::query::output::{Collected, Results};
use crate::query::{Session, Source, shipped};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How to split: by which strategy of `queries/split.sql`, and values for its other parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SplitStrategy {
    /// `hash`, `time`, `recording` or `label`.
    pub name: String,
    /// Parameters, by name.
    pub parameters: Vec<(String, String)>,
}

/// Where requests are: for each recording a number of [`Splits::names`] for each `request_id`.
pub(crate) struct Splits {
    /// The splits; the first is [`INCOMPLETE`], the second [`OTHER`].
    pub names: Vec<String>,
    /// By recording and `request_id`.
    requests: Vec<Vec<u8>>,
    /// How it was done, for the manifest.
    pub rule: SplitRule,
}

/// Number of [`OTHER`] in the names.
const IN_OTHER: u8 = 1;

impl Splits {
    /// Runs the script on the dataset, with so much memory as [`Session::open`] has it.
    ///
    /// # Errors
    /// [`Error::Usage`] for parameters that it does not have, [`Error::Sql`] where it fails, [`Error::Interrupted`].
    pub(crate) fn find(
        dataset: &Dataset,
        manifest: &Manifest,
        strategy: &SplitStrategy,
        memory: Option<usize>,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Splits> {
        let mut given = vec![("by".to_owned(), strategy.name.clone())];
        given.extend(strategy.parameters.iter().cloned());
        let session = Session::open(dataset, memory, interrupted)?;
        let mut told = Collected::default();
        let script = shipped::original("split").expect("ships with the program");
        session.prepare(&script, &given, &mut told)?;
        let mut found = Found::new(manifest);
        let source = Source {
            name: "splits of requests".to_owned(),
            text: "SELECT trace_id, request_id, split FROM split_ids".to_owned(),
        };
        session.run(&source, &[], &mut found)?;
        Ok(Splits {
            names: found.names,
            requests: found.requests,
            rule: SplitRule {
                by: strategy.name.clone(),
                parameters: strategy.parameters.iter().cloned().collect(),
                audit: audit(&told),
            },
        })
    }

    /// The split of a request, by number.
    pub(crate) fn of_request(&self, recording: usize, request_id: i64) -> u8 {
        let requests = &self.requests[recording];
        let found = usize::try_from(request_id)
            .ok()
            .and_then(|i| requests.get(i));
        found.copied().unwrap_or_default()
    }

    /// Marks the events of a recording with the splits of their requests: `requests` and `downstream` are its files
    /// in the dataset `root`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`], [`Error::Input`] where an event is not one of the recording's.
    pub(crate) fn mark_events(
        &self,
        recording: usize,
        events: u64,
        (root, (requests, downstream)): (&Path, (&[String], &[String])),
        dir: &Path,
    ) -> Result<Marks> {
        let marks = Marks::new(dir, events)?;
        // A request's own events go last, so that they count where an event is in both.
        let lists = [
            (
                downstream,
                "event_ids",
                None,
                ["request_id", "event_ids.list.element"],
            ),
            (
                requests,
                "events",
                Some("event_id"),
                ["request_id", "events.list.element.event_id"],
            ),
        ];
        for (files, list, member, columns) in lists {
            for file in files {
                let path = &root.join(file);
                for batch in Rows::open(root, file)?.batches(Some(&columns))? {
                    let batch = batch?;
                    let requests = ids(&batch, "request_id", path)?.to_vec();
                    for (row, request) in requests.into_iter().enumerate() {
                        let events = elements(&batch, list, member, row, path)?;
                        marks.set(&events, self.of_request(recording, request))?;
                    }
                }
            }
        }
        Ok(marks)
    }
}

/// The ids in a list of a row.
fn elements(
    batch: &RecordBatch,
    list: &str,
    member: Option<&str>,
    row: usize,
    path: &Path,
) -> Result<Vec<i64>> {
    let missing = || {
        Error::input(
            format!("has no lists {list} of events"),
            Place::file(path),
            "Make the dataset again with sysds ingest.",
        )
    };
    let lists = batch
        .column_by_name(list)
        .and_then(|c| c.as_list_opt::<i32>());
    let mut values = lists.ok_or_else(missing)?.value(row);
    if let Some(member) = member {
        let members = values.as_struct_opt().ok_or_else(missing)?;
        values = Arc::clone(members.column_by_name(member).ok_or_else(missing)?);
    }
    let values = values.as_primitive_opt::<Int64Type>().ok_or_else(missing)?;
    Ok(values.values().to_vec())
}

/// What the view says, row by row.
struct Found {
    names: Vec<String>,
    requests: Vec<Vec<u8>>,
    recordings: HashMap<String, usize>,
}

impl Found {
    fn new(manifest: &Manifest) -> Self {
        let recordings = manifest.recordings.iter();
        Found {
            names: vec![INCOMPLETE.to_owned(), OTHER.to_owned()],
            requests: recordings
                .clone()
                .map(|r| vec![0; r.requests as usize])
                .collect(),
            recordings: recordings
                .enumerate()
                .map(|(i, r)| (r.trace_id.clone(), i))
                .collect(),
        }
    }

    fn number(&mut self, name: &str) -> u8 {
        let known = self.names.iter().position(|n| n == name);
        let at = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u8::try_from(at).expect("splits are few")
    }
}

impl Results for Found {
    fn begin(&mut self, _: &SchemaRef) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let wrong = |what: &str| Error::Sql {
            what: format!("queries/split.sql: split_ids has {what}"),
            remedy: String::new(),
        };
        let text = |name: &str| {
            let column = batch.column_by_name(name);
            column.and_then(|c| cast(c, &DataType::Utf8).ok())
        };
        let columns = (text("trace_id"), text("split"));
        let ids = batch.column_by_name("request_id");
        let ids = ids.and_then(|c| c.as_primitive_opt::<Int64Type>());
        let ((Some(traces), Some(splits)), Some(ids)) = (columns, ids) else {
            return Err(wrong("not the columns trace_id, request_id and split"));
        };
        let (traces, splits) = (traces.as_string::<i32>(), splits.as_string::<i32>());
        for row in 0..batch.num_rows() {
            let number = self.number(splits.value(row));
            let recording = self.recordings.get(traces.value(row));
            let requests = recording.map(|r| &mut self.requests[*r]);
            let at = usize::try_from(ids.value(row)).ok();
            match requests.and_then(|r| r.get_mut(at?)) {
                Some(place) => *place = number,
                None => return Err(wrong("a request that the manifest does not count")),
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The rows of the script's result, as texts, without times: a release may tell other times than its dataset.
fn audit(told: &Collected) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for (schema, batches) in &told.results {
        let kept = |i: &usize| !matches!(schema.field(*i).data_type(), DataType::Timestamp(..));
        let kept: Vec<usize> = (0..schema.fields().len()).filter(kept).collect();
        for batch in batches {
            let texts = kept.iter().filter_map(|i| {
                let text = cast(batch.column(*i), &DataType::Utf8).ok()?;
                Some((schema.field(*i).name(), text))
            });
            let texts: Vec<(&String, ArrayRef)> = texts.collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let cells = texts.iter().filter(|(_, text)| text.is_valid(row));
                cells
                    .map(|(name, text)| {
                        let value = text.as_string::<i32>().value(row);
                        ((*name).clone(), value.to_owned())
                    })
                    .collect()
            }));
        }
    }
    rows
}

/// A split for each event of a recording, in a temporary file without a name.
pub(crate) struct Marks {
    file: File,
    events: u64,
    path: PathBuf,
}

impl Marks {
    fn new(dir: &Path, events: u64) -> Result<Marks> {
        let file = tempfile::tempfile_in(dir).map_err(Error::io("create", dir))?;
        file.set_len(events).map_err(Error::io("write", dir))?;
        Ok(Marks {
            file,
            events,
            path: dir.to_path_buf(),
        })
    }

    /// Marks events with a split. What is not marked reads 0, so that splits are kept from 1 on.
    fn set(&self, events: &[i64], split: u8) -> Result<()> {
        let mut rest = events;
        while let Some(first) = rest.first() {
            let run = rest.iter().zip(*first..).take_while(|(e, at)| *e == at);
            let length = run.count();
            let end = first.checked_add(length as i64).unwrap_or(i64::MAX);
            if *first < 0 || end as u64 > self.events {
                return Err(Error::input(
                    format!(
                        "a request has the event {first}, but its recording has {} events",
                        self.events
                    ),
                    Place::file(&self.path),
                    "The dataset is damaged: fetch it or make it again.",
                ));
            }
            let bytes = vec![split + 1; length];
            self.file
                .write_all_at(&bytes, *first as u64)
                .map_err(Error::io("write", &self.path))?;
            rest = &rest[length..];
        }
        Ok(())
    }

    /// The splits of events that follow on one another.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where they do not, or the recording has none of these ids.
    pub(crate) fn get(&self, ids: &[i64]) -> Result<Vec<u8>> {
        let mut marks = vec![0; ids.len()];
        let Some(first) = ids.first() else {
            return Ok(marks);
        };
        let dense = ids.iter().zip(*first..).all(|(id, at)| *id == at);
        if !dense || *first < 0 || *first as u64 + ids.len() as u64 > self.events {
            return Err(Error::input(
                format!("event_id does not count from 0 to {}", self.events),
                Place::file(&self.path),
                "The dataset is damaged: fetch it or make it again.",
            ));
        }
        self.file
            .read_exact_at(&mut marks, *first as u64)
            .map_err(Error::io("read", &self.path))?;
        marks
            .iter_mut()
            .for_each(|m| *m = m.checked_sub(1).unwrap_or(IN_OTHER));
        Ok(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_by_event() {
        let dir = tempfile::tempdir().unwrap();
        let marks = Marks::new(dir.path(), 10).unwrap();
        marks.set(&[1, 2, 3, 7], 2).unwrap();
        marks.set(&[2, 9], 0).unwrap();
        assert_eq!(marks.get(&[0, 1, 2, 3, 4]).unwrap(), [1, 2, 0, 2, 1]);
        assert_eq!(marks.get(&[7, 8, 9]).unwrap(), [2, 1, 0]);
        assert!(marks.set(&[10], 2).is_err() && marks.set(&[-1], 2).is_err());
        assert!(marks.get(&[9, 10]).is_err() && marks.get(&[1, 3]).is_err());
    }
}
