//! Which requests of a recording become sequences, and why others do not.

use super::downstream::Downstream;
use super::manifest::LeftOut;
use super::options::{Options, Reach};
use super::parts::Source;
use super::typed::{truths, values};
use crate::error::Result;
use crate::publish::rows::Rows;
use arrow::datatypes::Int64Type;

/// A request that becomes a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub id: i64,
    /// Its part, by number.
    pub part: usize,
    pub duration_ns: i64,
    /// `event_id` of the first and the last event in its reach.
    pub first: i64,
    pub last: i64,
}

const COLUMNS: [&str; 6] = [
    "request_id",
    "duration_ns",
    "first_event",
    "last_event",
    "complete",
    "n_events_omitted",
];

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
    let mut chosen = Vec::new();
    for file in files {
        let path = &root.join(file);
        for batch in Rows::open(root, file)?.batches(Some(&COLUMNS))? {
            let batch = batch?;
            let longs = |name| values::<Int64Type>(&batch, name, path);
            let (ids, durations) = (longs("request_id")?, longs("duration_ns")?);
            let (first, last) = (longs("first_event")?, longs("last_event")?);
            let (complete, omitted) = (
                truths(&batch, "complete", path)?,
                longs("n_events_omitted")?,
            );
            for row in 0..batch.num_rows() {
                let name = source.part(recording, file, ids[row]);
                let part = name.and_then(|name| parts.iter().position(|p| p == name));
                let mut request = Request {
                    id: ids[row],
                    part: part.unwrap_or_default(),
                    duration_ns: durations[row],
                    first: first[row],
                    last: last[row],
                };
                let (mut whole, mut omits) = (complete.value(row), omitted[row] > 0);
                let work = match options.reach {
                    Reach::Causal => downstream.of(request.id),
                    Reach::Own | Reach::Window => None,
                };
                if let Some(work) = work {
                    request.first = request.first.min(work.first);
                    request.last = request.last.max(work.last);
                    (whole, omits) = (whole && work.complete, omits || work.omitted);
                }
                // A window is all that there is.
                omits &= options.reach != Reach::Window;
                let early = u64::try_from(request.id).is_ok_and(|id| id < options.skip);
                match (whole, early, omits, part) {
                    (false, ..) => left_out.incomplete += 1,
                    (_, true, ..) => left_out.skipped += 1,
                    (_, _, true, _) => left_out.omitted += 1,
                    (.., None) => left_out.without_part += 1,
                    _ => chosen.push(request),
                }
            }
        }
    }
    chosen.sort_by_key(|request| request.id);
    Ok(chosen)
}
