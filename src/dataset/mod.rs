//! A dataset, on a disk or in an object store: one folder with a manifest, and for each table a folder with Parquet files, which the manifest names.
//!
//! This module finds and opens datasets, released ones too. The others each own one thing about them:
//!
//! - `root`, `opened`: where it is, and how its files are read;
//! - `making`, `staging`, `shipping`, `aside`, `parents`, `temporary`: how one is made, on a disk and in a store, and anything is
//!   written, without ever leaving half of it behind;
//! - `owned`, `within`: which files in its folder are its own, and that no others are written into it;
//! - `manifest`, `options`, `record_metadata`: what it says of itself, of the options it was made with, of how its traces
//!   were recorded;
//! - `classes`, `joint`, `fingerprint`: what its traces declare, each and all together, and by what they are known again;
//! - `tables`, `codec`, `timestamp`, `type_name`: what tables, compression, times and types are called in it.

pub mod access_lines;
pub(crate) mod aside;
pub mod classes;
pub(crate) mod clean;
pub mod codec;
pub(crate) mod commit;
pub(crate) mod committed;
pub mod fingerprint;
pub mod joint;
pub(crate) mod lock;
pub(crate) mod making;
pub mod manifest;
pub(crate) mod opened;
pub mod options;
pub mod owned;
pub(crate) mod parents;
pub(crate) mod paths;
pub mod record_metadata;
pub(crate) mod root;
pub(crate) mod shipping;
pub mod staging;
pub mod tables;
pub(crate) mod temporary;
pub mod timestamp;
pub(crate) mod type_name;
pub(crate) mod within;

use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use root::Root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Name of the manifest in a dataset's folder; a folder that has one is a dataset.
pub const MANIFEST: &str = "manifest.json";

/// The folder of a release that holds the folders of its tables.
pub const RELEASED: &str = "data";

/// One table of a dataset: the Parquet files that the manifest names for it. One may lack columns that another has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The folder's name, by which SQL knows the table.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// Its Parquet files, in the manifest's order; never empty.
    pub files: Vec<PathBuf>,
}

/// A dataset that was found on disk.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The dataset's folder.
    pub root: Root,
    /// Its tables, sorted by name.
    pub tables: Vec<Table>,
}

/// Whether `root` is the folder of a dataset.
///
/// # Errors
/// [`Error::Io`] where the system does not say, [`Error::Input`] where its manifest is a link, a FIFO or the like,
/// [`Error::Store`].
pub fn is_dataset(root: &Root) -> Result<bool> {
    if root.store().is_some() {
        return match root.text(MANIFEST) {
            Ok(_) => Ok(true),
            Err(e) if foreign::is_absent(&e) => Ok(false),
            Err(e) => Err(e),
        };
    }
    match root.kind(MANIFEST)? {
        Some(Kind::File) => Ok(true),
        None | Some(Kind::Folder) => Ok(false),
        Some(other) => Err(other.refused(&root.join(MANIFEST))),
    }
}

/// Whether anything is there: on a disk a folder or a file, in a store a manifest.
///
/// # Errors
/// [`Error::Io`], [`Error::Store`].
pub(crate) fn is_there(root: &Root) -> Result<bool> {
    match root.disk() {
        Some(path) => Ok(foreign::kind(path)?.is_some()),
        None => is_dataset(root),
    }
}

/// Refuses what is no dataset.
///
/// # Errors
/// [`Error::Input`] where `root` has no manifest, and as [`is_dataset`].
pub fn refuse_others(root: &Root) -> Result<()> {
    match is_dataset(root)? {
        true => Ok(()),
        false => Err(not_a_dataset(root)),
    }
}

/// The error of a folder that is no dataset.
pub(crate) fn not_a_dataset(root: &Root) -> Error {
    Error::input(
        format!("not a sysds dataset: it has no {MANIFEST}"),
        Place::file(root.path()),
        "Name a folder that `sysds ingest` wrote, or make one: sysds ingest TRACE -o DATASET",
    )
}

/// Finds the tables of the dataset in `root`. In a store, whether their files are there is seen when they are read.
///
/// # Errors
/// [`Error::Input`] where `root` has no manifest, or holds anything but regular files and folders (links, FIFOs), of
/// which nothing is opened; [`Error::Io`] and [`Error::Store`] where something cannot be read.
pub fn open(root: &Root) -> Result<Dataset> {
    refuse_others(root)?;
    if root.disk().is_some() {
        for (below, kind) in root.everything()? {
            if kind != Kind::File {
                return Err(kind.refused(&root.join(below)));
            }
        }
    }
    let text = root.text(MANIFEST)?;
    let manifest: Value = serde_json::from_str(&text).map_err(|e| {
        Error::input(
            format!("not a manifest: {e}"),
            Place::line(root.join(MANIFEST), e.line() as u64, e.column() as u64),
            "Make the dataset again with this version of sysds.",
        )
    })?;
    let named = manifest["tables"].as_object();
    let tables = named.into_iter().flatten();
    let tables = tables.map(|(name, table)| Ok((name, files_of(root, table)?)));
    let tables = tables.collect::<Result<Vec<_>>>()?.into_iter();
    let mut tables: Vec<Table> = tables
        .filter(|(_, files)| !files.is_empty())
        .map(|(name, files)| Table {
            dir: folder_of(root.path(), name, &files),
            name: name.clone(),
            files,
        })
        .collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let mut seen = BTreeSet::new();
    if let Some(twice) = tables
        .iter()
        .flat_map(|t| &t.files)
        .find(|file| !seen.insert(*file))
    {
        let name = path_text(root.name_of(twice));
        return Err(harmful(root, format!("{name} is named twice")));
    }
    Ok(Dataset {
        root: root.clone(),
        tables,
    })
}

/// The files that the manifest of the dataset in `root` names for a table, in its order.
fn files_of(root: &Root, table: &Value) -> Result<Vec<PathBuf>> {
    let files = table["files"].as_array().into_iter().flatten();
    let names = files.filter_map(|file| Some((file["path"].as_str()?, file["bytes"].as_u64())));
    names
        .map(|(name, bytes)| {
            if !foreign::is_inside(Path::new(name)) {
                return Err(harmful(root, format!("{name} leads out of the dataset")));
            }
            // Whether it is there at all.
            if root.disk().is_some() {
                root.open(name)?;
            }
            if let (Some(folder), Some(bytes)) = (root.store(), bytes) {
                folder.tell_size(Path::new(name), bytes);
            }
            Ok(root.join(name))
        })
        .collect()
}

/// The error of a manifest that says what none can.
fn harmful(root: &Root, what: String) -> Error {
    Error::input(
        what,
        Place::file(root.join(MANIFEST)),
        "The manifest is damaged, or made to do harm: fetch the dataset or make it again.",
    )
}

/// The folder that all files of a table are in, which has its name.
fn folder_of(dir: &Path, name: &str, files: &[PathBuf]) -> PathBuf {
    let above = files[0].ancestors().skip(1);
    let mut above = above.take_while(|folder| folder.starts_with(dir));
    let folder = above.find(|folder| folder.file_name().is_some_and(|n| n == name));
    folder.map_or_else(|| dir.to_path_buf(), Path::to_path_buf)
}
