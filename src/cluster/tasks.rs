//! Into how many tasks a stage may be divided: which operators give in parts what they give as a whole.
//!
//! A task has some of the rows of each scan in its stage, and an operator sees only what its task has. That is right where
//! it looks at rows one by one, or where rows that belong together have been brought together by a shuffle. An operator that
//! needs all rows in one place says so by what it requires of its inputs; where it has them there only because there is one
//! partition, one task must have them all. Operators that are not known here run in one task.

use super::recordings::Part;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::Distribution;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use datafusion_distributed::{
    BroadcastExec, DesiredTaskCountEvent, DesiredTaskCountEventResponse as Response,
};
use std::sync::Arc;

/// Operators that are right in parts, where their inputs are as they require.
const IN_PARTS: [&str; 25] = [
    "AggregateExec",
    "BoundedWindowAggExec",
    "BroadcastExec",
    "ChildrenIsolatorUnionExec",
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "CrossJoinExec",
    "FilterExec",
    "GlobalLimitExec",
    "HashJoinExec",
    "LocalLimitExec",
    "NestedLoopJoinExec",
    "ProjectionExec",
    "RepartitionExec",
    "SortExec",
    "SortMergeJoinExec",
    "SortPreservingMergeExec",
    "UnionExec",
    "UnnestExec",
    "WindowAggExec",
    // Ours.
    "CallsExec",
    "RequestArgumentsExec",
    "UnclaimedExec",
    "WindowJoinExec",
];

/// Tells how many tasks an operator is right in, of at most `tasks`.
pub(super) fn count(
    tasks: usize,
) -> impl Fn(DesiredTaskCountEvent<'_>) -> Option<datafusion::error::Result<Response>> {
    move |asked| {
        let plan = asked.plan;
        let response = match () {
            () if plan.is::<Part>() || reads_files(plan) => Response::desired(tasks),
            () if plan.children().is_empty() || !in_parts(plan) => Response::maximum(1),
            // As many as its inputs.
            () => return None,
        };
        Some(Ok(response))
    }
}

fn reads_files(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let source = plan.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| source.data_source().is::<FileScanConfig>())
}

fn in_parts(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let required = plan.input_distribution_requirements();
    let mut inputs = plan
        .children()
        .into_iter()
        .zip(required.per_child_distributions());
    let brought = |(input, required): (&Arc<dyn ExecutionPlan>, &Distribution)| match required {
        Distribution::UnspecifiedDistribution => true,
        // Each task has all of it.
        Distribution::SinglePartition => {
            input.is::<CoalescePartitionsExec>()
                && input
                    .children()
                    .iter()
                    .all(|below| below.is::<BroadcastExec>())
        }
        // One partition has together what must be, and was not brought together for it.
        _ => {
            matches!(input.output_partitioning(), Partitioning::Hash(..))
                && input.output_partitioning().partition_count() > 1
        }
    };
    IN_PARTS.contains(&plan.name()) && inputs.all(brought)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::planned::planned;
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};

    /// The operators of a plan, from the top, each with whether it may run in several tasks.
    fn operators(sql: &str, partitions: usize) -> Vec<(String, bool)> {
        let plan = planned(sql, &["a", "b"], partitions);
        let mut all = Vec::new();
        plan.apply(|node| {
            if !node.children().is_empty() {
                all.push((node.name().to_owned(), in_parts(node)));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
        all
    }

    fn of(name: &str, all: &[(String, bool)]) -> Vec<bool> {
        let named = all.iter().filter(|(n, _)| n == name);
        named.map(|(_, in_parts)| *in_parts).collect()
    }

    #[test]
    fn what_was_brought_together_by_a_shuffle_may_run_in_parts() {
        let all = operators("SELECT a, count(b) FROM t GROUP BY a", 3);
        assert_eq!(of("AggregateExec", &all), [true, true], "{all:?}");
        let sql = "SELECT row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM t";
        let all = operators(sql, 3);
        assert_eq!(of("BoundedWindowAggExec", &all), [true], "{all:?}");
    }

    #[test]
    fn what_is_together_because_there_is_one_partition_may_not() {
        let all = operators("SELECT a, count(b) FROM t GROUP BY a", 1);
        assert!(
            all.iter().any(|(name, _)| name == "AggregateExec"),
            "{all:?}"
        );
        assert!(!of("AggregateExec", &all).contains(&true), "{all:?}");
        let all = operators("SELECT row_number() OVER (ORDER BY b) AS n FROM t", 3);
        assert_eq!(of("BoundedWindowAggExec", &all), [false], "{all:?}");
        let all = operators("SELECT x.a FROM t AS x JOIN t AS y ON x.a = y.b", 3);
        assert_eq!(of("HashJoinExec", &all), [false], "{all:?}");
    }

    #[test]
    fn what_is_not_known_runs_in_one_task() {
        let sql = "WITH RECURSIVE r AS (SELECT a FROM t UNION ALL SELECT a + 1 FROM r WHERE a < 5) SELECT * FROM r";
        let all = operators(sql, 3);
        assert_eq!(of("RecursiveQueryExec", &all), [false], "{all:?}");
    }
}
