//! The table against a naive evaluation, on small tables with everything that makes it hard.

use super::over;
use super::plan::RequestListsExec;
use crate::random::Random;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Event {
    trace: String,
    id: i64,
    request: Option<i64>,
    name: &'static str,
    process: Option<&'static str>,
    ret: Option<i64>,
    tid: Option<i32>,
}

#[derive(Clone, Debug)]
struct Request {
    trace: String,
    id: i64,
    complete: bool,
    start: i64,
    last_event: i64,
    omitted: i64,
}

/// Tables of an ingest: events of several recordings, their requests in the order of ends.
#[derive(Default)]
struct Tables {
    events: Vec<Event>,
    requests: Vec<Request>,
}

const NAMES: [&str; 4] = ["read", "close", "accept4", "sched_switch"];
/// When an event of this number happens.
const TICK: i64 = 10;

impl Tables {
    /// `traces` in their order. Up to `open` requests are under way at a time.
    fn random(seed: u64, traces: &[&str], events: i64, open: u64) -> Tables {
        let mut random = Random(seed * 2 + 1);
        let mut tables = Tables::default();
        for trace in traces {
            let (mut next, mut under_way): (i64, Vec<Request>) = (0, Vec::new());
            for id in 0..events {
                if (under_way.len() as u64) < open && random.below(4) == 0 {
                    under_way.push(Request {
                        trace: (*trace).to_owned(),
                        id: next,
                        complete: random.below(3) > 0,
                        start: id * TICK - 3,
                        last_event: id,
                        omitted: 0,
                    });
                    next += 1;
                }
                let at = random.below(under_way.len() as u64 + 2) as usize;
                let mut request = None;
                if let Some(own) = under_way.get_mut(at) {
                    own.last_event = id;
                    // Some events are left out, as beyond the limit of nested events.
                    match random.below(8) {
                        0 => own.omitted += 1,
                        _ => request = Some(own.id),
                    }
                    if random.below(9) == 0 {
                        tables.requests.push(under_way.remove(at));
                    }
                }
                tables.events.push(Event {
                    trace: (*trace).to_owned(),
                    id,
                    request,
                    name: NAMES[random.below(4) as usize],
                    process: [None, Some("httpd"), Some("redis")][random.below(3) as usize],
                    ret: (random.below(3) > 0).then(|| random.below(100) as i64 - 50),
                    tid: (random.below(5) > 0).then(|| random.below(3) as i32),
                });
            }
            tables.requests.extend(under_way);
        }
        tables
    }

    fn events(&self) -> RecordBatch {
        let all = &self.events;
        let words = |of: &dyn Fn(&Event) -> Option<&'static str>| {
            let texts: ArrayRef = Arc::new(all.iter().map(of).collect::<StringArray>());
            cast(&texts, &super::columns::words()).unwrap()
        };
        let traces: ArrayRef = Arc::new(
            all.iter()
                .map(|e| Some(e.trace.clone()))
                .collect::<StringArray>(),
        );
        let times = all.iter().map(|e| e.id * TICK);
        let times = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
        let longs = |of: &dyn Fn(&Event) -> Option<i64>| -> ArrayRef {
            Arc::new(all.iter().map(of).collect::<Int64Array>())
        };
        let ints = |of: &dyn Fn(&Event) -> Option<i32>| -> ArrayRef {
            Arc::new(all.iter().map(of).collect::<Int32Array>())
        };
        RecordBatch::try_from_iter_with_nullable(vec![
            ("event_id", longs(&|e| Some(e.id)), false),
            (
                "trace_id",
                cast(&traces, &super::columns::words()).unwrap(),
                false,
            ),
            ("request_id", longs(&|e| e.request), true),
            ("timestamp", Arc::new(times), false),
            ("cpu", ints(&|_| Some(1)), true),
            ("pid", ints(&|_| None), true),
            ("tid", ints(&|e| e.tid), true),
            ("procname", words(&|e| e.process), true),
            ("name", words(&|e| Some(e.name)), false),
            ("phase", words(&|_| Some("entry")), false),
            ("ret", longs(&|e| e.ret), true),
            ("fd", longs(&|_| None), true),
            ("duration_ns", longs(&|e| e.ret.map(|n| n * 2)), true),
        ])
        .unwrap()
    }

    fn requests(&self) -> RecordBatch {
        let all = &self.requests;
        let traces: ArrayRef = Arc::new(
            all.iter()
                .map(|r| Some(r.trace.clone()))
                .collect::<StringArray>(),
        );
        let longs = |of: &dyn Fn(&Request) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(all.iter().map(of)))
        };
        let starts = TimestampNanosecondArray::from_iter_values(all.iter().map(|r| r.start));
        let labels: ArrayRef = Arc::new(StringArray::from(vec![Some("x"); all.len()]));
        let complete = all.iter().map(|r| Some(r.complete));
        let no_label = arrow::array::new_null_array(&super::columns::words(), all.len());
        let no_border: ArrayRef = Arc::new(BooleanArray::new_null(all.len()));
        RecordBatch::try_from_iter_with_nullable(vec![
            ("request_id", longs(&|r| r.id), false),
            (
                "trace_id",
                cast(&traces, &super::columns::words()).unwrap(),
                false,
            ),
            (
                "label",
                cast(&labels, &super::columns::words()).unwrap(),
                true,
            ),
            ("span_label", no_label, true),
            ("straddles", no_border, true),
            ("start", Arc::new(starts.with_timezone("UTC")), false),
            (
                "complete",
                Arc::new(complete.collect::<BooleanArray>()),
                false,
            ),
            ("n_events", longs(&|_| 0), false),
            ("n_events_omitted", longs(&|r| r.omitted), false),
            ("last_event", longs(&|r| r.last_event), false),
        ])
        .unwrap()
    }

    /// As tables in memory, in batches of so many rows.
    fn provider(&self, rows: usize) -> Arc<dyn TableProvider> {
        over(table(&self.requests(), rows), table(&self.events(), rows)).unwrap()
    }

    /// A line for each request that is `chosen`, in order.
    fn naive(&self, chosen: impl Fn(&Request) -> bool) -> Vec<String> {
        let mut rows: BTreeMap<(String, i64), String> = BTreeMap::new();
        for request in self.requests.iter().filter(|r| chosen(r)) {
            let own = |e: &&Event| e.trace == request.trace && e.request == Some(request.id);
            let own: Vec<&Event> = self.events.iter().filter(own).collect();
            let list = |of: &dyn Fn(&Event) -> String| {
                own.iter().map(|e| of(e)).collect::<Vec<_>>().join(",")
            };
            let or_null = |value: Option<String>| value.unwrap_or("-".to_owned());
            let line = format!(
                "{} {} [{}] [{}] [{}] [{}] [{}] [{}]",
                request.trace,
                request.id,
                list(&|e| e.id.to_string()),
                list(&|e| (e.id * TICK - request.start).to_string()),
                list(&|e| or_null(e.tid.map(|n| n.to_string()))),
                list(&|e| or_null(e.process.map(str::to_owned))),
                list(&|e| e.name.to_owned()),
                list(&|e| or_null(e.ret.map(|n| n.to_string()))),
            );
            rows.insert((request.trace.clone(), request.id), line);
        }
        rows.into_values().collect()
    }
}

