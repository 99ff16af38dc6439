//! The table `request_lists`: each request in one row, with its own events as lists of equal length.
//!
//! The list `events` of `requests` holds some of what events have, with all their arguments, and is read as a whole. What
//! trains a model, or compares requests, needs a few columns of all requests: here a query says which, as lists, and only
//! they are read and made, in one pass over `events` (by their `request_id`).
//!
//! The lists are in the order of events; requests come in the order of trace_id and request_id, without being sorted. In
//! memory are the lists of the requests that are under way, and at most 48 MB of those that are complete and wait for a
//! request that began before; beyond that these wait on disk. Like `requests.events`, lists lack the events that
//! `n_events_omitted` counts.

mod aside;
mod columns;
pub(crate) mod files;
mod gather;
mod given;
pub(crate) mod known;
mod merged;
pub(super) mod plan;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod words;

use datafusion::catalog::TableProvider;
use std::sync::Arc;

/// Name of the table.
pub(super) const TABLE: &str = "request_lists";

/// The table over these two; `None` where they lack a column, as in a dataset of an older version.
pub(super) fn over(
    requests: Arc<dyn TableProvider>,
    events: Arc<dyn TableProvider>,
) -> Option<Arc<dyn TableProvider>> {
    let table = table::RequestLists::over(requests, events)?;
    Some(Arc::new(table))
}
