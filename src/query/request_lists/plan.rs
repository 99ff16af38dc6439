//! The operator: one pass over `events` beside a small part of `requests`.

use super::super::streaming::streaming;
use super::aside::Aside;
use super::gather::{Gather, Slot};
use super::given::{Given, Layout};
use super::known::Known;
use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements,
    PlanProperties, SpillManager,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Bytes of complete lists that wait for an earlier request, from which on they go to disk.
const WAITING: usize = 48 << 20;
/// Elements of each list in a batch that is given out; one request may have more.
const ELEMENTS: usize = 1 << 16;
/// Batches that are decoded, or given out, ahead of what takes them.
const AHEAD: usize = 2;

/// Gives the requests out with their lists, in the order of trace_id and request_id.
#[derive(Debug)]
pub(crate) struct RequestListsExec {
    requests: Arc<dyn ExecutionPlan>,
    events: Arc<dyn ExecutionPlan>,
    layout: Layout,
    waiting: usize,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RequestListsExec {
    /// Lists for the columns of `schema`, from the columns of `requests` and of `events` that they need; the latter in the
    /// order of trace_id and event_id.
    pub(crate) fn new(
        requests: Arc<dyn ExecutionPlan>,
        events: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
    ) -> Self {
        RequestListsExec {
            properties: properties(&schema),
            requests,
            events,
            layout: Layout::new(schema),
            waiting: WAITING,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same, with another bound of what waits in memory.
    #[cfg(test)]
    pub(super) fn with_waiting(mut self, waiting: usize) -> Self {
        self.waiting = waiting;
        self
    }
}

/// One partition, in the order of ids as far as they are asked for.
fn properties(schema: &SchemaRef) -> Arc<PlanProperties> {
    let ascending = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let names = ["trace_id", "request_id"].into_iter();
    let order = names.map_while(|name| {
        let column = Column::new(name, schema.index_of(name).ok()?);
        Some(PhysicalSortExpr::new(Arc::new(column), ascending))
    });
    let orders = [order.collect::<Vec<PhysicalSortExpr>>()];
    let known = EquivalenceProperties::new_with_orderings(Arc::clone(schema), orders);
    streaming(known, 1)
}

impl DisplayAs for RequestListsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.layout.lists.iter().map(|list| list.name).collect();
        write!(f, "RequestListsExec: lists=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for RequestListsExec {
    fn name(&self) -> &str {
        "RequestListsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.requests, &self.events]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition; 2])
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [requests, events] = children.try_into().map_err(|_| {
            DataFusionError::Internal("RequestListsExec has two children".to_owned())
        })?;
        let mut plan = Self::new(requests, events, Arc::clone(&self.layout.schema));
        plan.waiting = self.waiting;
        Ok(Arc::new(plan))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let consumer = MemoryConsumer::new("request_lists");
        let reserved = consumer.register(context.memory_pool());
        let read = consumer_of_requests(&context);
        let requests = self.requests.execute(partition, Arc::clone(&context))?;
        let events = self.events.execute(partition, Arc::clone(&context))?;
        let disk = SpillManager::new(
            context.runtime_env(),
            SpillMetrics::new(&self.metrics, partition),
            self.layout.aside(),
        );
        let work = Work {
            aside: Aside::new(disk, &self.layout),
            layout: self.layout.clone(),
            next: 0,
            given: Given::new(&self.layout.lists),
            rows: context.session_config().batch_size(),
            waiting: self.waiting,
            reserved,
        };
        let schema = Arc::clone(&self.layout.schema);
        let mut builder = RecordBatchReceiverStream::builder(schema, AHEAD);
        let out = builder.tx();
        builder.spawn(async move {
            let known = Known::read(requests, &read).await?;
            let lists = work.layout.lists.clone();
            let gather = Gather::new(known, lists);
            // Decoded in a task of its own.
            work.run(gather, spawn_buffered(events, AHEAD), |batch| async {
                out.send(Ok(batch)).await.is_ok()
            })
            .await
        });
        Ok(builder.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }
}

fn consumer_of_requests(context: &TaskContext) -> MemoryReservation {
    MemoryConsumer::new("request_lists: requests").register(context.memory_pool())
}

/// What is under way.
struct Work {
    layout: Layout,
    aside: Aside,
    /// The first request that was not given out, nor is in `given`.
    next: usize,
    given: Given,
    /// Rows of a batch.
    rows: usize,
    waiting: usize,
    reserved: MemoryReservation,
}

impl Work {
    /// Goes over all events; `send` tells whether more is wanted.
    async fn run<F: Future<Output = bool>>(
        mut self,
        mut gather: Gather,
        mut events: SendableRecordBatchStream,
        send: impl Fn(RecordBatch) -> F,
    ) -> Result<()> {
        while gather.known.len() > 0
            && !gather.is_complete()
            && let Some(batch) = events.next().await
        {
            gather.add(&batch?)?;
            if !self.give(&mut gather, &send).await? {
                return Ok(());
            }
            if gather.done > self.waiting {
                let rows = self.next..gather.known.len();
                self.aside.put(&mut gather, rows, &self.layout)?;
            }
            self.reserved.try_resize(gather.size())?;
        }
        drop(events);
        gather.finish_all();
        if self.give(&mut gather, &send).await? && !self.given.lengths.is_empty() {
            send(self.batch(&mut gather)?).await;
        }
        Ok(())
    }

    /// Gives out what is complete and next in order; false where no more is wanted.
    async fn give<F: Future<Output = bool>>(
        &mut self,
        gather: &mut Gather,
        send: &impl Fn(RecordBatch) -> F,
    ) -> Result<bool> {
        loop {
            match gather.slot(self.next) {
                Some(Slot::Done(_)) => {
                    let lists = gather.take(self.next, Slot::Given);
                    self.given.push(lists.map(|lists| *lists));
                }
                Some(Slot::Aside(run)) => self.aside.next(*run, &mut self.given).await?,
                Some(Slot::Open(_) | Slot::Given) | None => return Ok(true),
            }
            self.next += 1;
            let is_full = self.given.elements >= ELEMENTS || self.given.lengths.len() >= self.rows;
            if is_full && !send(self.batch(gather)?).await {
                return Ok(false);
            }
        }
    }

    /// What is to be given out, as a batch.
    fn batch(&mut self, gather: &mut Gather) -> Result<RecordBatch> {
        let given = std::mem::replace(&mut self.given, Given::new(&self.layout.lists));
        let first = self.next - given.lengths.len();
        given.into_batch(first, &self.layout, gather)
    }
}
