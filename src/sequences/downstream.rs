//! What other processes did for the requests of a recording: the causal reach.

use super::typed::{truths, values};
use crate::dataset::root::Root;
use crate::error::Result;
use crate::publish::rows::Rows;
use arrow::datatypes::Int64Type;
use std::collections::HashMap;

/// The work that was done for requests.
#[derive(Debug, Default)]
pub(super) struct Downstream {
    /// The request of each `service_id`.
    requests: HashMap<i64, i64>,
    /// The rest by request.
    of_requests: HashMap<i64, Work>,
}

/// All that was done for one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// `event_id` of its first and last event.
    pub first: i64,
    pub last: i64,
    /// Whether all of it is there.
    pub complete: bool,
    /// Whether events of it are told by number only.
    pub omitted: bool,
}

impl Downstream {
    /// Reads it from these files of the table.
    ///
    /// # Errors
    /// As [`Rows::open`], and [`Error::Input`](crate::error::Error::Input) where one has not the columns.
    pub(super) fn read(root: &Root, files: &[String]) -> Result<Self> {
        let mut all = Downstream::default();
        let columns = [
            "service_id",
            "request_id",
            "first_event",
            "last_event",
            "complete",
            "n_events_omitted",
        ];
        for file in files {
            let path = &root.join(file);
            for batch in Rows::open(root, file)?.batches(Some(&columns))? {
                let batch = batch?;
                let longs = |name| values::<Int64Type>(&batch, name, path);
                let (services, requests) = (longs("service_id")?, longs("request_id")?);
                let (first, last) = (longs("first_event")?, longs("last_event")?);
                let (complete, omitted) = (
                    truths(&batch, "complete", path)?,
                    longs("n_events_omitted")?,
                );
                for row in 0..batch.num_rows() {
                    all.requests.insert(services[row], requests[row]);
                    let work = Work {
                        first: first[row],
                        last: last[row],
                        complete: complete.value(row),
                        omitted: omitted[row] > 0,
                    };
                    let known = all.of_requests.entry(requests[row]).or_insert(work);
                    known.add(work);
                }
            }
        }
        Ok(all)
    }

    /// The request that a piece of work was done for.
    pub(super) fn request(&self, service_id: i64) -> Option<i64> {
        self.requests.get(&service_id).copied()
    }

    /// What was done for a request, if anything was.
    pub(super) fn of(&self, request_id: i64) -> Option<Work> {
        self.of_requests.get(&request_id).copied()
    }
}

impl Work {
    fn add(&mut self, other: Work) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.complete &= other.complete;
        self.omitted |= other.omitted;
    }
}
