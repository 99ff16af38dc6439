//! What the traces that are appended have to do with the recordings that the dataset has.
//!
//! The one idea: a part of a recording that is there already (a later snapshot, another chunk) changes rows that are there:
//! a request may go on in it, events that were missing get their `event_id`s. So the recording is read anew, from all of
//! its folders, and takes the place of the old one: the result is what one ingest of all would have made. The folders are
//! those that the user names, and those that the manifest names, where they still hold what was read from them.

use super::append::Old;
use super::options::IngestOptions;
use crate::dataset::fingerprint::{Fingerprint, fingerprints};
use crate::dataset::manifest;
use crate::error::{Error, Hint, Place, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use crate::trace::belong::{self, recordings, recordings_from};
use crate::trace::check::{Checked, check};
use crate::trace::find;
use crate::trace::readings::Readings;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A recording to read.
pub(super) struct Found {
    /// Where it is.
    pub recording: find::Recording,
    /// Position of the dataset's recording whose place it takes.
    pub replaces: Option<usize>,
    /// What was learned when it was checked, if it was already, with all damage.
    pub checked: Option<Checked>,
}

/// What traces are to a dataset.
pub(super) enum Seen {
    /// These recordings are to be read.
    New(Vec<Found>),
    /// It has them all, under these names; with the error that says so of the first.
    Already(Vec<String>, Error),
}

/// The recordings below the traces of `options`, for a new dataset.
///
/// # Errors
/// As [`recordings`].
pub(super) fn find_new(options: &IngestOptions) -> Result<Vec<Found>> {
    let recordings = recordings(&options.traces)?.into_iter();
    Ok(recordings.map(Found::new).collect())
}

/// The recordings below the traces of `options`, with those of the dataset that they are parts of.
///
/// # Errors
/// [`Error::Input`] for a trace that the dataset has already beside others that it has not, and for a part of a recording of
/// which the other parts are not at hand; [`Error::Usage`] where that one would be read with other options; as [`recordings`].
pub(super) fn find_all(options: &IngestOptions, old: &Old) -> Result<Seen> {
    let recordings = recordings(&options.traces)?;
    let olds = &old.manifest.recordings;
    let mut wanted = BTreeSet::new();
    let (mut all, mut there) = (Vec::new(), Vec::new());
    'recordings: for recording in recordings {
        let candidate = Candidate::new(recording)?;
        for (number, had) in olds
            .iter()
            .enumerate()
            .filter(|(_, o)| candidate.related(o))
        {
            let prints = had.fingerprints.as_ref();
            let prints = prints.ok_or_else(|| unknown(had, &candidate.recording))?;
            if subset(&candidate.prints, prints) {
                there.push((had.trace_id.clone(), already(had, &candidate.recording)));
                continue 'recordings;
            }
            if !subset(prints, &candidate.prints) {
                wanted.insert(number);
            }
        }
        all.push(candidate);
    }
    let (trace_ids, errors): (Vec<String>, Vec<Error>) = there.into_iter().unzip();
    if let Some(error) = errors.into_iter().next() {
        return match all.is_empty() {
            true => Ok(Seen::Already(trace_ids, error)),
            false => Err(error),
        };
    }
    if !wanted.is_empty() {
        all = with_folders(options, olds, &wanted, all)?;
    }
    let found = all.into_iter().map(|l| l.found(olds));
    let found = found.collect::<Result<Vec<_>>>()?;
    for found in &found {
        if let Some(number) = found.replaces {
            same_times(old, options, &olds[number])?;
        }
    }
    Ok(Seen::New(found))
}

