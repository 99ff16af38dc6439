//! `manifest.json`: where a dataset comes from, how it was made, what is in it and what was lost.

use super::MANIFEST;
use super::access_lines::AccessLines;
use super::aside::{self, WholeFile};
use super::fingerprint::Fingerprint;
use super::joint::JointFields;
use super::opened::Opened;
use super::options::ManifestOptions;
use super::paths;
use super::record_metadata::RecordMetadata;
use super::root::Root;
use super::tables;
use crate::error::{self, Error, Place, Result};
use crate::foreign;
use crate::label_spans::LabelSpan;
use crate::process::ending::Hold;
use crate::shown::{hex, path_text};
use crate::trace::Source;
use crate::trace::derive::Derived;
use crate::trace::event::Loss;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// Version of a dataset's form; a reader must refuse versions it does not know. Since 2, `events` says of which request or
/// downstream work each event is (`request_id`, `service_id`), and has the recording's `label`. Since 3 ([`OWN_FOLDERS`]),
/// each recording has folders of its own, and the files of a table may lack columns that others have. Since 4, recordings
/// have [`spans`](Recording::spans), and tables the columns that their contracts say were not there before: nulls where they
/// are missing.
pub const FORMAT_VERSION: u32 = 4;
/// The version since which each recording has folders of its own, so that more can be added.
pub const OWN_FOLDERS: u32 = 3;
/// The oldest version that is read.
const OLDEST_READ: u32 = 2;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// What made the dataset.
    pub tool: Tool,
    /// When, UTC, RFC 3339.
    pub created: String,
    /// When recordings were appended, in the order in which they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub appended: Vec<String>,
    /// The options that shaped it.
    pub options: ManifestOptions,
    /// Number of events.
    pub events: u64,
    /// Number of requests.
    pub requests: u64,
    /// Number of requests that are not complete.
    pub incomplete_requests: u64,
    /// Number of events that the tracer discarded.
    pub discarded_events: u64,
    /// Number of packets that the tracer discarded.
    pub discarded_packets: u64,
    /// Whether some input could not be read to its end (`--keep-going`).
    pub damaged: bool,
    /// The recordings.
    pub recordings: Vec<Recording>,
    /// The files of each table.
    pub tables: BTreeMap<String, TableFiles>,
    /// The fields that events of all recordings together can have, as far as they get columns; `None` in a release, and in a
    /// dataset of a version of sysds that did not note them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<JointFields>,
    /// The event classes of all recordings in one file, a row for each: in releases, and in datasets before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<DataFile>,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What decoded the traces: `native`, `babeltrace2 VERSION`, or both.
    pub reader: String,
}

/// A recording: one tracing session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Its `trace_id` in the tables.
    pub trace_id: String,
    /// Its label.
    pub label: Option<String>,
    /// The parts of it that have labels of their own, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<LabelSpan>,
    /// Its folder, as it was named; the first where it was put together from several.
    pub path: String,
    /// All of its folders, where there are several: snapshots, chunks of a rotation, copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Time of its first event, nanoseconds since the Unix epoch.
    pub first_ns: Option<i64>,
    /// Time of its last event.
    pub last_ns: Option<i64>,
    /// Number of events.
    pub events: u64,
    /// Number of requests.
    pub requests: u64,
    /// Number of requests that are not complete.
    pub incomplete_requests: u64,
    /// What decoded it.
    #[serde(default)]
    pub reader: String,
    /// Its CTF traces: UUID, environment (host, kernel, tracer), clock, streams.
    pub sources: Vec<Source>,
    /// What was lost per stream; streams that lost nothing are not here.
    pub losses: Vec<StreamLoss>,
    /// Which head columns were filled in, since some kernel events have no contexts that tell them, and for how many events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
    /// Streams that could not be read to their ends.
    pub damage: Vec<Damage>,
    /// By what its traces are known again when something is appended; `None` in a dataset of a version of sysds that did
    /// not note it, and in an anonymized release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprints: Option<Vec<Fingerprint>>,
    /// How it was recorded, where `sysds record` did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordMetadata>,
    /// How its access log and its requests went together, where `sysds record` was told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLines>,
    /// The file that has its event classes, a row for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<DataFile>,
}

impl Recording {
    /// Its tracers with their versions, each once, in the order of their names: that of the kernel and that of programs may have
    /// recorded it together.
    pub(crate) fn tracers(&self) -> Vec<String> {
        let tracers = self.sources.iter().filter_map(Source::tracer);
        let each: std::collections::BTreeSet<String> = tracers.collect();
        each.into_iter().collect()
    }
}

