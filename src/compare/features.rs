//! How well plain figures of a request tell labels apart: how many events it has, how long it takes, which events.
//!
//! A model is worth its cost where it finds more than these do. SQL counts how often each label has each value, in the order
//! of values, and goes to disk for that where memory does not do; [`Ranks`] takes the counts as they come. Only complete
//! requests count, with their own events. The label of one is that of the span of its recording in which it lies, if it lies in
//! one; what has a border of a span inside has no label, and does not count.

use super::auroc::{Auroc, Ranks};
use super::facts::number;
use super::labels::{UNLABELLED, labels as all_of_recordings, of_requests};
use super::rows::{Compared, Row, pairs};
use crate::dataset::Dataset;
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Result};
use crate::process::memory;
use crate::query::output::Results;
use crate::query::{Session, Source};
use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// From this area under the ROC curve on, a figure tells labels apart so well that it should be looked at.
const TELLS: f64 = 0.9;
/// How many of the names whose presence tells two labels apart best are told.
const PRESENT: usize = 5;
/// The aspect of these rows.
const ASPECT: &str = "request";

/// Each figure, in the order in which they are told: its name, and its words in a sentence.
const FIGURES: [(&str, &str); 4] = [
    ("events", "the number of events of a request"),
    ("calls", "the number of system calls of a request"),
    (
        "different calls",
        "the number of different system calls of a request",
    ),
    ("duration_ns", "the duration of a request"),
];

/// How often each label has each value of each figure that events tell.
const OF_EVENTS: &str = "
SELECT figure, own AS label, value, count(*) AS times
FROM (
  SELECT
    coalesce(CAST(span_label AS VARCHAR), CAST(label AS VARCHAR), '') AS own,
    unnest(['events', 'calls', 'different calls']) AS figure,
    unnest([n_events, CAST(cardinality(calls) AS BIGINT), CAST(cardinality(element_counts(calls)) AS BIGINT)]) AS value
  FROM (
    SELECT span_label, label, n_events, elements_where(name, phase, 'entry') AS calls
    FROM request_lists
    WHERE complete AND straddles IS NOT TRUE
  )
)
GROUP BY figure, own, value
ORDER BY figure, value";

/// The same of the duration.
const OF_DURATIONS: &str = "
SELECT 'duration_ns' AS figure, own AS label, duration_ns AS value, count(*) AS times
FROM (
  SELECT coalesce(CAST(span_label AS VARCHAR), CAST(label AS VARCHAR), '') AS own, duration_ns
  FROM requests
  WHERE complete AND straddles IS NOT TRUE
)
GROUP BY own, duration_ns
ORDER BY value";

/// How many requests of each label have an event of each name.
const OF_NAMES: &str = "
SELECT own AS label, counted['element'] AS figure, count(*) AS value, count(*) AS times
FROM (
  SELECT
    coalesce(CAST(span_label AS VARCHAR), CAST(label AS VARCHAR), '') AS own,
    unnest(element_counts(name)) AS counted
  FROM request_lists
  WHERE complete AND straddles IS NOT TRUE
)
WHERE counted['element'] IS NOT NULL
GROUP BY own, counted['element']";

/// Finds how well each figure tells each two labels of the dataset apart. `memory` and `interrupted` are those of
/// [`Session::open`].
///
/// # Errors
/// As [`Session::open`] and [`Session::run`], but for a dataset that has not the columns: that is told.
pub(crate) fn features(
    dataset: &Dataset,
    manifest: &Manifest,
    memory: Option<usize>,
    interrupted: Arc<AtomicBool>,
) -> Result<Compared> {
    let (labels, more) = of_requests(manifest);
    if labels.len() < 2 {
        return Ok(Compared::default());
    }
    let session = Session::open(dataset, memory, interrupted)?;
    let mut compared = Compared::default();
    // Those of recordings are told of where these are compared.
    if more > 0 && more != all_of_recordings(manifest).1 {
        let what = format!(
            "requests of {more} labels beyond the first {}",
            labels.len()
        );
        compared.missing.push(what);
    }
    let mut found = Found::new(&labels);
    for sql in [OF_EVENTS, OF_DURATIONS] {
        ask(&session, sql, &mut found, &mut compared.missing)?;
    }
    let mut names = Names::new(&labels);
    ask(&session, OF_NAMES, &mut names, &mut compared.missing)?;
    drop(session);
    memory::give_back();
    let ranks = found.finish();
    for (a, b) in pairs(&labels) {
        compared.of_pair(&ranks, a, b);
        if let Some(durations) = ranks.get("duration_ns") {
            compared.of_names(&names, durations, a, b);
        }
    }
    Ok(compared)
}

/// Runs a query; what the dataset has not the columns for is told in `missing`.
fn ask(
    session: &Session,
    sql: &str,
    results: &mut dyn Results,
    missing: &mut Vec<String>,
) -> Result<()> {
    let source = Source {
        name: "figures of requests".to_owned(),
        text: sql.to_owned(),
    };
    match session.run(&source, &[], results) {
        Err(Error::Sql { what, remedy }) => {
            let first = what.lines().next().unwrap_or_default();
            missing.push(format!("{first} {remedy}"));
            Ok(())
        }
        done => done,
    }
}

