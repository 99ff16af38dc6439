//! The sequences of requests, from their events to rows of a table.

use super::chosen::Request;
use super::codes::{END, START, TRUNCATED, UNKNOWN};
use super::columns::{Arguments, Columns};
use super::manifest::{LeftOut, Part};
use super::shards::Shards;
use super::sweep::Taker;
use crate::error::Result;
use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, FieldRef, Int32Type, Int64Type, Schema, SchemaRef,
};
use arrow::error::ArrowError;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Elements of the lists of a batch, at which it is written.
const ELEMENTS: usize = 1 << 16;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Type {
    One(DataTypeOf),
    List(DataTypeOf),
    ListOfLists,
}

/// Values of one width.
#[derive(Debug, Clone, Copy)]
enum DataTypeOf {
    Bool,
    Int32,
    Int64,
    Text,
}

/// The columns, with what they mean.
const COLUMNS: [(&str, Type, &str); 19] = {
    use DataTypeOf::{Bool, Int32, Int64, Text};
    use Type::{List, ListOfLists, One};
    [
        ("part", One(Text), "The part: train, test and so on."),
        ("trace_id", One(Text), "The recording, as in requests."),
        ("request_id", One(Int64), "The request, as in requests."),
        (
            "label",
            One(Text),
            "The label of the request: that of its span, else of its recording; null where there is none.",
        ),
        ("duration_ns", One(Int64), "As in requests."),
        (
            "n_events",
            One(Int64),
            "Events in the request's reach that were asked for, before they are cut.",
        ),
        (
            "truncated",
            One(Bool),
            "Whether there are more events than the lists hold.",
        ),
        (
            "call",
            List(Int32),
            "The event: a word of the kind call. Codes below 6 are no words: see sequences.json.",
        ),
        (
            "phase",
            List(Int32),
            "1 entry, 2 exit, 3 neither; 0 at marks.",
        ),
        (
            "elapsed_ns",
            List(Int64),
            "Since the event before in the list; 0 for the first and at marks.",
        ),
        (
            "process",
            List(Int32),
            "The name of the thread: a word of the kind process.",
        ),
        (
            "pid",
            List(Int32),
            "Process ID; -1 at marks and where the trace does not tell.",
        ),
        ("tid", List(Int32), "Thread ID, likewise."),
        (
            "outcome",
            List(Int32),
            "0 for what returns nothing, 1 success, 2 failure.",
        ),
        ("errno", List(Int32), "The number of the error, 0 for none."),
        (
            "fd",
            List(Int32),
            "Descriptor: 6 the current directory, 7 another negative one, 8 + n for n up to 1023, 1032 beyond.",
        ),
        (
            "size",
            List(Int64),
            "Bytes that the call is asked for; -1 for none.",
        ),
        ("flags", List(Int32), "A word of the kind flags."),
        (
            "path",
            ListOfLists,
            "The components of the file name: words of the kind path; none where there is no name.",
        ),
    ]
};

/// Number of the columns that are always there; the others are those of arguments.
const PLAIN: usize = 15;

impl DataTypeOf {
    fn arrow(self) -> DataType {
        match self {
            DataTypeOf::Bool => DataType::Boolean,
            DataTypeOf::Int32 => DataType::Int32,
            DataTypeOf::Int64 => DataType::Int64,
            DataTypeOf::Text => DataType::Utf8,
        }
    }
}

fn element(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("element", data_type, false))
}

