//! What a check found: faults of each kind, the first few in words.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt::Display;

/// Faults of a kind that are told in words; the others are counted.
const TOLD: usize = 10;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A file that the release names is not there.
    Missing,
    /// A file is there that the release does not name.
    Unlisted,
    /// Something is there that is neither a file nor a folder: a link, a FIFO. It is not opened.
    NoFile,
    /// A file's content is not what its checksum says.
    Checksum,
    /// The files that describe the release contradict each other.
    Metadata,
    /// A file cannot be read, or not as Parquet.
    Unreadable,
    /// A table's columns are not those of its contract.
    Schema,
    /// There are not as many rows as the manifest says.
    Rows,
    /// Ids have gaps, are not unique, or are out of order.
    Ids,
    /// A value that no row has: a negative size, a word that the contract does not know, a duration that is not that of its
    /// times.
    Values,
    /// Times run backwards, or are not in their recording.
    Time,
    /// A request's events or time are not in its recording.
    Window,
    /// Labels of parts of a recording do not lie in it, or requests have others than these say.
    Spans,
    /// Nested events are not their rows in `events`.
    Nested,
    /// An event's request, or the work of others that it is part of, is not the one that lists it.
    Links,
    /// A row is in two splits, in none, or in another than it belongs to.
    Split,
    /// A request that is not complete, touched by losses, or has a border of a span inside, is in a part to train, validate or
    /// test with.
    Marked,
}

impl Kind {
    /// Its name, as it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Missing => "missing file",
            Kind::Unlisted => "unlisted file",
            Kind::NoFile => "not a file",
            Kind::Checksum => "checksum",
            Kind::Metadata => "metadata",
            Kind::Unreadable => "unreadable",
            Kind::Schema => "schema",
            Kind::Rows => "row count",
            Kind::Ids => "ids",
            Kind::Values => "value",
            Kind::Time => "time",
            Kind::Window => "window",
            Kind::Spans => "labels in time",
            Kind::Nested => "nested events",
            Kind::Links => "links of events",
            Kind::Split => "split",
            Kind::Marked => "marked request",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// What kind of thing.
    pub kind: Kind,
    /// The file, or the table and recording.
    pub place: String,
    /// What exactly.
    pub what: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Whether it was a release that was checked, and not a dataset.
    pub release: bool,
    /// The release's version, or that of the dataset's form.
    pub version: String,
    /// Files that were read.
    pub files: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// The faults, the first few of each kind.
    pub faults: Vec<Fault>,
    /// How many more there are of each kind.
    pub more: Vec<(Kind, u64)>,
    /// What is no fault, but should be known: how the recordings of different labels differ.
    pub remarks: Vec<String>,
}

impl Report {
    /// Adds a fault. It is put into words only if it is told.
    pub(super) fn add(&mut self, kind: Kind, place: impl Into<String>, what: impl Display) {
        let told = self.faults.iter().filter(|f| f.kind == kind).count();
        if told < TOLD {
            self.faults.push(Fault {
                kind,
                place: place.into(),
                what: what.to_string(),
            });
            return;
        }
        match self.more.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += 1,
            None => self.more.push((kind, 1)),
        }
    }

    /// Keeps an error of reading as a fault; other errors go on.
    pub(super) fn keep(&mut self, place: &str, done: Result<()>) -> Result<()> {
        match done {
            Err(e) if ends(&e) => Err(e),
            Err(e) => {
                self.add(Kind::Unreadable, place, e.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Whether an error ends the check: the wish to stop, and a store that does not answer or denies, which says nothing of the
/// release.
pub(super) fn ends(e: &Error) -> bool {
    matches!(e, Error::Interrupted | Error::Store { .. })
}
