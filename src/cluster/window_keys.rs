//! Sorts below windows name all keys that the window finds its partitions by.
//!
//! Where a key has one value, as `label` has under `WHERE label = 'normal'`, DataFusion leaves it out of the sort: the rows are in
//! order without it, and whoever plans knows why. What comes from another machine comes without such knowledge, and a
//! window there looks for the key in the order of its rows and ends with an error. Here the key is put back. It stands behind
//! the others, so the rows stay as they are.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::{LexOrdering, PhysicalExprRef, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::BoundedWindowAggExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, InputOrderMode,
    ReplaceChildrenOptions,
};
use std::sync::Arc;

/// The plan with such sorts.
///
/// # Errors
/// None of its own.
pub(super) fn whole(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let whole = plan.transform_up(|node| match sorted(&node) {
        Some(sort) => {
            let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(vec![sort], anew)?))
        }
        None => Ok(Transformed::no(node)),
    })?;
    Ok(whole.data)
}

/// The sort that belongs below `node`, where it is a window and its rows come in an order that lacks a key.
fn sorted(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let window = node.downcast_ref::<BoundedWindowAggExec>()?;
    let keys = window.window_expr().first()?.partition_by();
    let keys: Vec<&PhysicalExprRef> = match &window.input_order_mode {
        InputOrderMode::Sorted => keys.iter().collect(),
        InputOrderMode::PartiallySorted(some) => some.iter().map(|key| &keys[*key]).collect(),
        InputOrderMode::Linear => return None,
    };
    let input = window.input();
    let sort = input.downcast_ref::<SortExec>();
    let order = match sort {
        Some(sort) => Some(sort.expr()),
        None => input.output_ordering(),
    };
    let order: Vec<PhysicalSortExpr> = order.into_iter().flatten().cloned().collect();
    let order = with_keys(order, &keys)?;
    let (below, fetch) = match sort {
        Some(sort) => (sort.input(), sort.fetch()),
        None => (input, None),
    };
    let whole = SortExec::new(LexOrdering::new(order)?, Arc::clone(below))
        .with_preserve_partitioning(input.output_partitioning().partition_count() > 1)
        .with_fetch(fetch);
    Some(Arc::new(whole))
}

/// The order with the keys that it lacks, behind the last one that it has; `None` where it lacks none.
fn with_keys(
    mut order: Vec<PhysicalSortExpr>,
    keys: &[&PhysicalExprRef],
) -> Option<Vec<PhysicalSortExpr>> {
    let has = |key: &PhysicalExprRef| order.iter().any(|by| by.expr.eq(key));
    let lacks: Vec<PhysicalSortExpr> = keys
        .iter()
        .filter(|key| !has(key))
        .map(|key| PhysicalSortExpr::new_default(Arc::clone(key)))
        .collect();
    if lacks.is_empty() {
        return None;
    }
    let is_key = |by: &PhysicalSortExpr| keys.iter().any(|key| key.eq(&&by.expr));
    let after = order.iter().rposition(is_key).map_or(0, |last| last + 1);
    order.splice(after..after, lacks);
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::planned::planned;
    use datafusion::physical_plan::displayable;

    /// The sorts of a plan, from the top: as DataFusion makes them, and as they are sent.
    fn sorts(sql: &str) -> [Vec<String>; 2] {
        let plan = planned(sql, &["a", "b", "c"], 2);
        let sent = whole(Arc::clone(&plan)).unwrap();
        [plan, sent].map(|plan| {
            let text = displayable(plan.as_ref()).indent(false).to_string();
            let sorts = text.lines().filter(|line| line.contains("SortExec"));
            let keys = sorts.map(|line| line.split(['[', ']']).nth(1).unwrap_or("").to_owned());
            keys.collect()
        })
    }

    #[test]
    fn keys_of_one_value_are_put_back() {
        let [here, sent] =
            sorts("SELECT rank() OVER (PARTITION BY a, b ORDER BY c) AS r FROM t WHERE b = 2");
        assert_eq!(here, ["a@0 ASC NULLS LAST, c@2 ASC NULLS LAST"], "{here:?}");
        assert_eq!(sent.len(), 1, "{sent:?}");
        let keys: Vec<&str> = sent[0].split(", ").map(|key| &key[..1]).collect();
        assert_eq!(keys, ["a", "b", "c"], "{sent:?}");
    }

    #[test]
    fn a_sort_is_made_where_there_was_none() {
        let [here, sent] =
            sorts("SELECT row_number() OVER (PARTITION BY b) AS r FROM t WHERE b = 2");
        assert!(here.is_empty(), "{here:?}");
        assert!(sent.len() == 1 && sent[0].starts_with("b@"), "{sent:?}");
    }

    #[test]
    fn other_sorts_stay_as_they_are() {
        for sql in [
            "SELECT rank() OVER (PARTITION BY a, b ORDER BY c) AS r FROM t",
            "SELECT rank() OVER (ORDER BY c) AS r FROM t ORDER BY r",
        ] {
            let [here, sent] = sorts(sql);
            assert!(!here.is_empty(), "{here:?}");
            assert_eq!(here, sent);
        }
    }
}
