//! The files of `events` in the order of recordings, in one partition.
//!
//! Each file is of one recording, which the statistics in it tell. DataFusion goes over files by their names, and
//! spreads them over threads.

use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use std::sync::Arc;

/// The plan of a scan of `events`, in the order of trace_id and event_id, as far as statistics tell. `table` is the schema of
/// all columns, and pages where `filter` holds for no row need not be read.
///
/// # Errors
/// Those of DataFusion, for a filter that it does not take.
pub(crate) fn in_order(
    scan: Arc<dyn ExecutionPlan>,
    table: &SchemaRef,
    filter: Option<Arc<dyn PhysicalExpr>>,
    options: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let source = scan.downcast_ref::<DataSourceExec>();
    let config = source.and_then(|source| source.data_source().downcast_ref::<FileScanConfig>());
    let Some(config) = config else {
        return Ok(scan);
    };
    let at = table.index_of("trace_id")?;
    let mut files: Vec<PartitionedFile> = Vec::new();
    for group in &config.file_groups {
        files.extend(group.files().iter().cloned());
    }
    files.sort_by_cached_key(|file| (recording(file, at), file.path().to_string()));
    let ordered = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(vec![FileGroup::new(files)])
        .with_preserve_order(true)
        // Said, so that files are not spread over threads.
        .with_output_partitioning(Some(Partitioning::UnknownPartitioning(1)))
        .build();
    let Some(filter) = filter else {
        return Ok(DataSourceExec::from_data_source(ordered));
    };
    let pushed = ordered.try_pushdown_filters(vec![filter], options)?;
    Ok(match pushed.updated_node {
        Some(source) => Arc::new(DataSourceExec::new(source)),
        None => DataSourceExec::from_data_source(ordered),
    })
}

/// The recording that all of a file is of; `None` where statistics do not tell.
fn recording(file: &PartitionedFile, column: usize) -> Option<String> {
    let column = file.statistics.as_ref()?.column_statistics.get(column)?;
    match (&column.min_value, &column.max_value) {
        (Precision::Exact(min), Precision::Exact(max)) if min == max => {
            min.try_as_str().flatten().map(str::to_owned)
        }
        _ => None,
    }
}
