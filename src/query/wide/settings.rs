//! How a `COPY` of rows with lists is planned.
//!
//! DataFusion takes 8192 rows at a time, in each of its threads and at each step of a plan, and encodes a million before it
//! writes them. Here few are taken at a time, in one stream, which keeps them in their order; columns are still encoded in
//! parallel.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;

/// Rows of a batch that have lists, and that have lists of structures.
const ROWS: usize = 1024;
const ROWS_OF_STRUCTURES: usize = 32;
/// Rows of a row group that have lists, and of a page: what is encoded of a page is in memory, in the form that takes most.
const ROW_GROUP: usize = 2048;
const PAGE: usize = 512;

/// Settings that a plan is carried out with, beside those of all plans.
///
/// # Errors
/// None: a number of rows is not zero.
pub(in crate::query) fn set(plan: &LogicalPlan, options: &mut ConfigOptions) -> Result<()> {
    let LogicalPlan::Copy(copy) = plan else {
        return Ok(());
    };
    let written = copy.input.schema().as_arrow();
    let rows = match () {
        () if holds(written, DataType::is_nested) => ROWS_OF_STRUCTURES,
        () if holds(written, |_| true) => ROWS,
        () => return Ok(()),
    };
    options.execution.batch_size = ConfigNonZeroUsize::try_new(rows)?;
    options.execution.target_partitions = 1;
    options.execution.parquet.max_row_group_size = ROW_GROUP;
    options.execution.parquet.data_page_row_count_limit = PAGE;
    Ok(())
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
    use datafusion::prelude::SessionContext;

    fn wait<T>(work: impl Future<Output = T>) -> T {
        let threads = tokio::runtime::Builder::new_multi_thread().build();
        threads.unwrap().block_on(work)
    }

    async fn options(sql: &str) -> ConfigOptions {
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let mut options = ConfigOptions::new();
        set(&plan, &mut options).unwrap();
        options
    }

    #[test]
    fn only_files_of_lists_are_written_in_small_groups() {
        wait(async {
            let plain = options("COPY (SELECT 1 AS a) TO 'x.parquet'").await;
            let usual = ConfigOptions::new();
            assert_eq!(plain.entries(), usual.entries());
            let selected = options("SELECT [{a: 1}] AS a").await;
            assert_eq!(selected.entries(), usual.entries());
            for (sql, rows) in [
                ("COPY (SELECT [1] AS a) TO 'x.parquet'", ROWS),
                (
                    "COPY (SELECT [{a: 1}] AS a) TO 'x.parquet'",
                    ROWS_OF_STRUCTURES,
                ),
            ] {
                let wide = options(sql).await;
                assert_eq!(wide.execution.batch_size.get(), rows);
                assert_eq!(wide.execution.target_partitions, 1);
                assert_eq!(wide.execution.parquet.max_row_group_size, ROW_GROUP);
            }
        });
    }
}
