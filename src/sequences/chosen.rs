//! Which requests of a recording become sequences, and why others do not.

use super::downstream::Downstream;
use super::manifest::LeftOut;
use super::options::{Options, Reach};
use super::parts::Source;
use super::span::{self, Spans};
use super::typed::values;
use crate::dataset::manifest::Recording;
use crate::error::Result;
use crate::publish::rows::Rows;
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::HashMap;
use std::sync::Arc;

/// The column of the label of the span in which a request lies; files of before there were spans lack it.
const SPAN_LABEL: &str = "span_label";

/// A request that becomes a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub id: i64,
    /// Its part, by number.
    pub part: usize,
    /// Its label: that of its span, else of its recording.
    pub label: Option<Arc<str>>,
    pub duration_ns: i64,
    /// `event_id` of the first and the last event in its reach.
    pub first: i64,
    pub last: i64,
}

/// The requests of the recording of this number that are in one of `parts`, in the order of their ids, out of these files of
/// `requests`. The others are counted.
///
/// # Errors
/// As [`Rows::open`], and [`Error::Input`](crate::error::Error::Input) where one has not the columns.
pub(super) fn choose(
    (source, options): (&Source, &Options),
    (recording, files): (usize, &[String]),
    (downstream, parts): (&Downstream, &[String]),
    left_out: &mut LeftOut,
) -> Result<Vec<Request>> {
    let root = &source.dataset.root;
    let columns = [
        &["request_id", "duration_ns", SPAN_LABEL],
        &span::COLUMNS[..],
    ]
    .concat();
    let mut labels = Labels::new(&source.manifest.recordings[recording]);
    let mut chosen = Vec::new();
    for file in files {
        let path = &root.join(file);
        for batch in Rows::open(root, file)?.batches(Some(&columns))? {
            let batch = batch?;
            let longs = |name| values::<Int64Type>(&batch, name, path);
            let (ids, durations) = (longs("request_id")?, longs("duration_ns")?);
            let spans = Spans::of(&batch, path)?;
            let of_spans = labels.of_spans(&batch);
            for (row, id) in ids.iter().copied().enumerate() {
                let name = source.part(recording, file, id);
                let part = name.and_then(|name| parts.iter().position(|p| p == name));
                let own = spans.row(row);
                let span = match options.reach {
                    Reach::Causal => downstream.span(id).map_or(own, |work| own.and(work)),
                    Reach::Own | Reach::Window => own,
                };
                let early = u64::try_from(id).is_ok_and(|id| id < options.skip);
                // A window is all that there is.
                let omits = span.omits && options.reach != Reach::Window;
                match (span.complete, early, omits, part) {
                    (false, ..) => left_out.incomplete += 1,
                    (_, true, ..) => left_out.skipped += 1,
                    (_, _, true, _) => left_out.omitted += 1,
                    (.., None) => left_out.without_part += 1,
                    (.., Some(part)) => chosen.push(Request {
                        id,
                        part,
                        label: labels.of(&of_spans, row),
                        duration_ns: durations[row],
                        first: span.first,
                        last: span.last,
                    }),
                }
            }
        }
    }
    chosen.sort_by_key(|request| request.id);
    Ok(chosen)
}

/// The labels of requests of a recording, each text once.
struct Labels {
    of_recording: Option<Arc<str>>,
    known: HashMap<String, Arc<str>>,
}

impl Labels {
    fn new(recording: &Recording) -> Self {
        Labels {
            of_recording: recording.label.as_deref().map(Arc::from),
            known: HashMap::new(),
        }
    }

    /// The labels of spans, if a batch has them.
    fn of_spans(&self, batch: &RecordBatch) -> Option<StringArray> {
        let column = batch.column_by_name(SPAN_LABEL)?;
        let plain = cast(column, &DataType::Utf8).ok()?;
        plain.as_string_opt::<i32>().cloned()
    }

    /// The label of a row.
    fn of(&mut self, of_spans: &Option<StringArray>, row: usize) -> Option<Arc<str>> {
        let of_span = of_spans.as_ref().filter(|labels| labels.is_valid(row));
        let Some(of_span) = of_span.map(|labels| labels.value(row)) else {
            return self.of_recording.clone();
        };
        if !self.known.contains_key(of_span) {
            self.known.insert(of_span.to_owned(), Arc::from(of_span));
        }
        self.known.get(of_span).cloned()
    }
}
