//! No rule of DataFusion's goes by which columns are believed to settle others.
//!
//! DataFusion (55) knows that the keys of a `GROUP BY` settle all of its columns, and keeps that through joins, where a key comes
//! many times. The next `GROUP BY key, other` then counts as settled by `key` alone: `ORDER BY key, other` orders by
//! `key`, a grouping of it by both has one row for each `key`, and one by `key` is by what seems settled, too. So what is
//! believed of a subquery is forgotten where it is named, and what comes back is taken out of the plan each time before a rule
//! looks at it; what these rules leave out otherwise (a second `DISTINCT`, say) costs little.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchemaRef, FunctionalDependencies, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::sql::sqlparser::ast::TableFactor;
use std::sync::{Arc, Mutex, PoisonError};

/// DataFusion's rules that go by it.
const READ_THEM: [&str; 4] = [
    "replace_distinct_aggregate",
    "eliminate_join",
    "eliminate_duplicated_expr",
    "optimize_projections",
];

/// DataFusion's rules, those with this one before each.
pub(super) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = Vec::new();
    for rule in Optimizer::new().rules {
        if READ_THEM.contains(&rule.name()) {
            rules.push(Arc::new(ForgetDependencies));
        }
        rules.push(rule);
    }
    rules
}

/// The rule.
#[derive(Debug)]
struct ForgetDependencies;

impl OptimizerRule for ForgetDependencies {
    fn name(&self) -> &'static str {
        "forget_dependencies"
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        forgetful(plan)
    }
}

/// Plans what `FROM` names as DataFusion does, and forgets what is believed of it.
#[derive(Debug, Default)]
pub(super) struct ForgetfulRelations {
    /// What DataFusion is to plan now: it asks this planner again first.
    theirs: Mutex<Option<TableFactor>>,
}

impl RelationPlanner for ForgetfulRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let named = matches!(
            relation,
            TableFactor::Derived { .. } | TableFactor::Table { .. }
        );
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        if !named || theirs.take().is_some_and(|theirs| theirs == relation) {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        *theirs = Some(relation.clone());
        drop(theirs);
        let plan = forgetful(context.plan(relation)?)?.data;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, None,
        ))))
    }
}

/// A plan of whose columns nothing is believed.
fn forgetful(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    plan.transform_up_with_subqueries(|mut node| {
        let forgotten = match &mut node {
            LogicalPlan::Aggregate(aggregate) => forget(&mut aggregate.schema)?,
            LogicalPlan::Join(join) => forget(&mut join.schema)?,
            LogicalPlan::Projection(projection) => forget(&mut projection.schema)?,
            LogicalPlan::SubqueryAlias(alias) => forget(&mut alias.schema)?,
            LogicalPlan::Window(window) => forget(&mut window.schema)?,
            LogicalPlan::Unnest(unnest) => forget(&mut unnest.schema)?,
            LogicalPlan::Union(union) => forget(&mut union.schema)?,
            _ => false,
        };
        Ok(match forgotten {
            true => Transformed::yes(node),
            false => Transformed::no(node),
        })
    })
}

/// Whether something was believed of a plan's columns; it is not afterwards.
fn forget(schema: &mut DFSchemaRef) -> Result<bool> {
    if schema.functional_dependencies().is_empty() {
        return Ok(false);
    }
    let forgetful = schema.as_ref().clone();
    *schema = Arc::new(forgetful.with_functional_dependencies(FunctionalDependencies::empty())?);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    /// Groups of a join with a grouped side.
    const GROUPED: &str = "SELECT s.k AS k, e.p AS p, count(*) AS n FROM e JOIN (SELECT k, count(*) AS c FROM r GROUP BY k) AS s
        ON e.k = s.k GROUP BY s.k, e.p";

    async fn answer(ours: bool, sql: &str) -> String {
        let mut builder = SessionStateBuilder::new().with_default_features();
        if ours {
            builder = builder
                .with_optimizer_rules(logical())
                .with_relation_planners(vec![Arc::new(ForgetfulRelations::default())]);
        }
        let context = SessionContext::new_with_state(builder.build());
        for sql in [
            "CREATE TABLE e AS SELECT * FROM (VALUES ('a', 'z'), ('a', 'y'), ('a', 'y'), ('a', 'x'), ('b', 'x')) AS v(k, p)",
            "CREATE TABLE r AS SELECT * FROM (VALUES ('a'), ('a'), ('b')) AS v(k)",
        ] {
            context.sql(sql).await.unwrap().collect().await.unwrap();
        }
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let text = pretty_format_batches(&batches).unwrap().to_string();
        let rows = text.lines().skip(3).filter(|line| !line.starts_with('+'));
        let words = rows.map(|row| row.replace(['|', ' '], ""));
        words.collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn keys_of_groups_settle_nothing_after_a_join() {
        for (sql, expected) in [
            (
                format!("{GROUPED} ORDER BY s.k, n DESC, e.p"),
                "ay2 ax1 az1 bx1",
            ),
            (
                format!("SELECT count(*) FROM (SELECT max(1) FROM ({GROUPED}) GROUP BY k, p)"),
                "4",
            ),
            (
                format!("SELECT count(*) FROM (SELECT DISTINCT k, p FROM ({GROUPED}))"),
                "4",
            ),
            (
                format!("SELECT k, sum(n) AS n FROM ({GROUPED}) GROUP BY k, p ORDER BY k, n"),
                "a1 a1 a2 b1",
            ),
            (
                format!(
                    "SELECT n, k, count(*) AS c FROM ({GROUPED}) AS g GROUP BY n, k HAVING min(p) > 'a' ORDER BY k, n, c"
                ),
                "1a2 2a1 1b1",
            ),
        ] {
            assert_eq!(answer(true, &sql).await, expected, "{sql}");
            // Once this fails, DataFusion does it itself, and this file can go.
            if !sql.contains("ORDER") {
                assert_ne!(answer(false, &sql).await, expected, "{sql}");
            }
        }
    }

    #[test]
    fn the_rules_that_read_them_are_there() {
        let names: Vec<_> = logical()
            .iter()
            .map(|rule| rule.name().to_owned())
            .collect();
        let ours = names.iter().filter(|name| *name == "forget_dependencies");
        assert_eq!(ours.count(), READ_THEM.len(), "{names:?}");
    }
}
