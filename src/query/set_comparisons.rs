//! What DataFusion (55) answers wrongly with `ANY` and `ALL` is refused. All of it can be said otherwise.
//!
//! `x = ANY (SELECT x FROM t)` becomes an `EXISTS` in which the outer `x` is taken for the inner one where both are called alike,
//! and so compares a column with itself. `EXCEPT ALL` and `INTERSECT ALL` become joins that do not count rows that are alike.

use super::steps;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier, Visitor};
use std::ops::ControlFlow;

/// Refuses a statement with sets whose rows are to be counted: their plan does not tell them from others.
///
/// # Errors
/// [`DataFusionError::Plan`](datafusion::error::DataFusionError::Plan).
pub(super) fn check_sets(statement: &Statement) -> Result<()> {
    match steps::visit(statement, &mut Sets) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => plan_err!(
            "EXCEPT ALL and INTERSECT ALL are not answered: number rows that are alike with row_number() and compare without ALL"
        ),
    }
}

/// Stops at the first that counts.
struct Sets;

impl Visitor for Sets {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        match counts_alike(&query.body) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Whether rows that are alike must be counted for it; queries in it are looked at by themselves.
fn counts_alike(body: &SetExpr) -> bool {
    let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        right,
    } = body
    else {
        return false;
    };
    let counts = matches!(
        set_quantifier,
        SetQuantifier::All | SetQuantifier::AllByName
    );
    counts && !matches!(op, SetOperator::Union) || counts_alike(left) || counts_alike(right)
}

/// Refuses comparisons with the rows of a subquery.
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