fn table(batch: &RecordBatch, rows: usize) -> Arc<dyn TableProvider> {
    let starts = (0..batch.num_rows()).step_by(rows);
    let pieces = starts.map(|at| batch.slice(at, rows.min(batch.num_rows() - at)));
    let schema: Arc<Schema> = batch.schema();
    Arc::new(MemTable::try_new(schema, vec![pieces.collect()]).unwrap())
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let threads = tokio::runtime::Builder::new_multi_thread().build();
    threads.unwrap().block_on(work)
}

fn context(memory: usize) -> SessionContext {
    let pool = Arc::new(GreedyMemoryPool::new(memory));
    let environment: Arc<RuntimeEnv> = RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .build_arc()
        .unwrap();
    let config = SessionConfig::new().with_target_partitions(2);
    SessionContext::new_with_config_rt(config, environment)
}

const COLUMNS: &str =
    "trace_id, request_id, event_id, offset_ns, tid, procname, name, ret FROM request_lists";

/// The lines of a result with [`COLUMNS`].
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        let texts = |column: &ArrayRef| cast(column, &DataType::Utf8).unwrap();
        let traces = texts(batch.column(0));
        let ids = batch.column(1).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let lists = batch.columns()[2..].iter().map(|column| {
                let elements = texts(&column.as_list::<i32>().value(row));
                let elements = elements.as_string::<i32>().iter();
                let elements = elements.map(|e| e.unwrap_or("-")).collect::<Vec<_>>();
                format!("[{}]", elements.join(","))
            });
            let lists = lists.collect::<Vec<_>>().join(" ");
            let trace = traces.as_string::<i32>().value(row);
            lines.push(format!("{trace} {} {lists}", ids.value(row)));
        }
    }
    lines
}

async fn ask(provider: Arc<dyn TableProvider>, sql: &str) -> Result<Vec<String>, DataFusionError> {
    let context = context(1 << 28);
    context.register_table("request_lists", provider)?;
    Ok(lines(&context.sql(sql).await?.collect().await?))
}

#[test]
fn lists_are_those_of_a_naive_evaluation() {
    wait(async {
        let traces = ["a", "b", "c"];
        let mut rows = 0;
        for seed in 0..40 {
            let traces = &traces[..1 + seed as usize % 3];
            let open = [1, 3, 12][seed as usize / 3 % 3];
            let tables = Tables::random(seed, traces, 30 + 7 * seed as i64, open);
            let provider = tables.provider([1, 5, 1000][seed as usize % 3]);
            let expected = tables.naive(|_| true);
            let all = format!("SELECT {COLUMNS}");
            let given = ask(Arc::clone(&provider), &all).await.unwrap();
            assert_eq!(given, expected, "seed {seed}");
            rows += expected.len();
            let some = format!("SELECT {COLUMNS} WHERE complete AND request_id IN (1, 4, 6)");
            let expected = tables.naive(|r| r.complete && [1, 4, 6].contains(&r.id));
            assert_eq!(ask(provider, &some).await.unwrap(), expected, "seed {seed}");
        }
        assert!(rows > 1000, "{rows} requests");
    });
}

