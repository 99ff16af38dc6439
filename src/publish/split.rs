//! Which split each request, and with it each event, belongs to.
//!
//! The rule is `queries/split.sql`; there is no other. Its script runs as `sysds query split` would run it, without what
//! it copies, and its view `split_ids` says where each complete request is. Requests that are not complete are in
//! [`INCOMPLETE`]. An event is where its request is, or the request that it was done for (`downstream`); all others are in
//! [`OTHER`].
//!
//! A request's split is kept in a byte of memory, and found by its id, which counts from 0 in each trace; an event says
//! which request it is of.

use super::release::{INCOMPLETE, OTHER, SplitRule, TRAIN};
use super::rows::{Rows, ids};
use crate::dataset::Dataset;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use crate::process::memory;
use crate::query::output::{Collected, Results};
use crate::query::{Session, Source, shipped};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
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

impl SplitStrategy {
    /// The value of a parameter, where one was given.
    fn given(&self, name: &str) -> Option<&str> {
        let mut given = self.parameters.iter().rev();
        given.find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Refuses parameters that no split can have.
    ///
    /// # Errors
    /// [`Error::Usage`].
    fn check(&self, manifest: &Manifest) -> Result<()> {
        for (at, (name, _)) in self.parameters.iter().enumerate() {
            if !PARAMETERS.contains(&name.as_str()) {
                return Err(Error::usage(
                    format!("-p {name}: a split has no parameter ${name}"),
                    format!("There are {}.", PARAMETERS.join(", ")),
                ));
            }
            if self.parameters[..at].iter().any(|(n, _)| n == name) {
                return Err(Error::usage(
                    format!("-p {name}: given twice"),
                    "Give each parameter once.",
                ));
            }
        }
        let number = |name: &str, fits: fn(f64) -> bool, words: &str| {
            let value = self.given(name);
            // What is no number at all is told by the query.
            let wrong = value.filter(|v| v.trim().parse().is_ok_and(|v| !fits(v)));
            wrong.map_or(Ok(()), |value| {
                Err(Error::usage(
                    format!("-p {name}={value}: {words}"),
                    "Nothing was split.",
                ))
            })
        };
        number(
            "fraction",
            |f| 0.0 < f && f < 1.0,
            "a share to train with is more than 0 and less than 1",
        )?;
        number(
            "gap_ms",
            |ms| (0.0..=1e12).contains(&ms),
            "a gap is 0 or more milliseconds",
        )?;
        match self.name == "label" && has_requests(manifest) {
            true => self.check_label(manifest),
            false => Ok(()),
        }
    }

    /// Refuses a label that no recording has.
    fn check_label(&self, manifest: &Manifest) -> Result<()> {
        let label = self.given("label").unwrap_or("normal");
        let label = label
            .strip_prefix('\'')
            .and_then(|l| l.strip_suffix('\''))
            .unwrap_or(label);
        let labels = manifest.recordings.iter();
        let labels = labels.map(|r| r.label.as_deref().unwrap_or_default());
        let labels: BTreeSet<&str> = labels.collect();
        if labels.contains(label) {
            return Ok(());
        }
        let there: Vec<&str> = labels
            .into_iter()
            .map(|label| if label.is_empty() { "'' (none)" } else { label })
            .collect();
        Err(Error::usage(
            format!("-p label={label}: no recording has this label"),
            format!("The labels are {}.", there.join(", ")),
        ))
    }

    /// Refuses a split that leaves a part without requests.
    fn check_parts(&self, found: &Found) -> Result<()> {
        let parts: &[&str] = match self.name.as_str() {
            "label" => &[TRAIN, "test", "ood"],
            _ => &[TRAIN, "test"],
        };
        let Some(empty) = parts
            .iter()
            .find(|part| !found.names.iter().any(|n| n == *part))
        else {
            return Ok(());
        };
        Err(Error::usage(
            format!(
                "--split {}: no request would be in {empty}: there are too few that are complete, or too few recordings or \
                 labels",
                self.name
            ),
            "Choose another split or another fraction, or publish without a split.",
        ))
    }
}

/// Whether there is anything to split: a dataset of nothing has its release, too.
fn has_requests(manifest: &Manifest) -> bool {
    manifest.requests > manifest.incomplete_requests
}

/// The parameters that a split may be given, whatever its strategy.
const PARAMETERS: [&str; 3] = ["fraction", "gap_ms", "label"];

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
        strategy.check(manifest)?;
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
        drop(session);
        memory::give_back();
        if has_requests(manifest) {
            strategy.check_parts(&found)?;
        }
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

