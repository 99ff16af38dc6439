//! The event classes of each recording, as its metadata declares them, and which of them occur: a file for each recording
//! in a dataset, one for all in a release.
//!
//! The columns of a dataset follow from the classes of all its recordings, also from those without events. With them
//! kept, a recording that is appended later gets the columns that it would have got at first.

use super::MANIFEST;
use super::manifest::{DataFile, Manifest, Recording, digest};
use super::paths::{self, CLASSES};
use super::root::Root;
use crate::error::{Error, Place, Result};
use crate::trace::event::EventClass;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Files of which the texts are held at once.
const AT_ONCE: usize = 32;

/// The classes of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// The recording.
    pub trace_id: String,
    /// Its classes.
    pub classes: Vec<Class>,
}

/// An event class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// As the metadata declares it.
    pub class: EventClass,
    /// Whether it has events.
    pub in_events: bool,
    /// Whether some are nested in requests.
    pub in_requests: bool,
}

/// Writes the file of a recording, whose first files have this number, into the dataset's folder `root`. Data files are called
/// `part` there, but for their numbers.
///
/// # Errors
/// [`Error::Io`].
pub fn write((root, part): (&Path, &str), of: &Classes, number: usize) -> Result<DataFile> {
    let (folder, name) = paths::classes(&of.trace_id, part, number);
    let whole = root.join(&folder);
    std::fs::create_dir_all(&whole).map_err(Error::io("create", &whole))?;
    written(root, format!("{folder}/{name}"), of, of.classes.len())
}

/// Writes the file of all recordings into the folder `root` of a release.
///
/// # Errors
/// [`Error::Io`].
pub fn write_all(root: &Path, all: &[Classes]) -> Result<DataFile> {
    let rows = all.iter().map(|c| c.classes.len()).sum();
    written(root, format!("{CLASSES}.json"), &all, rows)
}

fn written(root: &Path, name: String, told: &impl Serialize, rows: usize) -> Result<DataFile> {
    let path = root.join(&name);
    let mut text = serde_json::to_string(told).expect("classes are JSON");
    text.push('\n');
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", &path))?;
    let file = File::open(&path).map_err(Error::io("read", &path))?;
    let (bytes, sha256) = digest(&file.into(), &|| Ok(())).map_err(Error::io("read", &path))?;
    Ok(DataFile {
        path: name,
        rows: rows as u64,
        bytes,
        sha256,
    })
}

/// Reads the classes of all recordings of the dataset in `root`, in the order of its `manifest`.
///
/// # Errors
/// [`Error::Io`], and [`Error::Input`] where a file is not what was written.
pub fn read(root: &Root, manifest: &Manifest) -> Result<Vec<Classes>> {
    let all = match &manifest.classes {
        Some(file) => parsed(root, &file.path, &root.text(&file.path)?)?,
        None => {
            let mut all = Vec::new();
            for some in manifest.recordings.chunks(AT_ONCE) {
                all.extend(of_recordings(root, some)?);
            }
            all
        }
    };
    let ids = all.iter().map(|c: &Classes| &c.trace_id);
    match ids.eq(manifest.recordings.iter().map(|r| &r.trace_id)) {
        true => Ok(all),
        false => Err(told_otherwise(&root.join(MANIFEST))),
    }
}

/// Those of some recordings, whose files are fetched at the same time.
fn of_recordings(root: &Root, recordings: &[Recording]) -> Result<Vec<Classes>> {
    let files = recordings.iter().map(|recording| match &recording.classes {
        Some(file) => Ok(file.path.as_str()),
        None => Err(told_otherwise(&root.join(MANIFEST))),
    });
    let files: Vec<&str> = files.collect::<Result<_>>()?;
    let names: Vec<&Path> = files.iter().map(|file| Path::new(*file)).collect();
    let texts = root.texts(&names)?;
    let pairs = files.iter().zip(&texts);
    pairs.map(|(file, text)| parsed(root, file, text)).collect()
}

fn told_otherwise(path: &Path) -> Error {
    Error::input(
        "names other recordings than the files of event classes",
        Place::file(path),
        "The dataset is damaged: fetch it or make it again.",
    )
}

fn parsed<T: DeserializeOwned>(root: &Root, file: &str, text: &str) -> Result<T> {
    let path = root.join(file);
    serde_json::from_str(text).map_err(|e| {
        Error::input(
            format!("not the event classes of a dataset: {e}"),
            Place::line(&path, e.line() as u64, e.column() as u64),
            "Make the dataset again with this version of sysds.",
        )
    })
}