/// The schema of the files.
pub(super) fn schema(arguments: bool) -> SchemaRef {
    let columns = if arguments {
        &COLUMNS[..]
    } else {
        &COLUMNS[..PLAIN]
    };
    let fields = columns.iter().map(|(name, of, says)| {
        let data_type = match of {
            Type::One(of) => of.arrow(),
            Type::List(of) => DataType::List(element(of.arrow())),
            Type::ListOfLists => {
                let inner = DataType::List(element(DataType::Int32));
                DataType::List(element(inner))
            }
        };
        let says = [("description".to_owned(), (*says).to_owned())];
        Field::new(*name, data_type, *name == "label").with_metadata(says.into())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of a part that are not written yet.
struct Rows {
    ids: Vec<i64>,
    labels: Vec<Option<Arc<str>>>,
    durations: Vec<i64>,
    events: Vec<i64>,
    truncated: Vec<bool>,
    /// Where the lists of each end.
    ends: Vec<i32>,
    /// All lists.
    columns: Columns,
}

impl Rows {
    fn new(arguments: bool) -> Self {
        Rows {
            ids: Vec::new(),
            labels: Vec::new(),
            durations: Vec::new(),
            events: Vec::new(),
            truncated: Vec::new(),
            ends: vec![0],
            columns: Columns::new(arguments),
        }
    }

    /// Adds a row, of events that are not all of them where there are `events`.
    fn push(&mut self, request: &Request, list: &Columns, events: u64) {
        let (from, all) = (self.columns.len() + 1, 0..list.len());
        let truncated = events > all.len() as u64;
        self.columns.mark(START);
        self.columns.append(list, &all);
        self.columns.mark(if truncated { TRUNCATED } else { END });
        differences(&mut self.columns.time[from..from + all.len()]);
        self.ids.push(request.id);
        self.labels.push(request.label.clone());
        self.durations.push(request.duration_ns);
        self.events.push(events as i64);
        self.truncated.push(truncated);
        self.ends.push(self.columns.len() as i32);
    }

    /// All of them, of this part and recording.
    fn into_batch(
        self,
        schema: &SchemaRef,
        (part, trace): (&str, &str),
    ) -> Result<RecordBatch, ArrowError> {
        let (rows, ends) = (self.ids.len(), OffsetBuffer::new(self.ends.into()));
        let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows])) };
        let labels: StringArray = self.labels.iter().map(Option::as_deref).collect();
        let long = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let of = self.columns;
        let mut columns: Vec<ArrayRef> = vec![
            same(part),
            same(trace),
            long(self.ids),
            Arc::new(labels),
            long(self.durations),
            long(self.events),
            Arc::new(BooleanArray::from(self.truncated)),
            list::<Int32Type>(of.call, &ends)?,
            list::<Int32Type>(of.phase, &ends)?,
            list::<Int64Type>(of.time, &ends)?,
            list::<Int32Type>(of.process, &ends)?,
            list::<Int32Type>(of.pid, &ends)?,
            list::<Int32Type>(of.tid, &ends)?,
            list::<Int32Type>(of.outcome, &ends)?,
            list::<Int32Type>(of.errno, &ends)?,
        ];
        if let Some(Arguments {
            fd,
            size,
            flags,
            paths,
        }) = of.arguments
        {
            columns.push(list::<Int32Type>(fd, &ends)?);
            columns.push(list::<Int64Type>(size, &ends)?);
            columns.push(list::<Int32Type>(flags, &ends)?);
            let inner = paths.ends.iter().map(|end| *end as i32);
            let inner = OffsetBuffer::new([0].into_iter().chain(inner).collect());
            let lists = list::<Int32Type>(paths.components, &inner)?;
            let lists = ListArray::try_new(element(lists.data_type().clone()), ends, lists, None)?;
            columns.push(Arc::new(lists));
        }
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}

fn list<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    ends: &OffsetBuffer<i32>,
) -> Result<ArrayRef, ArrowError> {
    let values: ArrayRef = Arc::new(PrimitiveArray::<T>::new(values.into(), None));
    let list = ListArray::try_new(element(T::DATA_TYPE), ends.clone(), values, None)?;
    Ok(Arc::new(list))
}

/// Times as the time since the one before.
fn differences(times: &mut [i64]) {
    let Some(mut before) = times.first().copied() else {
        return;
    };
    for time in times {
        (*time, before) = (time.wrapping_sub(before), *time);
    }
}

