//! A recording of a list and what came of it.

use super::list::Listed;
use crate::dataset::manifest::Damage;
use crate::error::Error;

/// What came of a recording of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It came into the dataset.
    Ingested,
    /// The dataset had it already.
    Already,
    /// It is not in the dataset.
    Failed,
}

impl Status {
    /// The word for it in a report.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Ingested => "ingested",
            Status::Already => "already",
            Status::Failed => "failed",
        }
    }
}

/// A recording of the list, and what came of it.
#[derive(Debug)]
pub(crate) struct Row {
    /// As it is in the list.
    pub listed: Listed,
    /// What came of it.
    pub status: Status,
    /// What it is called in the dataset; several where several were below its folder.
    pub trace_ids: Vec<String>,
    /// Events that came into the dataset.
    pub events: u64,
    /// Requests that did.
    pub requests: u64,
    /// What of it could not be read to its end, where that is kept.
    pub damage: Vec<Damage>,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed, or what failed after it was in its place.
    pub error: Option<Error>,
}

impl Row {
    /// Why it failed, what failed afterwards, or what is missing of it; empty where all is well.
    pub(crate) fn reason(&self) -> String {
        let error = self.error.iter().map(ToString::to_string);
        let damage = self
            .damage
            .iter()
            .map(|d| format!("{}: {}", d.place, d.what));
        error.chain(damage).collect::<Vec<_>>().join("; ")
    }
}
