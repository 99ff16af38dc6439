//! The columns of `events` that tell what belongs together.

use super::layout::At;
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::Result;

/// The columns of a batch that pairing reads.
pub(super) struct Read {
    traces: Vec<Option<String>>,
    trace: Int32Array,
    pub event: Int64Array,
    pub tid: Int32Array,
    phases: Vec<Phase>,
    phase: Int32Array,
    pub entry: Int64Array,
}

/// What an event is of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Point,
    Entry,
    Exit,
}

impl Read {
    pub(super) fn of(batch: &RecordBatch) -> Result<Read> {
        let column = |number: usize, data_type: &DataType| -> Result<ArrayRef> {
            Ok(cast(batch.column(number), data_type)?)
        };
        let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let (traces, phases) = (column(At::TRACE, &words)?, column(At::PHASE, &words)?);
        let (traces, phases) = (
            traces.as_dictionary::<Int32Type>(),
            phases.as_dictionary::<Int32Type>(),
        );
        let phase = |word: Option<&str>| match word {
            Some("entry") => Phase::Entry,
            Some("exit") => Phase::Exit,
            _ => Phase::Point,
        };
        let number = |at| -> Result<Int64Array> {
            Ok(column(at, &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone())
        };
        let tid = column(At::TID, &DataType::Int32)?;
        let names = traces.values().as_string::<i32>().iter();
        Ok(Read {
            traces: names.map(|name| name.map(str::to_owned)).collect(),
            trace: traces.keys().clone(),
            event: number(At::EVENT)?,
            tid: tid.as_primitive::<Int32Type>().clone(),
            phases: phases
                .values()
                .as_string::<i32>()
                .iter()
                .map(phase)
                .collect(),
            phase: phases.keys().clone(),
            entry: number(At::ENTRY)?,
        })
    }

    /// What the event of a row is.
    pub(super) fn phase(&self, row: usize) -> Phase {
        match self.phase.is_valid(row) {
            true => self.phases[self.phase.value(row) as usize],
            false => Phase::Point,
        }
    }

    /// Whether a row is seen at a glance to be of the recording of the row before.
    pub(super) fn continues(&self, row: usize) -> bool {
        let words = self.trace.values();
        row > 0 && self.trace.null_count() == 0 && words[row] == words[row - 1]
    }

    /// The recording that the event of a row is of.
    pub(super) fn trace(&self, row: usize) -> Option<&str> {
        let known = self.trace.is_valid(row);
        known.then(|| self.traces[self.trace.value(row) as usize].as_deref())?
    }
}
