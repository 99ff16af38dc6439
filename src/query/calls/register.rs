//! The table `syscalls` among those of a session.

use super::layout::Errnos;
use super::table::Calls;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::common::Result;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Name of the table.
pub(in crate::query) const NAME: &str = "syscalls";

/// The view that has the names of error numbers.
const ERRNOS: &str = "SELECT errno, name FROM errnos";

/// Makes the table, over the table `events`.
///
/// # Errors
/// A plan error where `events` lacks a column.
pub(in crate::query) async fn register(context: &SessionContext, events: &str) -> Result<()> {
    let names = context.sql(ERRNOS).await?.collect().await?;
    let events = context.table_provider(events).await?;
    let calls = Calls::new(events, errnos(&names))?;
    context.register_table(NAME, Arc::new(calls))?;
    Ok(())
}

fn errnos(batches: &[RecordBatch]) -> Errnos {
    let of_batch = |batch: &RecordBatch| -> Vec<(i64, String)> {
        let numbers = batch.column(0).as_primitive::<Int64Type>().iter();
        let names = batch.column(1).as_string::<i32>().iter();
        let named = numbers.zip(names);
        named
            .filter_map(|(number, name)| Some((number?, name?.to_owned())))
            .collect()
    };
    batches.iter().flat_map(of_batch).collect()
}
