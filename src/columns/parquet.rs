//! Parquet files made of row groups that did not know each other's columns.
//!
//! Which arguments occur is known only when the trace has been read to its end, but a row group must be written long
//! before, lest memory grow with the trace. So each row group is first a file of its own, a [`Part`], with the columns
//! that its rows use; at the end [`join`](super::join) copies the encoded column chunks of the parts, unchanged, into files of one
//! schema, and writes a chunk of nulls where a part lacks a column.
//!
//! In a part the same holds on a smaller scale: a column that turns up late is begun with as many nulls as rows passed.

use super::numbers::{Levels, NumberWriter, Numbers};
use crate::error::{Error, Result};
use crate::process::threads;
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnPath;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Rows after which a data page ends: what a reader can skip by time within a row group.
const PAGE_ROWS: usize = 64 * 1024;
/// Rows of nulls that are written at once.
const NULL_RUN: usize = 64 * 1024;
/// Chunks of rows that wait for an encoder.
const WAITING: usize = 1;
/// Different values that bloom filters are made for; names and threads are fewer.
const BLOOM_VALUES: u64 = 4096;

/// How the columns of all tables are encoded.
pub fn properties(compression: Compression) -> WriterProperties {
    builder(compression).build()
}

fn builder(compression: Compression) -> WriterPropertiesBuilder {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sysds {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_write_batch_size(64 * 1024);
    // Numbers that grow from row to row: differences are far smaller than the numbers, and no two are the same.
    for column in [
        "event_id",
        "timestamp",
        "entry_id",
        "request_id",
        "start",
        "end",
    ] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["event_id", "offset_ns"] {
        let path = nested(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["tid", "name"] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_max_ndv(path, BLOOM_VALUES);
    }
    builder
}

/// Path of a member of the nested events of `requests`.
fn nested(member: &str) -> ColumnPath {
    let path = ["events", "list", "element", member];
    ColumnPath::new(path.iter().map(|p| (*p).to_owned()).collect())
}

/// One row group on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: usize,
    /// Its row group, in a file that stays; `None` for a file of its own, which goes when it has been joined.
    pub group: Option<usize>,
}

/// Where a column stands: at top level, or in a structure that every row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The structure, by name.
    pub parent: Option<&'static str>,
    /// The column.
    pub field: Field,
}

/// A row group being written: columns in fixed order, each begun when its first value comes. Columns are encoded by
/// threads of their own, each column by one of them, so that what comes out does not depend on how many there are.
pub struct PartWriter {
    properties: WriterPropertiesPtr,
    encoders: Vec<Encoder>,
    /// Which columns were begun.
    begun: Vec<bool>,
    rows: usize,
}

/// A part that is being finished by a thread.
pub struct Finishing(JoinHandle<Result<Part>>);

/// A thread that encodes some of the columns.
struct Encoder {
    /// What it is to do with the rows at hand.
    tasks: Vec<Task>,
    queue: SyncSender<Work>,
    thread: JoinHandle<Encoded>,
}

/// The columns of an encoder, by their numbers.
type Encoded = Result<Vec<(usize, Open)>, ParquetError>;

/// The values that a column has in some rows.
pub enum Content {
    /// An array with a place for every row.
    Array(ArrayRef),
    /// Numbers with their rows.
    Numbers(Numbers),
}

/// Values of a column, after so many rows.
struct Task {
    column: usize,
    /// What the column is, the first time.
    slot: Option<Slot>,
    before: usize,
    content: Content,
}

/// What is to be done for so many rows.
type Work = (Vec<Task>, usize);

/// A column that was begun.
struct Open {
    slot: Slot,
    writers: Writers,
    rows: usize,
}

/// What encodes a column.
pub enum Writers {
    /// Arrays: a writer per leaf.
    Arrays(Vec<ArrowColumnWriter>),
    /// Numbers, of one leaf.
    Numbers(Box<NumberWriter>),
}

impl Writers {
    /// Those of the only column of `schema`, for values like `content`. The column's path in the file decides its
    /// encoding, and must be the final one to be copied later.
    ///
    /// # Errors
    /// [`ParquetError`] where Parquet has no such type.
    pub fn new(
        schema: Schema,
        content: &Content,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        Ok(match content {
            Content::Numbers(numbers) => {
                let converted = ArrowSchemaConverter::new().convert(&schema)?;
                let writer = NumberWriter::new(numbers, converted.column(0), properties);
                Writers::Numbers(Box::new(writer))
            }
            Content::Array(_) => Writers::Arrays(array_writers(schema, properties)?),
        })
    }

