//! The table against a naive count.

use super::over;
use crate::random::Random;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;

type Event = (
    &'static str,
    &'static str,
    Option<i64>,
    Option<&'static str>,
    Option<f64>,
    bool,
);

fn events(seed: u64, len: usize) -> Vec<Event> {
    let mut random = Random(seed * 7 + 1);
    let mut below = |end: u64| random.below(end);
    let event = |_| {
        (
            ["read", "open"][below(2) as usize],
            ["entry", "exit"][below(2) as usize],
            (below(3) > 0).then(|| below(4) as i64 - 1),
            [None, Some(""), Some("/a\n")][below(3) as usize],
            (below(5) == 0).then_some(0.5),
            below(9) > 0,
        )
    };
    (0..len).map(event).collect()
}

/// Requests with so many events each; their ids are their places.
fn requests(all: &[Event], lengths: &[usize]) -> RecordBatch {
    let texts = |of: &dyn Fn(&Event) -> Option<&'static str>| -> ArrayRef {
        Arc::new(all.iter().map(of).collect::<StringArray>())
    };
    let fd: ArrayRef = Arc::new(all.iter().map(|e| e.2).collect::<Int64Array>());
    let half: ArrayRef = Arc::new(all.iter().map(|e| e.4).collect::<Float64Array>());
    let inner = Fields::from(vec![Field::new("half", DataType::Float64, true)]);
    let nested: ArrayRef = Arc::new(StructArray::new(inner.clone(), vec![half.clone()], None));
    let arguments = Fields::from(vec![
        Field::new("fd", DataType::Int64, true),
        Field::new("path", DataType::Utf8, true),
        Field::new("half", DataType::Float64, true),
        Field::new("nested", DataType::Struct(inner), true),
    ]);
    let there: NullBuffer = all.iter().map(|e| e.5).collect::<Vec<bool>>().into();
    let columns = vec![fd, texts(&|e| e.3), half, nested];
    let arguments = StructArray::new(arguments, columns, Some(there));
    let of_event = StructArray::from(vec![
        (
            Arc::new(Field::new("name", DataType::Utf8, false)),
            texts(&|e| Some(e.0)),
        ),
        (
            Arc::new(Field::new("phase", DataType::Utf8, false)),
            texts(&|e| Some(e.1)),
        ),
        (
            Arc::new(Field::new("args", arguments.data_type().clone(), true)),
            Arc::new(arguments) as ArrayRef,
        ),
    ]);
    let element = Arc::new(Field::new("element", of_event.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let lists: ArrayRef = Arc::new(ListArray::new(element, offsets, Arc::new(of_event), None));
    let rows = lengths.len();
    let words = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let word = |text: &str| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text; rows]));
        cast(&texts, &words).unwrap()
    };
    RecordBatch::try_from_iter(vec![
        (
            "request_id",
            Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef,
        ),
        ("trace_id", word("t")),
        ("label", word("x")),
        ("procname", word("httpd")),
        ("complete", Arc::new(BooleanArray::from(vec![true; rows]))),
        ("events", lists),
    ])
    .unwrap()
}

#[test]
fn values_are_counted_as_in_a_naive_count() {
    let lengths = [0, 3, 40, 1, 0, 25];
    for seed in 1..20 {
        let all = events(seed, lengths.iter().sum());
        let mut expected: BTreeMap<(i64, String), i64> = BTreeMap::new();
        let owners = lengths
            .iter()
            .enumerate()
            .flat_map(|(id, n)| vec![id as i64; *n]);
        for (request, (call, phase, fd, path, half, there)) in owners.zip(&all) {
            let half = half.map(|half| half.to_string());
            let nested = half
                .as_ref()
                .map_or("{}".to_owned(), |h| format!("{{\"half\":{h}}}"));
            let values = [
                ("fd", fd.map(|fd| fd.to_string())),
                ("path", path.map(str::to_owned)),
                ("half", half),
                ("nested", Some(nested)),
            ];
            for (argument, value) in values {
                if let Some(value) = value.filter(|_| *there) {
                    let key = format!("{call} {phase} {argument} {value}");
                    *expected.entry((request, key)).or_default() += 1;
                }
            }
        }
        let carried = requests(&all, &lengths);
        let (linked, of_events) = apart(&carried);
        assert_eq!(counted(linked, of_events.clone()), expected, "seed {seed}");
        assert_eq!(counted(carried, of_events), expected, "seed {seed}");
        assert!(expected.len() > 30);
    }
}

