//! What is asked of the output of a join, as a predicate on its rows with intervals.
//!
//! A join with ten requests tells its other side, when it runs, which keys it has. That side may be a join of intervals,
//! whose keys are those of its points; since they are equal to those of the intervals, rows with other intervals need not be
//! collected, and the points in them need not be read.

use super::condition::Condition;
use datafusion::common::JoinSide;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::joins::utils::ColumnIndex;
use std::sync::Arc;

/// The predicate `filter`, which is over the columns `output`, over those of the rows with intervals; `None` where it is not
/// about them alone.
pub(super) fn of_intervals(
    filter: &PhysicalExprRef,
    output: &[ColumnIndex],
    condition: &Condition,
) -> Result<Option<PhysicalExprRef>> {
    let of_interval = |column: &Column| -> Option<PhysicalExprRef> {
        let from = output.get(column.index())?;
        if from.side == JoinSide::Left {
            return Some(Arc::new(Column::new(column.name(), from.index)));
        }
        let at = |key: &PhysicalExprRef| {
            let column = key.downcast_ref::<Column>();
            column.map(Column::index)
        };
        let mut keys = condition.keys.iter();
        let key = keys.find(|(_, point)| at(point) == Some(from.index))?;
        Some(Arc::clone(&key.0))
    };
    let columns = collect_columns(filter);
    if columns.is_empty() || columns.iter().any(|column| of_interval(column).is_none()) {
        return Ok(None);
    }
    let moved = Arc::clone(filter).transform_up(|node| {
        let moved = node.downcast_ref::<Column>().and_then(&of_interval);
        Ok(moved.map_or(Transformed::no(node), Transformed::yes))
    })?;
    Ok(Some(moved.data))
}
