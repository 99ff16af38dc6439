//! Counts of the requests that are under way, from events in their order.
//!
//! An event belongs to one request at most, and none comes after the last event of its request. So what a request has is
//! counted when that has passed, and only the counts of the requests under way are in memory.

use super::super::request_lists::known::{Known, by_recording, column, word_column};
use super::count::{count, fields};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, ListArray, RecordBatch,
    RecordBatchOptions, StringArray, StructArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, UInt32Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Columns of `events` that are read.
pub(super) const OF_EVENTS: [&str; 6] = [
    "trace_id",
    "event_id",
    "request_id",
    "name",
    "phase",
    "args",
];
/// The request in what is counted of a batch, by its row.
const ROW: &str = "row";

/// A call, its side and an argument as numbers of words, and a value.
type What = ([u32; 3], String);

/// The requests under way.
pub(super) struct OpenCounts {
    known: Known,
    /// Rows of the present recording.
    recording: Range<usize>,
    trace: Option<String>,
    /// By last event and row.
    open: BTreeMap<(i64, usize), HashMap<What, i64>>,
    /// Counted whole: rows, and what they have.
    done: Vec<(u32, What, i64)>,
    words: Words,
    /// About how many bytes the open ones take.
    bytes: usize,
}

/// Words and their numbers.
#[derive(Default)]
struct Words {
    numbers: HashMap<String, u32>,
    words: Vec<String>,
}

impl Words {
    /// The numbers of the words of a column, by their numbers in it.
    fn numbers(&mut self, column: &DictionaryArray<Int32Type>) -> Vec<u32> {
        let words = column.values().as_string::<i32>();
        let number = |word: Option<&str>| {
            let word = word.unwrap_or_default();
            if let Some(number) = self.numbers.get(word) {
                return *number;
            }
            self.words.push(word.to_owned());
            let number = self.words.len() as u32 - 1;
            self.numbers.insert(word.to_owned(), number);
            number
        };
        words.iter().map(number).collect()
    }
}

impl OpenCounts {
    pub(super) fn new(known: Known) -> Self {
        OpenCounts {
            known,
            recording: 0..0,
            trace: None,
            open: BTreeMap::new(),
            done: Vec::new(),
            words: Words::default(),
            bytes: 0,
        }
    }

    /// Rows that can be given out.
    pub(super) fn len(&self) -> usize {
        self.done.len()
    }

    /// About how many bytes all of it takes.
    pub(super) fn size(&self) -> usize {
        self.bytes + self.done.len() * size_of::<(u32, What, i64)>()
    }

