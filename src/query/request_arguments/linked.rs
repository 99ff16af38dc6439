//! The operator where requests carry no arguments: it counts those of events, which say of which request they are.

use super::super::request_lists::known::Known;
use super::super::streaming::streaming;
use super::open::OpenCounts;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements,
    PlanProperties,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Batches that are decoded, or given out, ahead of what takes them.
const AHEAD: usize = 2;

/// Counts the arguments of events, in one pass over them.
#[derive(Debug)]
pub(crate) struct LinkedArgumentsExec {
    requests: Arc<dyn ExecutionPlan>,
    events: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl LinkedArgumentsExec {
    /// The columns of `schema`, for `requests` and from `events` in the order of trace_id and event_id.
    pub(crate) fn new(
        requests: Arc<dyn ExecutionPlan>,
        events: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
    ) -> Self {
        let known = EquivalenceProperties::new(Arc::clone(&schema));
        LinkedArgumentsExec {
            requests,
            events,
            schema,
            properties: streaming(known, 1),
        }
    }
}

impl DisplayAs for LinkedArgumentsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkedArgumentsExec")
    }
}

impl ExecutionPlan for LinkedArgumentsExec {
    fn name(&self) -> &str {
        "LinkedArgumentsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.requests, &self.events]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition; 2])
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [requests, events] = children.try_into().map_err(|_| {
            DataFusionError::Internal("LinkedArgumentsExec has two children".to_owned())
        })?;
        let schema = Arc::clone(&self.schema);
        Ok(Arc::new(Self::new(requests, events, schema)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reserved = |name: &str| MemoryConsumer::new(name).register(context.memory_pool());
        let of_requests = reserved("request_arguments: requests");
        let of_counts = reserved("request_arguments");
        let rows = context.session_config().batch_size();
        let requests = self.requests.execute(partition, Arc::clone(&context))?;
        let events = self.events.execute(partition, Arc::clone(&context))?;
        let schema = Arc::clone(&self.schema);
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), AHEAD);
        let out = builder.tx();
        builder.spawn(async move {
            let mut open = OpenCounts::new(Known::read(requests, &of_requests).await?);
            // Decoded in a task of its own.
            let mut events = spawn_buffered(events, AHEAD);
            while let Some(batch) = events.next().await {
                open.add(&batch?)?;
                of_counts.try_resize(open.size())?;
                if open.len() >= rows && out.send(Ok(open.give(&schema)?)).await.is_err() {
                    return Ok(());
                }
            }
            open.finish();
            // Where nobody waits for it, the sending fails.
            let _ = out.send(Ok(open.give(&schema)?)).await;
            Ok(())
        });
        Ok(builder.build())
    }
}
