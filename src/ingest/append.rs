//! Appending to a dataset: its recordings go through the end of an ingest again, as if they had just been read.
//!
//! Their rows are not read: row groups are copied, encoded as they are, into files of the schema that all recordings have
//! together. Columns that only the new recordings use are null in old rows.
//! Where the joint schema would call a column of the dataset otherwise, or give a structure more members, old rows
//! cannot stay as they are, and nothing is appended.

use super::{Ingested, Options, Plan};
use crate::columns::events::{EventsUsage, Layout};
use crate::columns::layout::Column;
use crate::columns::parquet::Part;
use crate::columns::requests::RequestsUsage;
use crate::columns::types::Usage;
use crate::dataset::classes::{self, Classes};
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::{self, MANIFEST};
use crate::error::{Error, Place, Result};
use crate::trace::event::EventClass;
use arrow::datatypes::{DataType, Fields, Schema};
use parquet::file::metadata::ParquetMetaDataReader;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A dataset that is appended to.
pub(super) struct Old {
    root: PathBuf,
    /// The manifest, as it was read, and its bytes.
    pub manifest: Manifest,
    bytes: Vec<u8>,
    classes: Vec<Classes>,
}

impl Old {
    /// Reads what the dataset in `root` says of itself, and whether `options` are those that it was made with.
    ///
    /// # Errors
    /// [`Error::Usage`] for other options, and as [`Manifest::read`] and [`classes::read`].
    pub fn open(root: &Path, options: &Options) -> Result<Self> {
        dataset::open(root)?;
        if root.join(dataset::RELEASED).is_dir() {
            return Err(Error::usage(
                format!("{}: a release, which stays as it is", root.display()),
                "Append to the dataset that it was made of, and publish that again.",
            ));
        }
        let manifest = Manifest::read(root)?;
        let (old, new) = (&manifest.options, super::assemble::options_of(options));
        for key in super::assemble::SHAPING {
            if old.get(key) != new.get(key) {
                let text = |value: Option<&serde_json::Value>| {
                    value.map_or("nothing".to_owned(), ToString::to_string)
                };
                return Err(Error::usage(
                    format!(
                        "{}: made with {key} {}, not {}",
                        root.display(),
                        text(old.get(key)),
                        text(new.get(key))
                    ),
                    "All requests of a dataset are cut alike: leave the option out, or make another dataset.",
                ));
            }
        }
        let path = root.join(MANIFEST);
        Ok(Old {
            bytes: std::fs::read(&path).map_err(Error::io("read", &path))?,
            classes: classes::read(root)?,
            root: root.to_path_buf(),
            manifest,
        })
    }

    /// The classes of all its recordings.
    pub fn classes(&self) -> impl Iterator<Item = &EventClass> {
        self.classes
            .iter()
            .flat_map(|c| c.classes.iter().map(|c| &c.class))
    }

    /// The names of its recordings.
    pub fn trace_ids(&self) -> BTreeSet<String> {
        let ids = self.manifest.recordings.iter().map(|r| r.trace_id.clone());
        ids.collect()
    }

    /// Its recordings, as if they had just been read.
    ///
    /// # Errors
    /// [`Error::Input`] where the columns of the joint layout would not be those of the dataset, or its files are not
    /// those that its manifest tells of.
    pub fn recordings(&self, plan: &Plan) -> Result<Vec<Ingested>> {
        let old: Vec<&EventClass> = self.classes().collect();
        let old = Layout::new(old.into_iter());
        let recordings = self.manifest.recordings.iter().zip(&self.classes);
        recordings
            .map(|(recording, classes)| self.recording(recording, classes, plan, &old))
            .collect()
    }

    fn recording(
        &self,
        recording: &Recording,
        classes: &Classes,
        plan: &Plan,
        old: &Layout,
    ) -> Result<Ingested> {
        let parts = |table: &str| self.parts(table, &recording.trace_id);
        let (events, events_schema) = parts("events")?;
        let (requests, requests_schema) = parts("requests")?;
        let members = |fields: &Fields, name: &str| match fields.find(name).map(|f| f.1.data_type())
        {
            Some(DataType::Struct(members)) => members.clone(),
            _ => Fields::empty(),
        };
        let nested = match requests_schema
            .field_with_name("events")
            .map(|f| f.data_type())
        {
            Ok(DataType::List(element)) => match element.data_type() {
                DataType::Struct(fields) => members(fields, "args"),
                _ => Fields::empty(),
            },
            _ => Fields::empty(),
        };
        let args = members(&events_schema.fields, "args");
        let context = members(&events_schema.fields, "context");
        let layout = &plan.layout;
        for (old, new, fields) in [
            (&old.args, &layout.args, &args),
            (&old.args, &layout.args, &nested),
            (&old.context, &layout.context, &context),
        ] {
            unchanged(&self.root, old, new, fields)?;
        }
        let used = |of: fn(&classes::Class) -> bool| classes.classes.iter().map(of).collect();
        Ok(Ingested {
            recording: recording.clone(),
            classes: Arc::new(classes.classes.iter().map(|c| c.class.clone()).collect()),
            events: (
                events,
                EventsUsage {
                    args: usage(&layout.args, &args),
                    context: usage(&layout.context, &context),
                    classes: used(|c| c.in_events),
                    events: recording.events as i64,
                },
            ),
            requests: (
                requests,
                RequestsUsage {
                    args: usage(&layout.args, &nested),
                    classes: used(|c| c.in_requests),
                    requests: recording.requests as i64,
                    nested: 0,
                    omitted: 0,
                },
            ),
            downstream: parts("downstream")?.0,
            losses: parts("losses")?.0,
        })
    }

