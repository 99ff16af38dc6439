//! Sorts below a merge compare all that the merge compares.
//!
//! Where a column has one value in each partition, as `1 AS place` has in each part of a `UNION ALL`, DataFusion (55) leaves
//! it out of the sort of the partitions, and merges them by it. With `LIMIT` that goes wrong: the partitions tell each other
//! the worst row that is still wanted, in terms of the keys that are left, so that a part that comes later in the order
//! makes an earlier one throw its rows away, depending on which is faster. So this rule puts the keys of the merge back.

use super::rules::{Rules, after};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use std::sync::Arc;

/// The name of the rule that puts sorts below merges, after which this one runs: limits and filters come later.
const AFTER: &str = "EnsureRequirements";

/// The rule.
#[derive(Debug)]
pub(super) struct WholeSortKeys;

impl WholeSortKeys {
    /// Puts the rule where it belongs among others.
    pub(super) fn among(rules: Rules) -> Rules {
        after(AFTER, rules, WholeSortKeys)
    }
}

impl PhysicalOptimizerRule for WholeSortKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| match whole(&node) {
            Some(sort) => Ok(Transformed::yes(node.replace_children(
                vec![sort],
                ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
            )?)),
            None => Ok(Transformed::no(node)),
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "whole_sort_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The sort that belongs below `node`, where it is a merge of sorts by fewer keys.
fn whole(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let merge = node.downcast_ref::<SortPreservingMergeExec>()?;
    let sort = merge.input().downcast_ref::<SortExec>()?;
    if sort.expr() == merge.expr() {
        return None;
    }
    let whole = SortExec::new(merge.expr().clone(), Arc::clone(sort.input()))
        .with_preserve_partitioning(sort.preserve_partitioning())
        .with_fetch(sort.fetch());
    Some(Arc::new(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// Rows of two places; those of the later one have the smaller texts, and are there sooner.
    const PLACED: &str = "SELECT place, what FROM (
        SELECT 1 AS place, concat('z', value) AS what FROM generate_series(1, 100000) WHERE value % 50000 = 49999
        UNION ALL SELECT 2, concat('a', value) FROM generate_series(1, 9)) ORDER BY place, what";

    fn context(ours: bool) -> SessionContext {
        let mut rules = PhysicalOptimizer::new().rules;
        if ours {
            rules = WholeSortKeys::among(rules);
        }
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(2))
            .with_default_features()
            .with_physical_optimizer_rules(rules)
            .build();
        SessionContext::new_with_state(state)
    }

    async fn sorts(context: &SessionContext, sql: &str) -> Vec<String> {
        let plan = context.sql(sql).await.unwrap();
        let plan = plan.create_physical_plan().await.unwrap();
        let text = displayable(plan.as_ref()).indent(false).to_string();
        let sorts = text.lines().filter(|line| line.contains("SortExec"));
        sorts.map(|line| line.trim().to_owned()).collect()
    }

    #[tokio::test]
    async fn limits_of_unions_are_by_all_keys() {
        let sql = format!("{PLACED} LIMIT 1");
        // Once this fails, DataFusion does it itself, and this file can go.
        let theirs = sorts(&context(false), &sql).await;
        assert!(theirs.iter().any(|s| !s.contains("place")), "{theirs:?}");
        let ours = sorts(&context(true), &sql).await;
        assert!(!ours.is_empty(), "{ours:?}");
        for sort in &ours {
            assert!(sort.contains("TopK(fetch=1)"), "{sort}");
            assert!(sort.contains("place") && sort.contains("what"), "{sort}");
        }
        for _ in 0..50 {
            let rows = context(true).sql(&sql).await.unwrap();
            let rows = rows.collect().await.unwrap();
            let text = arrow::util::pretty::pretty_format_batches(&rows).unwrap();
            assert!(text.to_string().contains("| 1     | z49999 |"), "{text}");
        }
    }

    #[tokio::test]
    async fn other_sorts_stay_as_they_are() {
        for sql in [
            "SELECT value FROM generate_series(1, 9) ORDER BY value % 3, value LIMIT 2",
            "SELECT value, count(*) FROM generate_series(1, 9) GROUP BY value ORDER BY value",
        ] {
            assert_eq!(
                sorts(&context(true), sql).await,
                sorts(&context(false), sql).await
            );
        }
    }
}
