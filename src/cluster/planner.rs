//! What becomes of a statement: it is planned as for this machine alone, and what reads files of the dataset is carried out
//! on the executors. What is written is written here, from the rows that come.

use super::executors::Executors;
use super::run::OnCluster;
use super::scalars;
use super::stays::{self, Stays};
use super::terms::Terms;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::datasource::sink::DataSinkExec;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use std::fmt;
use std::sync::Arc;

/// Plans the statements of a session.
pub(super) struct Planner {
    pub executors: Executors,
    /// The dataset, as all machines name it.
    pub dataset: String,
    /// The text of its manifest.
    pub manifest: String,
    /// Its folder, as scans name it.
    pub files: ListingTableUrl,
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Planner").field(&self.dataset).finish()
    }
}

impl Planner {
    /// The plan on the cluster, or on this machine.
    fn carried(
        &self,
        here: Arc<dyn ExecutionPlan>,
        state: &SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match stays::here(&here, &self.files, state)? {
            Some(Stays::ReadsNothing) => return Ok(here),
            Some(Stays::Because(why)) => {
                crate::say!("note: this machine carries the statement out by itself: {why}");
                return Ok(here);
            }
            None => {}
        }
        let terms = Terms::new(self.dataset.clone(), &self.manifest, state.config_options());
        let executors = self.executors.clone();
        Ok(Arc::new(OnCluster::new(here, executors, terms, state)))
    }
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::default();
        let plan = scalars::asked(self, plan, session).await?;
        let here = planner.create_physical_plan(&plan, session).await?;
        let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
            return Ok(here);
        };
        let written = here.is::<DataSinkExec>().then(|| here.children());
        let Some(written) = written else {
            return self.carried(here, state);
        };
        let rows = written.into_iter().map(Arc::clone);
        let rows = rows.map(|rows| self.carried(rows, state));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        here.replace_children(rows, anew)
    }
}
