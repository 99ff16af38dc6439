//! A dataset on disk: one folder with a manifest and a folder of Parquet files per table.
//!
//! This module finds and opens datasets, released ones too. The others each own one thing about them:
//!
//! - `staging`, `aside`: how one is made, and anything is written, without ever leaving half of it behind;
//! - `owned`: which files in its folder are its own;
//! - `manifest`, `options`, `record_metadata`: what it says of itself, of the options it was made with, of how its traces
//!   were recorded;
//! - `classes`, `fingerprint`: what its traces declare, and by what they are known again;
//! - `tables`, `codec`, `timestamp`, `type_name`: what tables, compression, times and types are called in it.

pub(crate) mod aside;
pub mod classes;
pub mod codec;
pub mod fingerprint;
pub mod manifest;
pub mod options;
pub mod owned;
pub mod record_metadata;
pub mod staging;
pub mod tables;
pub mod timestamp;
pub(crate) mod type_name;

use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use std::path::{Path, PathBuf};

/// Name of the manifest in a dataset's folder; a folder that has one is a dataset.
pub const MANIFEST: &str = "manifest.json";

/// The folder of a release that holds the folders of its tables.
pub const RELEASED: &str = "data";

/// One table of a dataset: a folder of Parquet files of one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The folder's name, by which SQL knows the table.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// Its Parquet files, sorted by name; never empty.
    pub files: Vec<PathBuf>,
}

/// A dataset that was found on disk.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The dataset's folder.
    pub root: PathBuf,
    /// Its tables, sorted by name.
    pub tables: Vec<Table>,
}

/// Whether `dir` is the folder of a dataset.
///
/// # Errors
/// [`Error::Io`] where the system does not say, [`Error::Input`] where its manifest is a link, a FIFO or the like.
pub fn is_dataset(dir: &Path) -> Result<bool> {
    let path = dir.join(MANIFEST);
    match foreign::kind(&path)? {
        Some(Kind::File) => Ok(true),
        None | Some(Kind::Folder) => Ok(false),
        Some(other) => Err(other.refused(&path)),
    }
}

/// Finds the tables of the dataset in `dir`.
///
/// # Errors
/// [`Error::Input`] where `dir` has no manifest, or holds anything but regular files and folders (links, FIFOs), of
/// which nothing is opened; [`Error::Io`] where it cannot be read.
pub fn open(dir: &Path) -> Result<Dataset> {
    if !is_dataset(dir)? {
        return Err(Error::input(
            format!("not a sysds dataset: it has no {MANIFEST}"),
            Place::file(dir),
            "Name a folder that `sysds ingest` wrote with -d, or make one: sysds ingest TRACE -o DATASET",
        ));
    }
    let mut tables = Vec::new();
    // A release has its tables one folder deeper, and may have folders for labels in them.
    let released = dir.join(RELEASED);
    let is_released = foreign::kind(&released)? == Some(Kind::Folder);
    let parent = if is_released { &released } else { dir };
    for (dir, kind) in regular(parent)? {
        if kind != Kind::Folder {
            continue;
        }
        let mut files = Vec::new();
        for (entry, kind) in regular(&dir)? {
            match kind {
                Kind::Folder if is_released => {
                    let inner = regular(&entry)?.into_iter();
                    files.extend(inner.filter(|(_, k)| *k == Kind::File).map(|(p, _)| p));
                }
                Kind::File => files.push(entry),
                _ => {}
            }
        }
        files.retain(|p| p.extension().is_some_and(|e| e == "parquet"));
        if let Some(name) = dir.file_name().and_then(|n| n.to_str())
            && !files.is_empty()
        {
            tables.push(Table {
                name: name.to_owned(),
                dir: dir.clone(),
                files,
            });
        }
    }
    Ok(Dataset {
        root: dir.to_path_buf(),
        tables,
    })
}

/// What is in a folder of a dataset: files and folders, sorted.
fn regular(dir: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    let entries = foreign::entries(dir)?;
    for (path, kind) in &entries {
        if !matches!(kind, Kind::File | Kind::Folder) {
            return Err(kind.refused(path));
        }
    }
    Ok(entries)
}