    /// Takes the events of a batch.
    ///
    /// # Errors
    /// Where columns are not what they should be.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let traces = word_column(batch, "trace_id")?;
        let traces: &DictionaryArray<Int32Type> = traces.as_dictionary();
        for (trace, rows) in by_recording(traces) {
            if self.trace.as_deref() != Some(trace) {
                self.finish();
                self.trace = Some(trace.to_owned());
                self.recording = self.known.recording(trace);
            }
            self.add_rows(batch, rows)?;
        }
        Ok(())
    }

    /// Counts rows of one recording.
    fn add_rows(&mut self, batch: &RecordBatch, rows: Range<usize>) -> Result<()> {
        let requests = column(batch, "request_id")?.as_primitive::<Int64Type>();
        let of = |at: usize| {
            let id = requests.is_valid(at).then(|| requests.value(at))?;
            let row = self.known.row(&self.recording, id)?;
            Some((row as u32, at as u32))
        };
        let mut pairs: Vec<(u32, u32)> = rows.clone().filter_map(of).collect();
        pairs.sort_by_key(|(row, _)| *row);
        if let (false, Some(args)) = (pairs.is_empty(), held(column(batch, "args")?)?) {
            let counted = counted(batch, &args, &pairs)?;
            self.merge(&counted);
        }
        let ids = column(batch, "event_id")?.as_primitive::<Int64Type>();
        let last = ids.value(rows.end - 1);
        while let Some(first) = self.open.first_entry()
            && first.key().0 <= last
        {
            let ((_, row), counts) = first.remove_entry();
            self.end(row, counts);
        }
        Ok(())
    }

    fn merge(&mut self, counted: &RecordBatch) {
        let rows = counted.column(0).as_primitive::<UInt32Type>();
        let words = [1, 2, 3].map(|number| {
            let column: &DictionaryArray<Int32Type> = counted.column(number).as_dictionary();
            (column.keys().clone(), self.words.numbers(column))
        });
        let values = counted.column(4).as_string::<i32>();
        let times = counted.column(5).as_primitive::<Int64Type>();
        for at in 0..counted.num_rows() {
            let row = rows.value(at) as usize;
            let kind = [0, 1, 2].map(|number| {
                let (keys, numbers) = &words[number];
                numbers[keys.value(at) as usize]
            });
            let value = values.value(at);
            let counts = self.open.entry((self.known.last_event(row), row));
            let count = counts.or_default().entry((kind, value.to_owned()));
            let bytes = size_of::<(What, i64)>() + value.len();
            let count = count.or_insert(0);
            if *count == 0 {
                self.bytes += bytes;
            }
            *count += times.value(at);
        }
    }

    /// Is done with a request.
    fn end(&mut self, row: usize, counts: HashMap<What, i64>) {
        for (what, times) in counts {
            let bytes = size_of::<(What, i64)>() + what.1.len();
            self.bytes = self.bytes.saturating_sub(bytes);
            self.done.push((row as u32, what, times));
        }
    }

    /// Is done with all requests of the recording: no more of its events come.
    pub(super) fn finish(&mut self) {
        while let Some(((_, row), counts)) = self.open.pop_first() {
            self.end(row, counts);
        }
        self.bytes = 0;
    }

    /// Gives out what is counted, as rows with the columns of `schema`.
    ///
    /// # Errors
    /// Where a column is not what it should be.
    pub(super) fn give(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let done = std::mem::take(&mut self.done);
        let rows: UInt32Array = done.iter().map(|(row, _, _)| Some(*row)).collect();
        let all: ArrayRef = Arc::new(StringArray::from_iter_values(&self.words.words));
        let words = |number: usize| -> Result<ArrayRef> {
            let keys = done.iter().map(|(_, (kind, _), _)| kind[number] as i32);
            let keys = Int32Array::from_iter_values(keys);
            Ok(Arc::new(DictionaryArray::try_new(keys, Arc::clone(&all))?))
        };
        let column = |field: &Arc<Field>| -> Result<ArrayRef> {
            Ok(match field.name().as_str() {
                "call" => words(0)?,
                "phase" => words(1)?,
                "argument" => words(2)?,
                "value" => {
                    let values = done.iter().map(|(_, (_, value), _)| value);
                    Arc::new(StringArray::from_iter_values(values))
                }
                "times" => {
                    let times = done.iter().map(|(_, _, times)| *times);
                    Arc::new(Int64Array::from_iter_values(times))
                }
                name => take(column(&self.known.rows, name)?, &rows, None)?,
            })
        };
        let columns = schema.fields().iter().map(column);
        let count = RecordBatchOptions::new().with_row_count(Some(done.len()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns.collect::<Result<_>>()?,
            &count,
        )?)
    }
}

/// The arguments that some event of a batch has: of the hundred or so that there are, it is a few. `None` where it is none.
fn held(args: &ArrayRef) -> Result<Option<ArrayRef>> {
    let Some(args) = args.as_struct_opt() else {
        return exec_err!("events.args is no structure");
    };
    let all = args.fields().iter().zip(args.columns());
    let held = all.filter(|(_, values)| values.null_count() < values.len());
    let (fields, columns): (Vec<_>, Vec<_>) = held
        .map(|(field, values)| (Arc::clone(field), Arc::clone(values)))
        .unzip();
    if fields.is_empty() {
        return Ok(None);
    }
    let held = StructArray::try_new(fields.into(), columns, args.nulls().cloned())?;
    Ok(Some(Arc::new(held)))
}

/// What the events of a batch have, with these `args`, by request. `pairs` are rows of requests and of their events, in the
/// order of requests.
fn counted(batch: &RecordBatch, args: &ArrayRef, pairs: &[(u32, u32)]) -> Result<RecordBatch> {
    let events = pairs.iter().map(|(_, event)| *event);
    let events = UInt32Array::from_iter_values(events);
    let members = [
        ("name", column(batch, "name")?),
        ("phase", column(batch, "phase")?),
        ("args", args),
    ];
    let members = members.map(|(name, values)| -> Result<(Arc<Field>, ArrayRef)> {
        let values = take(values, &events, None)?;
        let field = Field::new(name, values.data_type().clone(), true);
        Ok((Arc::new(field), values))
    });
    let members = members.into_iter().collect::<Result<Vec<_>>>()?;
    let elements: ArrayRef = Arc::new(StructArray::from(members));
    let runs = pairs.chunk_by(|one, next| one.0 == next.0);
    let offsets = OffsetBuffer::from_lengths(runs.clone().map(<[_]>::len));
    let element = Field::new_list_field(elements.data_type().clone(), true);
    let lists = ListArray::try_new(Arc::new(element), offsets, elements, None)?;
    let rows = UInt32Array::from_iter_values(runs.map(|run| run[0].0));
    let rows: ArrayRef = Arc::new(rows);
    let lists: ArrayRef = Arc::new(lists);
    let requests = RecordBatch::try_from_iter([(ROW, rows), ("events", lists)])?;
    let row = Field::new(ROW, DataType::UInt32, false);
    let all: Vec<Field> = std::iter::once(row).chain(fields()).collect();
    count(&requests, &Arc::new(Schema::new(all)))
}
