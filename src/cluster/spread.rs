//! A plan of this machine as one of the cluster.

use super::recordings::{self, Part};
use super::terms::Terms;
use super::window_keys;
use crate::query::{Together, together};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use datafusion_distributed::{
    BroadcastExec, DistributedExec, DistributedExt, SessionStateBuilderExt,
};
use std::sync::Arc;

/// A plan of one stream that the executors carry out, and what it is carried out with.
pub(super) type Spread = (Arc<dyn ExecutionPlan>, Arc<TaskContext>);

/// Spreads `plan` over the executors; one of them gets all of it, where it cannot be divided.
///
/// # Errors
/// Those of whoever divides plans.
pub(super) async fn spread(
    plan: &Arc<dyn ExecutionPlan>,
    terms: &Terms,
    state: &SessionState,
) -> Result<Spread> {
    let plan = one_stream(reset_plan_states(Arc::clone(plan))?);
    let (divided, context) = divide(prepared(Arc::clone(&plan))?, terms, state).await?;
    if divided.is::<DistributedExec>() {
        return Ok((divided, context));
    }
    let whole = CoalescePartitionsExec::new(Arc::new(Part::whole(plan)));
    let (sent, context) = divide(Arc::new(whole), terms, state).await?;
    match sent.is::<DistributedExec>() {
        true => Ok((sent, context)),
        false => internal_err!("a plan was not sent to an executor"),
    }
}

/// The plan with one stream, in the order that it has.
fn one_stream(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.output_partitioning().partition_count() == 1 {
        return plan;
    }
    match plan.output_ordering().cloned() {
        Some(order) => Arc::new(SortPreservingMergeExec::new(order, plan)),
        None => Arc::new(CoalescePartitionsExec::new(plan)),
    }
}

/// The plan with our operators in a form in which they can be divided.
fn prepared(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let prepared = window_keys::whole(plan)?.transform_down(|node| match together(&node) {
        Some(Together::Recordings) => {
            let part: Arc<dyn ExecutionPlan> = Arc::new(Part::by_recording(Arc::clone(&node))?);
            let merged: Arc<dyn ExecutionPlan> = match node.output_ordering().cloned() {
                Some(order) => Arc::new(SortPreservingMergeExec::new(order, part)),
                None => Arc::new(CoalescePartitionsExec::new(part)),
            };
            Ok(Transformed::new(merged, true, TreeNodeRecursion::Jump))
        }
        Some(Together::EventsOfRecordings) => {
            let inputs = node.children().into_iter().map(by_recording);
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            let node = with_inputs(&node, inputs)?;
            Ok(Transformed::new(node, true, TreeNodeRecursion::Jump))
        }
        Some(Together::Intervals) => everywhere(&node).map(Transformed::yes),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(prepared.data)
}

/// An input whose scan is divided by recordings.
fn by_recording(input: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let divided = Arc::clone(input).transform_up(|node| match recordings::scan(&node) {
        Some(_) => Ok(Transformed::yes(Arc::new(Part::by_recording(node)?) as _)),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(divided.data)
}

/// The join whose first input is to be in every task, as joins of DataFusion have it that hold their first.
fn everywhere(join: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut inputs: Vec<Arc<dyn ExecutionPlan>> = join.children().into_iter().cloned().collect();
    let Some(held) = inputs.first_mut() else {
        return internal_err!("a join has no inputs");
    };
    let (below, fetch) = match held.downcast_ref::<CoalescePartitionsExec>() {
        Some(one) => (Arc::clone(one.input()), one.fetch()),
        None => (Arc::clone(held), None),
    };
    // For how many tasks it is, is known when the stage is divided.
    let all = CoalescePartitionsExec::new(Arc::new(BroadcastExec::new(below, 1)));
    *held = Arc::new(all.with_fetch(fetch));
    with_inputs(join, inputs)
}

fn with_inputs(
    node: &Arc<dyn ExecutionPlan>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(node).replace_children(inputs, anew)
}

/// The planner that has a plan already.
#[derive(Debug)]
struct Given(Arc<dyn ExecutionPlan>);

#[async_trait]
impl QueryPlanner for Given {
    async fn create_physical_plan(
        &self,
        _: &LogicalPlan,
        _: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::clone(&self.0))
    }
}

/// Has the plan divided into stages.
async fn divide(
    plan: Arc<dyn ExecutionPlan>,
    terms: &Terms,
    state: &SessionState,
) -> Result<Spread> {
    let state = SessionStateBuilder::new_from_existing(state.clone())
        .with_query_planner(Arc::new(Given(plan)))
        .with_distributed_passthrough_headers(terms.headers())?
        .with_distributed_planner()
        .build();
    let nothing = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(DFSchema::empty()),
    });
    let planner = Arc::clone(state.query_planner());
    let divided = planner.create_physical_plan(&nothing, &state).await?;
    Ok((divided, state.task_ctx()))
}
