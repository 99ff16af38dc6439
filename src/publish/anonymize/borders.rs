//! Borders of labelled spans, without the round times that a person writes.
//!
//! An attack "from 12:30 to 12:35" would tell by how many seconds it is off a full minute how far the times of the release are
//! shifted. So a border goes to the next event: which events are in a span, and which requests lie in it or over its border,
//! stays as it is, because both begin and end with events, and no time is told that no row has.

use crate::dataset::manifest::Manifest;
use crate::label_spans::{LabelSpan, latest_end};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampNanosecondType};
use std::collections::{BTreeMap, HashMap};

/// The borders of all recordings, each with the time of the first event that is not before it, as far as events were seen.
#[derive(Debug, Default)]
pub(super) struct Borders {
    /// By `trace_id` in the dataset.
    of: HashMap<String, BTreeMap<i64, Option<i64>>>,
}

impl Borders {
    /// Those of the spans of a dataset.
    pub(super) fn of_dataset(manifest: &Manifest) -> Self {
        let labelled = manifest.recordings.iter().filter(|r| !r.spans.is_empty());
        let of = labelled.map(|recording| {
            let borders = recording.spans.iter().flat_map(|s| [s.begin_ns, s.end_ns]);
            (
                recording.trace_id.clone(),
                borders.map(|at| (at, None)).collect(),
            )
        });
        Borders { of: of.collect() }
    }

    /// Looks at a batch of `events`, which are of one recording and in the order of time.
    pub(super) fn see(&mut self, batch: &RecordBatch) {
        if self.of.is_empty() || batch.num_rows() == 0 {
            return;
        }
        let trace = batch.column_by_name("trace_id");
        let trace = trace.and_then(|column| cast(&column.slice(0, 1), &DataType::Utf8).ok());
        let times = batch.column_by_name("timestamp");
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let (Some(trace), Some(times)) = (trace, times) else {
            return;
        };
        if let Some(borders) = self.of.get_mut(trace.as_string::<i32>().value(0)) {
            note(borders, times.values());
        }
    }

    /// The spans of the recording `trace_id`, whose last event is at `last`, with borders where events are.
    pub(super) fn at_events(
        &self,
        trace_id: &str,
        spans: Vec<LabelSpan>,
        last: Option<i64>,
    ) -> Vec<LabelSpan> {
        let Some(borders) = self.of.get(trace_id) else {
            return spans;
        };
        let behind = latest_end(last.unwrap_or(i64::MAX));
        let next = |border: i64| borders.get(&border).copied().flatten().unwrap_or(behind);
        moved(spans, next)
    }
}

/// Notes of each border the first of the rising `times` that is not before it, where none was before.
fn note(borders: &mut BTreeMap<i64, Option<i64>>, times: &[i64]) {
    for (border, next) in borders.iter_mut().filter(|(_, next)| next.is_none()) {
        let at = times.partition_point(|time| time < border);
        *next = times.get(at).copied();
    }
}

/// The spans with each border at what is `next` to it. One without an event keeps a nanosecond of those before the next event,
/// in which nothing is either: what goes over all of it still goes over its borders.
fn moved(mut spans: Vec<LabelSpan>, next: impl Fn(i64) -> i64) -> Vec<LabelSpan> {
    let mut before = i64::MAX;
    for span in spans.iter_mut().rev() {
        span.end_ns = next(span.end_ns).min(before);
        span.begin_ns = next(span.begin_ns).min(span.end_ns.saturating_sub(1));
        before = span.begin_ns;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_spans::{faults, place};
    use crate::random::Random;

    #[test]
    fn what_lies_where_stays_wherever_events_are() {
        let mut random = Random(11);
        for _ in 0..500 {
            let mut times: Vec<i64> = (0..12).map(|_| 100 + random.below(200) as i64).collect();
            times.sort_unstable();
            let (first, last) = (times[0], times[11]);
            let mut cuts: Vec<i64> = (0..8)
                .map(|_| first + random.below((last + 2 - first) as u64) as i64)
                .collect();
            cuts.sort_unstable();
            cuts.dedup();
            // Some border each other, some are apart.
            let pairs = cuts.windows(2).filter(|_| random.below(4) > 0);
            let spans: Vec<LabelSpan> = pairs
                .map(|pair| LabelSpan {
                    begin_ns: pair[0],
                    end_ns: pair[1],
                    label: String::new(),
                })
                .collect();
            let borders = spans.iter().flat_map(|s| [s.begin_ns, s.end_ns]);
            let mut borders: BTreeMap<i64, Option<i64>> = borders.map(|at| (at, None)).collect();
            times.chunks(5).for_each(|chunk| note(&mut borders, chunk));
            let after = moved(spans.clone(), |at| borders[&at].unwrap_or(latest_end(last)));
            let wrong = faults(&after, Some((first, last)));
            assert!(
                wrong
                    .iter()
                    .all(|fault| fault.ends_with("has an empty label")),
                "{wrong:?}"
            );
            for (at, start) in times.iter().enumerate() {
                for end in &times[at..] {
                    let both = [&spans, &after].map(|spans| place(spans, *start, *end));
                    assert_eq!(
                        both[0], both[1],
                        "{start} to {end}: {times:?} {spans:?} {after:?}"
                    );
                }
            }
        }
    }
}
