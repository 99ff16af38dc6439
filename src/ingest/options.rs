//! What an ingest is asked for.

use crate::columns::schema::contract;
use crate::error::{Error, Hint, Result};
use crate::requests::{self, Cutter};
use crate::trace::reader::ReaderChoice;
use crate::trace::select::Selection;
use parquet::basic::Compression;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The options that shape rows, which all recordings of a dataset share.
pub(super) const SHAPING: [&str; 7] = [
    "requests",
    "end",
    "server",
    "max_request_events",
    "request_args",
    "columns",
    "events",
];

/// What to make of which traces.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Folders to look for traces in.
    pub traces: Vec<PathBuf>,
    /// The dataset's folder.
    pub output: PathBuf,
    /// Whether a dataset at `output` is replaced.
    pub force: bool,
    /// Whether the traces are appended to the dataset at `output`.
    pub append: bool,
    /// Compression of the Parquet files, and how the user wrote it.
    pub compression: (Compression, String),
    /// Labels of the recordings: none, one for all, or one for each of `traces`. A recording of `sysds record` brings its
    /// own, where none is given.
    pub labels: Vec<String>,
    /// How requests are cut.
    pub rule: requests::Options,
    /// Whether nested events carry their arguments.
    pub request_args: bool,
    /// Whether to keep what comes before a damage instead of failing.
    pub keep_going: bool,
    /// Which reader decodes the traces.
    pub reader: ReaderChoice,
    /// What of them is read.
    pub selection: Selection,
}

impl IngestOptions {
    /// Whether there are as many labels as there can be.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are not.
    pub(super) fn check_labels(&self) -> Result<()> {
        let (labels, traces) = (self.labels.len(), self.traces.len());
        if labels > 1 && labels != traces {
            return Err(Error::usage(
                format!("{labels} labels for {traces} traces"),
                Hint::LabelAllOrEach,
            ));
        }
        Ok(())
    }

    /// The options that an ingest was run with, as the manifest tells them.
    pub(super) fn told(&self) -> BTreeMap<String, serde_json::Value> {
        let end = match self.rule.end_at_shutdown {
            true => "shutdown",
            false => "close",
        };
        let args = match self.request_args {
            true => "struct",
            false => "none",
        };
        let pairs: [(&str, serde_json::Value); 7] = [
            ("requests", self.rule.rule.name.into()),
            ("end", end.into()),
            ("server", self.rule.server.clone().into()),
            ("max_request_events", self.rule.max_nested.into()),
            ("request_args", args.into()),
            ("compression", self.compression.1.clone().into()),
            ("keep_going", self.keep_going.into()),
        ];
        let mut all: BTreeMap<String, serde_json::Value> =
            pairs.map(|(name, value)| (name.to_owned(), value)).into();
        let selection = &self.selection;
        let globs = |all: &[glob::Pattern]| -> Option<serde_json::Value> {
            let texts: Vec<&str> = all.iter().map(glob::Pattern::as_str).collect();
            (!texts.is_empty()).then(|| texts.into())
        };
        let selected: [(&str, Option<serde_json::Value>); 4] = [
            ("events", globs(&selection.events)),
            ("columns", globs(&selection.columns)),
            ("begin_ns", selection.begin.map(Into::into)),
            ("end_ns", selection.end.map(Into::into)),
        ];
        for (name, value) in selected {
            all.extend(value.map(|value| (name.to_owned(), value)));
        }
        all
    }
}

/// The payload fields that rows are made by, whether they get columns or not.
pub(super) fn needed() -> Vec<String> {
    let contract = contract::events();
    let by_rules = Cutter::arguments().into_iter().map(str::to_owned);
    let columns = contract.fd_arguments.into_iter();
    by_rules
        .chain(columns)
        .chain(contract.path_arguments)
        .chain(std::iter::once("ret".to_owned()))
        .collect()
}
