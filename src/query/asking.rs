//! Answers of DataFusion with one of our aggregates, for its tests.

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::AggregateUDF;
use datafusion::prelude::{SessionConfig, SessionContext};

/// The answer of a query that may use `aggregate`, in two partitions, with so many bytes for operators.
pub(super) fn ask(aggregate: AggregateUDF, memory: usize, sql: &str) -> Result<Vec<RecordBatch>> {
    let threads = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    threads.block_on(async {
        let memory = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0);
        let context = SessionContext::new_with_config_rt(
            SessionConfig::new().with_target_partitions(2),
            memory.build_arc()?,
        );
        context.register_udaf(aggregate);
        context.sql(sql).await?.collect().await
    })
}
