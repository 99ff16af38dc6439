//! Where the events of a request, or of work that was done for it, are, and whether all of them are there.

use super::typed::{truths, values};
use crate::error::Result;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;
use std::path::Path;

/// The columns of `requests`, and of `downstream`, that tell it.
pub(super) const COLUMNS: [&str; 4] = ["first_event", "last_event", "complete", "n_events_omitted"];

/// From the first event to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// `event_id` of both.
    pub first: i64,
    pub last: i64,
    /// Whether nothing is cut off or lost.
    pub complete: bool,
    /// Whether there are events that are not linked to it.
    pub omits: bool,
}

impl Span {
    /// The same with another.
    pub(super) fn and(self, other: Span) -> Span {
        Span {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            complete: self.complete && other.complete,
            omits: self.omits || other.omits,
        }
    }
}

/// Those of the rows of a batch.
pub(super) struct Spans<'a> {
    first: &'a [i64],
    last: &'a [i64],
    complete: &'a BooleanArray,
    omitted: &'a [i64],
}

impl<'a> Spans<'a> {
    /// Of a batch of the file `path`.
    ///
    /// # Errors
    /// [`Error::Input`](crate::error::Error::Input) where it has not the columns.
    pub(super) fn of(batch: &'a RecordBatch, path: &Path) -> Result<Self> {
        let [first, last, complete, omitted] = COLUMNS;
        Ok(Spans {
            first: values::<Int64Type>(batch, first, path)?,
            last: values::<Int64Type>(batch, last, path)?,
            complete: truths(batch, complete, path)?,
            omitted: values::<Int64Type>(batch, omitted, path)?,
        })
    }

    /// That of a row.
    pub(super) fn row(&self, row: usize) -> Span {
        Span {
            first: self.first[row],
            last: self.last[row],
            complete: self.complete.value(row),
            omits: self.omitted[row] > 0,
        }
    }
}
