//! How rows with lists are planned: with few at a time.
//!
//! DataFusion takes 8192 rows at a time, in each of its threads and at each step of a plan, and encodes a million before it
//! writes them. Where the rows that come out have lists, few are taken at a time. (Where lists are only looked into, as with
//! `unnest`, batches end with row groups, and smaller ones would take longer.) A `COPY` of rows with lists is besides
//! carried out in one stream, which keeps them in their order, and written in small row groups; columns are still encoded
//! in parallel. And where such rows are sorted, or those of `events` with all of their arguments, half of the memory is kept for
//! merging: what is merged is there twice, and DataFusion keeps as much for it as plain rows take.

use super::origin::is_wide;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryLimit};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use std::sync::Arc;

/// Rows of a batch that have lists, and that have lists of structures.
const ROWS: usize = 1024;
const ROWS_OF_STRUCTURES: usize = 32;
/// Rows of a batch that is sorted where they have large structures, such as `args`.
const ROWS_SORTED: usize = 512;
/// Members from which on structures are large, and so are rows that have them or lists of them.
const MEMBERS: usize = 16;
/// Rows of a row group that have lists, and of a page: what is encoded of a page is in memory, in the form that takes most.
pub(crate) const ROW_GROUP: usize = 2048;
pub(crate) const PAGE: usize = 512;

/// Settings that a plan is carried out with, beside those of all plans.
///
/// # Errors
/// None: a number of rows is not zero.
pub(crate) fn set(plan: &LogicalPlan, state: &mut SessionState) -> Result<()> {
    let (schema, sorted) = (plan.schema().as_arrow(), sorts(plan));
    let (lists, structures) = (large(schema, is_wide), large(schema, is_structure));
    if structures && sorted {
        take_memory(state);
    }
    let memory = match state.runtime_env().memory_pool.memory_limit() {
        MemoryLimit::Finite(memory) => Some(memory),
        _ => None,
    };
    let options = state.config_mut().options_mut();
    match () {
        () if lists => limit(options, ROWS_OF_STRUCTURES)?,
        () if structures && sorted => limit(options, ROWS_SORTED)?,
        () => {}
    }
    if let (true, Some(memory)) = (sorted && (lists || structures), memory) {
        // What comes from several tables may be sorted in as many places.
        options.execution.sort_spill_reservation_bytes = memory / 2 / tables(plan)?.max(1);
        options.execution.target_partitions = 1;
    }
    let LogicalPlan::Copy(copy) = plan else {
        return Ok(());
    };
    let written = copy.input.schema().as_arrow();
    let rows = match () {
        () if of_structures(written) => ROWS_OF_STRUCTURES,
        () if holds(written, |_| true) => ROWS,
        () => return Ok(()),
    };
    limit(options, rows)?;
    options.execution.target_partitions = 1;
    options.execution.parquet.max_row_group_size = ROW_GROUP;
    options.execution.parquet.data_page_row_count_limit = PAGE;
    Ok(())
}

/// Leaves a third of the memory that is not taken: rows of large structures that are merged take twice what is accounted for, when
/// they are read from disk and when they are put together, and blocks that are free between them.
fn take_memory(state: &mut SessionState) {
    let environment = state.runtime_env();
    let pool = &environment.memory_pool;
    let MemoryLimit::Finite(memory) = pool.memory_limit() else {
        return;
    };
    let left = memory.saturating_sub(pool.reserved());
    let environment = RuntimeEnv {
        memory_pool: Arc::new(FairSpillPool::new(left / 3)),
        ..RuntimeEnv::clone(environment)
    };
    *state = SessionStateBuilder::new_from_existing(state.clone())
        .with_runtime_env(Arc::new(environment))
        .build();
}

fn limit(options: &mut ConfigOptions, rows: usize) -> Result<()> {
    let rows = rows.min(options.execution.batch_size.get());
    options.execution.batch_size = ConfigNonZeroUsize::try_new(rows)?;
    Ok(())
}

/// Whether rows are sorted, all of them.
fn sorts(plan: &LogicalPlan) -> bool {
    let inputs = match plan {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => return true,
        LogicalPlan::Limit(limit) if limit.fetch.is_some() => of_first_rows(&limit.input).inputs(),
        other => other.inputs(),
    };
    inputs.into_iter().any(sorts)
}

/// What the first rows are chosen by: the sort that a limit is above of, if there is one.
fn of_first_rows(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Projection(projection) => of_first_rows(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => of_first_rows(&alias.input),
        other => other,
    }
}

