//! What DataFusion may not take for granted of rows that were filled up with nulls.
//!
//! DataFusion (55) knows of each operator which columns have one value in all rows, and which are equal, and leaves such
//! columns out of sorts. After an outer join it still believes what held of the side that is filled up: that `b.name` is
//! `read` in `… LEFT JOIN (SELECT … WHERE name = 'read') AS b …`, though it is null where `b` has no row. So `ORDER BY b.name`
//! does not order, and with `LIMIT` gives other rows. `GROUP BY ROLLUP (label)` of rows with one label is the same. Here a rule
//! of the optimizer ([`NullsBreakClaims`]) finds these operators, and puts one over each ([`exec`]) that hands on its rows and
//! none of what was believed of them.

pub(super) mod exec;
#[cfg(test)]
mod tests;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use exec::UnclaimedExec;
use std::sync::Arc;

/// The name of the rule that orders the sides of joins, after which this one runs: the next ones ask what is sorted.
const AFTER: &str = "join_selection";

/// The rule.
#[derive(Debug)]
pub(super) struct NullsBreakClaims;

impl NullsBreakClaims {
    /// Puts the rule where it belongs among others.
    pub(super) fn among(
        mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
    ) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        let at = rules.iter().position(|rule| rule.name() == AFTER);
        let at = at.expect("DataFusion's rules have the one that this is to follow");
        rules.insert(at + 1, Arc::new(NullsBreakClaims));
        rules
    }
}

impl PhysicalOptimizerRule for NullsBreakClaims {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| {
            Ok(match fills_up(&node) {
                true => Transformed::yes(Arc::new(UnclaimedExec::new(node)) as _),
                false => Transformed::no(node),
            })
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "nulls_break_claims"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether the operator fills rows up of which something is believed.
fn fills_up(node: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return aggregate.group_expr().has_grouping_set() && claimed(node);
    }
    let join = node
        .downcast_ref::<HashJoinExec>()
        .map(|join| *join.join_type())
        .or_else(|| Some(node.downcast_ref::<SortMergeJoinExec>()?.join_type()))
        .or_else(|| Some(*node.downcast_ref::<NestedLoopJoinExec>()?.join_type()));
    let filled: &[usize] = match join {
        Some(JoinType::Left) => &[1],
        Some(JoinType::Right) => &[0],
        Some(JoinType::Full) => &[0, 1],
        _ => &[],
    };
    let sides = node.children();
    filled.iter().any(|side| claimed(sides[*side]))
}

/// Whether a column of the operator's rows is believed to have one value, or to be equal to another.
fn claimed(node: &Arc<dyn ExecutionPlan>) -> bool {
    let mut classes = node.equivalence_properties().eq_group().iter();
    classes.any(|class| !class.is_trivial())
}
