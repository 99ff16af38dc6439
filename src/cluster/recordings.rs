//! Parts of plans that are divided by recordings, and not by row groups.
//!
//! The two events of a system call, and the events of a request, are of one recording, and are found together where one
//! task has all files of it. A part that needs that is a leaf to whoever divides a stage; when the number of tasks is known,
//! each gets the same part with the files of some recordings. A part that nothing can divide goes to one task as a whole.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use datafusion_distributed::{
    DistributedLeafExec, ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse as Response,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What the folder of a recording begins with.
const FOLDER: &str = "trace_id=";

/// A part of a plan.
#[derive(Debug)]
pub(super) struct Part {
    plan: Arc<dyn ExecutionPlan>,
    /// Bytes of each recording; none where the part is not divided.
    recordings: BTreeMap<String, u64>,
}

impl Part {
    /// A part that is not divided.
    pub(super) fn whole(plan: Arc<dyn ExecutionPlan>) -> Part {
        Part {
            plan,
            recordings: BTreeMap::new(),
        }
    }

    /// A part that is divided by recordings, where its files are of single ones.
    ///
    /// # Errors
    /// None of its own.
    pub(super) fn by_recording(plan: Arc<dyn ExecutionPlan>) -> Result<Part> {
        let mut recordings = BTreeMap::new();
        let mut known = true;
        plan.apply(|node| {
            for file in scan(node).iter().flat_map(|scan| files(scan)) {
                match recording(file) {
                    Some(name) => {
                        *recordings.entry(name.to_owned()).or_default() += file.effective_size();
                    }
                    None => known = false,
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(match known {
            true => Part { plan, recordings },
            false => Part::whole(plan),
        })
    }

    /// The part of each of so many tasks.
    fn divided(&self, tasks: usize) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        if self.recordings.is_empty() {
            let streams = self.plan.output_partitioning().partition_count();
            let nothing = EmptyExec::new(self.plan.schema()).with_partitions(streams);
            let nothing: Arc<dyn ExecutionPlan> = Arc::new(nothing);
            let mut all = vec![nothing; tasks];
            all[0] = Arc::clone(&self.plan);
            return Ok(all);
        }
        let tasks_of = dealt(&self.recordings, tasks);
        let of_task = |task| of_files(&self.plan, |name| tasks_of.get(name) == Some(&task));
        (0..tasks).map(of_task).collect()
    }
}

/// The task of each recording, by which none has much more than others.
fn dealt(recordings: &BTreeMap<String, u64>, tasks: usize) -> BTreeMap<&str, usize> {
    let mut largest: Vec<(&str, u64)> = recordings.iter().map(|(n, b)| (&**n, *b)).collect();
    largest.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), *name));
    let mut bytes_of = vec![0; tasks];
    let mut dealt = BTreeMap::new();
    for (name, bytes) in largest {
        let least = (0..tasks).min_by_key(|task| bytes_of[*task]).unwrap_or(0);
        bytes_of[least] += bytes;
        dealt.insert(name, least);
    }
    dealt
}

/// The plan with those files only that are of `wanted` recordings.
fn of_files(
    plan: &Arc<dyn ExecutionPlan>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let fewer = Arc::clone(plan).transform_up(|node| {
        let Some(scan) = scan(&node) else {
            return Ok(Transformed::no(node));
        };
        let groups = scan.file_groups.iter().map(|group| {
            let files = group.files().iter();
            let files = files.filter(|file| recording(file).is_some_and(&wanted));
            FileGroup::new(files.cloned().collect())
        });
        let fewer = FileScanConfigBuilder::from(scan.clone())
            .with_file_groups(groups.collect())
            .build();
        Ok(Transformed::yes(
            DataSourceExec::from_data_source(fewer) as _
        ))
    })?;
    Ok(fewer.data)
}

/// The scan of files that an operator is.
pub(super) fn scan(node: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    let source = node.downcast_ref::<DataSourceExec>()?;
    source.data_source().downcast_ref::<FileScanConfig>()
}

fn files(scan: &FileScanConfig) -> impl Iterator<Item = &PartitionedFile> {
    scan.file_groups.iter().flat_map(|group| group.files())
}

/// The recording that all of a file is of, by its folder.
fn recording(file: &PartitionedFile) -> Option<&str> {
    let mut folders = file.path().as_ref().split('/').rev().skip(1);
    folders.next()?.strip_prefix(FOLDER)
}

/// Divides a part, when the number of tasks is known.
pub(super) fn scale_up(asked: ScaleUpLeafNodeEvent<'_>) -> Option<Result<Response>> {
    let part = asked.plan.downcast_ref::<Part>()?;
    let divided = part.divided(asked.task_count);
    let leaf = divided.and_then(|all| DistributedLeafExec::try_new(Arc::clone(&part.plan), all));
    Some(leaf.map(|leaf| Response::new(Arc::new(leaf))))
}

impl DisplayAs for Part {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part: recordings={}", self.recordings.len())
    }
}

impl ExecutionPlan for Part {
    fn name(&self) -> &str {
        "Part"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&PhysicalExprRef) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// It is there while a plan is divided, and no longer.
    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a part of a plan was not divided")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_dealt_evenly_and_always_alike() {
        let sizes = [("a", 5), ("b", 9), ("c", 4), ("d", 1)];
        let recordings = sizes.map(|(name, bytes)| (name.to_owned(), bytes));
        let recordings = BTreeMap::from(recordings);
        let expected = BTreeMap::from([("a", 1), ("b", 0), ("c", 1), ("d", 0)]);
        assert_eq!(dealt(&recordings, 2), expected);
        assert_eq!(dealt(&recordings, 9).len(), 4);
    }

    #[test]
    fn a_file_is_of_the_recording_that_its_folder_names() {
        let of = |path: &str| {
            let file = PartitionedFile::new(path, 1);
            recording(&file).map(str::to_owned)
        };
        assert_eq!(
            of("d/events/trace_id=a b/part-0.parquet").as_deref(),
            Some("a b")
        );
        assert_eq!(of("d/data/events/train-00000.parquet"), None);
        assert_eq!(of("trace_id=x"), None);
    }
}