    /// Ends the column, and puts it into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where it cannot be written.
    pub fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        match self {
            Writers::Arrays(writers) => writers
                .into_iter()
                .try_for_each(|writer| writer.close()?.append_to_row_group(group)),
            Writers::Numbers(writer) => {
                let (pages, closed) = writer.close()?;
                group.append_column(&pages, closed)
            }
        }
    }
}

/// Those of all leaves of `schema`, for arrays.
///
/// # Errors
/// As [`Writers::new`].
pub fn array_writers(
    schema: Schema,
    properties: &WriterPropertiesPtr,
) -> Result<Vec<ArrowColumnWriter>, ParquetError> {
    let nowhere = file_writer(std::io::sink(), &schema, properties)?;
    ArrowRowGroupWriterFactory::new(&nowhere, Arc::new(schema)).create_column_writers(0)
}

/// Writes a file of one row group, into which `fill` puts the columns of `schema`.
///
/// # Errors
/// [`ParquetError`] where it cannot be written.
pub fn write_group<W: Write + Send>(
    file: W,
    schema: &Schema,
    properties: &WriterPropertiesPtr,
    fill: impl FnOnce(&mut SerializedRowGroupWriter<W>) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let mut writer = file_writer(file, schema, properties)?;
    let mut group = writer.next_row_group()?;
    fill(&mut group)?;
    group.close()?;
    writer.close()?;
    Ok(())
}

fn file_writer<W: Write + Send>(
    file: W,
    schema: &Schema,
    properties: &WriterPropertiesPtr,
) -> Result<SerializedFileWriter<W>, ParquetError> {
    let schema = ArrowSchemaConverter::new().convert(schema)?;
    SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::clone(properties))
}

