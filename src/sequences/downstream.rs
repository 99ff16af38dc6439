//! What other processes did for the requests of a recording: the causal reach.

use super::span::{self, Span, Spans};
use super::typed::values;
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
    /// All that was done for a request, by `request_id`.
    spans: HashMap<i64, Span>,
}

impl Downstream {
    /// Reads it from these files of the table.
    ///
    /// # Errors
    /// As [`Rows::open`], and [`Error::Input`](crate::error::Error::Input) where one has not the columns.
    pub(super) fn read(root: &Root, files: &[String]) -> Result<Self> {
        let mut all = Downstream::default();
        let columns = [&["service_id", "request_id"], &span::COLUMNS[..]].concat();
        for file in files {
            let path = &root.join(file);
            for batch in Rows::open(root, file)?.batches(Some(&columns))? {
                let batch = batch?;
                let longs = |name| values::<Int64Type>(&batch, name, path);
                let (services, requests) = (longs("service_id")?, longs("request_id")?);
                let spans = Spans::of(&batch, path)?;
                for (row, request) in requests.iter().enumerate() {
                    all.requests.insert(services[row], *request);
                    let span = spans.row(row);
                    let known = all.spans.entry(*request).or_insert(span);
                    *known = known.and(span);
                }
            }
        }
        Ok(all)
    }

    /// The request that a piece of work was done for.
    pub(super) fn request(&self, service_id: i64) -> Option<i64> {
        self.requests.get(&service_id).copied()
    }

    /// Where what was done for a request is, if anything was.
    pub(super) fn span(&self, request_id: i64) -> Option<Span> {
        self.spans.get(&request_id).copied()
    }
}
