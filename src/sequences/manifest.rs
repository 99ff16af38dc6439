//! `sequences.json`: what stands beside sequences, so that a program need not be told of them by hand.

use crate::dataset::manifest::DataFile;
use serde::Serialize;
use std::collections::BTreeMap;

/// Its name.
pub(super) const MANIFEST: &str = "sequences.json";
/// The form of what is written; whoever reads it must refuse others.
pub(super) const FORMAT: u32 = 1;

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program that made it.
    pub sysds: String,
    /// What it was made of.
    pub source: Source,
    /// `own`, `causal` or `window`.
    pub reach: String,
    /// Which events: `syscalls`, `all`, or patterns of names.
    pub events: String,
    /// Whether arguments were written.
    pub arguments: bool,
    /// How many events of a request are written at most; nothing where all are.
    pub max_length: Option<usize>,
    /// How many requests at the begin of each recording are left out.
    pub skip_first: u64,
    /// The codes of what is no word.
    pub codes: BTreeMap<String, i32>,
    /// How many words of each kind have a code.
    pub vocabulary: BTreeMap<String, u64>,
    /// The file of the words.
    pub words: DataFile,
    /// The parts.
    pub parts: BTreeMap<String, Part>,
    /// The requests that are in none, by reason.
    pub left_out: LeftOut,
}

/// What sequences were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Source {
    /// `dataset` or `release`.
    pub kind: String,
    /// The version of the release.
    pub version: Option<String>,
    /// SHA-256 of its manifest, in hexadecimal.
    pub manifest_sha256: String,
    /// What identifies the data of the release ([`data_sha256`](crate::publish::release::data_sha256)).
    pub data_sha256: Option<String>,
    /// How it was split now; nothing where it was split already.
    pub split: Option<String>,
    /// The parameters of the split.
    pub parameters: BTreeMap<String, String>,
}

/// A part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    /// Sequences.
    pub requests: u64,
    /// Events in their reach, before they are cut.
    pub events: u64,
    /// Sequences that are cut at the longest length.
    pub truncated: u64,
    /// Events that are written and whose call, or thread, training does not know.
    pub unknown_calls: u64,
    pub unknown_processes: u64,
    /// The files.
    pub files: Vec<DataFile>,
}

/// Requests that do not become sequences; each is counted once, by the first that holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    /// Cut off, or touched by lost events, or what was done for them is.
    pub incomplete: u64,
    /// At the begin of a recording (`--skip-first`).
    pub skipped: u64,
    /// Extraordinary ones, whose events are not all linked to them.
    pub omitted: u64,
    /// In no part of the split.
    pub without_part: u64,
    /// Without an event of those that were asked for.
    pub empty: u64,
}
