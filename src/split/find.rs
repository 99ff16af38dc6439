//! Running the rule on a dataset: in which split each request is.
//!
//! A request's split is kept in a byte of memory, and found by its id, which counts from 0 in each recording.

use super::names::{INCOMPLETE, OTHER, STRADDLING};
use super::rule::{SplitRule, audit};
use super::strategy::SplitStrategy;
use crate::dataset::Dataset;
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Result};
use crate::process::memory;
use crate::query::output::{Collected, Results};
use crate::query::{Session, Source, shipped};
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where requests are: for each recording a number of [`Splits::names`] for each `request_id`.
pub(crate) struct Splits {
    /// The splits that have a request; before them [`INCOMPLETE`], the first, and [`OTHER`], the second, which has none.
    pub names: Vec<String>,
    /// By recording and `request_id`.
    requests: Vec<Vec<u8>>,
    /// How it was done, for the manifest; recordings go by the names that the dataset has for them.
    pub rule: SplitRule,
}

impl Splits {
    /// Runs the rule on the dataset, with so much memory as [`Session::open`] has it.
    ///
    /// # Errors
    /// [`Error::Usage`] for parameters that it does not have, and for what the rule refuses: values, labels and recordings
    /// that there are not, and parts without a request. [`Error::Sql`] where it fails, [`Error::Interrupted`].
    pub(crate) fn find(
        dataset: &Dataset,
        manifest: &Manifest,
        strategy: &SplitStrategy,
        memory: Option<usize>,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Splits> {
        strategy.check()?;
        let session = Session::open(dataset, memory, interrupted)?;
        let mut told = Collected::default();
        let script = shipped::original("split").expect("ships with the program");
        session.prepare(&script, &strategy.given(), &mut told)?;
        if manifest.requests > manifest.incomplete_requests {
            check_empty(&session, strategy)?;
        }
        let mut found = Found::new(manifest);
        let sql = "SELECT trace_id, request_id, split FROM split_ids";
        session.run(&ours(sql), &[], &mut found)?;
        if manifest.recordings.iter().any(|r| !r.spans.is_empty()) {
            session.run(&ours(&straddling()), &[], &mut found)?;
        }
        let mut parts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if strategy.name == "parts" {
            for [part, recording] in rows(&session, CHOSEN)? {
                parts.entry(part).or_default().push(recording);
            }
        }
        drop(session);
        memory::give_back();
        let order = |r: &String| found.recordings.get(r).copied();
        parts.values_mut().for_each(|p| p.sort_by_key(order));
        Ok(Splits {
            names: found.names,
            requests: found.requests,
            rule: SplitRule {
                by: strategy.name.clone(),
                parameters: strategy.noted().collect(),
                parts,
                audit: audit(&told),
            },
        })
    }

    /// Splits of one recording, whose requests are in these.
    #[cfg(test)]
    pub(crate) fn made_up(requests: Vec<Vec<u8>>) -> Splits {
        Splits {
            names: Vec::new(),
            requests,
            rule: SplitRule::default(),
        }
    }

    /// The split of a request, by number; that of [`INCOMPLETE`] where there is no such request. `recording` is its number in
    /// the manifest.
    pub(crate) fn of_request(&self, recording: usize, request_id: i64) -> u8 {
        let requests = &self.requests[recording];
        let found = usize::try_from(request_id)
            .ok()
            .and_then(|i| requests.get(i));
        found.copied().unwrap_or_default()
    }
}

/// The complete requests that no part has because a border of a span lies inside of them.
fn straddling() -> String {
    format!(
        "SELECT trace_id, request_id, '{STRADDLING}' AS split FROM requests WHERE complete AND straddles"
    )
}

/// Number of [`OTHER`] in [`Splits::names`].
pub(crate) const IN_OTHER: u8 = 1;

/// The recordings of each part.
const CHOSEN: &str = "SELECT part, trace_id FROM split_chosen";
/// The parts without a request, and what there is of them.
const EMPTY: &str =
    "SELECT part, CAST(requests AS VARCHAR) FROM split_counts WHERE requests = 0 ORDER BY part";

/// Refuses what the query lets pass because it says it in its result: that one recording, or one label, is not divided.
fn check_empty(session: &Session, strategy: &SplitStrategy) -> Result<()> {
    match rows(session, EMPTY)?.first() {
        None => Ok(()),
        Some([empty, _]) => Err(Error::usage(
            format!(
                "--split {}: no request would be in {empty}: there are too few recordings or labels with complete requests",
                strategy.name
            ),
            "Choose another split, or do without one.",
        )),
    }
}

/// A query of ours.
fn ours(sql: &str) -> Source {
    Source {
        name: "splits of requests".to_owned(),
        text: sql.to_owned(),
    }
}

/// The rows of a query of two columns of texts.
fn rows(session: &Session, sql: &str) -> Result<Vec<[String; 2]>> {
    let mut told = Collected::default();
    session.run(&ours(sql), &[], &mut told)?;
    let batches = told.results.iter().flat_map(|(_, batches)| batches);
    let mut rows = Vec::new();
    for batch in batches {
        let [a, b] = [0, 1].map(|at| texts(batch.column(at).as_ref()));
        let (a, b) = (a.expect("a text"), b.expect("a text"));
        let pairs = a.iter().zip(b.iter());
        rows.extend(pairs.map(|(a, b)| [a, b].map(|text| text.unwrap_or_default().to_owned())));
    }
    Ok(rows)
}

/// A column as texts.
fn texts(column: &dyn arrow::array::Array) -> Option<StringArray> {
    let plain = cast(column, &DataType::Utf8).ok()?;
    Some(plain.as_string::<i32>().clone())
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
        let text = |name: &str| batch.column_by_name(name).and_then(|c| texts(c.as_ref()));
        let columns = (text("trace_id"), text("split"));
        let ids = batch.column_by_name("request_id");
        let ids = ids.and_then(|c| c.as_primitive_opt::<Int64Type>());
        let ((Some(traces), Some(splits)), Some(ids)) = (columns, ids) else {
            return Err(wrong("not the columns trace_id, request_id and split"));
        };
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