/// What the tracer discarded of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamLoss {
    /// The stream file.
    pub stream: String,
    /// Number of events.
    pub discarded_events: u64,
    /// Number of packets.
    pub discarded_packets: u64,
}

/// Losses summed up per stream.
pub fn sum_losses(losses: &[Loss]) -> Vec<StreamLoss> {
    let mut sums: BTreeMap<&str, StreamLoss> = BTreeMap::new();
    for loss in losses {
        let sum = sums.entry(&loss.stream).or_insert_with(|| StreamLoss {
            stream: loss.stream.clone(),
            discarded_events: 0,
            discarded_packets: 0,
        });
        sum.discarded_events += loss.events.unwrap_or(0);
        sum.discarded_packets += loss.packets.unwrap_or(0);
    }
    sums.into_values().collect()
}

/// A stream that could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Where: file, packet, byte.
    pub place: String,
    /// What was wrong.
    pub what: String,
}

impl From<&error::Damage> for Damage {
    fn from(damage: &error::Damage) -> Self {
        Damage {
            place: damage.place.to_string(),
            what: damage.what.clone(),
        }
    }
}

/// The files of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFiles {
    /// Rows in all of them.
    pub rows: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// The files.
    pub files: Vec<DataFile>,
}

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path in the dataset.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// Describes the Parquet file at `path` in the dataset's folder `root`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where it cannot be read.
pub fn describe_file(root: &Path, path: &Path) -> Result<DataFile> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let file = Opened::from(foreign::open_in(root, inside)?);
    let metadata = footer(&file, path)?;
    let (bytes, sha256) = digest(&file, &|| Ok(())).map_err(Error::io("read", path))?;
    Ok(DataFile {
        path: path_text(inside),
        rows: metadata.file_metadata().num_rows().max(0) as u64,
        bytes,
        sha256,
    })
}

/// The footer of the Parquet file `path`, which is opened already.
///
/// # Errors
/// [`Error::Columns`], and [`Error::Input`] where the decoder cannot bear it (see [`foreign::guarded`]).
pub fn footer(file: &Opened, path: &Path) -> Result<ParquetMetaData> {
    foreign::guarded(path, || {
        let read = ParquetMetaDataReader::new().parse_and_finish(file);
        read.map_err(Error::columns_read(path))
    })
}

/// Length and SHA-256, in hexadecimal, of a file. `go_on` is asked every so often, and may stop it with an error.
///
/// # Errors
/// Where it cannot be read, and those of `go_on`.
pub fn digest(
    file: &Opened,
    go_on: &dyn Fn() -> std::io::Result<()>,
) -> std::io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    file.pieces(go_on, |piece| {
        hasher.update(piece);
        bytes += piece.len() as u64;
        Ok(())
    })?;
    Ok((bytes, hex(&hasher.finalize())))
}