impl Compared {
    fn of_pair(&mut self, ranks: &BTreeMap<String, Ranks>, a: (usize, &str), b: (usize, &str)) {
        for (figure, words) in FIGURES {
            let Some(ranks) = ranks.get(figure) else {
                continue;
            };
            let Some(auroc) = ranks.auroc(a.0, b.0) else {
                continue;
            };
            let mean = |label: usize| ranks.mean(label).map_or(String::new(), number);
            let means = [a.0, b.0].map(|label| format!("mean {}", mean(label)));
            let row = row(figure.to_owned(), auroc, means, (a.1, b.1));
            self.warnings
                .extend(row.differs.then(|| sentence(&row, words)));
            self.rows.push(row);
        }
    }

    fn of_names(&mut self, names: &Names, all: &Ranks, a: (usize, &str), b: (usize, &str)) {
        let presences = names.counts.iter().filter_map(|(name, counts)| {
            let shares = [a.0, b.0].map(|label| (counts[label], all.count(label)));
            let auroc = Auroc::of_presence(shares[0], shares[1])?;
            (auroc.apart() > 0.5).then_some((name, auroc, shares))
        });
        let mut presences: Vec<_> = presences.collect();
        presences.sort_by(|x, y| y.1.apart().total_cmp(&x.1.apart()).then(x.0.cmp(y.0)));
        let others = presences.iter().filter(|p| p.1.apart() >= TELLS).count();
        for (at, (name, auroc, shares)) in presences.into_iter().take(PRESENT).enumerate() {
            let shares = shares.map(|(n, of)| format!("{n} of {of}"));
            let row = row(format!("has {name}"), auroc, shares, (a.1, b.1));
            if row.differs && at == 0 {
                let mut told = sentence(&row, &format!("whether a request has an event {name}"));
                if others > 1 {
                    told += &format!("; so do {} other events", others - 1);
                }
                self.warnings.push(told);
            }
            self.rows.push(row);
        }
    }
}

fn row(what: String, auroc: Auroc, [in_a, in_b]: [String; 2], (a, b): (&str, &str)) -> Row {
    let more = match auroc.of {
        of if of > 0.5 => Some(a),
        of if of < 0.5 => Some(b),
        _ => None,
    };
    Row {
        a: a.to_owned(),
        b: b.to_owned(),
        aspect: ASPECT,
        what,
        in_a,
        in_b,
        auroc: Some(auroc.apart()),
        more_in: more.map(str::to_owned),
        differs: auroc.apart() >= TELLS,
    }
}

/// A row whose figure, in `words`, tells labels apart.
fn sentence(row: &Row, words: &str) -> String {
    format!(
        "{words} alone tells {} from {}: AUROC {}, more in {}",
        row.a,
        row.b,
        number(row.auroc.unwrap_or_default()),
        row.more_in.as_deref().unwrap_or_default()
    )
}

/// The columns of a batch that each query has.
struct Columns {
    figures: StringArray,
    labels: StringArray,
    values: Int64Array,
    times: Int64Array,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Columns {
        let text = |name: &str| {
            let column = batch.column_by_name(name).expect("the query has it");
            let plain = cast(column, &DataType::Utf8).expect("a text");
            plain.as_string::<i32>().clone()
        };
        let number = |name: &str| {
            let column = batch.column_by_name(name).expect("the query has it");
            let plain = cast(column, &DataType::Int64).expect("a number");
            plain.as_primitive::<Int64Type>().clone()
        };
        Columns {
            figures: text("figure"),
            labels: text("label"),
            values: number("value"),
            times: number("times"),
        }
    }
}

/// The number of each label, as the column has it.
fn numbers(labels: &[&str]) -> BTreeMap<String, usize> {
    let bare = |label: &str| match label {
        UNLABELLED => String::new(),
        label => label.to_owned(),
    };
    labels
        .iter()
        .enumerate()
        .map(|(at, label)| (bare(label), at))
        .collect()
}

/// The ranks of each figure.
struct Found {
    labels: BTreeMap<String, usize>,
    ranks: BTreeMap<String, Ranks>,
}

impl Found {
    fn new(labels: &[&str]) -> Self {
        Found {
            labels: numbers(labels),
            ranks: BTreeMap::new(),
        }
    }

    fn finish(self) -> BTreeMap<String, Ranks> {
        let ranks = self.ranks.into_iter();
        ranks
            .map(|(figure, ranks)| (figure, ranks.finish()))
            .collect()
    }
}

impl Results for Found {
    fn begin(&mut self, _: &SchemaRef) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = Columns::of(batch);
        for row in 0..batch.num_rows() {
            let label = self.labels.get(columns.labels.value(row));
            let (Some(label), true) = (label, columns.values.is_valid(row)) else {
                continue;
            };
            let figure = columns.figures.value(row);
            if !self.ranks.contains_key(figure) {
                self.ranks
                    .insert(figure.to_owned(), Ranks::new(self.labels.len()));
            }
            let ranks = self.ranks.get_mut(figure).expect("just begun");
            let times = columns.times.value(row).max(0) as u64;
            ranks.add(columns.values.value(row), *label, times);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// How many requests of each label have an event of each name.
struct Names {
    labels: BTreeMap<String, usize>,
    counts: BTreeMap<String, Vec<u64>>,
}

impl Names {
    fn new(labels: &[&str]) -> Self {
        Names {
            labels: numbers(labels),
            counts: BTreeMap::new(),
        }
    }
}

impl Results for Names {
    fn begin(&mut self, _: &SchemaRef) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = Columns::of(batch);
        for row in 0..batch.num_rows() {
            if let Some(label) = self.labels.get(columns.labels.value(row)) {
                let name = columns.figures.value(row).to_owned();
                let none = || vec![0; self.labels.len()];
                self.counts.entry(name).or_insert_with(none)[*label] +=
                    columns.times.value(row).max(0) as u64;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
