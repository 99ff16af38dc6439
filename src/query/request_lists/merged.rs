//! Files that are read side by side and merged, as one operator: DataFusion's own merging becomes a mere putting together
//! where its optimizer sees that nobody above asks for an order by DataFusion's means.

use super::super::streaming::streaming;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::fmt;
use std::sync::Arc;

/// The rows of all streams of a scan, each of which is in this order, as one stream in that order.
#[derive(Debug)]
pub(super) struct MergedFilesExec {
    merge: Arc<SortPreservingMergeExec>,
    properties: Arc<PlanProperties>,
}

impl MergedFilesExec {
    /// Of `scan`.
    pub(super) fn new(order: LexOrdering, scan: Arc<dyn ExecutionPlan>) -> Self {
        let schema = scan.schema();
        MergedFilesExec {
            properties: streaming(EquivalenceProperties::new(schema), 1),
            merge: Arc::new(SortPreservingMergeExec::new(order, scan)),
        }
    }
}

impl DisplayAs for MergedFilesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let streams = self
            .merge
            .input()
            .properties()
            .partitioning
            .partition_count();
        write!(
            f,
            "MergedFilesExec: streams={streams}, order=[{}]",
            self.merge.expr()
        )
    }
}

impl ExecutionPlan for MergedFilesExec {
    fn name(&self) -> &str {
        "MergedFilesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None that could be put into another order.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.merge.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.merge.metrics()
    }
}