    /// Where the events of a recording are: `downstream` are its files of that table in the dataset `root`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`], [`Error::Input`] where it has not the columns.
    pub(crate) fn of_events(
        &self,
        recording: usize,
        root: &Root,
        downstream: &[String],
    ) -> Result<EventSplits<'_>> {
        let mut services = HashMap::new();
        for file in downstream {
            let path = &root.join(file);
            for batch in Rows::open(root, file)?.batches(Some(&["service_id", "request_id"]))? {
                let batch = batch?;
                let pairs = ids(&batch, "service_id", path)?.iter();
                let pairs = pairs.zip(ids(&batch, "request_id", path)?);
                services.extend(pairs.map(|(s, r)| (*s, self.of_request(recording, *r))));
            }
        }
        Ok(EventSplits {
            splits: self,
            recording,
            services,
        })
    }
}

/// Which split the events of a recording belong to.
pub(crate) struct EventSplits<'a> {
    splits: &'a Splits,
    recording: usize,
    /// By `service_id`.
    services: HashMap<i64, u8>,
}

impl EventSplits<'_> {
    /// The splits of the rows of `events` in `batch`, of the file `path`.
    ///
    /// # Errors
    /// [`Error::Input`] where it has not the columns.
    pub(crate) fn of_rows(&self, batch: &RecordBatch, path: &Path) -> Result<Vec<u8>> {
        let requests = links(batch, "request_id", path)?;
        let services = links(batch, "service_id", path)?;
        let rows = requests.iter().zip(services.iter());
        let splits = rows.map(|links| match links {
            (Some(request), _) => self.splits.of_request(self.recording, request),
            (None, Some(service)) => self.services.get(&service).copied().unwrap_or(IN_OTHER),
            (None, None) => IN_OTHER,
        });
        Ok(splits.collect())
    }
}

/// A column of `events` that says to what each belongs.
fn links<'a>(batch: &'a RecordBatch, column: &str, path: &Path) -> Result<&'a Int64Array> {
    let found = batch.column_by_name(column);
    let found = found.and_then(|c| c.as_primitive_opt::<Int64Type>());
    found.ok_or_else(|| {
        Error::input(
            format!("has no column {column} of 64-bit integers"),
            Place::file(path),
            "Make the dataset again with this version of sysds ingest.",
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn events_are_where_their_request_is() {
        let splits = Splits {
            names: Vec::new(),
            requests: vec![vec![], vec![0, 2, 3]],
            rule: SplitRule {
                by: "hash".to_owned(),
                parameters: BTreeMap::new(),
                audit: Vec::new(),
            },
        };
        let events = EventSplits {
            splits: &splits,
            recording: 1,
            services: HashMap::from([(0, 3)]),
        };
        let column =
            |links: [Option<i64>; 5]| -> ArrayRef { Arc::new(Int64Array::from_iter(links)) };
        let batch = RecordBatch::try_from_iter([
            (
                "request_id",
                column([None, Some(0), Some(1), Some(2), None]),
            ),
            ("service_id", column([None, None, None, None, Some(0)])),
        ]);
        let found = events.of_rows(&batch.unwrap(), Path::new("f")).unwrap();
        assert_eq!(found, [IN_OTHER, 0, 2, 3, 3]);
        let none = RecordBatch::try_from_iter([("request_id", column([None; 5]))]).unwrap();
        let e = events.of_rows(&none, Path::new("f")).unwrap_err();
        assert!(e.to_string().contains("no column service_id"), "{e}");
    }
}
