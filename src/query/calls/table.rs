//! `syscalls`, for SQL.

use super::exec::CallsExec;
use super::layout::{self, Errnos, Layout};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// The table over a table of events.
#[derive(Debug)]
pub(super) struct Calls {
    events: Arc<dyn TableProvider>,
    errnos: Arc<Errnos>,
    schema: SchemaRef,
}

impl Calls {
    /// The table over `events`, in which numbers of errors have the names `errnos`.
    ///
    /// # Errors
    /// A plan error where `events` lacks a column.
    pub(super) fn new(events: Arc<dyn TableProvider>, errnos: Errnos) -> Result<Self> {
        Ok(Calls {
            schema: layout::schema(&events.schema())?,
            events,
            errnos: Arc::new(errnos),
        })
    }

    async fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let events = self.events.schema();
        let layout = Layout::new(&events, &self.schema, projection, &self.errnos)?;
        let scan = self
            .events
            .scan(state, Some(&layout.input), &[], None)
            .await?;
        let config = state.config();
        // Each partition has a stretch of them. Later none is cut: see `benefits_from_input_partitioning`.
        let more = scan.repartitioned(config.target_partitions(), config.options())?;
        Ok(Arc::new(CallsExec::new(
            more.unwrap_or(scan),
            Arc::new(layout),
        )))
    }
}

#[async_trait]
impl TableProvider for Calls {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.plan(state, projection).await
    }

    /// The plan pushes filters on, where they are of both events of a call: see [`CallsExec`].
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![
            TableProviderFilterPushDown::Unsupported;
            filters.len()
        ])
    }
}
