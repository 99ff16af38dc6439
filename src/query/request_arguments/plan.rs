//! The operator: each batch of requests becomes the rows of what they have.

use super::super::streaming::streaming;
use super::count::count;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Counts the arguments of requests, in as many threads as requests are read in.
#[derive(Debug)]
pub(crate) struct RequestArgumentsExec {
    requests: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl RequestArgumentsExec {
    /// The columns of `schema`, from `requests` with their lists `events`.
    pub(crate) fn new(requests: Arc<dyn ExecutionPlan>, schema: SchemaRef) -> Self {
        let partitions = requests.output_partitioning().partition_count();
        let known = EquivalenceProperties::new(Arc::clone(&schema));
        RequestArgumentsExec {
            requests,
            schema,
            properties: streaming(known, partitions),
        }
    }
}

impl DisplayAs for RequestArgumentsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestArgumentsExec")
    }
}

impl ExecutionPlan for RequestArgumentsExec {
    fn name(&self) -> &str {
        "RequestArgumentsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.requests]
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
        let [requests] = children.try_into().map_err(|_| {
            DataFusionError::Internal("RequestArgumentsExec has one child".to_owned())
        })?;
        Ok(Arc::new(Self::new(requests, Arc::clone(&self.schema))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(&self.schema);
        let requests = self.requests.execute(partition, context)?;
        let counted = requests.map(move |batch| count(&batch?, &schema));
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }
}
