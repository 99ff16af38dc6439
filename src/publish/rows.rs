//! The rows of a dataset's tables, recording by recording, in batches of a bounded size.

use crate::columns::schema::widen::widened;
use crate::dataset::MANIFEST;
use crate::dataset::manifest::{DataFile, Manifest};
use crate::dataset::opened::Opened;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::{Error, Place, Result};
use crate::foreign;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::column::page::PageReader;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8192;
/// Elements of lists that a batch should have at most.
const BATCH_ELEMENTS: usize = 32 * 1024;
/// Values of a batch that there should be places for at most, in all of its columns: of 8192 events with some hundred
/// arguments. They take memory also where they are null.
const BATCH_VALUES: usize = 2 << 20;

/// An opened Parquet file.
pub(crate) struct Rows {
    path: PathBuf,
    file: Opened,
    metadata: ArrowReaderMetadata,
    /// The schema of its table, where it is another than its own.
    table: Option<SchemaRef>,
}

impl Rows {
    /// Opens the file `file` of the dataset or release in `root`, as [`foreign::open_in`] does.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`]; [`Error::Input`] where it is no regular file below `root`.
    pub(crate) fn open(root: &Root, file: &str) -> Result<Rows> {
        Rows::of(root.open(file)?.in_blocks(), root.join(file))
    }

    /// Those of a file that is open; `path` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Columns`] where it is not Parquet.
    pub(crate) fn of(file: Opened, path: PathBuf) -> Result<Rows> {
        let metadata = foreign::guarded(&path, || {
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
                .map_err(Error::columns_read(&path))
        })?;
        Ok(Rows {
            path,
            file,
            metadata,
            table: None,
        })
    }

    /// The same with the columns of its table, whose `schema` has at least its own.
    pub(super) fn in_table(mut self, schema: &SchemaRef) -> Rows {
        self.table = (self.schema() != schema).then(|| Arc::clone(schema));
        self
    }

