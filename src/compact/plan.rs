//! Which files of a dataset are to be written anew: those of a recording and a table that do not have the table's schema, or
//! not as many row groups as they could.

use crate::columns::parquet::join::PARTS_PER_FILE;
use crate::columns::parquet::rejoin::Group;
use crate::dataset::classes::Classes;
use crate::dataset::manifest::{DataFile, Manifest, Recording, measured};
use crate::dataset::opened::Opened;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::{Error, Place, Result};
use crate::publish::rows::Rows;
use crate::publish::united;
use arrow::datatypes::{Schema, SchemaRef};
use std::path::Path;
use std::sync::Arc;

/// The files of a table that are of a recording, to be written anew.
pub(super) struct Planned {
    pub table: &'static str,
    pub trace_id: String,
    /// The schema that they get.
    pub schema: Schema,
    /// As they are.
    pub of: Vec<File>,
}

/// A file as it is.
pub(super) struct File {
    told: DataFile,
    /// Rows of each row group.
    groups: Vec<usize>,
    schema: SchemaRef,
}

impl File {
    /// What the manifest says of it.
    pub(super) fn described(&self) -> DataFile {
        self.told.clone()
    }

    /// Refuses it where it is not what the manifest says: what is damaged must not get a checksum as if it were sound.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::Io`], and those of `go_on`.
    pub(super) fn check(&self, root: &Root, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        let (bytes, sha256) = measured(root, Path::new(&self.told.path), go_on)?;
        match (bytes, sha256.as_str()) == (self.told.bytes, self.told.sha256.as_str()) {
            true => Ok(()),
            false => Err(Error::input(
                "is not what the manifest says: another checksum",
                Place::file(root.join(&self.told.path)),
                "Fetch the dataset again, or make it again from its traces; sysds verify tells what is wrong with it.",
            )),
        }
    }

    /// One of its row groups.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub(super) fn group(&self, root: &Root, number: usize) -> Result<Group<Opened>> {
        Ok(Group {
            path: root.join(&self.told.path),
            file: root.open(&self.told.path)?.in_blocks(),
            number,
            rows: self.groups[number],
        })
    }
}

impl Planned {
    /// Their rows.
    pub(super) fn rows(&self) -> u64 {
        self.of.iter().map(|file| file.told.rows).sum()
    }

    /// The row groups of each file that is to be: one without any, where there are no rows.
    pub(super) fn files(&self) -> Vec<Vec<(&File, usize)>> {
        let groups = self.of.iter();
        let groups = groups.flat_map(|file| (0..file.groups.len()).map(move |n| (file, n)));
        let groups: Vec<(&File, usize)> = groups.collect();
        match groups.is_empty() {
            true => vec![Vec::new()],
            false => groups.chunks(PARTS_PER_FILE).map(<[_]>::to_vec).collect(),
        }
    }

    /// Whether they are as they are to be.
    fn is_done(&self) -> bool {
        let are = self.of.iter().map(|file| file.groups.len());
        let fields = self.schema.fields();
        let fit = self.of.iter().all(|file| file.schema.fields() == fields);
        fit && are.eq(self.files().iter().map(Vec::len))
    }
}

/// What is to be written anew in the dataset in `root`.
///
/// # Errors
/// As [`Rows::open`] and [`united::schema`].
pub(super) fn planned(
    root: &Root,
    manifest: &Manifest,
    classes: &[Classes],
) -> Result<Vec<Planned>> {
    let mut all = Vec::new();
    for table in tables::ALL {
        let of = |r: &Recording| {
            let files = manifest.files_of(table, &r.trace_id);
            let files = files.map(|told| looked_at(root, told.clone()));
            files.collect::<Result<Vec<_>>>()
        };
        let files = manifest.recordings.iter().map(of);
        let files = files.collect::<Result<Vec<_>>>()?;
        let own = files.iter().flatten().map(|file| Arc::clone(&file.schema));
        let own: Vec<SchemaRef> = own.collect();
        if own.is_empty() {
            continue;
        }
        let schema = united::schema(root, manifest, classes, table, own)?;
        let schema = Schema::new(schema.fields().clone());
        for (recording, files) in manifest.recordings.iter().zip(files) {
            let planned = Planned {
                table,
                trace_id: recording.trace_id.clone(),
                schema: schema.clone(),
                of: files,
            };
            if !planned.of.is_empty() && !planned.is_done() {
                all.push(planned);
            }
        }
    }
    Ok(all)
}

fn looked_at(root: &Root, told: DataFile) -> Result<File> {
    let rows = Rows::open(root, &told.path)?;
    let groups = rows.metadata().row_groups().iter();
    Ok(File {
        groups: groups.map(|g| g.num_rows().max(0) as usize).collect(),
        schema: Arc::clone(rows.schema()),
        told,
    })
}
