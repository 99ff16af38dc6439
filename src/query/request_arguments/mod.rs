//! The table `request_arguments`: how often each value of an argument occurs in each request.
//!
//! Counting values of arguments takes their texts, and there are several for each event. Here they are counted as what
//! they are, numbers mostly, within the list `events` of each request; a text is made once for each request and value. So
//! a query that counts over all requests adds up what is left.
//!
//! `requests.events` holds exactly the events of requests, with no argument but theirs. A dataset that was made without
//! arguments in it has them in `events` alone: there they are counted in one pass over these. Where no event has an
//! argument, a view without rows takes the place of the table (`schemas/views/request_arguments.sql`).

mod count;
pub(super) mod linked;
mod open;
pub(super) mod plan;
mod table;
#[cfg(test)]
mod tests;

use datafusion::catalog::TableProvider;
use std::sync::Arc;

/// Name of the table.
pub(super) const TABLE: &str = "request_arguments";

/// The table over `requests` and `events`; `None` where there are no arguments.
pub(super) fn over(
    requests: Arc<dyn TableProvider>,
    events: Arc<dyn TableProvider>,
) -> Option<Arc<dyn TableProvider>> {
    let table = table::RequestArguments::over(requests, events)?;
    Some(Arc::new(table))
}
