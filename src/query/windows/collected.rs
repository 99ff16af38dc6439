//! The side of a join that has the intervals: all of its rows, in memory that is accounted for.

use super::bounds;
use super::condition::{Bound, Condition};
use super::group::Group;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{NullEquality, Result, ScalarValue, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExprRef;
use foldhash::quality::RandomState;
use futures::TryStreamExt;
use std::collections::HashMap;

/// Keys as bytes, and numbers.
type Numbers = HashMap<Box<[u8]>, usize, RandomState>;

/// Rows with intervals.
pub(super) struct Collected {
    /// All of them.
    pub rows: RecordBatch,
    /// Their intervals by key.
    pub groups: Vec<Group>,
    /// The bytes of keys, as [`Keys`] makes them, and the numbers of their groups.
    numbers: Numbers,
    /// A row of each group.
    samples: Vec<usize>,
    _memory: MemoryReservation,
}

/// The values of keys as bytes that are equal where the values are.
pub(super) struct Keys {
    converter: RowConverter,
    nulls: NullEquality,
}

impl Keys {
    /// For keys of these types.
    pub(super) fn new(types: &[DataType], nulls: NullEquality) -> Result<Self> {
        let fields = types.iter().cloned().map(SortField::new);
        Ok(Keys {
            converter: RowConverter::new(fields.collect())?,
            nulls,
        })
    }

    /// Tells `found` the bytes of each of `rows` rows; `None` where a key is null and nulls are equal to nothing.
    pub(super) fn each(
        &self,
        values: &[ArrayRef],
        rows: usize,
        mut found: impl FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        if values.is_empty() {
            return (0..rows).try_for_each(|row| found(row, Some(&[])));
        }
        let nulls: Vec<_> = match self.nulls {
            NullEquality::NullEqualsNothing => values.iter().map(|v| v.logical_nulls()).collect(),
            NullEquality::NullEqualsNull => Vec::new(),
        };
        let bytes = self.converter.convert_columns(values)?;
        let known = |row: usize| nulls.iter().flatten().all(|nulls| nulls.is_valid(row));
        let mut keys = bytes.iter().enumerate();
        keys.try_for_each(|(row, key)| found(row, known(row).then_some(key.as_ref())))
    }
}

/// Collects the rows of `input` for which all that is `asked` holds.
///
/// # Errors
/// Those of the input, and of `memory` where it is not enough.
pub(super) async fn collect(
    input: SendableRecordBatchStream,
    condition: &Condition,
    asked: &[PhysicalExprRef],
    memory: MemoryReservation,
) -> Result<Collected> {
    let schema = input.schema();
    let batches: Vec<RecordBatch> = input
        .and_then(|batch| {
            let held = asked.iter().try_fold(batch, holding).and_then(|batch| {
                memory.try_grow(batch.get_array_memory_size())?;
                Ok(batch)
            });
            std::future::ready(held)
        })
        .try_collect()
        .await?;
    let held = memory.size();
    let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if u32::try_from(count).is_err() {
        return exec_err!("a join of intervals can hold {} of them", u32::MAX);
    }
    // Once more while they are put together.
    memory.try_grow(held + count * Group::COST)?;
    let rows = concat_batches(&schema, &batches)?;
    drop(batches);
    memory.shrink(held);
    grouped(rows, &schema, condition, memory)
}

/// The rows for which a predicate holds.
fn holding(batch: RecordBatch, predicate: &PhysicalExprRef) -> Result<RecordBatch> {
    let holds = predicate.evaluate(&batch)?.into_array(batch.num_rows())?;
    match holds.as_boolean_opt() {
        Some(holds) if holds.true_count() < batch.num_rows() => {
            Ok(filter_record_batch(&batch, holds)?)
        }
        _ => Ok(batch),
    }
}

fn grouped(
    rows: RecordBatch,
    schema: &SchemaRef,
    condition: &Condition,
    memory: MemoryReservation,
) -> Result<Collected> {
    let begins = bound(&condition.begin, &rows)?;
    let ends = bound(&condition.end, &rows)?;
    let expressions = condition.keys.iter().map(|(key, _)| key);
    let values = arrays(expressions.clone(), &rows)?;
    let types = expressions.map(|key| key.data_type(schema));
    let keys = Keys::new(&types.collect::<Result<Vec<_>>>()?, condition.nulls)?;
    let interval = |row: usize| {
        let known = begins.is_valid(row) && ends.is_valid(row);
        let (begin, end) = known.then(|| (begins.value(row), ends.value(row)))?;
        let begin = begin.checked_add(i64::from(condition.begin.open))?;
        let end = end.checked_sub(i64::from(condition.end.open))?;
        (begin <= end).then_some((begin, end, row as u32))
    };
    let mut numbers = Numbers::default();
    let (mut intervals, mut samples) = (Vec::new(), Vec::new());
    keys.each(&values, rows.num_rows(), |row, key| {
        let (Some(key), Some(interval)) = (key, interval(row)) else {
            return Ok(());
        };
        let number = match numbers.get(key) {
            Some(number) => *number,
            None => {
                // A key, its group, and what a table of them has free.
                memory.try_grow(2 * key.len() + 2 * size_of::<(Box<[u8]>, usize, Group)>())?;
                numbers.insert(key.into(), intervals.len());
                intervals.push(Vec::new());
                samples.push(row);
                intervals.len() - 1
            }
        };
        intervals[number].push(interval);
        Ok(())
    })?;
    Ok(Collected {
        rows,
        groups: intervals.into_iter().map(Group::new).collect(),
        numbers,
        samples,
        _memory: memory,
    })
}

fn bound(bound: &Bound, rows: &RecordBatch) -> Result<Int64Array> {
    let value = numbers(&bound.value, rows)?;
    Ok(value.as_primitive::<Int64Type>().clone())
}

/// The values of an expression for each row, as int64.
pub(super) fn numbers(expression: &PhysicalExprRef, rows: &RecordBatch) -> Result<ArrayRef> {
    let values = expression.evaluate(rows)?.into_array(rows.num_rows())?;
    Ok(cast(&values, &DataType::Int64)?)
}

/// The values of expressions for each row.
pub(super) fn arrays<'e>(
    expressions: impl Iterator<Item = &'e PhysicalExprRef>,
    rows: &RecordBatch,
) -> Result<Vec<ArrayRef>> {
    let value = |e: &PhysicalExprRef| e.evaluate(rows)?.into_array(rows.num_rows());
    expressions.map(value).collect()
}

