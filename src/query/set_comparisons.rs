//! Comparisons with `ANY` or `ALL` of a subquery's rows are refused.
//!
//! DataFusion (55) makes `x = ANY (SELECT x FROM t)` an `EXISTS` in which the outer `x` is taken for the inner one where both are
//! called alike, and so compares a column with itself. Everything that it can say can be said otherwise.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// Refuses them.
#[derive(Debug)]
pub(super) struct NoSetComparisons;

impl AnalyzerRule for NoSetComparisons {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|part| match part {
                    Expr::SetComparison(_) => plan_err!(
                        "comparisons with ANY or ALL (SELECT …) are not answered: write IN or NOT IN (SELECT …), or compare with \
                         (SELECT min(…) …) or (SELECT max(…) …)"
                    ),
                    _ => Ok(TreeNodeRecursion::Continue),
                })
            })
        })?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "no_set_comparisons"
    }
}
