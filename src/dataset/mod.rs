//! A dataset on disk: one folder with a manifest and a folder of Parquet files per table.
//!
//! This module finds and opens datasets, released ones too. How one is made without ever leaving half of it behind is
//! `staging`, what its manifest says is `manifest`, what its traces declare is `classes`, by
//! what they are known again `fingerprint`, what is known of how a trace
//! was recorded is `recorded`, how either writes a time is `moment`.

pub mod classes;
pub mod fingerprint;
pub mod manifest;
pub mod moment;
pub mod recorded;
pub mod staging;

use crate::error::{Error, Place, Result};
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
pub fn is_dataset(dir: &Path) -> bool {
    dir.join(MANIFEST).is_file()
}

/// Finds the tables of the dataset in `dir`.
///
/// # Errors
/// [`Error::Input`] where `dir` has no manifest, [`Error::Io`] where it cannot be read.
pub fn open(dir: &Path) -> Result<Dataset> {
    if !is_dataset(dir) {
        return Err(Error::input(
            format!("not a sysds dataset: it has no {MANIFEST}"),
            Place::file(dir),
            "Name a folder that `sysds ingest` wrote with -d, or make one: sysds ingest TRACE -o DATASET",
        ));
    }
    let mut tables = Vec::new();
    // A release has its tables one folder deeper, and may have folders for labels in them.
    let released = dir.join(RELEASED);
    let parent = match released.is_dir() {
        true => released.as_path(),
        false => dir,
    };
    for dir in sorted_entries(parent)?.into_iter().filter(|p| p.is_dir()) {
        let mut files = Vec::new();
        for entry in sorted_entries(&dir)? {
            match entry.is_dir() && parent == released {
                true => files.extend(sorted_entries(&entry)?),
                false => files.push(entry),
            }
        }
        files.retain(|p| p.is_file() && p.extension().is_some_and(|e| e == "parquet"));
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

fn sorted_entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = std::fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|e| e.map(|e| e.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(Error::io("read", dir))?;
    entries.sort();
    Ok(entries)
}
