//! The rows of each table on their way into the shards: which split each is in, and its rewrite.

use super::ahead::ahead;
use super::event_splits::EventSplits;
use super::options::{Control, PublishOptions};
use super::release::FULL;
use super::rewrite::Rewrite;
use super::rows::{self, Rows};
use super::shards::{Shards, Written};
use super::united;
use crate::columns::parquet::arrays::Chosen;
use crate::columns::parquet::properties::{properties, properties_of_events};
use crate::dataset::classes::Classes;
use crate::dataset::making::Making;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::dataset::{Dataset, MANIFEST, RELEASED};
use crate::error::{Error, Place, Result};
use crate::process::stop::go_on;
use crate::split::Splits;
use crate::split::names::TRAIN;
use arrow::array::{BooleanArray, RecordBatch};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The tables on their way into the release.
pub(super) struct Tables<'a> {
    dataset: &'a Dataset,
    manifest: &'a Manifest,
    classes: &'a [Classes],
    splits: Option<&'a Splits>,
    options: &'a PublishOptions,
    done: u64,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        dataset: &'a Dataset,
        (manifest, classes): (&'a Manifest, &'a [Classes]),
        splits: Option<&'a Splits>,
        options: &'a PublishOptions,
    ) -> Self {
        Tables {
            dataset,
            manifest,
            classes,
            splits,
            options,
            done: 0,
        }
    }

    /// Writes the shards of all tables.
    pub(super) fn write(
        mut self,
        making: &Making,
        rewrite: &mut dyn Rewrite,
        control: &mut Control,
    ) -> Result<BTreeMap<String, Vec<Written>>> {
        let mut written = BTreeMap::new();
        // What events are marked by must be read before; the order also is that in which a person would look.
        for table in [
            tables::REQUESTS,
            tables::DOWNSTREAM,
            tables::EVENTS,
            tables::LOSSES,
        ] {
            let dir = making.create_dir(&format!("{RELEASED}/{table}"))?;
            written.insert(table.to_owned(), self.table(table, &dir, rewrite, control)?);
        }
        Ok(written)
    }

    fn table(
        &mut self,
        table: &str,
        dir: &Path,
        rewrite: &mut dyn Rewrite,
        control: &mut Control,
    ) -> Result<Vec<Written>> {
        let root = &self.dataset.root;
        let files = rows::by_recording(root, self.manifest, table)?;
        if files.iter().all(Vec::is_empty) {
            return Err(no_files(root, table));
        }
        let schemas = files.iter().flatten();
        let schemas = schemas.map(|file| Ok(Rows::open(root, file)?.schema().clone()));
        let schemas = schemas.collect::<Result<_>>()?;
        let of_table = united::schema(root, self.manifest, self.classes, table, schemas)?;
        let schema = rewrite.schema(Arc::clone(&of_table));
        let compression = self.options.codec.compression();
        let properties = match table {
            tables::EVENTS => properties_of_events(compression),
            _ => properties(compression),
        };
        let mut shards = Shards::new(dir, schema, self.options.shard_bytes, properties);
        for (recording, files) in files.iter().enumerate() {
            shards.begin(recording)?;
            let of_events = match table {
                tables::EVENTS => self.of_events(recording)?,
                _ => None,
            };
            let mut events = 0;
            for path in files {
                let rows = Rows::open(root, path)?.in_table(&of_table);
                let path = &root.join(path);
                for batch in ahead(&rows)? {
                    go_on(&control.interrupted)?;
                    let batch = batch?;
                    if table == tables::EVENTS {
                        events = counted(&batch, events, path)?;
                    }
                    let numbers =
                        self.numbers(table, recording, of_events.as_ref(), &batch, path)?;
                    self.done += batch.num_rows() as u64;
                    let rewritten = rewritten(rewrite, table, batch)?;
                    self.spread(&mut shards, &rewritten, numbers.as_deref())?;
                    (control.progress)(self.done, self.total());
                }
            }
        }
        let empty = match (self.splits, table) {
            (None, _) | (_, tables::LOSSES) => FULL,
            (Some(_), _) => TRAIN,
        };
        shards.finish(empty)
    }

    fn total(&self) -> u64 {
        self.manifest.tables.values().map(|t| t.rows).sum()
    }

    /// Which split each event of a recording is in; `None` where there are no splits.
    fn of_events(&self, recording: usize) -> Result<Option<EventSplits<'a>>> {
        let Some(splits) = self.splits else {
            return Ok(None);
        };
        let root = &self.dataset.root;
        let downstream = rows::by_recording(root, self.manifest, tables::DOWNSTREAM)?;
        let events = EventSplits::open(splits, recording, root, &downstream[recording])?;
        Ok(Some(events))
    }

    /// The number of the split of each row; `None` where all are in [`FULL`].
    fn numbers(
        &self,
        table: &str,
        recording: usize,
        of_events: Option<&EventSplits>,
        batch: &RecordBatch,
        path: &Path,
    ) -> Result<Option<Vec<u8>>> {
        match (self.splits, table, of_events) {
            (None, ..) | (_, tables::LOSSES, _) => Ok(None),
            (_, _, Some(of_events)) => of_events.of_rows(batch, path).map(Some),
            (Some(splits), ..) => {
                let ids = rows::ids(batch, "request_id", path)?.iter();
                Ok(Some(
                    ids.map(|id| splits.of_request(recording, *id)).collect(),
                ))
            }
        }
    }

    /// Writes each row of a batch to its split.
    fn spread(
        &self,
        shards: &mut Shards,
        batch: &RecordBatch,
        numbers: Option<&[u8]>,
    ) -> Result<()> {
        let (Some(numbers), Some(splits)) = (numbers, self.splits) else {
            return shards.write(FULL, batch, None);
        };
        let mut occurring = numbers.to_vec();
        occurring.sort_unstable();
        occurring.dedup();
        for number in occurring.iter().copied() {
            let name = &splits.names[number as usize];
            if occurring.len() == 1 {
                return shards.write(name, batch, None);
            }
            let chosen: BooleanArray = numbers.iter().map(|n| Some(*n == number)).collect();
            shards.write(name, batch, Some(&Chosen::new(chosen)))?;
        }
        Ok(())
    }
}

