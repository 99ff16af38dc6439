//! Appending to a dataset: its recordings go through the end of an ingest again, as if they had just been read.
//!
//! Their rows are not read: row groups are copied, encoded as they are, into files of the schema that all recordings have
//! together. Columns that only the new recordings use are null in old rows. Where the joint schema would call a column
//! of the dataset otherwise, or give a structure more members, old rows cannot stay as they are, and nothing is
//! appended.

use super::options::{IngestOptions, SHAPING};
use super::plan::{Ingested, Plan};
use crate::columns::parquet::part::Part;
use crate::columns::schema::layout::FieldColumn;
use crate::columns::schema::layout::Layout;
use crate::columns::schema::types::Usage;
use crate::columns::tables::events::EventsUsage;
use crate::columns::tables::requests::RequestsUsage;
use crate::dataset::classes::{self, Classes};
use crate::dataset::manifest::{DataFile, Manifest, Recording, TableFiles, describe_file, footer};
use crate::dataset::tables;
use crate::dataset::{self, MANIFEST};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use crate::trace::event::EventClass;
use arrow::datatypes::{DataType, Fields, Schema};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use std::collections::{BTreeMap, BTreeSet};
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
    pub(super) fn open(root: &Path, options: &IngestOptions) -> Result<Self> {
        dataset::open(root)?;
        if foreign::kind(&root.join(dataset::RELEASED))? == Some(Kind::Folder) {
            return Err(Error::usage(
                format!("{}: a release, which stays as it is", root.display()),
                "Append to the dataset that it was made of, and publish that again.",
            ));
        }
        let manifest = Manifest::read(root)?;
        same_options(root, &manifest, options)?;
        let classes = classes::read(root)?;
        let of_classes = classes.iter().map(|c| &c.trace_id);
        if !of_classes.eq(manifest.recordings.iter().map(|r| &r.trace_id)) {
            return Err(Error::input(
                "tells of other recordings than the manifest",
                Place::file(root.join(classes::CLASSES)),
                DAMAGED,
            ));
        }
        Ok(Old {
            bytes: foreign::read_text_in(root, MANIFEST)?.into_bytes(),
            classes,
            root: root.to_path_buf(),
            manifest,
        })
    }

    /// The classes of all its recordings.
    pub(super) fn classes(&self) -> impl Iterator<Item = &EventClass> + Clone {
        self.classes
            .iter()
            .flat_map(|c| c.classes.iter().map(|c| &c.class))
    }

    /// The names of its recordings.
    pub(super) fn trace_ids(&self) -> BTreeSet<String> {
        let ids = self.manifest.recordings.iter().map(|r| r.trace_id.clone());
        ids.collect()
    }

    /// Its recordings, as if they had just been read; in place of those that are `replaced`, nothing.
    ///
    /// # Errors
    /// [`Error::Input`] where the columns of the joint layout would not be those of the dataset, or its files are not
    /// those that its manifest tells of.
    pub(super) fn recordings(
        &self,
        plan: &Plan,
        replaced: &[usize],
    ) -> Result<Vec<Option<Ingested>>> {
        let files = self
            .manifest
            .tables
            .iter()
            .map(|(table, files)| Ok((table.as_str(), self.files(files)?)));
        let files = files.collect::<Result<BTreeMap<&str, Vec<DatasetFile>>>>()?;
        let layout = Layout::new(self.classes(), |name| plan.options.selection.stores(name));
        let recordings = self.manifest.recordings.iter().zip(&self.classes);
        recordings
            .enumerate()
            .map(|(number, (recording, classes))| {
                if replaced.contains(&number) {
                    return Ok(None);
                }
                let done = self.recording(recording, classes, plan, &layout, |table| {
                    let files = files.get(table).map_or(&[][..], Vec::as_slice);
                    self.parts(files, table, &recording.trace_id)
                });
                done.map(Some)
            })
            .collect()
    }

    /// A recording; `old` is the layout of the dataset, `parts` gives its rows of a table.
    fn recording(
        &self,
        recording: &Recording,
        classes: &Classes,
        plan: &Plan,
        old: &Layout,
        parts: impl Fn(&str) -> Result<(Vec<Part>, Schema)>,
    ) -> Result<Ingested> {
        let (events, schema) = parts(tables::EVENTS)?;
        let (requests, requests_schema) = parts(tables::REQUESTS)?;
        let args = members(member(schema.fields(), "args"));
        let context = members(member(schema.fields(), "context"));
        let of_requests = members(member(requests_schema.fields(), "events"));
        let nested = members(member(&of_requests, "args"));
        for (old, new, fields) in [
            (&old.args, &plan.layout.args, &args),
            (&old.args, &plan.layout.args, &nested),
            (&old.context, &plan.layout.context, &context),
        ] {
            planned(&self.root, old, fields)?;
            unchanged(&self.root, old, new, fields)?;
        }
        let used = |of: fn(&classes::Class) -> bool| classes.classes.iter().map(of).collect();
        let events_usage = EventsUsage {
            args: usage(&plan.layout.args, &args),
            context: usage(&plan.layout.context, &context),
            classes: used(|c| c.in_events),
            events: recording.events as i64,
        };
        let requests_usage = RequestsUsage {
            args: usage(&plan.layout.args, &nested),
            classes: used(|c| c.in_requests),
            requests: recording.requests as i64,
            nested: 0,
            omitted: 0,
        };
        Ok(Ingested {
            recording: recording.clone(),
            classes: Arc::new(classes.classes.iter().map(|c| c.class.clone()).collect()),
            events: (events, events_usage),
            requests: (requests, requests_usage),
            downstream: parts(tables::DOWNSTREAM)?.0,
            losses: parts(tables::LOSSES)?.0,
            links: None,
        })
    }

    /// The files of a table, which must be those of the manifest, byte for byte.
    fn files(&self, table: &TableFiles) -> Result<Vec<DatasetFile>> {
        let open = |file: &DataFile| {
            let path = self.root.join(&file.path);
            let differs = |what: String| Error::input(what, Place::file(&path), DAMAGED);
            let opened = foreign::open_in(&self.root, &file.path)?;
            let bytes = opened.metadata().map_err(Error::io("read", &path))?.len();
            if bytes != file.bytes {
                let said = file.bytes;
                return Err(differs(format!(
                    "has {bytes} bytes, but the manifest says {said}"
                )));
            }
            if describe_file(&self.root, &path)?.sha256 != file.sha256 {
                return Err(differs(
                    "has another SHA-256 than the manifest says".to_owned(),
                ));
            }
            let metadata = footer(&opened, &path)?;
            Ok(DatasetFile { path, metadata })
        };
        table.files.iter().map(open).collect()
    }

    /// The row groups of a table's files that are of a recording, and the schema of the files.
    fn parts(
        &self,
        files: &[DatasetFile],
        table: &str,
        trace_id: &str,
    ) -> Result<(Vec<Part>, Schema)> {
        let of_recording = files.iter().filter(|f| f.trace_id() == Some(trace_id));
        let mut schema = None;
        let mut parts = Vec::new();
        for file in of_recording {
            schema = Some(file.schema()?);
            let groups = file.metadata.row_groups().iter().enumerate();
            parts.extend(groups.map(|(number, group)| Part {
                path: file.path.clone(),
                rows: group.num_rows() as usize,
                group: Some(number),
            }));
        }
        let schema = schema.ok_or_else(|| {
            let what = format!("no file of the table {table} is of the recording {trace_id}");
            Error::input(what, Place::file(&self.root), DAMAGED)
        })?;
        Ok((parts, schema))
    }

    /// Whether the dataset is still the one that was read.
    ///
    /// # Errors
    /// [`Error::Input`] where it is not.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let path = self.root.join(MANIFEST);
        let now = foreign::read_text_in(&self.root, MANIFEST)?;
        match now.into_bytes() == self.bytes {
            true => Ok(()),
            false => Err(Error::input(
                "the dataset has changed meanwhile",
                Place::file(&path),
                "Nothing was appended: run the command again.",
            )),
        }
    }
}

