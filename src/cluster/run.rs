//! A statement on the cluster: sent, carried out, and begun again on the other executors where one is lost.
//!
//! Rows pass from executor to executor as they are found and are kept nowhere, so what a lost one had cannot be had again by
//! itself: the statement begins anew, if none of its rows were given out yet. That is so for all that sorts or groups at its
//! end. Where some were, it fails: nobody can tell which rows would come again.

use super::executors::Executors;
use super::panics;
use super::spread::spread;
use super::terms::Terms;
use super::trouble::Trouble;
use datafusion::common::exec_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExprRef};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Batches that have come and are not taken yet.
const AHEAD: usize = 2;
/// How often a statement begins again: one that is what ends executors would not end.
const AGAIN: usize = 3;

/// A plan that the executors carry out.
pub(super) struct OnCluster {
    /// The same for this machine.
    here: Arc<dyn ExecutionPlan>,
    executors: Executors,
    terms: Terms,
    state: SessionState,
    properties: Arc<PlanProperties>,
}

impl OnCluster {
    /// The plan `here`, carried out by executors on these terms.
    pub(super) fn new(
        here: Arc<dyn ExecutionPlan>,
        executors: Executors,
        terms: Terms,
        state: &SessionState,
    ) -> Self {
        let known = match here.output_ordering() {
            Some(order) => {
                EquivalenceProperties::new_with_orderings(here.schema(), [order.clone()])
            }
            None => EquivalenceProperties::new(here.schema()),
        };
        OnCluster {
            properties: Arc::new(PlanProperties::new(
                known,
                Partitioning::UnknownPartitioning(1),
                EmissionType::Incremental,
                Boundedness::Bounded,
            )),
            here,
            executors,
            terms,
            state: state.clone(),
        }
    }
}

/// Who takes the rows.
type Rows = tokio::sync::mpsc::Sender<Result<arrow::array::RecordBatch>>;

/// A statement that is under way.
struct Running {
    here: Arc<dyn ExecutionPlan>,
    executors: Executors,
    terms: Terms,
    state: SessionState,
    rows: Rows,
    /// Whether a row was given out.
    given: bool,
}

impl Running {
    /// Carries it out, again where an executor is lost.
    async fn run(mut self) -> Result<()> {
        let mut begun = 0;
        loop {
            begun += 1;
            let before = self.executors.now();
            let Err(e) = self.once().await else {
                return Ok(());
            };
            let lost = self.executors.lost(&before).await;
            if lost.is_empty() {
                return Err(Trouble::told(e));
            }
            let lost = lost.join(" and ");
            if self.given {
                return exec_err!(
                    "executor {lost} was lost when some of the rows had come; what came is not all of it. Ask again"
                );
            }
            if self.executors.urls().is_empty() {
                return exec_err!("executor {lost} was lost, and there is no other");
            }
            if begun > AGAIN {
                return exec_err!("executor {lost} was lost, as others were {AGAIN} times before");
            }
            crate::say!("note: executor {lost} was lost; the statement begins again");
        }
    }

    async fn once(&mut self) -> Result<()> {
        let before = panics::count();
        let (plan, context) = spread(&self.here, &self.terms, &self.state).await?;
        let mut stream = plan.execute(0, context)?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            self.given = true;
            if self.rows.send(Ok(batch)).await.is_err() {
                return Ok(());
            }
        }
        match panics::count() == before {
            true => Ok(()),
            false => exec_err!("a thread panicked, and rows may be missing"),
        }
    }
}

impl fmt::Debug for OnCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnCluster").field(&self.here).finish()
    }
}

impl DisplayAs for OnCluster {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnCluster: executors={}", self.executors.urls().len())
    }
}

impl ExecutionPlan for OnCluster {
    fn name(&self) -> &str {
        "OnCluster"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&PhysicalExprRef) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition > 0 {
            let what = format!("a plan on a cluster has one stream, not number {partition}");
            return Err(DataFusionError::Internal(what));
        }
        let mut builder = RecordBatchReceiverStream::builder(self.schema(), AHEAD);
        let running = Running {
            here: Arc::clone(&self.here),
            executors: self.executors.clone(),
            terms: self.terms.clone(),
            state: self.state.clone(),
            rows: builder.tx(),
            given: false,
        };
        builder.spawn(running.run());
        Ok(builder.build())
    }
}
