//! The operator.

use super::super::streaming::streaming;
use super::layout::{Column, Layout, SHARED};
use super::members;
use super::pairing::Pairing;
use super::remains::{Remains, calls};
use arrow::array::RecordBatch;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExprRef};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, StatisticsArgs,
};
use futures::stream::{TryStreamExt, iter, try_unfold};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Pairs the entries and exits of system calls.
#[derive(Debug)]
pub(crate) struct CallsExec {
    events: Arc<dyn ExecutionPlan>,
    pub(crate) layout: Arc<Layout>,
    /// Of the run that is under way.
    remains: Mutex<Option<Arc<Remains>>>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl CallsExec {
    /// Pairs `events`, whose columns are [`Layout::input`]. They may be in any order; what is held is least where each
    /// partition has them as recordings do.
    pub(crate) fn new(events: Arc<dyn ExecutionPlan>, layout: Arc<Layout>) -> Self {
        let partitions = events.output_partitioning().partition_count();
        CallsExec {
            properties: streaming(
                EquivalenceProperties::new(Arc::clone(&layout.schema)),
                partitions,
            ),
            events,
            layout,
            remains: Mutex::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The remains of all partitions of a run.
    fn remains(&self) -> Arc<Remains> {
        let partitions = self.events.output_partitioning().partition_count();
        let mut remains = self.remains.lock().unwrap_or_else(PoisonError::into_inner);
        let remains = remains.get_or_insert_with(|| Arc::new(Remains::new(partitions)));
        Arc::clone(remains)
    }
}

/// A partition that is under way.
struct Running {
    events: SendableRecordBatchStream,
    pairing: Pairing,
    remains: Arc<Remains>,
    layout: Arc<Layout>,
    metrics: BaselineMetrics,
    /// How many events were left over by all partitions.
    parted: Count,
    batch_size: usize,
}

impl Running {
    /// The calls that the next events complete; at the end, those of what is left over.
    async fn next(mut self) -> Result<Option<(Vec<RecordBatch>, Option<Self>)>> {
        let Some(batch) = self.events.try_next().await? else {
            let (batches, memory) = self.pairing.end();
            let left = self.remains.leave(batches, memory);
            let Some((batches, mut memory)) = left else {
                return Ok(None);
            };
            self.parted
                .add(batches.iter().map(RecordBatch::num_rows).sum());
            let timer = self.metrics.elapsed_compute().timer();
            let done = calls(&self.layout, &batches, &mut memory, self.batch_size)?;
            drop(timer);
            return Ok(Some((done, None)));
        };
        let timer = self.metrics.elapsed_compute().timer();
        let done = self.pairing.take(&batch)?;
        drop(timer);
        Ok(Some((vec![done], Some(self))))
    }
}

impl DisplayAs for CallsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.layout.schema.fields().iter();
        let names: Vec<&str> = names.map(|field| field.name().as_str()).collect();
        write!(f, "CallsExec: projection=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for CallsExec {
    fn name(&self) -> &'static str {
        "CallsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.events]
    }

    /// To deal events out to more partitions would part every call.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&PhysicalExprRef) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(events), None) = (children.pop(), children.pop()) else {
            return internal_err!("calls have one input");
        };
        Ok(Arc::new(CallsExec::new(events, Arc::clone(&self.layout))))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new(format!("Calls[{partition}]"));
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (layout, rows_out) = (Arc::clone(&self.layout), metrics.clone());
        let running = Running {
            pairing: Pairing::new(
                Arc::clone(&layout),
                self.events.schema(),
                memory.register(context.memory_pool()),
            ),
            remains: self.remains(),
            parted: MetricBuilder::new(&self.metrics).global_counter("parted"),
            layout,
            metrics,
            batch_size: context.session_config().batch_size(),
            events: self.events.execute(partition, context)?,
        };
        let next = |running: Option<Running>| async {
            match running {
                Some(running) => running.next().await,
                None => Ok(None),
            }
        };
        let stream = try_unfold(Some(running), next);
        let stream = stream
            .map_ok(|batches| iter(batches.into_iter().map(Ok)))
            .try_flatten();
        let stream = stream.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
        let stream = stream.inspect_ok(move |batch| rows_out.record_output(batch.num_rows()));
        let schema = Arc::clone(&self.layout.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(below) = members::below(projection, &self.events, &self.layout)? else {
            return Ok(None);
        };
        let calls = CallsExec::new(below.events, Arc::new(below.layout));
        let over = ProjectionExec::try_new(below.over, Arc::new(calls))?;
        Ok(Some(Arc::new(over)))
    }

    /// A call has two events, and most events are of calls.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.layout.schema);
        if let Some(rows) = inputs
            .first()
            .and_then(|events| events.num_rows.get_value())
        {
            known.num_rows = Precision::Inexact(rows / 2);
        }
        Ok(Arc::new(known))
    }

    /// What holds for both events of a call or for none may be asked of the events.
    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        parent_filters: Vec<PhysicalExprRef>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let events = self.events.schema();
        let is_shared = |(number, column): &(usize, &Column)| {
            let name = self.layout.schema.field(*number).name().as_str();
            let named = events.index_of(name).ok();
            SHARED.contains(&name) && column.from.is_some() && column.from == named
        };
        let columns = self.layout.columns.iter().enumerate();
        let shared = columns.filter(is_shared).map(|(number, _)| number);
        let shared: HashSet<usize> = shared.collect();
        let events = ChildFilterDescription::from_child_with_allowed_indices(
            &parent_filters,
            shared,
            &self.events,
        )?;
        Ok(FilterDescription::new().with_child(events))
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
