//! The requests whose lists are made: where each begins and ends, in the order in which they are given out.

use super::columns::words;
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use std::ops::Range;

/// Columns of `requests` that are read whatever is asked.
pub(crate) const NEEDED: [&str; 4] = ["trace_id", "request_id", "start", "last_event"];

/// The requests, in the order of trace_id and request_id. A request goes by its row.
pub(crate) struct Known {
    /// What was read of them.
    pub rows: RecordBatch,
    ids: Vec<i64>,
    starts: Vec<i64>,
    last_events: Vec<i64>,
    recordings: Vec<(String, Range<usize>)>,
}

impl Known {
    /// Reads them all; their memory goes into `reserved`.
    ///
    /// # Errors
    /// Those of the stream, and [`DataFusionError::ResourcesExhausted`].
    pub(crate) async fn read(
        mut requests: SendableRecordBatchStream,
        reserved: &MemoryReservation,
    ) -> Result<Known> {
        let schema = requests.schema();
        let mut batches = Vec::new();
        while let Some(batch) = requests.next().await {
            let batch = batch?;
            // As read, and once more in order.
            reserved.try_grow(2 * batch.get_array_memory_size())?;
            batches.push(batch);
        }
        Self::new(&schema, &batches)
    }

    fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Known> {
        let all = concat_batches(schema, batches)?;
        let sort = |name| -> Result<SortColumn> {
            let values = column(&all, name)?;
            let values = match values.data_type() {
                DataType::Dictionary(..) => cast(values, &DataType::Utf8)?,
                _ => ArrayRef::clone(values),
            };
            Ok(SortColumn {
                values,
                options: None,
            })
        };
        let order = lexsort_to_indices(&[sort("trace_id")?, sort("request_id")?], None)?;
        let rows = take_record_batch(&all, &order)?;
        let longs = |name| -> Result<Vec<i64>> {
            let values = cast(column(&rows, name)?, &DataType::Int64)?;
            Ok(values.as_primitive::<Int64Type>().values().to_vec())
        };
        let traces = cast(column(&rows, "trace_id")?, &DataType::Utf8)?;
        Ok(Known {
            ids: longs("request_id")?,
            starts: longs("start")?,
            last_events: longs("last_event")?,
            recordings: recordings(traces.as_string()),
            rows,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The rows of a recording; where they would be, if it has none.
    pub(crate) fn recording(&self, trace: &str) -> Range<usize> {
        let found = self
            .recordings
            .binary_search_by(|(name, _)| name.as_str().cmp(trace));
        match found {
            Ok(at) => self.recordings[at].1.clone(),
            Err(0) => 0..0,
            Err(at) => {
                let end = self.recordings[at - 1].1.end;
                end..end
            }
        }
    }

    /// The row of a request of the recording with these rows.
    pub(crate) fn row(&self, recording: &Range<usize>, id: i64) -> Option<usize> {
        let first = *self.ids[recording.clone()].first()?;
        // Without a filter, ids are without gaps.
        let near = usize::try_from(id.checked_sub(first)?).ok()?;
        let row = recording.start.checked_add(near)?;
        if recording.contains(&row) && self.ids[row] == id {
            return Some(row);
        }
        let found = self.ids[recording.clone()].binary_search(&id).ok()?;
        Some(recording.start + found)
    }

    pub(crate) fn id(&self, row: usize) -> i64 {
        self.ids[row]
    }

    /// When a request began, in nanoseconds.
    pub(crate) fn start(&self, row: usize) -> i64 {
        self.starts[row]
    }

    /// event_id of the last event of a request.
    pub(crate) fn last_event(&self, row: usize) -> i64 {
        self.last_events[row]
    }
}

/// The recordings that rows of a batch are of, in order, and these rows.
pub(crate) fn by_recording(
    traces: &DictionaryArray<Int32Type>,
) -> impl Iterator<Item = (&str, Range<usize>)> {
    let names = traces.values().as_string::<i32>();
    let runs = traces.keys().values().chunk_by(|one, next| one == next);
    runs.scan(0, move |begin, run| {
        let rows = *begin..*begin + run.len();
        *begin = rows.end;
        Some((names.value(run[0] as usize), rows))
    })
}

fn recordings(traces: &StringArray) -> Vec<(String, Range<usize>)> {
    let mut all: Vec<(String, Range<usize>)> = Vec::new();
    for row in 0..traces.len() {
        let trace = traces.value(row);
        match all.last_mut().filter(|(name, _)| name == trace) {
            Some((_, rows)) => rows.end = row + 1,
            None => all.push((trace.to_owned(), row..row + 1)),
        }
    }
    all
}

/// A column by its name.
///
/// # Errors
/// [`DataFusionError::ArrowError`] where there is none.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    let at = batch.schema_ref().index_of(name)?;
    Ok(batch.column(at))
}

/// A column of words by its name.
///
/// # Errors
/// As [`column()`], and where it is not of texts.
pub(crate) fn word_column(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    cast(column(batch, name)?, &words()).map_err(DataFusionError::from)
}