/// What to do with a dataset that is not what its manifest says.
const DAMAGED: &str = "The dataset is damaged: fetch it or make it again.";

/// A file of the dataset.
struct DatasetFile {
    path: PathBuf,
    metadata: ParquetMetaData,
}

impl DatasetFile {
    /// The recording whose rows it holds.
    fn trace_id(&self) -> Option<&str> {
        let pairs = self.metadata.file_metadata().key_value_metadata();
        let mut pairs = pairs.into_iter().flatten();
        pairs
            .find(|kv| kv.key == "sysds:trace_id")?
            .value
            .as_deref()
    }

    fn schema(&self) -> Result<Schema> {
        let described = self.metadata.file_metadata();
        let pairs = described.key_value_metadata();
        parquet_to_arrow_schema(described.schema_descr(), pairs)
            .map_err(Error::columns_read(&self.path))
    }
}

/// Whether the dataset was made with these options, as far as they shape its rows.
fn same_options(root: &Path, manifest: &Manifest, options: &IngestOptions) -> Result<()> {
    let (old, new) = (&manifest.options, options.told());
    let text = |value: Option<serde_json::Value>| {
        value.map_or("nothing".to_owned(), |value| value.to_string())
    };
    for key in SHAPING {
        let (was, is) = (old.get(key), new.get(key));
        if was != is {
            let (root, was, is) = (root.display(), text(was), text(is));
            return Err(Error::usage(
                format!("{root}: made with {key} {was}, not {is}"),
                "All requests of a dataset are cut alike: leave the option out, or make another dataset.",
            ));
        }
    }
    Ok(())
}