    /// Its own schema.
    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Its footer.
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// How many values (of lists: elements, and places of empty lists and nulls) the pages of a row group's column say that
    /// they have. Nothing is decoded.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn values(&self, group: usize, column: usize) -> Result<u64> {
        let file = self.file.clone();
        let group = self.metadata().row_group(group);
        foreign::guarded(&self.path, || {
            let rows = usize::try_from(group.num_rows()).unwrap_or_default();
            let mut values = 0_u64;
            let count = || {
                let file = Arc::new(file);
                let mut pages = SerializedPageReader::new(file, group.column(column), rows, None)?;
                while let Some(page) = pages.peek_next_page()? {
                    values = values.saturating_add(page.num_levels.unwrap_or_default() as u64);
                    pages.skip_next_page()?;
                }
                Ok::<_, parquet::errors::ParquetError>(())
            };
            count().map_err(Error::columns_read(&self.path))?;
            Ok(values)
        })
    }

    /// A value of its key-value metadata.
    pub(super) fn key_value(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata().file_metadata().key_value_metadata();
        let found = pairs.into_iter().flatten().find(|kv| kv.key == key);
        found.and_then(|kv| kv.value.as_deref())
    }

    /// Its rows; of the columns `only` (paths in Parquet's form) where they are named.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(crate) fn batches(
        &self,
        only: Option<&[&str]>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        self.read(only, None)
    }

    /// The rows of `events` from the first to the last one whose id is among `ids`; of the columns `only`, where they are named.
    /// Ids are looked at first, since a row with its arguments takes a hundred times as long to decode; row groups whose
    /// statistics rule them out are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`]; [`Error::Input`] where there are no ids.
    pub(super) fn of_events(
        &self,
        only: Option<&[&str]>,
        wanted: &RangeInclusive<i64>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let groups = self.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(_, group)| may_have(group, wanted));
        let groups: Vec<usize> = groups.map(|(number, _)| number).collect();
        let (mut found, mut rows) = (0..0, 0);
        for batch in self.read(Some(&["event_id"]), Some((groups.clone(), None)))? {
            let batch = batch?;
            let ids = ids(&batch, "event_id", &self.path)?.iter();
            for (row, _) in (rows..).zip(ids).filter(|(_, id)| wanted.contains(id)) {
                if found.is_empty() {
                    found.start = row;
                }
                found.end = row + 1;
            }
            rows += batch.num_rows();
        }
        let selected = vec![
            RowSelector::skip(found.start),
            RowSelector::select(found.len()),
        ];
        self.read(only, Some((groups, Some(selected.into()))))
    }

    fn read(
        &self,
        only: Option<&[&str]>,
        chosen: Option<(Vec<usize>, Option<RowSelection>)>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let file = self.file.clone();
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        if let Some((groups, rows)) = chosen {
            builder = builder.with_row_groups(groups);
            if let Some(rows) = rows {
                builder = builder.with_row_selection(rows);
            }
        }
        let mask = match only {
            None => ProjectionMask::all(),
            Some(names) => ProjectionMask::columns(builder.parquet_schema(), names.iter().copied()),
        };
        let rows = self.batch_rows(&mask);
        let builder = builder.with_projection(mask).with_batch_size(rows);
        let (path, table) = (self.path.clone(), self.table.clone());
        let mut reader = foreign::guarded(&path, || {
            builder.build().map_err(Error::columns_read(&self.path))
        })?;
        let mut failed = false;
        // What a panic leaves behind is not asked again.
        Ok(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let next = foreign::guarded(&path, || {
                let batch = reader.next().transpose();
                let batch = batch.and_then(|batch| match (batch, &table) {
                    (Some(batch), Some(table)) => widened(&batch, table).map(Some),
                    (batch, _) => Ok(batch),
                });
                batch
                    .map_err(parquet::errors::ParquetError::from)
                    .map_err(Error::columns_read(&path))
            });
            failed = next.is_err();
            next.transpose()
        }))
    }

    /// Rows of a batch of these columns, fewer where rows carry long lists, or lists with many columns.
    fn batch_rows(&self, mask: &ProjectionMask) -> usize {
        let groups = self.metadata().row_groups().iter();
        let rows = groups.map(|group| {
            let columns = group.columns().iter().enumerate();
            let read = columns.filter(|(leaf, _)| mask.leaf_included(*leaf));
            let values = read.map(|(_, column)| usize::try_from(column.num_values()));
            let values: Vec<usize> = values.map(Result::unwrap_or_default).collect();
            let most = values.iter().copied().max().unwrap_or_default();
            let all = values.into_iter().fold(0, usize::saturating_add);
            let rows = usize::try_from(group.num_rows()).unwrap_or_default().max(1);
            let of = |places: usize, values: usize| places.div_ceil(values.div_ceil(rows).max(1));
            of(BATCH_ELEMENTS, most).min(of(BATCH_VALUES, all))
        });
        rows.min().unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
    }
}

/// Whether a row group of `events` may have one of these.
fn may_have(group: &RowGroupMetaData, wanted: &RangeInclusive<i64>) -> bool {
    let mut columns = group.columns().iter();
    let ids = columns.find(|column| column.column_path().string() == "event_id");
    match ids.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(ids)) => {
            let (min, max) = (ids.min_opt(), ids.max_opt());
            min.is_none_or(|min| min <= wanted.end()) && max.is_none_or(|max| max >= wanted.start())
        }
        _ => true,
    }
}

