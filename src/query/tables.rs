//! `CREATE TABLE … AS SELECT`: a table in memory, which counts.
//!
//! DataFusion collects such a table without a word to its memory pool, so that a statement could take all of the
//! machine's memory. Here its batches are accounted for as they come. And they are copied into batches of a fair size: what
//! operators hand over may be a few rows of large buffers, or share dictionaries, and would keep all of these.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::CreateMemoryTable;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;
use std::sync::Arc;

/// Rows of a batch that is kept.
const ROWS: usize = 8192;

/// Batches that are not copied yet.
#[derive(Default)]
struct Waiting {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// Bytes that they are accounted for.
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
    }

    /// All of them as one that has nothing but their rows; it is accounted for in their place.
    fn copied(
        &mut self,
        schema: &SchemaRef,
        reserved: &MemoryReservation,
    ) -> Result<RecordBatch, DataFusionError> {
        let waiting = std::mem::take(self);
        let joint = concat_batches(schema, &waiting.batches)?;
        drop(waiting.batches);
        let all = UInt32Array::from_iter_values(0..joint.num_rows() as u32);
        let copy = take_record_batch(&joint, &all)?;
        reserved.try_resize(reserved.size() - waiting.bytes + copy.get_array_memory_size())?;
        Ok(copy)
    }
}

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
    let (mut batches, mut waiting) = (Vec::new(), Waiting::default());
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        reserved.try_grow(batch.get_array_memory_size())?;
        waiting.add(batch);
        if waiting.rows >= ROWS {
            batches.push(waiting.copied(&schema, &reserved)?);
        }
    }
    drop(stream);
    if waiting.rows > 0 {
        batches.push(waiting.copied(&schema, &reserved)?);
    }
    let made = MemTable::try_new(schema, vec![batches])?;
    if exists {
        context.deregister_table(table.name.clone())?;
    }
    context.register_table(table.name, Arc::new(made))?;
    Ok(Some(reserved))
}
