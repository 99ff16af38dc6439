//! The table, for SQL.

use super::super::request_lists::files;
use super::super::request_lists::known::NEEDED;
use super::count::{arguments, fields};
use super::linked::LinkedArgumentsExec;
use super::open::OF_EVENTS;
use super::plan::RequestArgumentsExec;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, project_schema};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use std::sync::Arc;

/// Columns of `requests` that the table has too.
const OF_REQUESTS: [&str; 5] = ["trace_id", "request_id", "label", "procname", "complete"];
/// Requests that are decoded at once: each event of each has room for all arguments.
const ROWS: usize = 32;

/// `request_arguments` over the table `requests`, or over `events` as well.
#[derive(Debug)]
pub(super) struct RequestArguments {
    schema: SchemaRef,
    requests: Arc<dyn TableProvider>,
    /// Where arguments are, if requests do not carry them.
    events: Option<Arc<dyn TableProvider>>,
}

impl RequestArguments {
    /// The table over these; `None` where they lack a column, or events have no arguments.
    pub(super) fn over(
        requests: Arc<dyn TableProvider>,
        events: Arc<dyn TableProvider>,
    ) -> Option<Self> {
        let schema = requests.schema();
        let carried = schema.field_with_name("events").ok();
        let carried = carried.is_some_and(|events| arguments(events.data_type()).is_some());
        let events = (!carried).then_some(events);
        if let Some(events) = &events {
            let linked = events.schema();
            let has = |schema: &SchemaRef, name: &str| schema.column_with_name(name).is_some();
            let args = linked.field_with_name("args").ok()?;
            let fits = matches!(args.data_type(), DataType::Struct(_))
                && NEEDED.iter().all(|name| has(&schema, name))
                && OF_EVENTS.iter().all(|name| has(&linked, name));
            fits.then_some(())?;
        }
        let of_requests = OF_REQUESTS.iter().map(|name| schema.field_with_name(name));
        let mut all: Vec<Field> = of_requests
            .map(|field| Some(field.ok()?.clone()))
            .collect::<Option<_>>()?;
        all.extend(fields());
        Some(RequestArguments {
            schema: Arc::new(Schema::new(all)),
            requests,
            events,
        })
    }

    async fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        if let Some(events) = &self.events {
            return self.linked(state, events, schema, filters).await;
        }
        let table = self.requests.schema();
        let mut columns = vec![table.index_of("events")?];
        for name in OF_REQUESTS {
            if schema.column_with_name(name).is_some() {
                columns.push(table.index_of(name)?);
            }
        }
        let scan = self
            .requests
            .scan(state, Some(&columns), filters, None)
            .await?;
        let plan = RequestArgumentsExec::new(few_at_a_time(scan), schema);
        Ok(Arc::new(plan))
    }

    /// The requests that are asked for, and all events.
    async fn linked(
        &self,
        state: &dyn Session,
        events: &Arc<dyn TableProvider>,
        schema: SchemaRef,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table = self.requests.schema();
        let all = NEEDED.into_iter().chain(OF_REQUESTS);
        let mut columns = all
            .map(|name| Ok(table.index_of(name)?))
            .collect::<Result<Vec<usize>>>()?;
        columns.sort_unstable();
        columns.dedup();
        let scan = self.requests.scan(state, Some(&columns), filters, None);
        let mut requests = scan.await?;
        if let Some(filter) = conjunction(filters.iter().cloned().map(unnormalize_col)) {
            let of_scan = DFSchema::try_from(requests.schema())?;
            let filter = state.create_physical_expr(filter, &of_scan)?;
            requests = Arc::new(FilterExec::try_new(filter, requests)?);
        }
        let table = events.schema();
        let columns = OF_EVENTS.into_iter().map(|name| Ok(table.index_of(name)?));
        let columns = columns.collect::<Result<Vec<usize>>>()?;
        let scan = events.scan(state, Some(&columns), &[], None).await?;
        let events = files::in_order(scan, &table, None, state.config_options())?;
        let plan = LinkedArgumentsExec::new(requests, events, schema);
        Ok(Arc::new(plan))
    }
}

/// The scan of files with few rows in a batch.
fn few_at_a_time(scan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let source = scan.downcast_ref::<DataSourceExec>();
    let config = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    match config {
        Some(config) => {
            let config = FileScanConfigBuilder::from(config.clone()).with_batch_size(Some(ROWS));
            DataSourceExec::from_data_source(config.build())
        }
        None => scan,
    }
}

#[async_trait]
impl TableProvider for RequestArguments {
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
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.plan(state, projection, filters).await
    }

    /// What is said of columns of `requests` tells which of their pages need not be read.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            let columns = filter.column_refs();
            match columns
                .iter()
                .all(|c| OF_REQUESTS.contains(&c.name.as_str()))
            {
                true => TableProviderFilterPushDown::Inexact,
                false => TableProviderFilterPushDown::Unsupported,
            }
        };
        Ok(filters.iter().map(support).collect())
    }
}