/// Finds the recordings once more, with the folders of those of the dataset that are `wanted`.
fn with_folders(
    options: &IngestOptions,
    olds: &[manifest::Recording],
    wanted: &BTreeSet<usize>,
    alone: Vec<Candidate>,
) -> Result<Vec<Candidate>> {
    let mut paths = Vec::new();
    let mut read = Readings::default();
    for number in wanted {
        let had = &olds[*number];
        let at_hand = at_hand(had, &mut read)?;
        let part = || alone.iter().find(|l| l.related(had)).expect("it is wanted");
        let folders = at_hand.ok_or_else(|| not_at_hand(had, &part().recording))?;
        for folder in folders {
            if !is_named(&folder, &alone)? {
                paths.push(folder);
            }
        }
    }
    let before = paths.len();
    paths.extend(options.traces.iter().cloned());
    for candidate in alone {
        read.absorb(candidate.into_readings());
    }
    let mut all = Vec::new();
    for mut recording in recordings_from(&paths, read)? {
        let given = |p: &find::Part| p.argument?.checked_sub(before);
        let arguments = recording.parts.iter().map(given).collect::<Vec<_>>();
        let of_dataset_only = arguments.iter().all(Option::is_none);
        for (part, argument) in recording.parts.iter_mut().zip(arguments) {
            part.argument = argument;
        }
        // What the packets show to be another recording stays as it is.
        if !of_dataset_only {
            all.push(Candidate::new(recording)?);
        }
    }
    Ok(all)
}