    /// The row groups of a table's files that are of a recording, and the schema of the files.
    fn parts(&self, table: &str, trace_id: &str) -> Result<(Vec<Part>, Schema)> {
        let mut parts = Vec::new();
        let mut schema = None;
        let files = self.manifest.tables.get(table);
        for file in files.iter().flat_map(|t| &t.files) {
            let path = self.root.join(&file.path);
            let opened = File::open(&path).map_err(Error::io("read", &path))?;
            let found = opened.metadata().map_err(Error::io("read", &path))?.len();
            if found != file.bytes {
                return Err(Error::input(
                    format!("has {found} bytes, but the manifest says {}", file.bytes),
                    Place::file(&path),
                    "The dataset is damaged: fetch it or make it again.",
                ));
            }
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&opened);
            let metadata = metadata.map_err(Error::columns(&path))?;
            let described = metadata.file_metadata();
            let pairs = described.key_value_metadata();
            let of = pairs
                .into_iter()
                .flatten()
                .find(|kv| kv.key == "sysds:trace_id");
            if of.and_then(|kv| kv.value.as_deref()) != Some(trace_id) {
                continue;
            }
            schema = Some(
                parquet::arrow::parquet_to_arrow_schema(described.schema_descr(), pairs)
                    .map_err(Error::columns(&path))?,
            );
            parts.extend(
                metadata
                    .row_groups()
                    .iter()
                    .enumerate()
                    .map(|(i, group)| Part {
                        path: path.clone(),
                        rows: group.num_rows() as usize,
                        group: Some(i),
                    }),
            );
        }
        let schema = schema.ok_or_else(|| {
            Error::input(
                format!("no file of the table {table} is of the recording {trace_id}"),
                Place::file(&self.root),
                "The dataset is damaged: fetch it or make it again.",
            )
        })?;
        Ok((parts, schema))
    }

    /// Whether the dataset is still the one that was read.
    ///
    /// # Errors
    /// [`Error::Input`] where it is not.
    pub fn check_unchanged(&self) -> Result<()> {
        let path = self.root.join(MANIFEST);
        let now = std::fs::read(&path).map_err(Error::io("read", &path))?;
        match now == self.bytes {
            true => Ok(()),
            false => Err(Error::input(
                "the dataset has changed meanwhile",
                Place::file(&path),
                "Nothing was appended: run the command again.",
            )),
        }
    }
}

/// Whether the columns of a dataset (`fields`, planned by `old`) are the same in the layout `new`.
fn unchanged(root: &Path, old: &[Column], new: &[Column], fields: &Fields) -> Result<()> {
    for column in old {
        let kept = [&column.name, &column.sibling].map(|n| fields.find(n).is_some());
        if kept == [false, false] {
            continue;
        }
        let like = |c: &&Column| c.field == column.field && c.kind == column.kind;
        let same = new.iter().find(like).is_some_and(|c| {
            c.name == column.name && c.sibling == column.sibling && same_members(column, c)
        });
        if !same {
            return Err(Error::input(
                format!(
                    "the column {} would have another name or other members with the new traces",
                    column.name
                ),
                Place::file(root),
                "Make a dataset of all traces in one ingest, or one of the new traces alone.",
            ));
        }
    }
    Ok(())
}

fn same_members(old: &Column, new: &Column) -> bool {
    let names = |c: &Column| -> Vec<(String, String)> {
        let names = c
            .members
            .iter()
            .map(|m| (m.name.clone(), m.sibling.clone()));
        names.collect()
    };
    let pairs = old.members.iter().zip(&new.members);
    names(old) == names(new)
        && pairs
            .into_iter()
            .all(|(o, n)| o.kind == n.kind && same_members(o, n))
}

/// Which of `columns` the `fields` of a file are.
fn usage(columns: &[Column], fields: &Fields) -> Vec<Usage> {
    let of = |column: &Column| {
        let main = fields.find(&column.name).map(|f| f.1.data_type());
        Usage {
            main: main.is_some(),
            sibling: fields.find(&column.sibling).is_some(),
            members: usage(&column.members, &members(main)),
        }
    };
    columns.iter().map(of).collect()
}

/// The members of a structure, or of the structures in a list.
fn members(ty: Option<&DataType>) -> Fields {
    match ty {
        Some(DataType::Struct(members)) => members.clone(),
        Some(DataType::List(element)) => members(Some(element.data_type())),
        _ => Fields::empty(),
    }
}