impl Collected {
    /// The number of the group that has these keys.
    pub(super) fn group(&self, key: &[u8]) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// What can be said of all points that are in an interval, over the columns of `points`: of the point, and of keys.
    pub(super) fn wanted(
        &self,
        condition: &Condition,
        points: &Schema,
    ) -> Result<[PhysicalExprRef; 2]> {
        let values = arrays(condition.keys.iter().map(|(key, _)| key), &self.rows)?;
        let key = |row: usize| -> Result<Vec<(PhysicalExprRef, ScalarValue)>> {
            let others = condition.keys.iter().map(|(_, other)| other.clone());
            let value = |values: &ArrayRef| ScalarValue::try_from_array(values, row);
            others
                .zip(&values)
                .map(|(other, values)| Ok((other, value(values)?)))
                .collect()
        };
        // A null is equal to nothing as a constant.
        let keys = match condition.nulls {
            NullEquality::NullEqualsNothing => self.samples.iter().map(|row| key(*row)).collect(),
            NullEquality::NullEqualsNull => Ok(Vec::new()),
        };
        let data_type = condition.point.data_type(points)?;
        Ok([
            bounds::ranges(&condition.point, &data_type, &self.groups)?,
            bounds::keyed(&condition.point, &data_type, &self.groups, &keys?)?,
        ])
    }
}