/// Writes the sequences of a recording.
pub(super) struct Writing<'a> {
    pub requests: &'a [Request],
    pub trace: &'a str,
    /// What is said of each part, and where its rows go.
    pub told: &'a mut [Part],
    pub left_out: &'a mut LeftOut,
    pub shards: &'a mut Shards,
    /// The events of requests that are under way.
    open: HashMap<usize, Columns>,
    /// By part.
    rows: Vec<Rows>,
}

impl<'a> Writing<'a> {
    /// Nothing is under way.
    pub(super) fn new(
        requests: &'a [Request],
        trace: &'a str,
        (told, left_out): (&'a mut [Part], &'a mut LeftOut),
        shards: &'a mut Shards,
    ) -> Self {
        let arguments = shards.schema().fields().len() > PLAIN;
        Writing {
            rows: told.iter().map(|_| Rows::new(arguments)).collect(),
            open: HashMap::new(),
            requests,
            trace,
            told,
            left_out,
            shards,
        }
    }

    fn write(&mut self, part: usize) -> Result<()> {
        let empty = Rows::new(self.rows[part].columns.arguments.is_some());
        let rows = std::mem::replace(&mut self.rows[part], empty);
        let elements = rows.columns.len();
        let name = self.shards.name(part).to_owned();
        let batch = rows.into_batch(self.shards.schema(), (&name, self.trace));
        self.shards.write(part, batch, elements)
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// As [`Shards::write`].
    pub(super) fn finish(mut self) -> Result<()> {
        for part in 0..self.rows.len() {
            if !self.rows[part].ids.is_empty() {
                self.write(part)?;
            }
        }
        Ok(())
    }
}

impl Taker for Writing<'_> {
    fn take(&mut self, request: usize, from: &Columns, run: Range<usize>) {
        let arguments = from.arguments.is_some();
        let list = self.open.entry(request);
        list.or_insert_with(|| Columns::new(arguments))
            .append(from, &run);
    }

    fn end(&mut self, request: usize, events: u64) -> Result<()> {
        let Some(list) = self.open.remove(&request) else {
            self.left_out.empty += 1;
            return Ok(());
        };
        let request = &self.requests[request];
        let unknown = |codes: &[i32]| codes.iter().filter(|code| **code == UNKNOWN).count() as u64;
        let told = &mut self.told[request.part];
        told.requests += 1;
        told.events += events;
        told.truncated += u64::from(events > list.len() as u64);
        told.unknown_calls += unknown(&list.call);
        told.unknown_processes += unknown(&list.process);
        let rows = &mut self.rows[request.part];
        rows.push(request, &list, events);
        match rows.columns.len() >= ELEMENTS {
            true => self.write(request.part),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    #[test]
    fn a_row_stands_between_marks_and_says_whether_it_is_cut() {
        let list = Columns {
            call: vec![6, 7],
            process: vec![6, 5],
            phase: vec![1, 2],
            time: vec![1000, 1700],
            pid: vec![1, 1],
            tid: vec![1, 2],
            outcome: vec![0, 2],
            errno: vec![0, 2],
            arguments: None,
        };
        let request = Request {
            id: 4,
            part: 0,
            label: Some("attack".into()),
            duration_ns: 900,
            first: 0,
            last: 9,
        };
        let mut rows = Rows::new(false);
        rows.push(&request, &list, 2);
        rows.push(&request, &list, 3);
        let batch = rows.into_batch(&schema(false), ("train", "t")).unwrap();
        let calls = batch.column_by_name("call").unwrap().as_list::<i32>();
        let of = |row: usize| {
            calls
                .value(row)
                .as_primitive::<Int32Type>()
                .values()
                .to_vec()
        };
        assert_eq!((of(0), of(1)), (vec![2, 6, 7, 3], vec![2, 6, 7, 4]));
        let times = batch.column_by_name("elapsed_ns").unwrap().as_list::<i32>();
        assert_eq!(
            times.value(1).as_primitive::<Int64Type>().values(),
            &[0, 0, 700, 0]
        );
        let labels = batch.column_by_name("label").unwrap().as_string::<i32>();
        assert!(labels.iter().all(|label| label == Some("attack")));
    }
}
