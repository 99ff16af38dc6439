//! The files of `events` in the order of recordings, in one partition.
//!
//! Each file is of one recording, which the statistics in it tell. DataFusion goes over files by their names, and
//! spreads them over threads. The files of a recording follow one another; but in a release each part has files of its own,
//! which have events of the same time. Those are read side by side, and merged.

use super::merged::MergedFilesExec;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
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
    let ids = table.index_of("event_id")?;
    files.sort_by_cached_key(|file| {
        let first = bounds(file, ids).map(|(first, _)| first);
        (recording(file, at), first, file.path().to_string())
    });
    let chains = chains(files, at, ids);
    let count = chains.len();
    let ordered = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(chains.into_iter().map(FileGroup::new).collect())
        .with_preserve_order(true)
        // Said, so that files are not spread over threads.
        .with_output_partitioning(Some(Partitioning::UnknownPartitioning(count)))
        .build();
    let pushed = match filter {
        None => None,
        Some(filter) => {
            let pushed = ordered.try_pushdown_filters(vec![filter], options)?;
            pushed.updated_node
        }
    };
    let scan: Arc<dyn ExecutionPlan> = match pushed {
        Some(source) => Arc::new(DataSourceExec::new(source)),
        None => DataSourceExec::from_data_source(ordered),
    };
    if count == 1 {
        return Ok(scan);
    }
    let schema = scan.schema();
    let ascending = |name: &str| -> Result<PhysicalSortExpr> {
        let column = Arc::new(Column::new_with_schema(name, &schema)?);
        Ok(PhysicalSortExpr::new(
            column,
            SortOptions::new(false, false),
        ))
    };
    let order = LexOrdering::new([ascending("trace_id")?, ascending("event_id")?]);
    let order = order.expect("there are two columns");
    Ok(Arc::new(MergedFilesExec::new(order, scan)))
}

/// The files, which are in the order of recordings and of their first events, in as few rows as need be in each of which
/// one begins after the one before has ended.
fn chains(files: Vec<PartitionedFile>, trace: usize, ids: usize) -> Vec<Vec<PartitionedFile>> {
    let mut chains: Vec<Vec<PartitionedFile>> = Vec::new();
    for file in files {
        let follows = |chain: &&mut Vec<PartitionedFile>| {
            let last = chain.last().expect("none is empty");
            // Of another recording, or unknown: as its name has it.
            recording(last, trace) != recording(&file, trace)
                || match (bounds(last, ids), bounds(&file, ids)) {
                    (Some((_, end)), Some((begin, _))) => end < begin,
                    _ => true,
                }
        };
        match chains.iter_mut().find(follows) {
            Some(chain) => chain.push(file),
            None => chains.push(vec![file]),
        }
    }
    if chains.is_empty() {
        chains.push(Vec::new());
    }
    chains
}

/// The least and the greatest value of a column in a file; `None` where statistics do not tell.
fn bounds(file: &PartitionedFile, column: usize) -> Option<(i64, i64)> {
    let column = file.statistics.as_ref()?.column_statistics.get(column)?;
    match (&column.min_value, &column.max_value) {
        (
            Precision::Exact(ScalarValue::Int64(Some(min))),
            Precision::Exact(ScalarValue::Int64(Some(max))),
        ) => Some((*min, *max)),
        _ => None,
    }
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
