//! Finds the queries that only hand lists on, and gives their plan without the lists.
//!
//! Such a plan is one line of filters, limits and projections over one table, so that its rows come in the order of the
//! table, and names its lists as columns and in no expression.

use super::numbered::Numbered;
use super::origin::{Opened, Origin, is_wide, told};
use arrow::datatypes::DataType;
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{
    Filter, Limit, Projection, SubqueryAlias, TableScan, TableScanBuilder,
};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::sync::Arc;

/// The plan with what stands for lists in their place, and the table that they are of.
type Passed = (LogicalPlan, Arc<Opened>);

/// Rewrites an optimized plan whose lists are of one of `origins`; `None` where it is another one.
///
/// # Errors
/// Those of the files, which are opened.
pub(super) fn passed(plan: &LogicalPlan, origins: &[Origin]) -> Result<Option<Passed>> {
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            let schema = projection.input.schema();
            let handed = |expr: &Expr| named(expr) || settled(expr, schema);
            if !projection.expr.iter().all(handed) {
                return Ok(None);
            }
            over(&projection.input, origins, |input| {
                let projection = Projection::try_new(projection.expr.clone(), input)?;
                Ok(LogicalPlan::Projection(projection))
            })?
        }
        LogicalPlan::Filter(filter) if settled(&filter.predicate, filter.input.schema()) => {
            over(&filter.input, origins, |input| {
                let filter = Filter::try_new(filter.predicate.clone(), input)?;
                Ok(LogicalPlan::Filter(filter))
            })?
        }
        LogicalPlan::SubqueryAlias(alias) => over(&alias.input, origins, |input| {
            let alias = SubqueryAlias::try_new(input, alias.alias.clone())?;
            Ok(LogicalPlan::SubqueryAlias(alias))
        })?,
        LogicalPlan::Limit(limit) => over(&limit.input, origins, |input| {
            let (skip, fetch) = (limit.skip.clone(), limit.fetch.clone());
            Ok(LogicalPlan::Limit(Limit { skip, fetch, input }))
        })?,
        LogicalPlan::TableScan(scan) => scanned(scan, origins)?,
        _ => None,
    })
}

fn over(
    input: &LogicalPlan,
    origins: &[Origin],
    wrap: impl FnOnce(Arc<LogicalPlan>) -> Result<LogicalPlan>,
) -> Result<Option<Passed>> {
    let Some((plan, opened)) = passed(input, origins)? else {
        return Ok(None);
    };
    Ok(Some((wrap(Arc::new(plan))?, opened)))
}

/// Whether an expression is a column, perhaps under another name.
fn named(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Alias(alias) => named(&alias.expr),
        _ => false,
    }
}

/// Whether an expression goes over no list.
fn settled(expr: &Expr, schema: &DFSchema) -> bool {
    let mut columns = expr.column_refs().into_iter();
    columns.all(|column| {
        let number = schema.index_of_column(column);
        number.is_ok_and(|number| !is_wide(schema.field(number)))
    })
}

fn scanned(scan: &TableScan, origins: &[Origin]) -> Result<Option<Passed>> {
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(None);
    };
    let mut origins = origins.iter();
    let Some(origin) = origins.find(|origin| Arc::ptr_eq(&origin.provider, &provider)) else {
        return Ok(None);
    };
    let schema = origin.schema();
    let structure = |data_type: &DataType| matches!(data_type, DataType::Struct(_));
    let fields = || schema.fields().iter();
    if !fields().any(|field| is_wide(field)) || fields().any(|f| structure(f.data_type())) {
        return Ok(None);
    }
    if !scan
        .filters
        .iter()
        .all(|filter| settled(filter, &scan.projected_schema))
    {
        return Ok(None);
    }
    let opened = origin.open();
    let opened = opened.map_err(told)?;
    let opened = Arc::new(opened);
    let numbered = provider_as_source(Arc::new(Numbered::new(origin, Arc::clone(&opened))));
    let new = TableScanBuilder::new(scan.table_name.clone(), numbered)
        .with_projection(scan.projection.clone())
        .build()?;
    let mut plan = LogicalPlan::TableScan(new);
    // What the scan was to leave out where it is easily seen.
    for filter in &scan.filters {
        plan = LogicalPlan::Filter(Filter::try_new(filter.clone(), Arc::new(plan))?);
    }
    Ok(Some((plan, opened)))
}
