//! A filter stays above an aggregate that gives a row even where it has no input.
//!
//! `SELECT count(*) FROM t` gives one row however few `t` has, and so does each `()` of `GROUP BY ROLLUP`. DataFusion (55)
//! pushes a condition below the aggregate where every column of it is a key of the groups, so also one that has no column:
//! `HAVING (SELECT count(*) FROM u) > 5`, or `k = 5` where `k` is a constant of the query below. What was to take the row
//! away then takes its input away, and the row says 0. Filters are not pushed below limits, so such an aggregate
//! below a filter gets one that changes nothing.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Limit};
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(super) struct GlobalAggregates;

impl AnalyzerRule for GlobalAggregates {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let limited = plan.transform_up_with_subqueries(|node| {
            let LogicalPlan::Filter(filter) = node else {
                return Ok(Transformed::no(node));
            };
            let input = Arc::unwrap_or_clone(filter.input).transform_down(below)?;
            let filter = Filter::try_new(filter.predicate, Arc::new(input.data))?;
            Ok(Transformed::new_transformed(
                LogicalPlan::Filter(filter),
                input.transformed,
            ))
        })?;
        Ok(limited.data)
    }

    fn name(&self) -> &str {
        "global_aggregates"
    }
}

/// What a plan below a filter becomes.
fn below(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let rows = match &node {
        LogicalPlan::Limit(_) => return Ok(jump(node, false)),
        LogicalPlan::Aggregate(aggregate) => most_rows_of_none(aggregate),
        _ => None,
    };
    // A limit would be in the way where a subquery is made a join with what it refers to.
    match rows {
        Some(rows) if node.all_out_ref_exprs().is_empty() => {
            let limit = Limit {
                skip: None,
                fetch: Some(Box::new(lit(rows))),
                input: Arc::new(node),
            };
            Ok(jump(LogicalPlan::Limit(limit), true))
        }
        _ => Ok(Transformed::no(node)),
    }
}

fn jump(node: LogicalPlan, transformed: bool) -> Transformed<LogicalPlan> {
    Transformed::new(node, transformed, TreeNodeRecursion::Jump)
}

/// If the aggregate gives rows without input: how many rows it gives at most.
fn most_rows_of_none(aggregate: &Aggregate) -> Option<i64> {
    match aggregate.group_expr.as_slice() {
        [] => Some(1),
        groups => groups
            .iter()
            .any(|group| matches!(group, Expr::GroupingSet(_)))
            .then_some(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    const TABLE: &str =
        "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a'), (2, 'a'), (3, 'b')) AS v(x, y)";

    async fn rows(ours: bool, sql: &str) -> usize {
        let context = SessionContext::new();
        if ours {
            context.add_analyzer_rule(Arc::new(GlobalAggregates));
        }
        context.sql(TABLE).await.unwrap().collect().await.unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        batches.iter().map(|batch| batch.num_rows()).sum()
    }

    #[tokio::test]
    async fn conditions_without_columns_are_of_the_aggregates_row() {
        for (sql, theirs) in [
            (
                "SELECT n FROM (SELECT count(*) AS n FROM t) WHERE (SELECT count(*) FROM t) > 5",
                1,
            ),
            (
                "SELECT count(*) FROM t HAVING (SELECT count(*) FROM t) > 5",
                1,
            ),
            (
                "SELECT k FROM (SELECT 1 AS k, max(x) FROM t) WHERE k <> k OR k = 5",
                1,
            ),
            (
                "SELECT y FROM (SELECT y, count(*) FROM t GROUP BY ROLLUP(y)) WHERE (SELECT count(*) FROM t) > 5",
                1,
            ),
            (
                "SELECT n, u.x FROM t AS u CROSS JOIN (SELECT count(*) AS n FROM t) WHERE u.x = 1 AND (SELECT min(x) FROM t) > 5",
                0,
            ),
        ] {
            // Once this fails, DataFusion does it itself, and this file can go.
            assert_eq!(rows(false, sql).await, theirs, "{sql}");
            assert_eq!(rows(true, sql).await, 0, "{sql}");
            let yes = sql.replace("> 5", "> 0").replace("k = 5", "k = 1");
            assert_ne!(rows(true, &yes).await, 0, "{yes}");
        }
    }

    #[tokio::test]
    async fn what_filters_did_rightly_they_still_do() {
        for (sql, n) in [
            (
                "SELECT y FROM (SELECT y, count(*) AS n FROM t GROUP BY y) WHERE n = 2",
                1,
            ),
            (
                "SELECT y, n FROM (SELECT y, count(*) AS n FROM t GROUP BY ROLLUP(y)) WHERE y IS NULL",
                1,
            ),
            (
                "SELECT x FROM t AS a WHERE x >= (SELECT max(x) FROM t AS b WHERE b.y = a.y HAVING max(x) > 2)",
                1,
            ),
            (
                "SELECT x FROM t AS a WHERE 1 < (SELECT count(*) FROM t AS b WHERE b.y = a.y)",
                2,
            ),
            ("SELECT count(*) FROM t HAVING count(*) = 3", 1),
        ] {
            assert_eq!(rows(true, sql).await, n, "{sql}");
            assert_eq!(rows(false, sql).await, n, "{sql}");
        }
    }
}
