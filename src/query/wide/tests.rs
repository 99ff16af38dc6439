//! What is copied is what DataFusion would write, and what is more than copying is left to it.

use super::{Copied, Origin};
use crate::dataset::Table;
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

fn schema(members: &[&str], nullable: bool) -> SchemaRef {
    let member = |name: &&str| match *name {
        "id" => Field::new("id", DataType::Int64, nullable),
        name => Field::new(name, DataType::Utf8, true),
    };
    let members: Vec<Field> = members.iter().map(member).collect();
    let element = Field::new("element", DataType::Struct(members.into()), false);
    let word = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    Arc::new(Schema::new(vec![
        Field::new("request", DataType::Int64, false),
        Field::new("label", word, true),
        Field::new("events", DataType::List(Arc::new(element)), false),
    ]))
}

/// Rows with as many elements as the last digit of their number says.
fn rows(schema: &SchemaRef, from: usize) -> RecordBatch {
    let line = |row: usize| {
        let element = |at: usize| match at % 2 {
            0 => format!(r#"{{"id": {}, "name": "call {at}"}}"#, row * 10 + at),
            _ => format!(r#"{{"id": {}, "path": "/{row}"}}"#, row * 10 + at),
        };
        let elements: Vec<String> = (0..row % 10).map(element).collect();
        let label = ["\"a b\"", "\"ä\"", "\"c\""][row % 3];
        let elements = elements.join(", ");
        format!(r#"{{"request": {row}, "label": {label}, "events": [{elements}]}}"#)
    };
    let text: Vec<String> = (from..from + 300).map(line).collect();
    let plain = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "label" => Field::new("label", DataType::Utf8, true),
            _ => field.as_ref().clone(),
        });
    let plain = Schema::new(plain.collect::<Vec<Field>>());
    let reader = ReaderBuilder::new(Arc::new(plain)).with_batch_size(300);
    let reader = reader.build(std::io::Cursor::new(text.join("\n")));
    let batch = reader.unwrap().next().unwrap().unwrap();
    let fields = schema.fields().iter().zip(batch.columns());
    let columns = fields.map(|(field, column)| cast(column, field.data_type()).unwrap());
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

/// A table of two files in `root`, the second of which lacks a member.
fn table(root: &Path) -> (SessionContext, Vec<Origin>) {
    let dir = root.join("requests");
    fs::create_dir(&dir).unwrap();
    let mut files = Vec::new();
    for (number, members) in [&["id", "name", "path"][..], &["id", "name"]]
        .into_iter()
        .enumerate()
    {
        let schema = schema(members, false);
        let path = dir.join(format!("part-{number}.parquet"));
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(120));
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties.build()));
        let writer = writer.as_mut().unwrap();
        writer.write(&rows(&schema, number * 300)).unwrap();
        writer.finish().unwrap();
        files.push(path);
    }
    let urls = files.iter();
    let urls = urls.map(|file| ListingTableUrl::parse(file.to_str().unwrap()).unwrap());
    let config = ListingTableConfig::new_with_multi_paths(urls.collect())
        .with_listing_options(ListingOptions::new(Arc::new(ParquetFormat::new())))
        .with_schema(schema(&["id", "name", "path"], true));
    let provider: Arc<dyn TableProvider> = Arc::new(ListingTable::try_new(config).unwrap());
    let context = SessionContext::new();
    context
        .register_table("requests", Arc::clone(&provider))
        .unwrap();
    let name = "requests".to_owned();
    let table = Table { name, dir, files };
    (context, vec![Origin::new(&root.into(), &table, provider)])
}

async fn copied(context: &SessionContext, origins: &[Origin], sql: &str) -> Option<Copied> {
    let state = context.state();
    let plan = state.create_logical_plan(sql).await.unwrap();
    let LogicalPlan::Copy(copy) = plan else {
        panic!("{sql} is no COPY");
    };
    Copied::plan(&state, &copy, origins).unwrap()
}

