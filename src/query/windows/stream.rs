//! The points that go by, and what comes out.

use super::collected::{Collected, Keys, arrays, numbers};
use super::condition::Condition;
use super::sweep::{Pairs, Sweep};
use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{filter, partition, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::{JoinSide, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::metrics::BaselineMetrics;
use futures::TryStreamExt;
use std::ops::Range;
use std::sync::Arc;

/// What makes the output of one partition.
pub(super) struct Joined {
    /// The intervals.
    pub collected: Arc<Collected>,
    /// When rows belong together.
    pub condition: Arc<Condition>,
    /// The columns that come out, as they are in the inputs.
    pub output: Arc<[ColumnIndex]>,
    /// The same as a schema.
    pub schema: SchemaRef,
    /// Rows of a batch that comes out.
    pub batch_size: usize,
    /// Makes the bytes of the points' keys.
    pub keys: Keys,
    /// Measures the work.
    pub metrics: BaselineMetrics,
    /// The points.
    pub points: SendableRecordBatchStream,
}

/// A batch of points, and how far it is.
pub(super) type Current = Option<(RecordBatch, Sweep)>;

impl Joined {
    /// The next batch that is not empty, and the state after it.
    pub(super) async fn next(
        mut self,
        mut current: Current,
    ) -> Result<Option<(RecordBatch, (Self, Current))>> {
        loop {
            let Some((batch, sweep)) = &mut current else {
                let Some(batch) = self.points.try_next().await? else {
                    return Ok(None);
                };
                let sweep = self.sweep(&batch)?;
                current = Some((batch, sweep));
                continue;
            };
            let timer = self.metrics.elapsed_compute().timer();
            let pairs = sweep.pairs(&self.collected.groups, self.batch_size);
            if pairs.points.is_empty() {
                drop(timer);
                current = None;
                continue;
            }
            let out = self.rows(batch, pairs)?;
            drop(timer);
            if out.num_rows() > 0 {
                return Ok(Some((out, (self, current))));
            }
        }
    }

    fn sweep(&self, batch: &RecordBatch) -> Result<Sweep> {
        let timer = self.metrics.elapsed_compute().timer();
        let expressions = self.condition.keys.iter().map(|(_, key)| key);
        let values = arrays(expressions, batch)?;
        let ranges = runs(&values, batch.num_rows())?;
        let starts: UInt32Array = ranges.iter().map(|run| run.start as u32).collect();
        let firsts = values.iter().map(|values| Ok(take(values, &starts, None)?));
        let firsts = firsts.collect::<Result<Vec<ArrayRef>>>()?;
        let mut found = Vec::new();
        self.keys.each(&firsts, ranges.len(), |run, key| {
            let group = key.and_then(|key| self.collected.group(key));
            found.extend(group.map(|group| (ranges[run].clone(), group)));
            Ok(())
        })?;
        let sweep = Sweep::new(numbers(&self.condition.point, batch)?, found.into_iter());
        drop(timer);
        Ok(sweep)
    }

    /// The columns of pairs for which the rest of the condition holds.
    fn rows(&self, batch: &RecordBatch, pairs: Pairs) -> Result<RecordBatch> {
        let (mut intervals, mut points) = pairs.indices();
        if let Some(rest) = &self.condition.rest {
            let (left, right) = self.hold(rest, batch, &intervals, &points)?;
            (intervals, points) = (left, right);
        }
        let columns = self.columns(&self.output, batch, &intervals, &points)?;
        let count = RecordBatchOptions::new().with_row_count(Some(points.len()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(schema, columns, &count)?)
    }

    fn hold(
        &self,
        rest: &JoinFilter,
        batch: &RecordBatch,
        intervals: &UInt32Array,
        points: &UInt32Array,
    ) -> Result<(UInt32Array, UInt32Array)> {
        let columns = self.columns(rest.column_indices(), batch, intervals, points)?;
        let count = RecordBatchOptions::new().with_row_count(Some(points.len()));
        let schema = Arc::clone(rest.schema());
        let asked = RecordBatch::try_new_with_options(schema, columns, &count)?;
        let held = rest
            .expression()
            .evaluate(&asked)?
            .into_array(points.len())?;
        let kept = |rows: &UInt32Array| -> Result<UInt32Array> {
            Ok(filter(rows, held.as_boolean())?.as_primitive().clone())
        };
        Ok((kept(intervals)?, kept(points)?))
    }

    fn columns(
        &self,
        which: &[ColumnIndex],
        batch: &RecordBatch,
        intervals: &UInt32Array,
        points: &UInt32Array,
    ) -> Result<Vec<ArrayRef>> {
        let column = |column: &ColumnIndex| -> Result<ArrayRef> {
            Ok(match column.side {
                JoinSide::Left => take(self.collected.rows.column(column.index), intervals, None)?,
                _ => take(batch.column(column.index), points, None)?,
            })
        };
        which.iter().map(column).collect()
    }
}

/// Ranges of rows whose keys are equal; two that follow one another may have equal keys, too.
fn runs(values: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    if values.is_empty() || rows == 0 {
        return Ok(std::iter::once(0..rows).collect());
    }
    // What stands at one place of a dictionary is equal, and to compare places is faster.
    let plain = values
        .iter()
        .map(|values| match values.as_any_dictionary_opt() {
            Some(dictionary) => {
                let places = dictionary.keys().to_data();
                arrow::array::make_array(places)
            }
            None => Arc::clone(values),
        });
    Ok(partition(&plain.collect::<Vec<_>>())?.ranges())
}
