//! Sorts after outer joins and roll-ups.

use super::NullsBreakClaims;
use arrow::util::pretty::pretty_format_batches;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

async fn context(ours: bool) -> SessionContext {
    let mut rules = PhysicalOptimizer::new().rules;
    if ours {
        rules = NullsBreakClaims::among(rules);
    }
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(2))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for sql in [
        "CREATE TABLE a AS SELECT * FROM (VALUES (1), (2), (3), (4)) AS v(x)",
        "CREATE TABLE b AS SELECT * FROM (VALUES (1, 'p'), (3, 'p'), (5, 'p'), (4, 'q')) AS v(x, y)",
    ] {
        context.sql(sql).await.unwrap().collect().await.unwrap();
    }
    context
}

/// The rows of an answer in order, their values with blanks between.
async fn rows(ours: bool, sql: &str) -> Vec<String> {
    let batches = context(ours).await.sql(sql).await.unwrap();
    let batches = batches.collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let rows = text.lines().skip(3).filter(|line| !line.starts_with('+'));
    let values = |row: &str| {
        let values: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        values.join(" ").trim().to_owned()
    };
    rows.map(values).collect()
}

async fn plan(ours: bool, sql: &str) -> String {
    let plan = context(ours).await.sql(sql).await.unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// Whether an operator of the plan sorts by the column.
fn sorted_by(plan: &str, column: &str) -> bool {
    let mut sorts = plan.lines().filter(|line| line.contains("SortExec"));
    sorts.any(|line| line.contains(column))
}

#[tokio::test]
async fn what_is_filled_up_is_sorted_by_its_nulls() {
    for (sql, expected) in [
        (
            "SELECT a.x, p.y FROM a LEFT JOIN (SELECT * FROM b WHERE y = 'p') AS p ON a.x = p.x ORDER BY p.y NULLS FIRST, a.x LIMIT 3",
            ["2", "4", "1 p"],
        ),
        (
            "SELECT a.x, p.y FROM (SELECT * FROM b WHERE y = 'p') AS p RIGHT JOIN a ON a.x < p.x - 2 ORDER BY p.y NULLS FIRST, a.x LIMIT 3",
            ["3", "4", "1 p"],
        ),
        (
            "SELECT a.x, p.y FROM a FULL JOIN (SELECT * FROM b WHERE y = 'p') AS p ON a.x = p.x ORDER BY p.y NULLS FIRST, a.x DESC NULLS LAST LIMIT 3",
            ["4", "2", "3 p"],
        ),
        (
            "SELECT count(*) AS n, y FROM b WHERE y = 'p' GROUP BY ROLLUP (y, x) ORDER BY y NULLS FIRST, n DESC LIMIT 3",
            ["3", "3 p", "1 p"],
        ),
        (
            "SELECT count(*) AS n, z FROM (SELECT 'c' AS z FROM a) GROUP BY GROUPING SETS ((z), ()) ORDER BY z NULLS FIRST LIMIT 1",
            ["4", "", ""],
        ),
    ] {
        let expected: Vec<&str> = expected.into_iter().filter(|row| !row.is_empty()).collect();
        assert_eq!(rows(true, sql).await, expected, "{sql}");
        let key = if sql.contains(" AS z") { "z@" } else { "y@" };
        assert!(sorted_by(&plan(true, sql).await, key), "{sql}");
        // Once this fails, DataFusion does it itself, and this folder can go.
        assert!(!sorted_by(&plan(false, sql).await, key), "{sql}");
    }
}

#[tokio::test]
async fn what_is_true_is_still_believed() {
    for sql in [
        "SELECT a.x, p.y FROM (SELECT * FROM b WHERE y = 'p') AS p LEFT JOIN a ON a.x = p.x ORDER BY p.y",
        "SELECT a.x, b.y FROM a LEFT JOIN b ON a.x = b.x",
        "SELECT y, count(*) FROM b WHERE y = 'p' GROUP BY y",
    ] {
        let plan = plan(true, sql).await;
        assert!(!plan.contains("UnclaimedExec"), "{sql}:\n{plan}");
    }
    let of_three = "SELECT p.y FROM a LEFT JOIN (SELECT * FROM b WHERE y = 'p') AS p ON a.x = p.x";
    let plan = plan(true, of_three).await;
    assert!(plan.contains("UnclaimedExec"), "{plan}");
    assert!(
        plan.contains("projection=[y"),
        "the join leaves columns out:\n{plan}"
    );
}
