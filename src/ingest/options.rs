//! What an ingest is asked for.

use super::labels::LabelFile;
use crate::columns::schema::contract;
use crate::dataset::codec::Codec;
use crate::dataset::options::{ManifestOptions, RequestArguments, RequestEnd};
use crate::dataset::root::Root;
use crate::error::{Error, Hint, Result};
use crate::requests::{self, Cutter};
use crate::trace::reader::ReaderChoice;
use crate::trace::select::Selection;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub output: Root,
    /// Whether a dataset at `output` is replaced.
    pub force: bool,
    /// Whether the traces are appended to the dataset at `output`, which is made where nothing is there.
    pub append: bool,
    /// Compression of the Parquet files.
    pub codec: Codec,
    /// Labels of the recordings: none, one for all, or one for each of `traces`. A recording of `sysds record` brings its
    /// own, where none is given.
    pub labels: Vec<String>,
    /// Labels of parts of the recordings.
    pub label_file: Option<Arc<LabelFile>>,
    /// How requests are cut.
    pub rule: requests::RuleOptions,
    /// Whether nested events carry their arguments.
    pub request_args: bool,
    /// Whether to keep what comes before a damage instead of failing.
    pub keep_going: bool,
    /// Which reader decodes the traces.
    pub reader: ReaderChoice,
    /// What of them is read.
    pub selection: Selection,
    /// Recordings that are read at once; as many as CPUs and memory allow, where it is not given. It makes no difference to
    /// the dataset. babeltrace2 reads one after the other.
    pub jobs: Option<NonZeroUsize>,
}

impl IngestOptions {
    /// A new dataset at `output` of what is in the folders `traces`, with everything else as `sysds ingest` has it.
    pub fn new(traces: Vec<PathBuf>, output: impl Into<Root>) -> Self {
        IngestOptions {
            traces,
            output: output.into(),
            force: false,
            append: false,
            codec: Codec::default(),
            labels: Vec::new(),
            label_file: None,
            rule: requests::RuleOptions::default(),
            request_args: true,
            keep_going: false,
            reader: ReaderChoice::default(),
            selection: Selection::default(),
            jobs: None,
        }
    }

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
    pub(super) fn told(&self) -> ManifestOptions {
        let texts = |all: &[glob::Pattern]| all.iter().map(|p| p.as_str().to_owned()).collect();
        let selection = &self.selection;
        ManifestOptions {
            begin_ns: selection.begin,
            columns: texts(&selection.columns),
            compression: self.codec.to_string(),
            end: match self.rule.end_at_shutdown {
                true => RequestEnd::Shutdown,
                false => RequestEnd::Close,
            },
            end_ns: selection.end,
            events: texts(&selection.events),
            keep_going: self.keep_going,
            max_request_events: Some(self.rule.max_nested as u64),
            request_args: match self.request_args {
                true => RequestArguments::Struct,
                false => RequestArguments::None,
            },
            requests: self.rule.rule.name.to_owned(),
            server: self.rule.server.clone(),
        }
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