/// Whether all columns of a dataset (`fields`) are called as `columns` plans them: older versions of this program did not
/// tell names apart without case.
fn planned(root: &Path, columns: &[FieldColumn], fields: &Fields) -> Result<()> {
    for field in fields {
        let name = field.name();
        if columns.iter().any(|c| c.sibling == *name) {
            continue;
        }
        let Some(column) = columns.iter().find(|c| c.name == *name) else {
            return Err(Error::input(
                format!(
                    "the version of sysds that made the dataset called a column {name}, which this one calls otherwise"
                ),
                Place::file(root),
                "Make the dataset again from its traces, or one of the new traces alone.",
            ));
        };
        planned(root, &column.members, &members(Some(field.data_type())))?;
    }
    Ok(())
}

/// Whether the columns of a dataset (`fields`, planned by `old`) are the same in the layout `new`.
fn unchanged(root: &Path, old: &[FieldColumn], new: &[FieldColumn], fields: &Fields) -> Result<()> {
    for column in old {
        let kept = [&column.name, &column.sibling].map(|n| fields.find(n).is_some());
        if kept == [false, false] {
            continue;
        }
        let like = |c: &&FieldColumn| c.field == column.field && c.kind == column.kind;
        let new = new.iter().find(like);
        let new = new.expect("the joint layout has the fields of the dataset");
        let renamed = [
            (kept[0], &column.name, &new.name),
            (kept[1], &column.sibling, &new.sibling),
        ];
        let renamed = renamed.iter().find(|(kept, old, new)| *kept && old != new);
        let what = match renamed {
            Some((_, old, new)) => format!(
                "the column {old} would be called {new} with the new traces, which have a field that takes its name"
            ),
            None if !same_members(column, new) => {
                format!(
                    "the structure {} would have other members with the new traces",
                    column.name
                )
            }
            None => continue,
        };
        return Err(Error::input(
            what,
            Place::file(root),
            "Make a dataset of all traces in one ingest, or one of the new traces alone.",
        ));
    }
    Ok(())
}

fn same_members(old: &FieldColumn, new: &FieldColumn) -> bool {
    let names = |c: &FieldColumn| -> Vec<(String, String)> {
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
fn usage(columns: &[FieldColumn], fields: &Fields) -> Vec<Usage> {
    let of = |column: &FieldColumn| {
        let main = member(fields, &column.name);
        Usage {
            main: main.is_some(),
            sibling: fields.find(&column.sibling).is_some(),
            members: usage(&column.members, &members(main)),
        }
    };
    columns.iter().map(of).collect()
}

fn member<'a>(fields: &'a Fields, name: &str) -> Option<&'a DataType> {
    fields.find(name).map(|f| f.1.data_type())
}

/// The members of a structure, or of the structures in a list.
fn members(ty: Option<&DataType>) -> Fields {
    match ty {
        Some(DataType::Struct(members)) => members.clone(),
        Some(DataType::List(element)) => members(Some(element.data_type())),
        _ => Fields::empty(),
    }
}
