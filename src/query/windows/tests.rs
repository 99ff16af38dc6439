//! The operator beside DataFusion's own joins, on random tables.

use super::WindowJoins;
use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::Int32Type;
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        ((self.0 >> 33) as i64) % limit
    }

    /// A number, or null in one of ten cases.
    fn maybe(&mut self, limit: i64) -> Option<i64> {
        (self.below(10) > 0).then(|| self.below(limit))
    }
}

const KEYS: [&str; 3] = ["a", "b", "c"];

fn key(numbers: &mut Numbers) -> Option<&'static str> {
    numbers.maybe(3).map(|k| KEYS[k as usize])
}

fn column(rows: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(rows.to_vec()))
}

fn time(rows: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(rows.to_vec()).with_timezone("UTC"))
}

fn text(rows: &[Option<&str>]) -> ArrayRef {
    Arc::new(rows.iter().copied().collect::<DictionaryArray<Int32Type>>())
}

/// Rows with an interval each, some of them empty, some without a bound or a key.
fn intervals(numbers: &mut Numbers, count: i64, span: i64) -> RecordBatch {
    let begins: Vec<_> = (0..count).map(|_| numbers.maybe(span)).collect();
    let ends: Vec<_> = begins
        .iter()
        .map(|begin| Some((*begin)? + numbers.maybe(span / 3)? - 2))
        .collect();
    let keys: Vec<_> = (0..count).map(|_| key(numbers)).collect();
    let ids: Vec<_> = (0..count).map(Some).collect();
    let columns = [
        ("id", column(&ids)),
        ("key", text(&keys)),
        ("first", column(&begins)),
        ("last", column(&ends)),
        ("start", time(&begins)),
        ("end", time(&ends)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Rows with a point each, in order or not.
fn points(numbers: &mut Numbers, count: i64, span: i64, sorted: bool) -> RecordBatch {
    let mut points: Vec<_> = (0..count).map(|_| numbers.maybe(span)).collect();
    let mut keys: Vec<_> = (0..count).map(|_| key(numbers)).collect();
    if sorted {
        points.sort();
        keys.sort();
    }
    let ids: Vec<_> = (0..count).map(Some).collect();
    let columns = [
        ("id", column(&ids)),
        ("key", text(&keys)),
        ("point", column(&points)),
        ("at", time(&points)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn context(ours: bool, memory: usize, tables: &[(&str, &RecordBatch)]) -> SessionContext {
    let mut rules = PhysicalOptimizer::new().rules;
    if ours {
        rules = WindowJoins::among(rules);
    }
    let environment = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0);
    let state = SessionStateBuilder::new()
        .with_config(
            SessionConfig::new()
                .with_batch_size(7)
                .with_target_partitions(3),
        )
        .with_runtime_env(environment.build_arc().unwrap())
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for (name, rows) in tables {
        let (all, half) = (rows.num_rows(), rows.num_rows() / 2);
        let pieces = |from: usize, to: usize| {
            let starts = (from..to).step_by(50);
            starts.map(|at| rows.slice(at, 50.min(to - at))).collect()
        };
        let partitions: Vec<Vec<RecordBatch>> = vec![pieces(0, half), pieces(half, all)];
        let table = MemTable::try_new(rows.schema(), partitions).unwrap();
        context.register_table(*name, Arc::new(table)).unwrap();
    }
    context
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let plan = context.sql(sql).await.unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The rows of an answer as texts, in order.
async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<String> = text
        .lines()
        .skip(3)
        .filter(|line| !line.starts_with("+"))
        .map(str::to_owned)
        .collect();
    rows.sort();
    rows
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

const AMPLE: usize = 1 << 30;

const JOINS: [&str; 10] = [
    "SELECT * FROM w JOIN e ON e.key = w.key AND e.point BETWEEN w.first AND w.last",
    "SELECT * FROM e JOIN w ON e.key = w.key AND e.point BETWEEN w.first AND w.last",
    "SELECT w.id, e.id FROM w JOIN e ON e.point BETWEEN w.first AND w.last",
    "SELECT e.id FROM e, w WHERE e.point > w.first AND w.last > e.point AND w.key IS NOT DISTINCT FROM e.key",
    "SELECT w.id, e.id + 1 FROM w JOIN e ON e.at >= w.start AND e.at < w.\"end\" AND w.key = e.key",
    "SELECT w.id, e.id FROM w JOIN e ON e.point BETWEEN w.first AND w.last AND (w.id + e.id) % 3 > 0",
    "SELECT w.key, count(*), count(DISTINCT e.id) FROM w JOIN e ON e.key = w.key AND e.point BETWEEN w.first AND w.last GROUP BY 1",
    "SELECT count(*) FROM w JOIN e ON e.point BETWEEN w.first - 1 AND w.last + 1 WHERE w.id < 5 AND e.id % 2 = 0",
    "SELECT * FROM (SELECT w.id AS wid, e.id AS eid, e.key AS k, w.key AS l FROM w JOIN e ON e.point BETWEEN w.first AND w.last) \
     WHERE k = 'a' AND l = 'b'",
    "SELECT x.id, x.k, x.eid FROM (SELECT w.id, e.key AS k, e.id AS eid FROM w JOIN e ON e.key = w.key AND e.point BETWEEN w.first \
     AND w.last) AS x JOIN (SELECT max(key) AS key FROM w) AS s ON s.key = x.k",
];

#[test]
fn answers_are_those_of_other_joins() {
    let runtime = runtime();
    let mut numbers = Numbers(1);
    for round in 0..12 {
        let span = [10, 60, 1000][round % 3];
        let counts = [(40, 300), (0, 30), (5, 0), (1, 200)][round / 3];
        let w = intervals(&mut numbers, counts.0, span);
        let e = points(&mut numbers, counts.1, span, round % 2 == 0);
        let tables = [("w", &w), ("e", &e)];
        let (ours, theirs) = (
            context(true, AMPLE, &tables),
            context(false, AMPLE, &tables),
        );
        runtime.block_on(async {
            for sql in JOINS {
                assert_eq!(rows(&ours, sql).await, rows(&theirs, sql).await, "{sql}");
                let plan = plan(&ours, sql).await;
                let small = counts.0 <= counts.1;
                assert_eq!(plan.contains("WindowJoinExec"), small, "{sql}\n{plan}");
            }
        });
    }
}

#[test]
fn other_joins_stay_as_they_are() {
    let mut numbers = Numbers(2);
    let w = intervals(&mut numbers, 20, 50);
    let e = points(&mut numbers, 200, 50, true);
    let ours = context(true, AMPLE, &[("w", &w), ("e", &e)]);
    runtime().block_on(async {
        for sql in [
            "SELECT * FROM w LEFT JOIN e ON e.point BETWEEN w.first AND w.last",
            "SELECT * FROM w JOIN e ON e.point >= w.first",
            "SELECT * FROM w JOIN e ON e.point >= w.first AND e.id <= w.last",
            "SELECT * FROM w JOIN e ON e.point >= w.first AND e.point >= w.last",
            "SELECT * FROM w JOIN e ON e.point NOT BETWEEN w.first AND w.last",
        ] {
            let plan = plan(&ours, sql).await;
            assert!(!plan.contains("WindowJoinExec"), "{sql}\n{plan}");
        }
    });
}

#[test]
fn too_many_intervals_for_the_memory_are_an_error() {
    let mut numbers = Numbers(3);
    let w = intervals(&mut numbers, 2000, 50);
    let e = points(&mut numbers, 3000, 50, true);
    let context = context(true, 100_000, &[("w", &w), ("e", &e)]);
    runtime().block_on(async {
        let frame = context.sql(JOINS[0]).await.unwrap();
        let failed = frame.collect().await.unwrap_err();
        let root = failed.find_root();
        assert!(
            matches!(root, DataFusionError::ResourcesExhausted(_)),
            "{root}"
        );
    });
}

#[test]
fn a_stream_that_is_dropped_gives_its_memory_back() {
    let mut numbers = Numbers(4);
    let w = intervals(&mut numbers, 500, 50);
    let e = points(&mut numbers, 3000, 50, true);
    let context = context(true, AMPLE, &[("w", &w), ("e", &e)]);
    runtime().block_on(async {
        let frame = context.sql(JOINS[2]).await.unwrap();
        let mut stream = frame.execute_stream().await.unwrap();
        assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
        let pool = &context.runtime_env().memory_pool;
        assert!(pool.reserved() > 0);
        drop(stream);
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

/// Rows that scans of `file` gave in the run of a plan.
fn read(plan: &Arc<dyn ExecutionPlan>, column: &str) -> usize {
    let mut rows = 0;
    let is_scan = plan.children().is_empty() && plan.schema().index_of(column).is_ok();
    if is_scan && let Some(metrics) = plan.metrics() {
        rows += metrics.output_rows().unwrap_or(0);
    }
    let below = plan.children().into_iter();
    rows + below.map(|child| read(child, column)).sum::<usize>()
}

/// Writes the points 0 to 9999, in pages of a hundred; each third one is `of` a tenth of its number.
fn write_points(path: &Path) {
    let numbers: Vec<_> = (0..10_000).map(Some).collect();
    let of: Vec<_> = (0..10_000)
        .map(|n| (n % 3 == 0).then_some(n / 10))
        .collect();
    let columns = [
        ("point", column(&numbers)),
        ("key", text(&vec![Some("a"); 10_000])),
        ("of", column(&of)),
    ];
    let points = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2000))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, points.schema(), Some(properties)).unwrap();
    writer.write(&points).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_join_with_few_keys_reads_the_pages_of_their_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.parquet");
    write_points(&path);
    let all = |value: fn(i64) -> i64| (0..1000).map(|n| Some(value(n))).collect::<Vec<_>>();
    let columns = [
        ("id", column(&all(|n| n))),
        ("first", column(&all(|n| n * 10))),
        ("last", column(&all(|n| n * 10 + 9))),
    ];
    let w = RecordBatch::try_from_iter(columns).unwrap();
    let s = RecordBatch::try_from_iter([("id", column(&[Some(15), Some(505)]))]).unwrap();
    let context = context(true, AMPLE, &[("w", &w), ("s", &s)]);
    runtime().block_on(async {
        let (path, options) = (path.to_str().unwrap(), ParquetReadOptions::default());
        context.register_parquet("e", path, options).await.unwrap();
        let own = "SELECT e.of, e.point FROM w JOIN e ON e.of = w.id AND e.point BETWEEN w.first AND w.last";
        for sql in [
            format!("SELECT o.point FROM ({own}) AS o JOIN s ON s.id = o.of"),
            format!("SELECT o.point FROM ({own}) AS o WHERE o.of IN (SELECT id FROM s)"),
        ] {
            let plan = context.sql(&sql).await.unwrap();
            let plan = plan.create_physical_plan().await.unwrap();
            let rows = collect(Arc::clone(&plan), context.task_ctx())
                .await
                .unwrap();
            let rows: usize = rows.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(rows, 4 + 3, "{sql}");
            assert_eq!(read(&plan, "point"), 200, "{sql}");
        }
    });
}

#[test]
fn only_pages_that_an_interval_reaches_into_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("points.parquet");
    write_points(&path);
    let (first, last) = ([Some(150), Some(5050)], [Some(160), Some(5120)]);
    let columns = [
        ("key", text(&[Some("a"); 2])),
        ("id", column(&[Some(15), Some(505)])),
        ("first", column(&first)),
        ("last", column(&last)),
    ];
    let w = RecordBatch::try_from_iter(columns).unwrap();
    let context = context(true, AMPLE, &[("w", &w)]);
    runtime().block_on(async {
        let options = ParquetReadOptions::default();
        let path = path.to_str().unwrap();
        context.register_parquet("e", path, options).await.unwrap();
        for (on, expected) in [
            ("e.key = w.key", 11 + 71),
            ("e.key = w.key AND e.of = w.id", 4 + 3),
            ("true", 11 + 71),
        ] {
            let sql = format!(
                "SELECT e.point FROM w JOIN e ON {on} AND e.point BETWEEN w.first AND w.last"
            );
            let plan = context.sql(&sql).await.unwrap();
            let plan = plan.create_physical_plan().await.unwrap();
            let rows = collect(Arc::clone(&plan), context.task_ctx())
                .await
                .unwrap();
            let rows: usize = rows.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(rows, expected, "{on}");
            assert_eq!(read(&plan, "point"), 300, "{on}");
        }
    });
}
