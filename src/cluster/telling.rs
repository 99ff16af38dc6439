//! The operator at the top of an executor's part of a plan, which says what became of the part where a store or a disk failed.

use super::trouble::Trouble;
use crate::dataset::root::Root;
use crate::query::of_system;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_distributed::BroadcastExec;
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Who has the part.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    /// Where the executor is.
    pub at: String,
    /// The dataset.
    pub root: Root,
}

impl Whose {
    /// The error in words, where something of this machine is behind it; what is in the data or the query is told by who asks.
    fn told(&self, e: DataFusionError) -> DataFusionError {
        match of_system(&e, &self.root) {
            Some(e) => Trouble::at(&self.at, &e).sent(),
            None => e,
        }
    }
}

/// The part with the operator at its top; below what divides or doubles its rows, which another takes the place of when the part
/// begins, if it is the first.
///
/// # Errors
/// None of its own.
pub(super) fn telling(
    part: Arc<dyn ExecutionPlan>,
    whose: &Whose,
) -> Result<Arc<dyn ExecutionPlan>> {
    let told = |part: &Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        Arc::new(TellingExec {
            part: Arc::clone(part),
            whose: whose.clone(),
        })
    };
    if !part.is::<RepartitionExec>() && !part.is::<BroadcastExec>() {
        return Ok(told(&part));
    }
    let inputs = part.children().into_iter().map(told).collect();
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    part.replace_children(inputs, anew)
}

/// Hands on the rows of a part.
#[derive(Debug)]
struct TellingExec {
    part: Arc<dyn ExecutionPlan>,
    whose: Whose,
}

impl DisplayAs for TellingExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TellingExec")
    }
}

impl ExecutionPlan for TellingExec {
    fn name(&self) -> &str {
        "TellingExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.part.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.part]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&PhysicalExprRef) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(part), None) = (children.pop(), children.pop()) else {
            return internal_err!("rows are handed on from one input");
        };
        let whose = self.whose.clone();
        Ok(Arc::new(TellingExec { part, whose }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let whose = self.whose.clone();
        let rows = self.part.execute(partition, context);
        let rows = rows.map_err(|e| whose.told(e))?;
        let rows = rows.map(move |batch| batch.map_err(|e| whose.told(e)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