/// The files of a table that are of each recording, in the manifest's order.
///
/// # Errors
/// As [`Rows::open`], and [`Error::Input`] where a file is not the one that the manifest tells of.
pub(crate) fn by_recording(
    root: &Root,
    manifest: &Manifest,
    table: &str,
) -> Result<Vec<Vec<String>>> {
    let mut found: Vec<Vec<String>> = manifest.recordings.iter().map(|_| Vec::new()).collect();
    let numbers = manifest.recordings.iter().map(|r| r.trace_id.as_str());
    let numbers: HashMap<&str, usize> = numbers.zip(0..).collect();
    let files: &[DataFile] = manifest.tables.get(table).map_or(&[], |t| &t.files);
    for file in files {
        let path = root.join(&file.path);
        let rows = Rows::open(root, &file.path)?;
        let count = rows.metadata().file_metadata().num_rows();
        if count != file.rows as i64 {
            return Err(Error::input(
                format!("has {count} rows, but the manifest says {}", file.rows),
                Place::file(&path),
                "The dataset is damaged: fetch it or make it again.",
            ));
        }
        let trace = rows.key_value("sysds:trace_id");
        match trace.and_then(|trace| numbers.get(trace)) {
            Some(recording) => found[*recording].push(file.path.clone()),
            None => {
                return Err(Error::input(
                    "is of no recording that the manifest tells of",
                    Place::file(&path),
                    "The dataset is damaged: fetch it or make it again.",
                ));
            }
        }
    }
    Ok(found)
}

/// Refuses counts of the manifest that its tables do not have. Requests are counted by reading a column, since what is
/// kept of each is made by their number; events by the footers of their files.
///
/// # Errors
/// [`Error::Input`] where they differ, and as [`by_recording`].
pub(crate) fn check_counts(root: &Root, manifest: &Manifest) -> Result<()> {
    let (events, requests) = (
        by_recording(root, manifest, tables::EVENTS)?,
        by_recording(root, manifest, tables::REQUESTS)?,
    );
    for (number, recording) in manifest.recordings.iter().enumerate() {
        let mut of_events = 0_u64;
        for file in &events[number] {
            let rows = Rows::open(root, file)?
                .metadata()
                .file_metadata()
                .num_rows();
            of_events = of_events.saturating_add(rows.max(0) as u64);
        }
        let mut of_requests = 0;
        for file in &requests[number] {
            for batch in Rows::open(root, file)?.batches(Some(&["request_id"]))? {
                of_requests += batch?.num_rows() as u64;
            }
        }
        let counts = [
            (tables::EVENTS, recording.events, of_events),
            (tables::REQUESTS, recording.requests, of_requests),
        ];
        if let Some((table, told, rows)) = counts.iter().find(|(_, told, rows)| told != rows) {
            return Err(Error::input(
                format!(
                    "says that the recording {} has {told} {table}, but its files have {rows}",
                    recording.trace_id
                ),
                Place::file(root.join(MANIFEST)),
                "The dataset is damaged: fetch it or make it again.",
            ));
        }
    }
    Ok(())
}

/// A column of 64-bit integers without nulls.
///
/// # Errors
/// [`Error::Input`] where the batch has none of this name.
pub(super) fn ids<'a>(batch: &'a RecordBatch, column: &str, path: &Path) -> Result<&'a [i64]> {
    let array = batch.column_by_name(column);
    let array = array.filter(|a| *a.data_type() == DataType::Int64 && a.null_count() == 0);
    match array {
        Some(array) => Ok(array.as_primitive::<Int64Type>().values()),
        None => Err(Error::input(
            format!("has no column {column} of 64-bit integers without nulls"),
            Place::file(path),
            "Make the dataset again with sysds ingest.",
        )),
    }
}

/// Elements of the lists of a batch, in the column that has most.
pub(super) fn elements(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    let lists = columns.filter_map(|column| column.as_list_opt::<i32>());
    let counts = lists.map(|lists| {
        let ends = lists.value_offsets();
        (ends[ends.len() - 1] - ends[0]) as usize
    });
    counts.max().unwrap_or_default()
}

/// Bytes that a batch takes in memory: what readers call its uncompressed size.
pub(super) fn bytes(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns
        .map(|c| {
            let data = c.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| c.get_buffer_memory_size())
        })
        .sum()
}
