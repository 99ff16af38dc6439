//! Lists that are complete and wait for a request that began before: on disk, where they are many.
//!
//! They are put aside in runs, each in the order in which they are given out. So a run is read from its beginning, one
//! request after another, when their turn comes.

use super::gather::{Gather, Slot};
use super::given::{Given, Layout};
use super::values::Elements;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SpillFile;
use datafusion::physical_plan::SpillManager;
use futures::StreamExt;
use std::ops::Range;
use std::sync::Arc;

/// Elements of a batch on disk.
const ELEMENTS: usize = 1 << 14;

/// The runs of one query.
pub(super) struct Aside {
    disk: SpillManager,
    schema: SchemaRef,
    runs: Vec<Run>,
}

enum Run {
    Written(Arc<dyn SpillFile>),
    Read {
        stream: SendableRecordBatchStream,
        batch: Option<Batch>,
    },
}

/// A batch of a run, and the next of its rows.
struct Batch {
    lists: RecordBatch,
    elements: Vec<Elements>,
    row: usize,
    start: usize,
}

impl Aside {
    pub(super) fn new(disk: SpillManager, layout: &Layout) -> Self {
        Aside {
            disk,
            schema: layout.aside(),
            runs: Vec::new(),
        }
    }

    /// Puts the complete lists of these requests aside.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn put(
        &mut self,
        gather: &mut Gather,
        rows: Range<usize>,
        layout: &Layout,
    ) -> Result<()> {
        let run = self.runs.len();
        let mut file = self.disk.create_in_progress_file("request_lists")?;
        let mut given = Given::new(&layout.lists);
        for row in rows {
            if !matches!(gather.slot(row), Some(Slot::Done(Some(_)))) {
                continue;
            }
            given.push(gather.take(row, Slot::Aside(run)).map(|lists| *lists));
            if given.elements >= ELEMENTS {
                let full = std::mem::replace(&mut given, Given::new(&layout.lists));
                file.append_batch(&full.into_aside(&self.schema)?)?;
            }
        }
        if !given.lengths.is_empty() {
            file.append_batch(&given.into_aside(&self.schema)?)?;
        }
        if let Some(file) = file.finish()? {
            self.runs.push(Run::Written(file));
        }
        Ok(())
    }

    /// Appends the next lists of a run to `given`.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) async fn next(&mut self, run: usize, given: &mut Given) -> Result<()> {
        let short = || DataFusionError::Execution("a file of lists put aside is short".to_owned());
        if let Run::Written(file) = &self.runs[run] {
            let stream = self
                .disk
                .read_spill_as_stream_unbuffered(Arc::clone(file), None)?;
            self.runs[run] = Run::Read {
                stream,
                batch: None,
            };
        }
        let Run::Read { stream, batch } = &mut self.runs[run] else {
            return Err(short());
        };
        if batch.as_ref().is_none_or(|b| b.row == b.lists.num_rows()) {
            *batch = Some(Batch::new(stream.next().await.ok_or_else(short)??)?);
        }
        let Some(batch) = batch else {
            return Err(short());
        };
        let lengths = batch.lists.column(0).as_primitive::<Int64Type>();
        let len = lengths.value(batch.row) as usize;
        given.push_run(len, &batch.elements, batch.start);
        batch.row += 1;
        batch.start += len;
        Ok(())
    }
}

impl Batch {
    fn new(lists: RecordBatch) -> Result<Batch> {
        let wrong =
            || DataFusionError::Execution("a file of lists put aside is another".to_owned());
        let elements = lists.columns()[1..].iter().map(|column| {
            let column = column.as_list::<i32>();
            let (from, to) = (
                column.value_offsets()[0],
                column.value_offsets()[column.len()],
            );
            let elements = column.values().slice(from as usize, (to - from) as usize);
            Elements::of_array(&elements).ok_or_else(wrong)
        });
        Ok(Batch {
            elements: elements.collect::<Result<_>>()?,
            lists,
            row: 0,
            start: 0,
        })
    }
}
