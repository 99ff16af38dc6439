//! For tests: the plan of a statement over a table of numbers, as one machine makes it.

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::catalog::MemTable;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::sync::Arc;

/// The plan of `sql` over the table `t`, which has these columns, and so many partitions, each with the numbers 1 to 3.
pub(super) fn planned(sql: &str, columns: &[&str], partitions: usize) -> Arc<dyn ExecutionPlan> {
    let config = SessionConfig::new().with_target_partitions(partitions);
    let context = SessionContext::new_with_config(config);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let columns = columns.iter().map(|name| (*name, Arc::clone(&numbers)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let parts = vec![vec![batch.clone()]; partitions];
    let table = MemTable::try_new(batch.schema(), parts).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let threads = tokio::runtime::Builder::new_multi_thread().build();
    threads.unwrap().block_on(async {
        let frame = context.sql(sql).await.unwrap();
        frame.create_physical_plan().await.unwrap()
    })
}