/// How often tables are read.
fn tables(plan: &LogicalPlan) -> Result<usize> {
    let mut tables = 0;
    plan.apply(|node| {
        tables += usize::from(matches!(node, LogicalPlan::TableScan(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(tables)
}

/// Whether rows that come out have large structures in columns `of` this kind.
fn large(schema: &Schema, of: impl Fn(&Field) -> bool) -> bool {
    let columns = schema.fields().iter().filter(|field| of(field));
    columns
        .map(|field| members(field.data_type()))
        .any(|members| members >= MEMBERS)
}

fn is_structure(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Struct(_))
}

/// The plain values that there are places for in a value of this type.
fn members(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(of) | DataType::LargeList(of) => members(of.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| members(field.data_type())).sum(),
        _ => 1,
    }
}

/// Whether there is a column of lists of structures or lists.
pub(crate) fn of_structures(schema: &Schema) -> bool {
    holds(schema, DataType::is_nested)
}

/// Whether there is a column of lists of such elements.
fn holds(schema: &Schema, element: impl Fn(&DataType) -> bool) -> bool {
    let mut types = schema.fields().iter().map(|field| field.data_type());
    types.any(|data_type| match data_type {
        DataType::List(of) | DataType::LargeList(of) => element(of.data_type()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::datasource::empty::EmptyTable;
    use datafusion::execution::memory_pool::MemoryConsumer;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    const MEMORY: usize = 64 << 20;

    fn wait<T>(work: impl Future<Output = T>) -> T {
        let threads = tokio::runtime::Builder::new_multi_thread().build();
        threads.unwrap().block_on(work)
    }

    async fn state(context: &SessionContext, sql: &str) -> SessionState {
        let mut state = context.state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        set(&plan, &mut state).unwrap();
        state
    }

    async fn options(context: &SessionContext, sql: &str) -> ConfigOptions {
        state(context, sql).await.config_options().as_ref().clone()
    }

    fn of_memory() -> SessionContext {
        let memory = RuntimeEnvBuilder::new().with_memory_limit(MEMORY, 1.0);
        let memory = memory.build_arc().unwrap();
        SessionContext::new_with_config_rt(SessionConfig::new(), memory)
    }

    fn structure() -> DataType {
        let field = |n: usize| Field::new(format!("m{n}"), DataType::Int64, true);
        let members: Vec<Field> = (0..MEMBERS).map(field).collect();
        DataType::Struct(members.into())
    }

    #[test]
    fn rows_of_large_structures_are_sorted_in_a_third_of_the_memory() {
        wait(async {
            let context = of_memory();
            let fields = vec![
                Field::new("id", DataType::Int64, false),
                Field::new("args", structure(), true),
            ];
            let table = EmptyTable::new(Arc::new(Schema::new(fields)));
            context.register_table("t", Arc::new(table)).unwrap();
            let usual = context.state();
            let held = MemoryConsumer::new("a table").register(&usual.runtime_env().memory_pool);
            held.try_grow(MEMORY / 4).unwrap();
            let rows = |state: &SessionState| state.config_options().execution.batch_size.get();
            let memory = |state: &SessionState| match state.runtime_env().memory_pool.memory_limit()
            {
                MemoryLimit::Finite(memory) => memory,
                _ => usize::MAX,
            };
            let sorted = state(&context, "SELECT * FROM t ORDER BY id").await;
            assert_eq!((rows(&sorted), memory(&sorted)), (ROWS_SORTED, MEMORY / 4));
            let merging = sorted
                .config_options()
                .execution
                .sort_spill_reservation_bytes;
            assert_eq!(merging, MEMORY / 8);
            for sql in [
                "SELECT * FROM t",
                "SELECT * FROM t ORDER BY id LIMIT 3",
                "SELECT id AS a, args FROM (SELECT * FROM t ORDER BY id) AS u LIMIT 3",
                "SELECT id FROM t ORDER BY id",
            ] {
                let other = state(&context, sql).await;
                assert_eq!(
                    (rows(&other), memory(&other)),
                    (rows(&usual), MEMORY),
                    "{sql}"
                );
            }
        });
    }

    #[test]
    fn only_files_of_lists_are_written_in_small_groups() {
        wait(async {
            let context = SessionContext::new();
            let usual = context.state().config_options().entries();
            for sql in [
                "COPY (SELECT 1 AS a) TO 'x.parquet'",
                "SELECT [{a: 1}] AS a",
            ] {
                assert_eq!(options(&context, sql).await.entries(), usual);
            }
            for (sql, rows) in [
                ("COPY (SELECT [1] AS a) TO 'x.parquet'", ROWS),
                (
                    "COPY (SELECT [{a: 1}] AS a) TO 'x.parquet'",
                    ROWS_OF_STRUCTURES,
                ),
            ] {
                let wide = options(&context, sql).await;
                assert_eq!(wide.execution.batch_size.get(), rows);
                assert_eq!(wide.execution.target_partitions, 1);
                assert_eq!(wide.execution.parquet.max_row_group_size, ROW_GROUP);
            }
        });
    }

    #[test]
    fn few_rows_are_taken_where_they_have_lists_of_large_structures() {
        wait(async {
            let context = of_memory();
            let element = Field::new("element", structure(), true);
            let list = DataType::List(Arc::new(element));
            let fields = vec![
                Field::new("id", DataType::Int64, false),
                Field::new("l", list, true),
            ];
            let table = EmptyTable::new(Arc::new(Schema::new(fields)));
            context.register_table("t", Arc::new(table)).unwrap();
            let usual = context.state().config_options().execution.batch_size.get();
            let sorted = options(&context, "SELECT * FROM t ORDER BY id").await;
            assert_eq!(sorted.execution.sort_spill_reservation_bytes, MEMORY / 2);
            let sql = "SELECT * FROM t UNION ALL SELECT * FROM t ORDER BY id";
            let sorted = options(&context, sql).await;
            assert_eq!(sorted.execution.sort_spill_reservation_bytes, MEMORY / 4);
            for (sql, rows) in [
                ("SELECT * FROM t", ROWS_OF_STRUCTURES),
                (
                    "SELECT max(e['m1']) FROM (SELECT unnest(l) AS e FROM t)",
                    usual,
                ),
                ("SELECT max(id) FROM (SELECT * FROM t)", usual),
            ] {
                let options = options(&context, sql).await;
                assert_eq!(options.execution.batch_size.get(), rows, "{sql}");
            }
        });
    }
}
