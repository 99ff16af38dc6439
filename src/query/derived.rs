//! Tables that are made of a dataset's by operators of our own.

use super::{request_arguments, request_lists};
use crate::dataset::tables::REQUESTS;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

/// Registers those that the tables allow; `events` is what the files of events go by. Gives the names of those that were
/// made, and of those that were not because a table lacks a column, as in a dataset of an older version.
///
/// # Errors
/// [`DataFusionError`] where a table cannot be registered.
pub(super) async fn register(
    context: &SessionContext,
    events: &str,
) -> Result<[Vec<&'static str>; 2], DataFusionError> {
    let (mut made, mut left_out) = (Vec::new(), Vec::new());
    if !context.table_exist(events)? || !context.table_exist(REQUESTS)? {
        return Ok([made, left_out]);
    }
    let events = context.table_provider(events).await?;
    let requests = context.table_provider(REQUESTS).await?;
    // Where there are no arguments, a view takes its place.
    if let Some(table) = request_arguments::over(requests.clone(), events.clone()) {
        context.register_table(request_arguments::TABLE, table)?;
        made.push(request_arguments::TABLE);
    }
    match request_lists::over(requests, events) {
        Some(table) => {
            context.register_table(request_lists::TABLE, table)?;
            made.push(request_lists::TABLE);
        }
        None => left_out.push(request_lists::TABLE),
    }
    Ok([made, left_out])
}