impl PartWriter {
    /// An empty row group of at most `slots` columns, encoded by so many threads.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no threads.
    pub fn new(slots: usize, properties: WriterPropertiesPtr, threads: usize) -> Result<Self> {
        let encoders = (0..threads.max(1)).map(|_| Encoder::new(Arc::clone(&properties)));
        Ok(PartWriter {
            encoders: encoders.collect::<Result<_>>()?,
            properties,
            begun: vec![false; slots],
            rows: 0,
        })
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the values of column number `column` for the rows that the next [`PartWriter::advance`] counts;
    /// `describe` says what the column is and is asked at its first values. Columns that are not written are null there.
    pub fn write(&mut self, column: usize, describe: impl FnOnce() -> Slot, content: Content) {
        let first = !std::mem::replace(&mut self.begun[column], true);
        let number = column % self.encoders.len();
        self.encoders[number].tasks.push(Task {
            column,
            slot: first.then(describe),
            before: self.rows,
            content,
        });
    }

    /// Counts `rows` rows as written.
    ///
    /// # Errors
    /// [`ParquetError`] where a column cannot be encoded.
    pub fn advance(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.rows += rows;
        for number in 0..self.encoders.len() {
            let encoder = &mut self.encoders[number];
            let tasks = std::mem::take(&mut encoder.tasks);
            if encoder.queue.send((tasks, rows)).is_err() {
                // The thread has stopped, with an error.
                return self.encoders.swap_remove(number).end().map(|_| ());
            }
        }
        Ok(())
    }

    /// Ends the row group, and has it written to the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no thread.
    pub fn finish(self, path: PathBuf) -> Result<Finishing> {
        let work = move || {
            let rows = self.rows;
            let file = File::create(&path).map_err(Error::io("create", &path))?;
            let written = self.write_to(BufWriter::new(file));
            written.map_err(Error::columns(&path))?;
            Ok(Part {
                path,
                rows,
                group: None,
            })
        };
        Ok(Finishing(threads::spawn("part", work)?))
    }

    fn write_to(self, file: BufWriter<File>) -> Result<(), ParquetError> {
        let mut open = Vec::new();
        for encoder in self.encoders {
            open.extend(encoder.end()?);
        }
        open.sort_by_key(|(column, _)| *column);
        let mut levels = Levels::default();
        for (_, column) in &mut open {
            column.write_nulls(self.rows, &mut levels)?;
        }
        let schema = schema_of(open.iter().map(|(_, o)| &o.slot));
        write_group(file, &schema, &self.properties, |group| {
            let mut columns = open.into_iter();
            columns.try_for_each(|(_, column)| column.writers.append_to(group))
        })
    }
}

impl Finishing {
    /// Waits for the part.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where it cannot be written.
    pub fn wait(self) -> Result<Part> {
        let part = self.0.join();
        part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Encoder {
    fn new(properties: WriterPropertiesPtr) -> Result<Self> {
        let (queue, tasks) = sync_channel(WAITING);
        Ok(Encoder {
            tasks: Vec::new(),
            queue,
            thread: threads::spawn("encode", move || encode(tasks, &properties))?,
        })
    }

    fn end(self) -> Encoded {
        drop(self.queue);
        let encoded = self.thread.join();
        encoded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// The thread of an encoder.
fn encode(queue: Receiver<Work>, properties: &WriterPropertiesPtr) -> Encoded {
    let mut columns: BTreeMap<usize, Open> = BTreeMap::new();
    let mut levels = Levels::default();
    for (tasks, rows) in queue {
        for task in tasks {
            let column = match columns.entry(task.column) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let slot = task.slot.expect("told with the first values");
                    entry.insert(Open::new(slot, &task.content, properties)?)
                }
            };
            column.write_nulls(task.before, &mut levels)?;
            column.write(&task.content, rows, &mut levels)?;
        }
    }
    Ok(columns.into_iter().collect())
}

impl Open {
    /// A column for values like `content`.
    fn new(
        slot: Slot,
        content: &Content,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let schema = schema_of(std::iter::once(&slot));
        Ok(Open {
            writers: Writers::new(schema, content, properties)?,
            slot,
            rows: 0,
        })
    }

    fn write(
        &mut self,
        content: &Content,
        rows: usize,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        match (&mut self.writers, content) {
            (Writers::Arrays(writers), Content::Array(array)) => {
                write_array(writers, &self.slot.field, array)?;
            }
            (Writers::Numbers(writer), Content::Numbers(numbers)) => {
                writer.write(numbers, &levels.of_rows(rows), levels)?;
            }
            _ => unreachable!("a column is given arrays or numbers, not both"),
        }
        self.rows += rows;
        Ok(())
    }

    /// Fills up with nulls to `rows` rows.
    fn write_nulls(&mut self, rows: usize, levels: &mut Levels) -> Result<(), ParquetError> {
        while self.rows < rows {
            let run = (rows - self.rows).min(NULL_RUN);
            match &mut self.writers {
                Writers::Arrays(writers) => {
                    let field = &self.slot.field;
                    write_array(writers, field, &new_null_array(field.data_type(), run))?;
                }
                Writers::Numbers(writer) => writer.write_nulls(&levels.of_rows(run), levels)?,
            }
            self.rows += run;
        }
        Ok(())
    }
}

/// Writes an array of a column whose parent, if it has one, is there in every row, so that its levels are those of a
/// column without a parent.
pub fn write_array(
    writers: &mut [ArrowColumnWriter],
    field: &Field,
    array: &ArrayRef,
) -> Result<(), ParquetError> {
    let leaves = compute_leaves(field, array)?;
    for (writer, leaf) in writers.iter_mut().zip(&leaves) {
        writer.write(leaf)?;
    }
    Ok(())
}

/// The schema of columns in order; neighbours with the same parent come into one structure.
pub fn schema_of<'a>(slots: impl Iterator<Item = &'a Slot>) -> Schema {
    let mut top: Vec<Field> = Vec::new();
    let mut open: Option<(&'static str, Vec<Field>)> = None;
    for slot in slots {
        if let Some((parent, members)) = open.take_if(|(p, _)| slot.parent != Some(*p)) {
            top.push(structure(parent, members));
        }
        match (slot.parent, &mut open) {
            (None, _) => top.push(slot.field.clone()),
            (Some(_), Some((_, members))) => members.push(slot.field.clone()),
            (Some(parent), None) => open = Some((parent, vec![slot.field.clone()])),
        }
    }
    top.extend(open.map(|(parent, members)| structure(parent, members)));
    Schema::new(top)
}

fn structure(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(members)), false)
}

/// Key-value metadata of a finished file.
pub fn key_values(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let pairs = pairs.iter();
    pairs
        .map(|(k, v)| KeyValue::new((*k).to_owned(), (*v).to_owned()))
        .collect()
}
