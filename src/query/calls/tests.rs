//! The table beside the join that it stands for, on random recordings.

use super::register;
use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;

/// What the table is, as a join. It holds all entries with all their arguments.
const JOINED: &str = "
    SELECT coalesce(x.trace_id, n.trace_id) AS trace_id, coalesce(x.label, n.label) AS label, n.event_id AS entry_id,
      x.event_id AS exit_id, n.\"timestamp\" AS entered, x.\"timestamp\" AS returned, coalesce(x.cpu, n.cpu) AS cpu,
      coalesce(x.pid, n.pid) AS pid, coalesce(x.tid, n.tid) AS tid, coalesce(x.procname, n.procname) AS procname,
      coalesce(x.name, n.name) AS name, coalesce(n.fd, x.fd) AS fd, coalesce(n.path, x.path) AS path, x.ret,
      errnos.name AS errno, x.duration_ns, n.args AS entry_args, x.args AS exit_args,
      coalesce(x.request_id, n.request_id) AS request_id, coalesce(x.service_id, n.service_id) AS service_id
    FROM (SELECT * FROM events WHERE phase = 'entry') AS n
    FULL JOIN (SELECT * FROM events WHERE phase = 'exit') AS x
      ON x.trace_id = n.trace_id AND x.entry_id = n.event_id
    LEFT JOIN errnos ON errnos.errno = -x.ret";

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }

    fn maybe(&mut self, limit: usize) -> Option<i64> {
        (self.below(4) > 0).then(|| self.below(limit) as i64)
    }
}

/// The columns of events, as far as calls have them.
#[derive(Default)]
struct Events {
    trace: Vec<String>,
    event: Vec<i64>,
    tid: Vec<Option<i32>>,
    name: Vec<&'static str>,
    phase: Vec<&'static str>,
    entry: Vec<Option<i64>>,
}