/// All rows of files, as they are there, one line each.
async fn lines(files: &Path) -> Vec<String> {
    let context = SessionContext::new();
    let options = ParquetReadOptions::default().parquet_pruning(false);
    let frame = context
        .read_parquet(files.to_str().unwrap(), options)
        .await
        .unwrap();
    let mut text = Vec::new();
    for batch in frame.collect().await.unwrap() {
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        writer.write(&batch).unwrap();
        text.extend(writer.into_inner());
    }
    String::from_utf8(text)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let threads = tokio::runtime::Builder::new_multi_thread().build();
    threads.unwrap().block_on(work)
}

#[test]
fn what_is_handed_on_is_copied() {
    wait(async {
        let root = tempfile::tempdir().unwrap();
        let (context, origins) = table(root.path());
        // Which rows a limit leaves is nobody's promise: how many, and that they are rows.
        const ALL: usize = usize::MAX;
        for (number, (query, limit)) in [
            ("SELECT * FROM requests", ALL),
            (
                "SELECT events AS e, request + 1 AS r, label FROM requests WHERE request % 7 < 5",
                400,
            ),
            (
                "SELECT events, label FROM requests WHERE request > (SELECT avg(request) FROM requests)",
                ALL,
            ),
            ("SELECT request, events FROM requests WHERE request < 0", ALL),
        ]
        .into_iter()
        .enumerate()
        {
            let (ours, theirs) = (format!("ours-{number}.parquet"), format!("theirs-{number}.parquet"));
            let (ours, theirs) = (root.path().join(ours), root.path().join(theirs));
            let sql = format!("COPY ({query}) TO '{}' STORED AS PARQUET", theirs.display());
            let limited = match limit {
                ALL => sql.clone(),
                limit => sql.replace(") TO", &format!(" LIMIT {limit}) TO")),
            };
            let copied = copied(&context, &origins, &limited).await.expect(query);
            let count = copied.write(&ours, false).await.unwrap();
            context.sql(&sql).await.unwrap().collect().await.unwrap();
            let (ours, mut theirs) = (lines(&ours).await, lines(&theirs).await);
            assert_eq!(ours.len(), theirs.len().min(limit), "{query}");
            assert_eq!(ours.len() as u64, count);
            for row in ours {
                let at = theirs.iter().position(|other| *other == row);
                theirs.swap_remove(at.expect(query));
            }
        }
    });
}

#[test]
fn rows_are_put_apart_in_their_order() {
    wait(async {
        let root = tempfile::tempdir().unwrap();
        let (context, origins) = table(root.path());
        let sql = "COPY requests TO 'x' STORED AS PARQUET PARTITIONED BY (label)";
        let copied = copied(&context, &origins, sql).await.unwrap();
        let target = root.path().join("x");
        assert_eq!(copied.write(&target, true).await.unwrap(), 600);
        for (label, folder) in ["label=a b", "label=%C3%A4", "label=c"]
            .into_iter()
            .enumerate()
        {
            let rows = lines(&target.join(folder).join("rows.parquet")).await;
            let begins = (label..600)
                .step_by(3)
                .map(|row| format!(r#"{{"request":{row},"#));
            assert_eq!(rows.len(), 200);
            for (row, begin) in rows.iter().zip(begins) {
                assert!(row.starts_with(&begin), "{row}");
            }
        }
    });
}

#[test]
fn what_is_more_than_copying_is_left_to_datafusion() {
    wait(async {
        let root = tempfile::tempdir().unwrap();
        let (context, origins) = table(root.path());
        for query in [
            "SELECT request FROM requests",
            "SELECT events FROM requests ORDER BY request DESC",
            "SELECT events FROM requests WHERE cardinality(events) > 3",
            "SELECT events, events[1] AS first FROM requests",
            "SELECT a.events FROM requests a JOIN requests b ON a.request = b.request",
            "SELECT DISTINCT events FROM requests",
            "SELECT events FROM requests UNION ALL SELECT events FROM requests",
        ] {
            let sql = format!("COPY ({query}) TO 'x.parquet' STORED AS PARQUET");
            assert!(copied(&context, &origins, &sql).await.is_none(), "{query}");
        }
        let sql = "COPY requests TO 'x.csv' STORED AS CSV";
        assert!(copied(&context, &origins, sql).await.is_none());
    });
}
