//! A table in files, as SQL reads it: scans that look at the columns they are asked for, and at no others.
//!
//! DataFusion's own table of files reads, before a plan is made, the statistics of all columns and the indices of all their
//! pages. `requests` has over a hundred columns and small row groups, so that this took longer than to answer most questions
//! about it, and more memory. Here a scan is planned on the footers alone, with the statistics of the columns that it names;
//! the indices of pages are read where a filter can use them, when a file is opened.

use crate::columns::schema::{merge, united};
use crate::dataset::Table;
use crate::dataset::root::Root;
use crate::error::{Error, Result};
use crate::foreign;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetStatisticsPolicy};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Footers that are read at once.
const AT_ONCE: usize = 4;

/// The table.
#[derive(Debug)]
pub(super) struct Stored {
    schema: SchemaRef,
    files: Vec<ListingTableUrl>,
}

impl Stored {
    /// The table of these files, which have columns of `schema`.
    pub(super) fn new(schema: SchemaRef, files: Vec<ListingTableUrl>) -> Self {
        Stored { schema, files }
    }

    /// The numbers of the columns that a scan has to do with, in their order.
    fn wanted(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Vec<usize> {
        let Some(projection) = projection else {
            return (0..self.schema.fields().len()).collect();
        };
        let mut wanted: BTreeSet<usize> = projection.iter().copied().collect();
        for column in filters.iter().flat_map(Expr::column_refs) {
            wanted.extend(self.schema.index_of(&column.name).ok());
        }
        wanted.into_iter().collect()
    }

    /// The files, with what their footers tell of the columns of `schema`.
    async fn told(&self, state: &dyn Session, schema: &SchemaRef) -> PlanResult<FileGroup> {
        let environment = state.runtime_env();
        let cache = environment.cache_manager.get_file_metadata_cache();
        let one = |url: &ListingTableUrl| {
            let store = environment.object_store(url);
            let (url, schema, cache) = (url.clone(), Arc::clone(schema), Arc::clone(&cache));
            async move {
                let store = store?;
                let told =
                    SpawnedTask::spawn(async move { told(&store, &url, cache, &schema).await });
                let told = told.join_unwind().await;
                told.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?
            }
        };
        let files = stream::iter(self.files.iter().map(one)).buffered(AT_ONCE);
        Ok(FileGroup::new(files.try_collect().await?))
    }
}

/// A file, with what its footer tells of the columns of `schema`.
async fn told(
    store: &Arc<dyn ObjectStore>,
    url: &ListingTableUrl,
    cache: Arc<FileMetadataCache>,
    schema: &SchemaRef,
) -> PlanResult<PartitionedFile> {
    let file = store.head(url.prefix()).await?;
    let footer = DFParquetMetadata::new(store.as_ref(), &file)
        .with_file_metadata_cache(Some(cache))
        .with_page_index_policy(Some(PageIndexPolicy::Skip))
        .fetch_metadata()
        .await?;
    let told = DFParquetMetadata::statistics_from_parquet_metadata(&footer, schema)?;
    Ok(PartitionedFile::new_from_meta(file).with_statistics(Arc::new(told)))
}

/// The files in so many groups at most, and what is known of all.
fn grouped(
    files: FileGroup,
    groups: usize,
    schema: &SchemaRef,
) -> PlanResult<(Vec<FileGroup>, Statistics)> {
    let known = |group: &FileGroup| {
        let files = group.iter().filter_map(|file| file.statistics.as_deref());
        Statistics::try_merge_iter(files, schema)
    };
    let all = known(&files)?;
    let groups = files.split_files(groups).into_iter().map(|group| {
        let known = known(&group)?;
        Ok(group.with_statistics(Arc::new(known)))
    });
    Ok((groups.collect::<PlanResult<_>>()?, all))
}

#[async_trait]
impl TableProvider for Stored {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let wanted = self.wanted(projection, filters);
        let schema = Arc::new(self.schema.project(&wanted)?);
        let projection = projection.map(|projection| {
            let place = |column: &usize| wanted.binary_search(column).unwrap_or_default();
            projection.iter().map(place).collect::<Vec<usize>>()
        });
        let Some(first) = self.files.first() else {
            let schema = datafusion::common::project_schema(&schema, projection.as_ref())?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        };
        let files = self.told(state, &schema).await?;
        let (groups, statistics) = grouped(files, state.config().target_partitions(), &schema)?;
        let source = ParquetSource::new(schema);
        let scan = FileScanConfigBuilder::new(first.object_store(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection)?
            .with_limit(limit)
            .build();
        ParquetFormat::new().create_physical_plan(state, scan).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        // By statistics, a scan leaves out what it can; the filter is asked all the same.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// The columns that the files of a table in the dataset `root` have together, and those that tables have since a later version
/// of a dataset's form, which then are null.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where one cannot be read, [`Error::Input`] where they do not fit together.
pub(super) fn schema(root: &Root, table: &Table) -> Result<SchemaRef> {
    let one = |path: &std::path::PathBuf| {
        let file = root.open(root.name_of(path))?;
        let options = ArrowReaderOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let metadata = foreign::guarded(path, || {
            ArrowReaderMetadata::load(&file, options).map_err(Error::columns_read(path))
        })?;
        Ok(Arc::clone(metadata.schema()))
    };
    let schemas = table.files.iter().map(one).collect::<Result<Vec<_>>>()?;
    let merged = merge::merge(&schemas).map_err(|conflict| conflict.refused(&table.dir))?;
    Ok(united::completed(&merged, &table.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;
    use parquet::arrow::ArrowWriter;
    use std::fs::File;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn wait<T>(work: impl Future<Output = T>) -> T {
        let threads = tokio::runtime::Builder::new_multi_thread().build();
        threads.unwrap().block_on(work)
    }

    /// Two files, one of which lacks a column, as the table `t`.
    fn table() -> (TempDir, SessionContext) {
        let dir = tempfile::tempdir().unwrap();
        let numbers =
            |from: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(from..from + 1000)) };
        let files = [
            vec![("id", numbers(0)), ("a", numbers(5000))],
            vec![("id", numbers(1000)), ("a", numbers(0)), ("b", numbers(7))],
        ];
        let write = |(number, columns): (usize, Vec<(&str, ArrayRef)>)| -> PathBuf {
            let path = dir.path().join(format!("part-{number}.parquet"));
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let file = File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            path
        };
        let files: Vec<PathBuf> = files.into_iter().enumerate().map(write).collect();
        let url = |file: &PathBuf| ListingTableUrl::parse(file.to_str().unwrap()).unwrap();
        let urls = files.iter().map(url).collect();
        let table = Table {
            name: "t".to_owned(),
            dir: dir.path().to_path_buf(),
            files,
        };
        let stored = Stored::new(schema(&dir.path().into(), &table).unwrap(), urls);
        let context = SessionContext::new();
        context.register_table("t", Arc::new(stored)).unwrap();
        (dir, context)
    }

    fn answer(context: &SessionContext, sql: &str) -> String {
        let batches = wait(async { context.sql(sql).await?.collect().await }).unwrap();
        pretty_format_batches(&batches).unwrap().to_string()
    }

    #[test]
    fn columns_that_are_filtered_by_need_not_be_selected_and_what_a_file_lacks_is_null() {
        let (_dir, context) = table();
        let sql = "SELECT b, id FROM t WHERE a IN (5999, 3) ORDER BY id";
        let said = answer(&context, sql);
        let rows: Vec<&str> = said.lines().skip(3).collect();
        assert_eq!(rows[..2], ["|    | 999  |", "| 10 | 1003 |"]);
        assert!(answer(&context, "SELECT count(*) FROM t WHERE b IS NULL").contains("| 1000 "));
    }

    #[test]
    fn what_footers_tell_is_not_read_again() {
        let (_dir, context) = table();
        let sql = "EXPLAIN SELECT count(*), max(id), min(a), count(b) FROM t";
        let plan = answer(&context, sql);
        assert!(!plan.contains("DataSourceExec"), "{plan}");
        let few = "EXPLAIN ANALYZE SELECT id FROM t WHERE a > 5500";
        let plan = answer(&context, few);
        assert!(
            plan.contains("files_ranges_pruned_statistics=2 total → 1 matched"),
            "{plan}"
        );
    }

    #[test]
    fn indices_of_pages_are_not_read_for_a_plan() {
        let (dir, context) = table();
        wait(async {
            let frame = context.sql("SELECT max(id + a) FROM t").await.unwrap();
            frame.create_physical_plan().await.unwrap();
        });
        let cache = context
            .runtime_env()
            .cache_manager
            .get_file_metadata_cache();
        let file = dir.path().join("part-0.parquet");
        let url = ListingTableUrl::parse(file.to_str().unwrap()).unwrap();
        let cached = cache.get(url.prefix()).unwrap();
        let told = cached.file_metadata.extra_info();
        assert_eq!(told.get("page_index").map(String::as_str), Some("false"));
    }
}
