//! The lists of requests that are under way, from events in their order.
//!
//! An event belongs to one request at most, and comes after those before it. So a request's lists are complete when its
//! last event has passed, and only those of the requests under way are in memory. They are given out in the order of
//! their ids, which is that of their starts: a request that is done waits for those that began before it.

use super::columns::{Kind, List};
use super::known::{Known, by_recording, column, word_column};
use super::values::{Elements, Values};
use super::words::Words;
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use std::ops::Range;

/// What a request costs while it is here, beside its elements: for each list.
const OVERHEAD: usize = 96;

/// The lists of one request.
pub(super) struct Lists {
    pub values: Vec<Values>,
    pub len: usize,
}

/// Where the lists of a request are.
pub(super) enum Slot {
    /// More may come.
    Open(Option<Box<Lists>>),
    /// They are complete, and here.
    Done(Option<Box<Lists>>),
    /// They are complete, and put aside on disk: in which run.
    Aside(usize),
    /// They were given out.
    Given,
}

/// The requests and their lists.
pub(super) struct Gather {
    pub known: Known,
    lists: Vec<&'static List>,
    words: Vec<Words>,
    slots: Vec<Slot>,
    /// Rows of the present recording.
    recording: Range<usize>,
    trace: Option<String>,
    /// Its rows in the order of their last events, and how many of them have passed.
    by_end: Vec<usize>,
    ended: usize,
    last_id: Option<i64>,
    /// Bytes of the elements that are open, and that are done and here.
    pub open: usize,
    pub done: usize,
}

impl Gather {
    pub(super) fn new(known: Known, lists: Vec<&'static List>) -> Self {
        let slots = (0..known.len()).map(|_| Slot::Open(None)).collect();
        let words = lists.iter().map(|_| Words::default()).collect();
        Gather {
            known,
            lists,
            words,
            slots,
            recording: 0..0,
            trace: None,
            by_end: Vec::new(),
            ended: 0,
            last_id: None,
            open: 0,
            done: 0,
        }
    }