/// The same requests without their lists, and the events of these lists, one of each request in turn, among others that are
/// of none; in batches of seven.
fn apart(requests: &RecordBatch) -> (RecordBatch, Vec<RecordBatch>) {
    let lists = requests.column_by_name("events").unwrap().as_list::<i32>();
    let lengths: Vec<usize> = (0..lists.len())
        .map(|at| lists.value_length(at) as usize)
        .collect();
    let longest = lengths.iter().max().unwrap();
    let mut order: Vec<(Option<i64>, u32)> = Vec::new();
    for turn in 0..*longest {
        for (request, length) in lengths.iter().enumerate() {
            let first = lists.value_offsets()[request] as usize;
            if turn < *length {
                order.push((Some(request as i64), (first + turn) as u32));
            }
        }
        order.push((None, 0));
    }
    let last = |request: i64| order.iter().rposition(|(of, _)| *of == Some(request));
    let last_events =
        (0..lengths.len() as i64).map(|request| last(request).map_or(-1, |at| at as i64));
    let last_events: ArrayRef = Arc::new(Int64Array::from_iter_values(last_events));
    let starts: ArrayRef = Arc::new(Int64Array::from_iter_values(0..lengths.len() as i64));
    let mut columns: Vec<(&str, ArrayRef)> = vec![("start", starts), ("last_event", last_events)];
    let schema = requests.schema();
    let kept = schema.fields().iter().zip(requests.columns());
    let kept = kept.filter(|(field, _)| field.name() != "events");
    columns.extend(kept.map(|(field, column)| (field.name().as_str(), Arc::clone(column))));
    let events = lists.values().as_struct();
    let places: UInt32Array = order.iter().map(|(_, at)| Some(*at)).collect();
    let links: Int64Array = order.iter().map(|(of, _)| *of).collect();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..order.len() as i64));
    let traces: ArrayRef = Arc::new(StringArray::from(vec!["t"; order.len()]));
    let mut of_events = vec![
        ("trace_id", traces),
        ("event_id", ids),
        ("request_id", Arc::new(links) as ArrayRef),
    ];
    for name in ["name", "phase", "args"] {
        let column = events.column_by_name(name).unwrap();
        of_events.push((name, take(column, &places, None).unwrap()));
    }
    let of_events = RecordBatch::try_from_iter(of_events).unwrap();
    let batches = (0..order.len()).step_by(7);
    let batches = batches.map(|at| of_events.slice(at, 7.min(order.len() - at)));
    (
        RecordBatch::try_from_iter(columns).unwrap(),
        batches.collect(),
    )
}

/// What the table says.
fn counted(requests: RecordBatch, events: Vec<RecordBatch>) -> BTreeMap<(i64, String), i64> {
    let table = MemTable::try_new(requests.schema(), vec![vec![requests]]).unwrap();
    let events = MemTable::try_new(events[0].schema(), vec![events]).unwrap();
    let context = SessionContext::new();
    let table = over(Arc::new(table), Arc::new(events)).unwrap();
    context.register_table(super::TABLE, table).unwrap();
    let sql = "SELECT request_id, concat(call, ' ', phase, ' ', argument, ' ', value) AS key, times \
               FROM request_arguments WHERE complete AND procname = 'httpd' AND trace_id = 't'";
    let answer = async { context.sql(sql).await.unwrap().collect().await.unwrap() };
    let threads = tokio::runtime::Builder::new_multi_thread().build();
    let mut all = BTreeMap::new();
    for batch in threads.unwrap().block_on(answer) {
        let column = |at: usize, to: &DataType| cast(batch.column(at), to).unwrap();
        let (ids, times) = (column(0, &DataType::Int64), column(2, &DataType::Int64));
        let keys = column(1, &DataType::Utf8);
        let number = |array: &ArrayRef, row: usize| {
            array
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap()
                .value(row)
        };
        let keys: &StringArray = keys.as_any().downcast_ref().unwrap();
        for row in 0..batch.num_rows() {
            let key = (number(&ids, row), keys.value(row).to_owned());
            assert_eq!(all.insert(key, number(&times, row)), None, "counted twice");
        }
    }
    all
}

#[test]
fn events_without_arguments_have_no_such_table() {
    let batch = requests(&events(1, 3), &[3]);
    let (bare, events) = apart(&batch);
    let table = MemTable::try_new(bare.schema(), vec![vec![bare]]).unwrap();
    let events = events[0].project(&[0, 1, 2, 3, 4]).unwrap();
    let events = MemTable::try_new(events.schema(), vec![vec![events]]).unwrap();
    assert!(over(Arc::new(table), Arc::new(events)).is_none());
}
