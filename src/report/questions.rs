//! What the page asks: the shipped queries, and their answers as JSON.

use crate::dataset::manifest::{Manifest, Recording};
use crate::error::{Error, Result};
use crate::query::output::{Format, TextOutput};
use crate::query::{Session, shipped};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// In how many spans a recording is cut at most, and at least.
const SPANS: std::ops::RangeInclusive<u64> = 12..=120;
/// How many requests there are to be in a span, so that percentiles of it mean something.
const REQUESTS_PER_SPAN: u64 = 10;

/// A query that a dataset cannot answer, as one without arguments cannot tell which files were touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unanswered {
    /// Its name.
    pub query: String,
    /// The message.
    pub why: String,
}

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the name under which the page knows them: `columns` (names), `rows` (arrays of values), and the `command` that
    /// prints them.
    pub rows: BTreeMap<&'static str, Value>,
    /// Values of parameters that the page has to know: the length of a span.
    pub span_ms: u64,
    /// What could not be answered.
    pub unanswered: Vec<Unanswered>,
}

/// A question: the name under which the page knows it, the shipped query, and values of its parameters.
type Question<'a> = (&'static str, &'static str, &'a [(&'static str, &'a str)]);

/// Asks everything that the page shows.
///
/// # Errors
/// [`Error::Interrupted`], and [`Error::Io`] or [`Error::Columns`] where the dataset cannot be read.
pub(super) fn ask(session: &Session, manifest: &Manifest) -> Result<Answers> {
    let span_ms = span_ms(&manifest.recordings);
    let span = span_ms.to_string();
    let spans = [("span_ms", span.as_str())];
    let questions: [Question; 12] = [
        ("latency", "latency", &[]),
        ("latency_by_label", "latency_by_label", &[]),
        ("latency_over_time", "latency_over_time", &spans),
        (
            "durations",
            "distribution",
            &[("of", "duration_ns"), ("per_decade", "20")],
        ),
        (
            "lengths",
            "distribution",
            &[("of", "n_events"), ("per_decade", "20")],
        ),
        (
            "answer_sizes",
            "distribution",
            &[("of", "written_bytes"), ("per_decade", "20")],
        ),
        ("blocked_time", "blocked_time", &[]),
        ("downstream", "downstream", &[]),
        ("calls", "syscall_histogram", &[]),
        ("errors", "errors", &[("limit", "100")]),
        ("timeline", "timeline", &[("limit", "1000")]),
        ("losses", "losses", &spans),
    ];
    let mut answers = Answers {
        span_ms,
        ..Answers::default()
    };
    for (key, query, parameters) in questions {
        match rows(session, query, parameters) {
            Ok((columns, rows)) => {
                let command = command(query, parameters);
                let answer = json!({"command": command, "columns": columns, "rows": rows});
                answers.rows.insert(key, answer);
            }
            Err(Error::Sql { what, .. }) => answers.unanswered.push(Unanswered {
                query: query.to_owned(),
                why: what,
            }),
            Err(e) => return Err(e),
        }
    }
    Ok(answers)
}

/// The columns and rows that a shipped query selects.
fn rows(
    session: &Session,
    query: &str,
    parameters: &[(&str, &str)],
) -> Result<(Vec<String>, Vec<Vec<Value>>)> {
    let source = shipped::original(query).expect("the page asks what is shipped");
    let given: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut output = TextOutput::new(Format::Json, Vec::new(), query);
    session.run(&source, &given, &mut output)?;
    let text = output.finish()?;
    let rows: Vec<Map<String, Value>> =
        serde_json::from_slice(&text).expect("the JSON of our own output");
    let columns = rows.first().map(|row| row.keys().cloned().collect());
    let values = rows.into_iter().map(|row| row.into_values().collect());
    Ok((columns.unwrap_or_default(), values.collect()))
}

/// What to type for the same rows.
fn command(query: &str, parameters: &[(&str, &str)]) -> String {
    let mut command = format!("sysds query {query} -d DATASET");
    for (name, value) in parameters {
        command += &format!(" -p {name}={value}");
    }
    command
}

/// Length of a span of time: a round number of milliseconds that cuts the longest recording in a sensible number of spans.
fn span_ms(recordings: &[Recording]) -> u64 {
    let length = |r: &Recording| Some(r.last_ns?.saturating_sub(r.first_ns?).max(0) as u64);
    let Some((longest, requests)) = recordings
        .iter()
        .filter_map(|r| Some((length(r)?, r.requests)))
        .max()
    else {
        return 1000;
    };
    let spans = (requests / REQUESTS_PER_SPAN).clamp(*SPANS.start(), *SPANS.end());
    let least = (longest / 1_000_000).div_ceil(spans).max(1);
    round_up(least)
}

/// The least of 1, 2, 5, 10, 20, 50 … that is not below `n`.
fn round_up(n: u64) -> u64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if step * factor >= n || step >= u64::MAX / 100 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_round() {
        let rounded = [0, 1, 3, 5, 6, 770, 1001].map(round_up);
        assert_eq!(rounded, [1, 1, 5, 5, 10, 1000, 2000]);
        assert!(round_up(u64::MAX) > 1 << 50);
    }

    #[test]
    fn without_a_recording_there_is_a_span_all_the_same() {
        assert_eq!(span_ms(&[]), 1000);
    }
}
