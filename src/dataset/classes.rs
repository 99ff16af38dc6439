//! `classes.json`: the event classes of each recording, as its metadata declares them, and which of them occur.
//!
//! The columns of a dataset follow from the classes of all its recordings, also from those without events. With them
//! kept, a recording that is appended later gets the columns that it would have got at first.

use super::manifest::{DataFile, digest};
use crate::error::{Error, Place, Result};
use crate::foreign;
use crate::trace::event::EventClass;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Name of the file in a dataset's folder.
pub const CLASSES: &str = "classes.json";

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

/// Writes the file into the dataset's folder `root`.
///
/// # Errors
/// [`Error::Io`].
pub fn write(root: &Path, all: &[Classes]) -> Result<DataFile> {
    let path = root.join(CLASSES);
    let mut text = serde_json::to_string(all).expect("classes are JSON");
    text.push('\n');
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(Error::io("write", &path))?;
    let mut file = File::open(&path).map_err(Error::io("read", &path))?;
    let (bytes, sha256) = digest(&mut file, &|| Ok(())).map_err(Error::io("read", &path))?;
    Ok(DataFile {
        path: CLASSES.to_owned(),
        rows: all.iter().map(|c| c.classes.len() as u64).sum(),
        bytes,
        sha256,
    })
}

/// Reads the file of the dataset in `root`.
///
/// # Errors
/// [`Error::Io`], and [`Error::Input`] where it is not what was written.
pub fn read(root: &Path) -> Result<Vec<Classes>> {
    let path = root.join(CLASSES);
    let text = foreign::read_text_in(root, CLASSES)?;
    serde_json::from_str(&text).map_err(|e| {
        Error::input(
            format!("not the event classes of a dataset: {e}"),
            Place::line(&path, e.line() as u64, e.column() as u64),
            "Make the dataset again with this version of sysds.",
        )
    })
}
