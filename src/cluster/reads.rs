//! What a plan reads, and whether it writes.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::sink::DataSinkExec;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// What a plan does with files and tables.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Whether it reads files of the dataset.
    pub files: bool,
    /// Something that it reads and that is neither of the dataset nor in memory, or that it writes.
    pub other: Option<String>,
    /// Bytes of tables in memory.
    pub memory: usize,
}

impl Reads {
    /// Looks through a plan; `files` is the folder of the dataset.
    ///
    /// # Errors
    /// None of its own.
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>, files: &ListingTableUrl) -> Result<Reads> {
        let mut reads = Reads::default();
        plan.apply(|node| {
            if let Some(source) = node.downcast_ref::<DataSourceExec>() {
                reads.add(source, files);
            }
            if node.is::<DataSinkExec>() {
                reads.other = Some("what it writes".to_owned());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(reads)
    }

    fn add(&mut self, source: &DataSourceExec, files: &ListingTableUrl) {
        let source = source.data_source();
        if let Some(table) = source.downcast_ref::<MemorySourceConfig>() {
            let batches = table.partitions().iter().flatten();
            let bytes = batches.map(|batch| batch.get_array_memory_size());
            self.memory += bytes.sum::<usize>();
            return;
        }
        let Some(scan) = source.downcast_ref::<FileScanConfig>() else {
            self.other = Some("a source of another kind".to_owned());
            return;
        };
        let same_store = scan.object_store_url == files.object_store();
        for file in scan.file_groups.iter().flat_map(|group| group.files()) {
            match same_store && files.contains(file.path(), false) {
                true => self.files = true,
                false => self.other = Some(file.path().to_string()),
            }
        }
    }
}