/// Length and SHA-256, in hexadecimal, of the file `file` of the dataset or release in `root`; `go_on` may stop it.
///
/// # Errors
/// [`Error::Io`], as [`Root::open`], and those of `go_on`.
pub(crate) fn measured(
    root: &Root,
    file: &Path,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<(u64, String)> {
    let opened = root.open(file)?.in_blocks();
    let stop = || go_on().map_err(|_| std::io::ErrorKind::Interrupted.into());
    let measured = digest(&opened, &stop);
    // What it is stopped by, it is stopped by here, too.
    go_on()?;
    measured.map_err(Error::io("read", &root.join(file)))
}

/// Whether this program reads datasets and releases of this [`FORMAT_VERSION`]; `path` is their manifest.
///
/// # Errors
/// [`Error::Input`].
pub fn known(version: u32, path: &Path) -> Result<()> {
    match version {
        OLDEST_READ..=FORMAT_VERSION => Ok(()),
        1 => Err(Error::input(
            "the dataset is of format version 1, whose events do not say which request they are part of",
            Place::file(path),
            "Make it again from its traces with this version of sysds, or use the version that made it.",
        )),
        other => Err(Error::input(
            format!(
                "the manifest has version {other}; this program knows {OLDEST_READ} to {FORMAT_VERSION}"
            ),
            Place::file(path),
            "Use the version of sysds that made the dataset, or make it again.",
        )),
    }
}

impl Manifest {
    /// The parts of recordings that have labels of their own, each with its recording, in the order of these.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (&Recording, &LabelSpan)> {
        let recordings = self.recordings.iter();
        recordings.flat_map(|recording| recording.spans.iter().map(move |span| (recording, span)))
    }

    /// Writes it into the dataset's folder `root`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, root: &Path) -> Result<()> {
        aside::write_text(&root.join(MANIFEST), &self.text())
    }

    /// Writes it in place of the one that the dataset in `root` has, in one step, with the end of the process held up. The
    /// folder is to be made durable afterwards.
    ///
    /// # Errors
    /// [`Error::Io`]; the old one is then in place.
    pub(crate) fn write_over(&self, root: &Path, held: &Hold) -> Result<()> {
        let (whole, mut file) = WholeFile::create(&root.join(MANIFEST))?;
        let written = file.write_all(self.text().as_bytes());
        written.map_err(Error::io("write", whole.target()))?;
        whole.rename(&file, held)
    }

    /// Its text, as it is written.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is JSON");
        text.push('\n');
        text
    }

    /// The files that a table has of the recording `trace_id`, in a dataset of this version.
    pub(crate) fn files_of<'a>(
        &'a self,
        table: &str,
        trace_id: &str,
    ) -> impl Iterator<Item = &'a DataFile> + use<'a> {
        let folder = format!("{}/", paths::folder(table, trace_id));
        let files = self.tables.get(table).into_iter().flat_map(|t| &t.files);
        files.filter(move |file| file.path.starts_with(&folder))
    }

    /// The number of the first file that the recording `trace_id` gets, where its files are replaced: what comes after
    /// those that it has.
    pub(crate) fn next_number(&self, trace_id: &str) -> usize {
        let files = tables::ALL.into_iter();
        let files = files.flat_map(|table| self.files_of(table, trace_id));
        let number = |path: &str| {
            let (_, number) = path.strip_suffix(".parquet")?.rsplit_once('-')?;
            number.parse::<usize>().ok()
        };
        let last = files.filter_map(|file| number(&file.path)).max();
        last.map_or(0, |last| last + 1)
    }

    /// The names of all files that it tells of.
    pub fn files(&self) -> BTreeSet<&str> {
        self.data_files().map(|file| file.path.as_str()).collect()
    }

    /// All files that it tells of.
    pub(crate) fn data_files(&self) -> impl Iterator<Item = &DataFile> {
        let of_tables = self.tables.values().flat_map(|t| &t.files);
        let of_recordings = self.recordings.iter().filter_map(|r| r.classes.as_ref());
        of_tables.chain(of_recordings).chain(&self.classes)
    }

    /// Reads the manifest of the dataset in `root`.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where it is not a manifest of a known version.
    pub fn read(root: &Root) -> Result<Manifest> {
        Self::parse(&root.text(MANIFEST)?, &root.join(MANIFEST))
    }

    /// The manifest whose `text` stands in the file `path`.
    ///
    /// # Errors
    /// [`Error::Input`] where it is not a manifest of a known version.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Manifest> {
        let manifest: Manifest = serde_json::from_str(text).map_err(|e| {
            Error::input(
                format!("not a manifest: {e}"),
                Place::line(path, e.line() as u64, e.column() as u64),
                "Make the dataset again with this version of sysds.",
            )
        })?;
        known(manifest.format_version, path)?;
        manifest.checked(path)
    }

    /// The manifest, unless it says what no manifest can: recordings of the same name, which would be told apart nowhere,
    /// files outside of its folder, or more than a counter of the tables holds.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn checked(self, path: &Path) -> Result<Manifest> {
        match self.impossible() {
            None => Ok(self),
            Some(what) => Err(Error::input(
                what,
                Place::file(path),
                "The manifest is damaged, or made to do harm: fetch the dataset or make it again.",
            )),
        }
    }

    /// What it says that cannot be.
    pub fn impossible(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        for recording in &self.recordings {
            if !seen.insert(&recording.trace_id) {
                let id = &recording.trace_id;
                return Some(format!("two recordings have the trace_id {id}"));
            }
        }
        let mut seen = BTreeSet::new();
        for file in self.data_files() {
            if !foreign::is_inside(Path::new(&file.path)) {
                return Some(format!("{} leads out of the dataset", file.path));
            }
            if !seen.insert(&file.path) {
                return Some(format!("{} is named twice", file.path));
            }
        }
        let own = [self.events, self.requests, self.incomplete_requests];
        let of_recordings = self.recordings.iter();
        let of_recordings =
            of_recordings.flat_map(|r| [r.events, r.requests, r.incomplete_requests]);
        let of_tables = self.tables.values().flat_map(|t| [t.rows, t.bytes]);
        let of_files = self.tables.values().flat_map(|t| &t.files);
        let of_files = of_files.flat_map(|f| [f.rows, f.bytes]);
        let all = own
            .into_iter()
            .chain(of_recordings)
            .chain(of_tables)
            .chain(of_files);
        let sum = all.map(u128::from).sum::<u128>();
        (sum > i64::MAX as u128)
            .then(|| format!("its counts add up to {sum}, more than can be counted"))
    }
}