#[test]
fn without_events_or_requests_there_are_no_lists() {
    wait(async {
        let mut tables = Tables::random(1, &["a"], 50, 3);
        let requests = std::mem::take(&mut tables.requests);
        let sql = format!("SELECT {COLUMNS}");
        assert!(ask(tables.provider(8), &sql).await.unwrap().is_empty());
        tables.requests = requests;
        tables.events.clear();
        let given = ask(tables.provider(8), &sql).await.unwrap();
        assert_eq!(given, tables.naive(|_| true));
        assert!(given.len() > 3 && given[0] == "a 0 [] [] [] [] [] []");
        let none = Tables::default().provider(8);
        assert!(ask(none, &sql).await.unwrap().is_empty());
    });
}

/// The operator over all columns, with a bound of what waits in memory.
async fn plan(tables: &Tables, waiting: usize, context: &SessionContext) -> Arc<dyn ExecutionPlan> {
    let provider = tables.provider(64);
    let names = [
        "trace_id",
        "request_id",
        "event_id",
        "offset_ns",
        "tid",
        "procname",
        "name",
        "ret",
    ];
    let at = names.map(|name| provider.schema().index_of(name).unwrap());
    let (state, at) = (context.state(), at.to_vec());
    let plan = provider.scan(&state, Some(&at), &[], None).await.unwrap();
    let [requests, events] = plan.children()[..] else {
        panic!("two tables");
    };
    let plan = RequestListsExec::new(Arc::clone(requests), Arc::clone(events), plan.schema());
    Arc::new(plan.with_waiting(waiting))
}

/// A request that lasts as long as the recording, and many short ones.
fn one_long() -> Tables {
    let mut tables = Tables::random(5, &["a", "b"], 4000, 6);
    for (trace, start) in [("a", 0), ("b", 4000)] {
        let long = tables.requests.iter_mut();
        let long = long
            .filter(|r| r.trace == trace)
            .min_by_key(|r| r.id)
            .unwrap();
        let (id, last) = (long.id, 3999);
        long.last_event = last;
        tables.events[start + 3999].request = Some(id);
    }
    tables
}

#[test]
fn what_waits_for_a_long_request_waits_on_disk() {
    wait(async {
        let tables = one_long();
        let context = context(1 << 28);
        let plan = plan(&tables, 10_000, &context).await;
        let given = collect(Arc::clone(&plan), context.task_ctx())
            .await
            .unwrap();
        assert_eq!(lines(&given), tables.naive(|_| true));
        let spilled = plan.metrics().unwrap().spill_count().unwrap();
        assert!(spilled > 4, "{spilled} runs");
    });
}

#[test]
fn memory_that_is_not_there_is_an_error() {
    wait(async {
        let tables = one_long();
        let context = context(150_000);
        let plan = plan(&tables, 1 << 30, &context).await;
        let e = collect(plan, context.task_ctx()).await.unwrap_err();
        assert!(
            matches!(e.find_root(), DataFusionError::ResourcesExhausted(_)),
            "{e}"
        );
    });
}

#[test]
fn nothing_is_left_of_a_query_that_is_dropped() {
    wait(async {
        let tables = one_long();
        let context = context(1 << 28);
        let plan = plan(&tables, 10_000, &context).await;
        let mut stream = plan.execute(0, context.task_ctx()).unwrap();
        assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
        drop((stream, plan));
        let pool = context.task_ctx().memory_pool().clone();
        for _ in 0..200 {
            if pool.reserved() == 0 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{} bytes are reserved", pool.reserved());
    });
}

#[test]
fn tables_that_do_not_fit_together_are_named() {
    wait(async {
        let sql = format!("SELECT {COLUMNS}");
        let refused = async |tables: Tables, why: &str| {
            let e = ask(tables.provider(16), &sql)
                .await
                .unwrap_err()
                .to_string();
            assert!(
                e.contains("the table events does not fit") && e.contains(why),
                "{e}"
            );
        };
        let mut late = Tables::random(3, &["a"], 300, 4);
        let ended = late.requests[0].id;
        late.events[299].request = Some(ended);
        refused(late, "whose last event is").await;
        let mut mixed = Tables::random(3, &["a"], 300, 4);
        mixed.events.swap(10, 200);
        refused(mixed, "not in the order of event_id").await;
        let turned = Tables::random(3, &["b", "a"], 300, 4);
        refused(turned, "not in the order of recordings").await;
    });
}