    /// Takes the events of a batch. Those that are linked to no request, or to one that was not asked for, are passed over.
    ///
    /// # Errors
    /// [`DataFusionError::Execution`] where events are out of order or come after the last event of their request.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let traces = word_column(batch, "trace_id")?;
        let traces: &DictionaryArray<Int32Type> = traces.as_dictionary();
        let ids = column(batch, "event_id")?.as_primitive::<Int64Type>();
        let requests = column(batch, "request_id")?.as_primitive::<Int64Type>();
        let columns = self.columns(batch)?;
        for (trace, rows) in by_recording(traces) {
            self.enter(trace)?;
            self.add_rows(rows, ids, requests, &columns)?;
        }
        Ok(())
    }

    /// The columns of a batch as what lists are made of.
    fn columns(&mut self, batch: &RecordBatch) -> Result<Vec<Elements>> {
        let lists = self.lists.iter().zip(&mut self.words);
        let read = lists.map(|(list, words)| match list.kind {
            Kind::Word => {
                let column = word_column(batch, list.source)?;
                let column: &DictionaryArray<Int32Type> = column.as_dictionary();
                Ok(Elements::of_words(
                    words.numbers(column)?,
                    column.logical_nulls(),
                ))
            }
            kind => {
                let column = cast(column(batch, list.source)?, &kind.read_as())?;
                Elements::of_array(&column).ok_or_else(|| disagree("a list of no numbers"))
            }
        });
        read.collect()
    }

    /// Begins with the events of a recording, where it is not the present one.
    fn enter(&mut self, trace: &str) -> Result<()> {
        if self.trace.as_deref() == Some(trace) {
            return Ok(());
        }
        if self.trace.as_deref().is_some_and(|last| last > trace) {
            return Err(disagree("its files are not in the order of recordings"));
        }
        let before = self.recording.start;
        self.recording = self.known.recording(trace);
        (before..self.recording.start).for_each(|row| self.end(row));
        self.trace = Some(trace.to_owned());
        self.by_end = self.recording.clone().collect();
        let known = &self.known;
        self.by_end.sort_by_key(|row| known.last_event(*row));
        self.ended = 0;
        self.last_id = None;
        Ok(())
    }

    fn add_rows(
        &mut self,
        rows: Range<usize>,
        ids: &Int64Array,
        requests: &Int64Array,
        columns: &[Elements],
    ) -> Result<()> {
        let numbers = ids.values();
        let rising = numbers[rows.clone()].is_sorted_by(|a, b| a < b);
        if !rising || self.last_id.is_some_and(|last| last >= numbers[rows.start]) {
            return Err(disagree("its rows are not in the order of event_id"));
        }
        let last = numbers[rows.end - 1];
        let mut begin = rows.start;
        while begin < rows.end {
            let id = requests.is_valid(begin).then(|| requests.value(begin));
            let same = |row: &usize| match id {
                Some(id) => requests.is_valid(*row) && requests.value(*row) == id,
                None => requests.is_null(*row),
            };
            let end = begin + (begin..rows.end).take_while(same).count();
            if let Some(row) = id.and_then(|id| self.known.row(&self.recording, id)) {
                self.add_run(row, begin..end, numbers[end - 1], columns)?;
            }
            begin = end;
        }
        self.last_id = Some(last);
        self.pass(last);
        Ok(())
    }

    /// Appends a run of rows that are of one request.
    fn add_run(
        &mut self,
        row: usize,
        run: Range<usize>,
        last: i64,
        columns: &[Elements],
    ) -> Result<()> {
        if last > self.known.last_event(row) {
            return Err(disagree(&format!(
                "event {last} is of request {}, whose last event is {}",
                self.known.id(row),
                self.known.last_event(row)
            )));
        }
        let Slot::Open(lists) = &mut self.slots[row] else {
            return Err(disagree("an event comes after the end of its request"));
        };
        let start = self.known.start(row);
        let is_new = lists.is_none();
        let kinds = &self.lists;
        let lists = lists.get_or_insert_with(|| {
            let values = kinds.iter().map(|list| Values::new(list.kind)).collect();
            Box::new(Lists { values, len: 0 })
        });
        for (values, column) in lists.values.iter_mut().zip(columns) {
            values.append_since(column, run.clone(), start);
        }
        lists.len += run.len();
        self.open += size_of(&self.lists, run.len(), is_new);
        Ok(())
    }

    /// Is done with the requests whose last event has passed.
    fn pass(&mut self, event: i64) {
        while let Some(row) = self.by_end.get(self.ended).copied()
            && self.known.last_event(row) <= event
        {
            self.ended += 1;
            self.end(row);
        }
    }

    /// Is done with all requests: no more events come.
    pub(super) fn finish_all(&mut self) {
        (0..self.known.len()).for_each(|row| self.end(row));
    }

    fn end(&mut self, row: usize) {
        if let Slot::Open(lists) = &mut self.slots[row] {
            let lists = lists.take();
            let bytes = lists
                .as_ref()
                .map_or(0, |l| size_of(&self.lists, l.len, true));
            self.open -= bytes;
            self.done += bytes;
            self.slots[row] = Slot::Done(lists);
        }
    }

    /// Whether all requests are done, so that no more events are needed.
    pub(super) fn is_complete(&self) -> bool {
        let begun = self.trace.is_some();
        begun && self.recording.end == self.known.len() && self.ended == self.by_end.len()
    }

    /// The lists of a request that is done, which are here: they are handed over. `None` where it has no events.
    pub(super) fn take(&mut self, row: usize, to: Slot) -> Option<Box<Lists>> {
        match std::mem::replace(&mut self.slots[row], to) {
            Slot::Done(lists) => {
                let bytes = lists
                    .as_ref()
                    .map_or(0, |l| size_of(&self.lists, l.len, true));
                self.done -= bytes;
                lists
            }
            _ => None,
        }
    }

    /// Where the lists of a request are.
    pub(super) fn slot(&self, row: usize) -> Option<&Slot> {
        self.slots.get(row)
    }

    /// The words of a list of words.
    pub(super) fn words(&mut self, list: usize) -> ArrayRef {
        self.words[list].array()
    }

    /// About how many bytes all of it takes, but for what was read of the requests.
    pub(super) fn size(&self) -> usize {
        let words: usize = self.words.iter().map(Words::size).sum();
        let slots = size_of_val(&self.slots[..]) + size_of_val(&self.by_end[..]);
        self.open + self.done + words + slots
    }
}

/// Bytes of so many elements of each list, and what a request costs beside.
fn size_of(lists: &[&List], len: usize, is_new: bool) -> usize {
    let width = |list: &&List| match list.kind {
        Kind::Long | Kind::Offset => 8,
        Kind::Int | Kind::Word => 4,
    };
    // Memory grows by doubling.
    let elements = len * lists.iter().map(width).sum::<usize>() * 3 / 2;
    elements + usize::from(is_new) * OVERHEAD * (lists.len() + 1)
}

/// The error of tables that are not as an ingest makes them.
fn disagree(how: &str) -> DataFusionError {
    DataFusionError::Execution(format!(
        "the table events does not fit requests: {how}; sysds verify says more, and sysds ingest makes the dataset anew"
    ))
}
