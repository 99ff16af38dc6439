//! The operator.

use super::super::streaming::streaming;
use super::collected::{Collected, Keys, collect};
use super::condition::Condition;
use super::join_keys::of_intervals;
use super::stream::{Current, Joined};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::{DynamicFilterPhysicalExpr, lit};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExprRef};
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::utils::ColumnIndex;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::projection::{
    EmbeddedProjection, ProjectionExec, try_embed_projection,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::future::{BoxFuture, FutureExt, Shared, TryFutureExt};
use futures::stream::{StreamExt, TryStreamExt, try_unfold};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The intervals, once for all partitions.
type Once = Shared<BoxFuture<'static, Result<Arc<Collected>, Arc<DataFusionError>>>>;

/// Pairs rows that have an interval with rows that have a point in it.
#[derive(Clone)]
pub(crate) struct WindowJoinExec {
    intervals: Arc<dyn ExecutionPlan>,
    points: Arc<dyn ExecutionPlan>,
    pub(crate) condition: Arc<Condition>,
    pub(crate) output: Arc<[ColumnIndex]>,
    /// What is told to the scan of points, once the intervals are known; nothing where nobody may be told.
    pub(crate) wanted: Vec<Arc<DynamicFilterPhysicalExpr>>,
    /// What is asked of the rows with intervals by whatever takes the output, as far as it is known when they are collected.
    pub(crate) asked: Vec<PhysicalExprRef>,
    once: Arc<Mutex<Option<Once>>>,
    metrics: ExecutionPlanMetricsSet,
    properties: Arc<PlanProperties>,
}

impl WindowJoinExec {
    /// Joins `intervals` with `points`, to the columns `output` of type `schema`.
    pub(crate) fn new(
        intervals: Arc<dyn ExecutionPlan>,
        points: Arc<dyn ExecutionPlan>,
        condition: Arc<Condition>,
        output: Arc<[ColumnIndex]>,
        schema: SchemaRef,
    ) -> Self {
        let partitions = points.output_partitioning().partition_count();
        WindowJoinExec {
            properties: streaming(EquivalenceProperties::new(schema), partitions),
            intervals,
            points,
            condition,
            output,
            wanted: Vec::new(),
            asked: Vec::new(),
            once: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same with other inputs, as if it had not run.
    fn anew(&self, intervals: Arc<dyn ExecutionPlan>, points: Arc<dyn ExecutionPlan>) -> Self {
        let new = WindowJoinExec::new(
            intervals,
            points,
            Arc::clone(&self.condition),
            Arc::clone(&self.output),
            self.schema(),
        );
        WindowJoinExec {
            wanted: self.wanted.clone(),
            asked: self.asked.clone(),
            ..new
        }
    }

    /// The intervals, which are collected by whoever asks first.
    fn collected(&self, context: &Arc<TaskContext>) -> Result<Once> {
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(once) = &*once {
            return Ok(once.clone());
        }
        let input = self.intervals.execute(0, Arc::clone(context))?;
        let memory = MemoryConsumer::new("WindowJoin").register(context.memory_pool());
        let (condition, wanted) = (Arc::clone(&self.condition), self.wanted.clone());
        let asked = self.asked.clone();
        let points = self.points.schema();
        let rows = MetricBuilder::new(&self.metrics).global_counter("intervals");
        let work = async move {
            let collected = collect(input, &condition, &asked, memory).await?;
            rows.add(collected.rows.num_rows());
            for (filter, wanted) in wanted.iter().zip(collected.wanted(&condition, &points)?) {
                filter.update(wanted)?;
                filter.mark_complete();
            }
            Ok(Arc::new(collected))
        };
        Ok(once
            .insert(work.map(|done| done.map_err(Arc::new)).boxed().shared())
            .clone())
    }

    /// Which columns of the output are columns of one input, and are found by their names there.
    fn columns_of(&self, side: JoinSide, input: &Schema) -> HashSet<usize> {
        let named = |column: &ColumnIndex| {
            column.side == side
                && input.index_of(input.field(column.index).name()).ok() == Some(column.index)
        };
        let columns = self.output.iter().enumerate();
        let named = columns.filter(|(_, column)| named(column));
        named.map(|(number, _)| number).collect()
    }
}

impl fmt::Debug for WindowJoinExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowJoinExec")
            .field("condition", &self.condition)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for WindowJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Condition {
            begin, point, end, ..
        } = &*self.condition;
        let sign = |open| if open { "<" } else { "<=" };
        write!(
            f,
            "WindowJoinExec: {} {} {point} {} {}",
            begin.value,
            sign(begin.open),
            sign(end.open),
            end.value
        )?;
        let on = self.condition.keys.iter();
        let on: Vec<String> = on.map(|(l, r)| format!("({l}, {r})")).collect();
        write!(f, ", on=[{}]", on.join(", "))?;
        match &self.condition.rest {
            Some(rest) => write!(f, ", filter={}", rest.expression()),
            None => Ok(()),
        }
    }
}

impl EmbeddedProjection for WindowJoinExec {
    fn with_projection(&self, projection: Option<Vec<usize>>) -> Result<Self> {
        let Some(projection) = projection else {
            return Ok(self.clone());
        };
        let output = projection.iter().map(|number| self.output[*number].clone());
        Ok(WindowJoinExec {
            wanted: self.wanted.clone(),
            asked: self.asked.clone(),
            ..WindowJoinExec::new(
                Arc::clone(&self.intervals),
                Arc::clone(&self.points),
                Arc::clone(&self.condition),
                output.collect(),
                Arc::new(self.schema().project(&projection)?),
            )
        })
    }
}

impl ExecutionPlan for WindowJoinExec {
    fn name(&self) -> &'static str {
        "WindowJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![
            Distribution::SinglePartition,
            Distribution::UnspecifiedDistribution,
        ])
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.intervals, &self.points]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&PhysicalExprRef) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let condition = &self.condition;
        let keys = condition.keys.iter().flat_map(|(l, r)| [l, r]);
        let range = [
            &condition.begin.value,
            &condition.point,
            &condition.end.value,
        ];
        let rest = condition.rest.iter().map(|rest| rest.expression());
        let rest = rest.chain(&self.asked);
        let wanted = self.dynamic_expressions_produced();
        for expression in keys.chain(range).chain(rest).chain(&wanted) {
            if let TreeNodeRecursion::Stop = f(expression)? {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn dynamic_expressions_produced(&self) -> Vec<PhysicalExprRef> {
        let wanted = self.wanted.iter().cloned();
        wanted.map(|wanted| wanted as PhysicalExprRef).collect()
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(points), Some(intervals), None) =
            (children.pop(), children.pop(), children.pop())
        else {
            return internal_err!("a join of intervals has two inputs");
        };
        Ok(Arc::new(self.anew(intervals, points)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let (intervals, points) = (Arc::clone(&self.intervals), Arc::clone(&self.points));
        // The scan holds the filter of the run before, which is not for other intervals.
        for wanted in &self.wanted {
            wanted.update(lit(true))?;
        }
        Ok(Arc::new(self.anew(intervals, points)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let once = self.collected(&context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (points, schema) = (Arc::clone(&self.points), self.schema());
        let (condition, output) = (Arc::clone(&self.condition), Arc::clone(&self.output));
        let out = Arc::clone(&schema);
        let rows_out = metrics.clone();
        let work = async move {
            let collected = once.await.map_err(DataFusionError::Shared)?;
            if collected.groups.is_empty() {
                return Ok(futures::stream::empty().boxed());
            }
            let types = condition.keys.iter();
            let types = types.map(|(_, key)| key.data_type(&points.schema()));
            let joined = Joined {
                keys: Keys::new(&types.collect::<Result<Vec<_>>>()?, condition.nulls)?,
                collected,
                condition,
                output,
                schema: out,
                batch_size: context.session_config().batch_size(),
                metrics,
                // Not before the intervals are known: files that are opened look at what is wanted.
                points: points.execute(partition, context)?,
            };
            let start: (Joined, Current) = (joined, None);
            Ok(try_unfold(start, |(joined, current)| joined.next(current)).boxed())
        };
        let stream = work.try_flatten_stream();
        let stream = stream.inspect_ok(move |batch| rows_out.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        try_embed_projection(projection, self)
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<PhysicalExprRef>,
        config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = |side, input: &Arc<dyn ExecutionPlan>| {
            let columns = self.columns_of(side, &input.schema());
            ChildFilterDescription::from_child_with_allowed_indices(&parent_filters, columns, input)
        };
        let intervals = child(JoinSide::Left, &self.intervals)?;
        let mut points = child(JoinSide::Right, &self.points)?;
        let may = config.optimizer.enable_join_dynamic_filter_pushdown;
        if phase == FilterPushdownPhase::Post && self.wanted.is_empty() && may {
            let point = vec![Arc::clone(&self.condition.point)];
            let keys = self.condition.keys.iter().map(|(_, key)| Arc::clone(key));
            let keyed = point.iter().cloned().chain(keys).collect();
            for columns in [point, keyed] {
                let wanted = DynamicFilterPhysicalExpr::new(columns, lit(true));
                points = points.with_self_filter(Arc::new(wanted));
            }
        }
        Ok(FilterDescription::new()
            .with_child(intervals)
            .with_child(points))
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        // Whether a scan took them or not: it may ask them when it opens a file.
        let told = result.self_filters.get(1).into_iter().flatten();
        let told = told.map(|told| Arc::clone(&told.predicate));
        let wanted: Vec<_> = told
            .filter_map(|told| Arc::downcast::<DynamicFilterPhysicalExpr>(told).ok())
            .collect();
        let filters = result.parent_filters.iter().map(|result| &result.filter);
        let asked = filters.map(|filter| of_intervals(filter, &self.output, &self.condition));
        let asked: Vec<_> = asked.filter_map(Result::transpose).collect::<Result<_>>()?;
        let mut propagation = FilterPushdownPropagation::if_any(result);
        if !(wanted.is_empty() && asked.is_empty()) {
            let (intervals, points) = (Arc::clone(&self.intervals), Arc::clone(&self.points));
            let mut new = self.anew(intervals, points);
            new.wanted.extend(wanted);
            new.asked.extend(asked);
            let new: Arc<dyn ExecutionPlan> = Arc::new(new);
            propagation = propagation.with_updated_node(new);
        }
        Ok(propagation)
    }
}