/// Events before the first of `batch` and in it: their ids count from 0.
fn counted(batch: &RecordBatch, before: i64, path: &Path) -> Result<i64> {
    let ids = rows::ids(batch, "event_id", path)?;
    match ids.iter().zip(before..).all(|(id, at)| *id == at) {
        true => Ok(before + ids.len() as i64),
        false => Err(Error::input(
            "event_id does not count from 0 on in a recording",
            Place::file(path),
            "The dataset is damaged: fetch it or make it again.",
        )),
    }
}

fn no_files(root: &Root, table: &str) -> Error {
    Error::input(
        format!("the manifest names no file of the table {table}"),
        Place::file(root.join(MANIFEST)),
        "Make the dataset again with this version of sysds.",
    )
}

/// A batch after its rewrite, which must have kept its form.
fn rewritten(rewrite: &mut dyn Rewrite, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
    let (schema, rows) = (batch.schema(), batch.num_rows());
    let kept = ["event_id", "request_id", "service_id"].map(|c| batch.column_by_name(c).cloned());
    let batch = rewrite.batch(table, batch)?;
    assert_eq!(
        batch.schema().fields(),
        schema.fields(),
        "a rewrite keeps the fields of {table}"
    );
    assert_eq!(
        batch.num_rows(),
        rows,
        "a rewrite keeps the rows of {table}"
    );
    let after = ["event_id", "request_id", "service_id"].map(|c| batch.column_by_name(c).cloned());
    let same = kept.iter().zip(&after).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => a.to_data() == b.to_data(),
        (a, b) => a.is_none() && b.is_none(),
    });
    assert!(same, "a rewrite keeps the ids of {table}");
    Ok(batch)
}