/// Whether a folder is one that the user has named, too.
fn is_named(folder: &Path, found: &[Candidate]) -> Result<bool> {
    let real = |path: &Path| path.canonicalize().map_err(Error::io("read", path));
    let folder = real(folder)?;
    for part in found.iter().flat_map(|l| &l.recording.parts) {
        if real(&part.folder)? == folder {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders that a recording was read from, where they are all still there and hold what was read from them;
/// adds to `read` what was read to know that.
///
/// # Errors
/// [`Error::Io`] where the system does not say: that they could not be read does not mean that they are gone.
fn at_hand(had: &manifest::Recording, read: &mut Readings) -> Result<Option<Vec<PathBuf>>> {
    let folders = match &had.folders[..] {
        [] => vec![PathBuf::from(&had.path)],
        several => several.iter().map(PathBuf::from).collect(),
    };
    for folder in &folders {
        if foreign::kind_behind(folder)? != Some(Kind::Folder) {
            return Ok(None);
        }
    }
    let candidate = recordings(&folders).and_then(|found| match <[_; 1]>::try_from(found) {
        Ok([only]) => Candidate::new(only).map(Some),
        Err(_) => Ok(None),
    });
    let candidate = match candidate {
        Err(e @ Error::Io { .. }) if !foreign::is_absent(&e) => return Err(e),
        candidate => candidate.ok().flatten(),
    };
    let Some(candidate) = candidate else {
        return Ok(None);
    };
    let same = had.fingerprints.as_ref() == Some(&candidate.prints);
    read.absorb(candidate.into_readings());
    Ok(same.then_some(folders))
}

/// A recording that may be one of the dataset, or a part of one.
struct Candidate {
    recording: find::Recording,
    checked: Checked,
    prints: Vec<Fingerprint>,
    /// The name of its folder.
    name: String,
}

impl Candidate {
    fn new(mut recording: find::Recording) -> Result<Self> {
        // What is damaged is told when it is read.
        let checked = check(&mut recording, true, Path::new(""))?;
        let prints = fingerprints(&checked)?;
        Ok(Candidate {
            name: folder_name(&recording)?,
            recording,
            checked,
            prints,
        })
    }

    /// What was read of it, for another check.
    fn into_readings(self) -> Readings {
        let mut read = self.recording.read;
        read.absorb(self.checked.into_readings());
        read
    }

    /// Whether both may be of one recording, for what the dataset has kept.
    fn related(&self, had: &manifest::Recording) -> bool {
        let theirs = |name: &str| {
            let mut env = had.sources.iter().flat_map(|s| &s.env);
            env.find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        let session = belong::session(theirs);
        let ours = self.checked.traces.iter().map(|t| &t.metadata);
        let mut ours = ours.filter_map(|m| belong::session(|name| belong::env_value(m, name)));
        if session.is_some_and(|session| ours.any(|o| o == session)) {
            return true;
        }
        let lttng = theirs("tracer_name").is_some_and(|name| name.starts_with("lttng-"));
        let Some(prints) = &had.fingerprints else {
            let uuids =
                |p: &Fingerprint| p.uuid.is_some() && had.sources.iter().any(|s| s.uuid == p.uuid);
            return self.prints.iter().any(uuids) || had.trace_id == self.name;
        };
        let mut pairs = self
            .prints
            .iter()
            .flat_map(|a| prints.iter().map(move |b| (a, b)));
        pairs.any(|(a, b)| {
            let known = a.uuid.is_some() && (lttng || a.instances && b.instances);
            a.uuid == b.uuid && (known || a.begins_as(b) || a == b)
        })
    }

    fn found(self, olds: &[manifest::Recording]) -> Result<Found> {
        let holds = |had: &manifest::Recording| {
            let prints = had.fingerprints.as_ref();
            let some = prints.filter(|p| !p.is_empty());
            some.is_some_and(|p| subset(p, &self.prints))
        };
        let mut held = olds.iter().enumerate().filter(|(_, had)| holds(had));
        let first = held.next();
        if let (Some((_, one)), Some((_, other))) = (first, held.next()) {
            return Err(joins(one, other, &self.recording));
        }
        Ok(Found {
            replaces: first.map(|(place, _)| place),
            recording: self.recording,
            checked: Some(self.checked),
        })
    }
}

impl Found {
    fn new(recording: find::Recording) -> Self {
        Found {
            recording,
            replaces: None,
            checked: None,
        }
    }
}

/// The name of a recording's folder.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be looked up.
pub(super) fn folder_name(recording: &find::Recording) -> Result<String> {
    let root = &recording.root;
    let real = root.canonicalize().map_err(Error::io("read", root))?;
    let name = real.file_name().map(|n| path_text(Path::new(n)));
    Ok(name.unwrap_or_else(|| "trace".to_owned()))
}

fn subset(some: &[Fingerprint], all: &[Fingerprint]) -> bool {
    some.iter().all(|print| all.contains(print))
}

/// A recording is read anew with the times that it was read with.
fn same_times(old: &Old, options: &IngestOptions, had: &manifest::Recording) -> Result<()> {
    let (made, now) = (&old.manifest.options, &options.selection);
    match (made.begin_ns, made.end_ns) == (now.begin, now.end) {
        true => Ok(()),
        false => Err(Error::usage(
            format!(
                "the recording {} goes on in these traces and is read anew: between the same times as before",
                had.trace_id
            ),
            Hint::SameTimes,
        )),
    }
}

fn already(had: &manifest::Recording, recording: &find::Recording) -> Error {
    Error::input(
        format!(
            "the dataset has this trace already: its trace_id is {}",
            had.trace_id
        ),
        Place::file(&recording.root),
        "Leave it out, or ingest it into another dataset.",
    )
}

fn not_at_hand(had: &manifest::Recording, recording: &find::Recording) -> Error {
    let named = match &had.folders[..] {
        [] => had.path.clone(),
        several => several.join(" "),
    };
    Error::input(
        format!(
            "a part of the recording {}, of which the dataset has others: requests and event_ids go across, so all parts \
             have to be read together, and what was read from {named} is not there any more",
            had.trace_id
        ),
        Place::file(&recording.root),
        "Name the folders of its other parts too, before this one, or make the dataset anew from all of them.",
    )
}

fn joins(one: &manifest::Recording, other: &manifest::Recording, found: &find::Recording) -> Error {
    Error::input(
        format!(
            "shows that {} and {} of the dataset are one recording",
            one.trace_id, other.trace_id
        ),
        Place::file(&found.root),
        "Make the dataset anew from all traces in one ingest.",
    )
}

fn unknown(had: &manifest::Recording, recording: &find::Recording) -> Error {
    Error::input(
        format!(
            "perhaps the recording {} of the dataset, or a part of it: the dataset is of an earlier version of sysds, which \
             did not note by what to know it",
            had.trace_id
        ),
        Place::file(&recording.root),
        "Make the dataset anew from all traces in one ingest.",
    )
}
