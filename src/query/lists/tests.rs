//! The functions in SQL, against what they are said to give.

use super::functions;
use arrow::array::{ArrayRef, Int32Array, Int64Array, ListBuilder, RecordBatch, StringBuilder};
use arrow::array::{Int32Builder, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;

fn context() -> SessionContext {
    let context = SessionContext::new();
    for function in functions() {
        context.register_udf(function);
    }
    context
}

fn run(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let threads = tokio::runtime::Builder::new_multi_thread().build();
    let answer = async { context.sql(sql).await?.collect().await };
    threads.unwrap().block_on(answer).map_err(|e| e.to_string())
}

/// The one value that an expression gives, as text.
fn value(expression: &str) -> String {
    let batches = run(&context(), &format!("SELECT {expression} AS x"));
    let table = pretty_format_batches(&batches.unwrap())
        .unwrap()
        .to_string();
    let line = table.lines().nth(3).unwrap();
    line.trim_matches(['|', ' ']).to_owned()
}

#[test]
fn each_does_what_it_says() {
    for (expression, expected) in [
        (
            "positions(['b', 'x', NULL, 'a'], ['a', 'b', 'a'], 9)",
            "[2, 9, 9, 1]",
        ),
        ("positions(['b', 'x'], [NULL, 'b'], NULL)", "[2, ]"),
        ("positions(['b'], CAST(NULL AS VARCHAR[]), 0)", "[0]"),
        ("positions(CAST(NULL AS VARCHAR[]), ['b'], 0)", ""),
        ("deltas([3, 5, 4, NULL, 7, 9])", "[3, 2, -1, , , 2]"),
        ("deltas(CAST([] AS BIGINT[]))", "[]"),
        ("fill_null([1, NULL], 0)", "[1, 0]"),
        ("fill_null([1, NULL], NULL)", "[1, ]"),
        (
            "outcomes([0, -2, NULL, -4095, -4096, 17])",
            "[1, 2, 0, 2, 1, 1]",
        ),
        ("elements_where([1, 2, 3], ['a', 'b', 'a'], 'a')", "[1, 3]"),
        ("elements_where([1, 2], ['a', NULL], 'x')", "[]"),
        ("elements_where([1, 2], ['a', NULL], NULL)", "[]"),
        (
            "ngrams(['a', 'b', 'c', 'd'], [1, 2, 1, 1], 2)",
            "[a c, c d]",
        ),
        ("ngrams(['a', 'b', 'c'], [NULL, 1, NULL], 2)", "[a c]"),
        ("ngrams(['a', NULL, 'c', 'd'], [1, 1, 1, 1], 2)", "[c d]"),
        ("ngrams(['a', 'b'], ['x', 'x'], 1)", "[a, b]"),
        ("ngrams(['a', 'b'], [1, 1], 3)", "[]"),
        (
            "element_counts(['b', 'a', 'b', NULL])",
            "[{element: b, times: 2}, {element: a, times: 1}, {element: , times: 1}]",
        ),
        ("element_counts(CAST(NULL AS VARCHAR[]))", ""),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn what_they_do_not_take_is_said() {
    for (expression, why) in [
        ("deltas(1)", "deltas takes a list as argument 1"),
        (
            "positions(['a'], ['a'], ['a'])",
            "positions takes one value as argument 3",
        ),
        ("deltas(['a'])", "a list of integers is needed"),
        ("element_counts([1])", "a list of texts is needed"),
        ("ngrams(['a'], [1], 0)", "n is a number from 1"),
        ("ngrams(['a'], [1], NULL)", "n is a number from 1"),
        ("ngrams(['a', 'b'], [1], 2)", "lists of 2 and 1 elements"),
        (
            "elements_where([1], ['a', 'b'], 'a')",
            "lists of 1 and 2 elements",
        ),
    ] {
        let e = run(&context(), &format!("SELECT {expression}")).unwrap_err();
        assert!(e.contains(why), "{expression}: {e}");
    }
}

type Words = Vec<Option<&'static str>>;
/// A list of words, the keys of its elements, and how many make a gram.
type Row = (Option<Words>, Vec<Option<i32>>, i64);

/// Rows of words, keys and a number, some of them null.
fn rows(seed: u64) -> Vec<Row> {
    let mut state = seed;
    let mut below = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let mut rows = Vec::new();
    for _ in 0..50 {
        let len = below(12) as usize;
        let words = (0..len).map(|_| [Some("a"), Some("b"), Some("c"), None][below(4) as usize]);
        let words: Words = words.collect();
        let keys = (0..len)
            .map(|_| [Some(1), Some(2), None][below(3) as usize])
            .collect();
        let words = (below(9) > 0).then_some(words);
        rows.push((words, keys, 1 + below(3) as i64));
    }
    rows
}

fn table(rows: &[Row]) -> RecordBatch {
    let mut words = ListBuilder::new(StringBuilder::new());
    let mut keys = ListBuilder::new(Int32Builder::new());
    for (row, of_row, _) in rows {
        words.append_option(row.clone());
        keys.append_value(of_row.clone());
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "id",
            Arc::new(Int32Array::from_iter_values(0..rows.len() as i32)),
        ),
        ("words", Arc::new(words.finish())),
        ("keys", Arc::new(keys.finish())),
        (
            "n",
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2))),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// N-grams as they are defined: per key, what follows one another.
fn naive_ngrams(words: &Words, keys: &[Option<i32>], n: usize) -> Vec<String> {
    let mut grams: BTreeMap<usize, String> = BTreeMap::new();
    for key in [None, Some(1), Some(2)] {
        let own: Vec<usize> = (0..keys.len()).filter(|i| keys[*i] == key).collect();
        for window in own.windows(n) {
            let gram: Option<Vec<&str>> = window.iter().map(|i| words[*i]).collect();
            if let Some(gram) = gram {
                grams.insert(window[0], gram.join(" "));
            }
        }
    }
    grams.into_values().collect()
}

#[test]
fn ngrams_of_columns_are_those_of_a_naive_evaluation() {
    let (mut grams, mut counted) = (0, 0);
    for seed in 0..20 {
        let rows = rows(seed);
        let context = context();
        context.register_batch("t", table(&rows)).unwrap();
        // Slices begin elsewhere in their buffers.
        let sql = "SELECT id, array_to_string(arrow_cast(ngrams(words, keys, n), 'List(Utf8)'), ',', '') AS g, \
                   array_to_string(positions(words, ['c', 'a'], n), ',') AS p, \
                   coalesce(array_sum(element_counts(words)['times']), 0) AS c FROM t ORDER BY id LIMIT 40 OFFSET 7";
        let sql = sql.replace(
            "coalesce(array_sum(element_counts(words)['times']), 0)",
            "cardinality(element_counts(words))",
        );
        let batches = run(&context, &sql).unwrap();
        let table = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let text = |column: usize, row: usize| -> String {
            let texts: &StringArray = table.column(column).as_any().downcast_ref().unwrap();
            texts.value(row).to_owned()
        };
        assert_eq!(table.num_rows(), 40);
        for (at, (words, keys, n)) in rows[7..47].iter().enumerate() {
            let Some(words) = words else {
                continue;
            };
            let expected = naive_ngrams(words, keys, *n as usize);
            assert_eq!(
                text(1, at),
                expected.join(","),
                "seed {seed}, {words:?} {keys:?} {n}"
            );
            let positions = words.iter().map(|word| match word {
                Some("c") => "1".to_owned(),
                Some("a") => "2".to_owned(),
                _ => n.to_string(),
            });
            assert_eq!(text(2, at), positions.collect::<Vec<_>>().join(","));
            grams += expected.len();
            counted += 1;
        }
    }
    assert!(grams > 1000 && counted > 500, "{grams} {counted}");
}