impl Events {
    /// Adds a recording in which `threads` threads are in calls; of hundred events of calls, `lost` are lost.
    fn record(
        &mut self,
        numbers: &mut Numbers,
        trace: &str,
        count: usize,
        threads: usize,
        lost: usize,
    ) {
        let mut within: HashMap<usize, &'static str> = HashMap::new();
        let mut seen: HashMap<usize, (&'static str, i64)> = HashMap::new();
        let mut next = 0;
        while next < count as i64 {
            let thread = numbers.below(threads);
            let tid = (thread > 0).then_some(thread as i32);
            let is_lost = numbers.below(100) < lost;
            let (name, phase, entry) = match (numbers.below(3), within.remove(&thread)) {
                (0, other) => {
                    within.extend(other.map(|name| (thread, name)));
                    ("sched_switch", "point", None)
                }
                (_, Some(name)) => {
                    let entry = (!is_lost).then(|| seen.remove(&thread)).flatten();
                    let entry = entry.filter(|(entered, _)| *entered == name);
                    (
                        name,
                        "exit",
                        entry.map(|(_, id)| id).filter(|_| tid.is_some()),
                    )
                }
                (_, None) => {
                    let name = ["read", "openat", "futex"][numbers.below(3)];
                    within.insert(thread, name);
                    if !is_lost {
                        seen.insert(thread, (name, next));
                    }
                    (name, "entry", None)
                }
            };
            if is_lost {
                continue;
            }
            self.trace.push(trace.to_owned());
            self.event.push(next);
            self.tid.push(tid);
            self.name.push(name);
            self.phase.push(phase);
            self.entry.push(entry);
            next += 1;
        }
    }

    fn batch(&self, numbers: &mut Numbers, args: bool) -> RecordBatch {
        let count = self.event.len();
        let words = |words: &[&str]| -> ArrayRef {
            Arc::new(
                words
                    .iter()
                    .copied()
                    .collect::<DictionaryArray<Int32Type>>(),
            )
        };
        let maybe = |numbers: &mut Numbers, limit| -> ArrayRef {
            Arc::new(
                (0..count)
                    .map(|_| numbers.maybe(limit))
                    .collect::<Int64Array>(),
            )
        };
        let small = |numbers: &mut Numbers| -> ArrayRef {
            let values = (0..count).map(|_| numbers.maybe(4).map(|n| n as i32));
            Arc::new(values.collect::<Int32Array>())
        };
        let texts = |numbers: &mut Numbers| -> Vec<Option<String>> {
            let text = |n: i64| format!("/{n}");
            (0..count).map(|_| numbers.maybe(9).map(text)).collect()
        };
        let traces: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        let returned = (0..count).map(|_| Some(numbers.below(50) as i64 - 40));
        let returned: Int64Array = returned.collect();
        let procnames = texts(numbers);
        let procnames = procnames.iter().map(Option::as_deref);
        let times = TimestampNanosecondArray::from(self.event.clone()).with_timezone("UTC");
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("event_id", Arc::new(Int64Array::from(self.event.clone()))),
            ("trace_id", words(&traces)),
            ("label", words(&vec!["here"; count])),
            ("request_id", maybe(numbers, 20)),
            ("service_id", maybe(numbers, 20)),
            ("timestamp", Arc::new(times)),
            ("cpu", small(numbers)),
            ("pid", small(numbers)),
            ("tid", Arc::new(Int32Array::from(self.tid.clone()))),
            (
                "procname",
                Arc::new(procnames.collect::<DictionaryArray<Int32Type>>()),
            ),
            ("name", words(&self.name)),
            ("phase", words(&self.phase)),
            ("ret", Arc::new(returned)),
            ("fd", maybe(numbers, 9)),
            ("path", Arc::new(StringArray::from(texts(numbers)))),
            ("entry_id", Arc::new(Int64Array::from(self.entry.clone()))),
            ("duration_ns", maybe(numbers, 1000)),
        ];
        if args {
            let member = Arc::new(Field::new("flags", DataType::Int64, true));
            let args = StructArray::new(vec![member].into(), vec![maybe(numbers, 1000)], None);
            columns.push(("args", Arc::new(args)));
        }
        RecordBatch::try_from_iter(columns).unwrap()
    }
}

/// A session with `partitions` of events.
async fn context(partitions: Vec<Vec<RecordBatch>>, memory: usize) -> SessionContext {
    let environment = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0);
    let config = SessionConfig::new()
        .with_batch_size(64)
        .with_target_partitions(partitions.len());
    let context = SessionContext::new_with_config_rt(config, environment.build_arc().unwrap());
    let schema = partitions[0][0].schema();
    let bare = schema.column_with_name("args").is_none();
    let table = Arc::new(MemTable::try_new(schema, partitions).unwrap());
    let name = if bare { "bare" } else { "events" };
    context.register_table(name, table).unwrap();
    if bare {
        let view = "CREATE VIEW events AS SELECT *, NULL AS args FROM bare";
        context.sql(view).await.unwrap().collect().await.unwrap();
    }
    let errnos = include_str!("../../../schemas/views/errnos.sql");
    context.sql(errnos).await.unwrap().collect().await.unwrap();
    register(&context, name).await.unwrap();
    context
}

/// The rows of an answer as texts, in order, below its types.
async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let frame = context.sql(sql).await.unwrap();
    let fields = frame.schema().fields().iter();
    let types: Vec<String> = fields
        .map(|f| format!("{} {}", f.name(), f.data_type()))
        .collect();
    let batches = frame.collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<String> = text
        .lines()
        .skip(3)
        .filter(|line| !line.starts_with("+"))
        .map(str::to_owned)
        .collect();
    rows.sort();
    rows.insert(0, types.join(", "));
    rows
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

