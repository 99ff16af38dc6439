//! Queries that give one value, as `(SELECT max(a) FROM t)`: asked first, so that the plan has their values as constants.
//!
//! DataFusion holds such a value in one operator, and expressions anywhere below it take it from there, which on another machine
//! they cannot. To rewrite it to a join, as it can, makes a column of a constant: functions that prepare themselves for a constant
//! do so for each row, and scans cannot leave anything out by it.

use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};
use datafusion::physical_plan::collect;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Who plans such a query.
type Asked<'p> = &'p (dyn QueryPlanner + Send + Sync);

/// The plan with the values of these queries, which `planner` asks.
///
/// # Errors
/// Those of the queries, and where one gives more than one row.
pub(super) async fn asked(
    planner: Asked<'_>,
    plan: &LogicalPlan,
    session: &dyn Session,
) -> Result<LogicalPlan> {
    let mut values = HashMap::new();
    for query in queries(plan)? {
        if let Entry::Vacant(free) = values.entry(query) {
            let value = value(planner, free.key(), session).await?;
            free.insert(value);
        }
    }
    match values.is_empty() {
        true => Ok(plan.clone()),
        false => with_values(plan, &values),
    }
}

/// The query that an expression is, if it does not depend on rows around it.
fn query(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(query) if query.outer_ref_columns.is_empty() => Some(query),
        _ => None,
    }
}

/// Those of the plan, and not of what they ask themselves.
fn queries(plan: &LogicalPlan) -> Result<Vec<Subquery>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found.extend(query(expr).cloned());
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

async fn value(planner: Asked<'_>, query: &Subquery, session: &dyn Session) -> Result<ScalarValue> {
    let plan = planner
        .create_physical_plan(&query.subquery, session)
        .await?;
    let schema = plan.schema();
    let batches = collect(plan, session.task_ctx()).await?;
    let mut rows = batches.iter().filter(|batch| batch.num_rows() > 0);
    match (rows.next(), rows.next()) {
        (None, _) => ScalarValue::try_from(schema.field(0).data_type()),
        (Some(one), None) if one.num_rows() == 1 => ScalarValue::try_from_array(one.column(0), 0),
        _ => exec_err!("a query that is to give one value gives more than one row"),
    }
}

/// Schemas stay: that a value is not null says less than they do.
fn with_values(plan: &LogicalPlan, values: &HashMap<Subquery, ScalarValue>) -> Result<LogicalPlan> {
    let replaced = plan.clone().transform_up(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_down(|expr| {
                let value = query(&expr).and_then(|query| values.get(query)).cloned();
                Ok(match value {
                    Some(value) => Transformed::yes(Expr::Literal(value, None)),
                    None => Transformed::no(expr),
                })
            })?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(replaced.data)
}
