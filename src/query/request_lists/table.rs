//! The table, for SQL: what is read of the two tables that it is made of.

use super::columns::{LISTS, OF_REQUESTS};
use super::files;
use super::given::Layout;
use super::known::NEEDED;
use super::plan::RequestListsExec;
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, project_schema};
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use std::sync::Arc;

/// `request_lists` over the tables `requests` and `events`.
#[derive(Debug)]
pub(super) struct RequestLists {
    schema: SchemaRef,
    requests: Arc<dyn TableProvider>,
    events: Arc<dyn TableProvider>,
}

impl RequestLists {
    /// The table over these two; `None` where they lack a column, as in a dataset of an older version.
    pub(super) fn over(
        requests: Arc<dyn TableProvider>,
        events: Arc<dyn TableProvider>,
    ) -> Option<Self> {
        let of_requests = requests.schema();
        let mut fields: Vec<Field> = Vec::new();
        for name in OF_REQUESTS {
            fields.push(of_requests.field_with_name(name).ok()?.clone());
        }
        fields.extend(LISTS.iter().map(|list| list.field()));
        let has = |schema: &SchemaRef, name: &str| schema.column_with_name(name).is_some();
        let linked = events.schema();
        let sources = LISTS.iter().map(|list| list.source);
        let fits = NEEDED.iter().all(|name| has(&of_requests, name))
            && sources
                .chain(["trace_id", "request_id"])
                .all(|name| has(&linked, name));
        fits.then(|| RequestLists {
            schema: Arc::new(Schema::new(fields)),
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
        let layout = Layout::new(project_schema(&self.schema, projection)?);
        let requests = self.requests(state, &layout, filters).await?;
        let events = self.events(state, &layout, filters).await?;
        let plan = RequestListsExec::new(requests, events, layout.schema);
        Ok(Arc::new(plan))
    }

    /// The requests that are asked for.
    async fn requests(
        &self,
        state: &dyn Session,
        layout: &Layout,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projected = |name: &str| layout.schema.column_with_name(name).is_some();
        let filtered = |name: &str| {
            filters
                .iter()
                .any(|filter| names(filter).any(|n| n == name))
        };
        let read = OF_REQUESTS
            .into_iter()
            .filter(|name| projected(name) || filtered(name));
        let columns = indices(&self.requests.schema(), NEEDED.into_iter().chain(read))?;
        let scan = self
            .requests
            .scan(state, Some(&columns), filters, None)
            .await?;
        let Some(filter) = conjunction(filters.iter().cloned().map(unqualified)) else {
            return Ok(scan);
        };
        let schema = DFSchema::try_from(scan.schema())?;
        let filter = state.create_physical_expr(filter, &schema)?;
        Ok(Arc::new(FilterExec::try_new(filter, scan)?))
    }

    /// The columns of events that are needed. Of what the filters say only that reaches them which is of their own columns.
    async fn events(
        &self,
        state: &dyn Session,
        layout: &Layout,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sources = layout.lists.iter().map(|list| list.source);
        let all = ["trace_id", "request_id", "event_id"]
            .into_iter()
            .chain(sources);
        let table = self.events.schema();
        let columns = indices(&table, all)?;
        if layout.lists.is_empty() {
            let nothing = table.project(&columns)?;
            return Ok(Arc::new(EmptyExec::new(Arc::new(nothing))));
        }
        let scan = self.events.scan(state, Some(&columns), &[], None).await?;
        let own = |filter: &&Expr| names(filter).all(|n| n == "trace_id" || n == "request_id");
        let filter = conjunction(filters.iter().filter(own).cloned().map(unqualified));
        let schema = DFSchema::try_from(scan.schema())?;
        let filter = filter.map(|filter| state.create_physical_expr(filter, &schema));
        files::in_order(scan, &table, filter.transpose()?, state.config_options())
    }
}

/// Names of the columns in an expression.
fn names(filter: &Expr) -> impl Iterator<Item = String> {
    filter
        .column_refs()
        .into_iter()
        .map(|column| column.name.clone())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The same, with columns that are of no table.
fn unqualified(filter: Expr) -> Expr {
    datafusion::logical_expr::expr_rewriter::unnormalize_col(filter)
}

/// Where columns are in a schema, each once.
fn indices<'a>(schema: &SchemaRef, names: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
    let mut all = Vec::new();
    for name in names {
        let at = schema.index_of(name)?;
        if !all.contains(&at) {
            all.push(at);
        }
    }
    Ok(all)
}

#[async_trait]
impl TableProvider for RequestLists {
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

    /// What is said of columns of `requests` is settled on them, before events are read.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            let settled = names(filter).all(|name| OF_REQUESTS.contains(&name.as_str()));
            match settled && !filter.is_volatile() {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            }
        };
        Ok(filters.iter().map(support).collect())
    }
}