/// Pieces of a batch: as they come, or in any order.
fn pieces(numbers: &mut Numbers, batch: &RecordBatch, shuffled: bool) -> Vec<RecordBatch> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < batch.num_rows() {
        let count = (1 + numbers.below(40)).min(batch.num_rows() - at);
        pieces.push(batch.slice(at, count));
        at += count;
    }
    if shuffled {
        for last in (1..pieces.len()).rev() {
            pieces.swap(last, numbers.below(last + 1));
        }
    }
    pieces
}

const AMPLE: usize = 1 << 30;

#[test]
fn rows_are_those_of_the_join() {
    let mut numbers = Numbers(1);
    let runtime = runtime();
    for round in 0..16 {
        let mut events = Events::default();
        let lost = [0, 20][round % 2];
        events.record(
            &mut numbers,
            "one",
            [1, 400][usize::from(round > 1)],
            5,
            lost,
        );
        if round % 4 > 1 {
            events.record(&mut numbers, "other", 300, 3, lost);
        }
        let batch = events.batch(&mut numbers, round % 5 > 0);
        let pieces = pieces(&mut numbers, &batch, round % 3 == 2);
        let size = 1 + numbers.below(pieces.len());
        let partitions = pieces.chunks(size).map(<[RecordBatch]>::to_vec).collect();
        runtime.block_on(async {
            let context = context(partitions, AMPLE).await;
            for (of, wanted) in [
                ("*", ""),
                ("exit_id, entry_id", ""),
                ("errno, path", ""),
                ("entry_id, request_id", "WHERE name = 'read' AND tid = 2"),
                (
                    "count(*) AS n, sum(duration_ns) AS total",
                    "WHERE trace_id = 'other'",
                ),
                ("exit_id, fd", "WHERE entry_id IS NULL OR ret < 0"),
            ] {
                let ours = rows(&context, &format!("SELECT {of} FROM syscalls {wanted}")).await;
                let joined = format!("SELECT {of} FROM ({JOINED}) {wanted}");
                assert_eq!(
                    ours,
                    rows(&context, &joined).await,
                    "{round}: {of} {wanted}"
                );
            }
        });
    }
}

#[test]
fn what_is_held_does_not_grow_with_the_recording() {
    let mut numbers = Numbers(2);
    let mut events = Events::default();
    events.record(&mut numbers, "one", 20_000, 20, 1);
    let batch = events.batch(&mut numbers, true);
    let pieces = pieces(&mut numbers, &batch, false);
    assert!(batch.get_array_memory_size() > 2_000_000);
    runtime().block_on(async {
        let context = context(vec![pieces], 300_000).await;
        let sql = "SELECT * FROM syscalls";
        let mut stream = context
            .sql(sql)
            .await
            .unwrap()
            .execute_stream()
            .await
            .unwrap();
        let mut count = 0;
        while let Some(batch) = stream.next().await {
            count += batch.unwrap().num_rows();
        }
        assert!(count > 6_000, "{count}");
        assert_eq!(context.runtime_env().memory_pool.reserved(), 0);
    });
}

#[test]
fn too_little_memory_is_an_error_and_a_dropped_stream_holds_none() {
    let mut numbers = Numbers(3);
    let mut events = Events::default();
    events.record(&mut numbers, "one", 2000, 200, 0);
    let batch = events.batch(&mut numbers, true);
    let pieces = pieces(&mut numbers, &batch, true);
    runtime().block_on(async {
        let poor = context(vec![pieces.clone()], 10_000).await;
        let frame = poor.sql("SELECT * FROM syscalls").await.unwrap();
        let failed = frame.collect().await.unwrap_err();
        assert!(matches!(
            failed.find_root(),
            DataFusionError::ResourcesExhausted(_)
        ));
        let rich = context(vec![pieces], AMPLE).await;
        let frame = rich.sql("SELECT * FROM syscalls").await.unwrap();
        let mut stream = frame.execute_stream().await.unwrap();
        assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
        drop(stream);
        let pool = &rich.runtime_env().memory_pool;
        for _ in 0..100 {
            if pool.reserved() == 0 {
                return;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{} bytes are still reserved", pool.reserved());
    });
}
