//! `CREATE TABLE … AS SELECT`: a table in memory, which counts.
//!
//! DataFusion collects such a table without a word to its memory pool, so that a statement could take all of the
//! machine's memory. Here its batches are accounted for as they come.

use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::CreateMemoryTable;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;
use std::sync::Arc;

/// Creates the table; gives the reservation of its memory, to keep as long as the table. `None` where it is there
/// already, and `IF NOT EXISTS` was said.
///
/// # Errors
/// [`DataFusionError`] where it is there already, its query fails, or it needs more memory than there is.
pub(super) async fn create(
    context: &SessionContext,
    table: CreateMemoryTable,
) -> Result<Option<MemoryReservation>, DataFusionError> {
    let exists = context.table_exist(table.name.clone())?;
    if exists && table.if_not_exists {
        return Ok(None);
    }
    if exists && !table.or_replace {
        let what = format!("Table '{}' already exists", table.name.table());
        return Err(DataFusionError::Plan(what));
    }
    let pool = Arc::clone(&context.runtime_env().memory_pool);
    let consumer = MemoryConsumer::new(format!("table {}", table.name.table()));
    let reserved = consumer.register(&pool);
    let frame = DataFrame::new(context.state(), table.input.as_ref().clone());
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let mut stream = frame.execute_stream().await?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        reserved.try_grow(batch.get_array_memory_size())?;
        batches.push(batch);
    }
    drop(stream);
    let made = MemTable::try_new(schema, vec![batches])?;
    if exists {
        context.deregister_table(table.name.clone())?;
    }
    context.register_table(table.name, Arc::new(made))?;
    Ok(Some(reserved))
}
