//! Finds the joins of a plan that are of points and intervals.

use super::super::rules::{Rules, after};
use super::condition::{Condition, sided};
use super::exec::WindowJoinExec;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinSide, JoinType, NullEquality, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, JoinOn, NestedLoopJoinExec};
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs, StatisticsContext};
use std::sync::Arc;

/// The name of the rule that orders the sides of joins, after which this one runs.
const AFTER: &str = "join_selection";

/// The rule.
#[derive(Debug)]
pub(crate) struct WindowJoins;

/// A join of DataFusion.
struct Join<'p> {
    left: &'p Arc<dyn ExecutionPlan>,
    right: &'p Arc<dyn ExecutionPlan>,
    on: JoinOn,
    nulls: NullEquality,
    filter: &'p JoinFilter,
    projection: Option<&'p [usize]>,
}

impl WindowJoins {
    /// Puts the rule where it belongs among others: the sides are chosen then, and what they need is not yet.
    pub(crate) fn among(rules: Rules) -> Rules {
        after(AFTER, rules, WindowJoins)
    }
}

impl PhysicalOptimizerRule for WindowJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| {
            let new = match join(&node) {
                Some(join) => join.replaced(&node)?,
                None => None,
            };
            Ok(new.map_or(Transformed::no(node), Transformed::yes))
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "window_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The inner join that a node is, if it has a filter.
fn join(node: &Arc<dyn ExecutionPlan>) -> Option<Join<'_>> {
    if let Some(hash) = node.downcast_ref::<HashJoinExec>()
        && *hash.join_type() == JoinType::Inner
        && hash.fetch().is_none()
    {
        return Some(Join {
            left: hash.left(),
            right: hash.right(),
            on: hash.on().to_vec(),
            nulls: hash.null_equality(),
            filter: hash.filter()?,
            projection: hash.projection.as_deref(),
        });
    }
    let loops = node.downcast_ref::<NestedLoopJoinExec>()?;
    (*loops.join_type() == JoinType::Inner).then_some(())?;
    Some(Join {
        left: loops.left(),
        right: loops.right(),
        on: Vec::new(),
        nulls: NullEquality::NullEqualsNothing,
        filter: loops.filter()?,
        projection: loops.projection().as_deref(),
    })
}

impl Join<'_> {
    fn replaced(self, node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (left, right) = (self.left.schema(), self.right.schema());
        let found = Condition::of((&left, &right), &self.on, self.nulls, self.filter)?;
        let Some((side, condition)) = found else {
            return Ok(None);
        };
        let (intervals, points) = match side {
            JoinSide::Left => (self.left, self.right),
            _ => (self.right, self.left),
        };
        if more(intervals, points)? {
            return Ok(None);
        }
        let column = |side| move |index| ColumnIndex { index, side };
        let lefts = (0..left.fields().len()).map(column(JoinSide::Left));
        let rights = (0..right.fields().len()).map(column(JoinSide::Right));
        let all: Vec<ColumnIndex> = lefts.chain(rights).map(|c| sided(c, side)).collect();
        let output = match self.projection {
            Some(projection) => projection.iter().map(|i| all[*i].clone()).collect(),
            None => all.into(),
        };
        Ok(Some(Arc::new(WindowJoinExec::new(
            Arc::clone(intervals),
            Arc::clone(points),
            Arc::new(condition),
            output,
            node.schema(),
        ))))
    }
}

/// Whether one input is known to have more rows than the other: intervals are held in memory, and a join that holds the
/// fewer points is better then.
fn more(one: &Arc<dyn ExecutionPlan>, other: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let rows = |input: &Arc<dyn ExecutionPlan>| -> Result<Option<usize>> {
        let known = StatisticsContext::new().compute(input.as_ref(), &StatisticsArgs::new())?;
        Ok(known.num_rows.get_value().copied())
    };
    let (one, other) = (rows(one)?, rows(other)?);
    Ok(matches!((one, other), (Some(one), Some(other)) if one > other))
}
