//! Which traces are parts of one recording.
//!
//! The one idea: what belongs together is told by what traces say of themselves, not by where they lie: the snapshots of a
//! session, each in a folder of its own, the chunks of a rotation wherever they were put, a trace that was copied
//! beside itself. The traces of one session's folder are one recording anyway. Two folders are, if nothing in their
//! packets contradicts it (two packets of one stream that have the same number or time but differ, numbers that do not
//! rise with time; idle packets, which LTTng makes up without events, aside) and they have
//!
//! - a trace of one UUID, and either share a packet, or both have packets of one `stream_instance_id`, or are LTTng's,
//!   which makes a UUID for each session, while barectf makes one for each firmware, whose runs are recordings each;
//! - or traces of one LTTng session: by its name, host, and time of creation, of different tracers or buffers;
//! - or traces without a UUID that are the same, packet for packet.

use super::ctf::metadata::model::{EnvValue, Metadata};
use super::ctf::stream_files::stream_files;
use super::find::{self, Recording};
use super::readings::Readings;
use super::shared::{Evidence, Streams, TraceKey};
use crate::error::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds the recordings below `paths`, in the order of the paths and, below each, of their first folders.
///
/// # Errors
/// As [`find::sessions`], and [`Error::Input`](crate::error::Error::Input) where packets of one stream contradict each other in one session's folder.
pub fn recordings(paths: &[PathBuf]) -> Result<Vec<Recording>> {
    recordings_from(paths, Readings::default())
}

/// As [`recordings`], where some of the traces were read already.
///
/// # Errors
/// As [`recordings`].
pub fn recordings_from(paths: &[PathBuf], mut read: Readings) -> Result<Vec<Recording>> {
    let mut sessions = find::sessions(paths)?;
    if let [only] = &mut sessions[..]
        && only.traces.len() == 1
    {
        only.read = read;
        return Ok(sessions);
    }
    let mut recordings = grouped(sessions, &mut read)?;
    for recording in &mut recordings {
        recording.read = read.of(&recording.traces);
    }
    Ok(recordings)
}

/// Puts together what belongs together of some sessions' folders.
fn grouped(sessions: Vec<Recording>, read: &mut Readings) -> Result<Vec<Recording>> {
    let mut texts = BTreeMap::new();
    let mut all_said = |s: &Recording| s.traces.iter().map(|t| said(t, &mut texts, read)).collect();
    let traces: Vec<Vec<Said>> = sessions.iter().map(&mut all_said).collect();
    let mut often: BTreeMap<TraceKey, usize> = BTreeMap::new();
    for trace in traces.iter().flatten() {
        *often.entry(trace.key).or_default() += 1;
    }
    let mut groups: Vec<Group> = Vec::new();
    for (session, traces) in sessions.into_iter().zip(traces) {
        let alone = |t: &Said| often[&t.key] == 1;
        let group = Group::new(session, traces, alone, read)?;
        join(&mut groups, group)?;
    }
    let recordings = groups.into_iter().map(|group| group.recording(read));
    recordings.collect()
}

/// What a trace's metadata says of where it comes from.
#[derive(Debug)]
struct Said {
    dir: PathBuf,
    metadata: Option<Metadata>,
    key: TraceKey,
    /// Of LTTng's traces.
    lttng: Option<Origin>,
}

/// Where a trace of LTTng comes from.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    /// The session: host, name, time of creation. From version 2.12 on.
    session: Option<[String; 3]>,
    /// The tracer and its buffers; there is one trace of each in a session.
    buffers: Vec<String>,
}

/// Traces that are one recording.
struct Group {
    sessions: Vec<Recording>,
    traces: Vec<Said>,
    streams: Streams,
}

/// Reads what a trace says; `texts` numbers the metadata of those without UUID. What is wrong with metadata is told when
/// the trace is checked.
fn said(dir: &Path, texts: &mut BTreeMap<Vec<u8>, usize>, read: &mut Readings) -> Said {
    let metadata = read.metadata(dir).ok();
    let uuid = metadata.as_ref().and_then(|m| m.uuid);
    let by_text = || {
        let text = std::fs::read(dir.join("metadata")).unwrap_or_default();
        let next = texts.len();
        TraceKey::Metadata(*texts.entry(text).or_insert(next))
    };
    Said {
        dir: dir.to_path_buf(),
        key: uuid.map_or_else(by_text, TraceKey::Uuid),
        lttng: metadata.as_ref().and_then(origin),
        metadata,
    }
}

fn origin(metadata: &Metadata) -> Option<Origin> {
    let value = |name: &str| env_value(metadata, name);
    if !value("tracer_name")?.starts_with("lttng-") {
        return None;
    }
    let buffers = [
        "domain",
        "tracer_buffering_scheme",
        "tracer_buffering_id",
        "architecture_bit_width",
        "vpid_datetime",
    ];
    Some(Origin {
        session: session(value),
        buffers: buffers.iter().filter_map(|name| value(name)).collect(),
    })
}

/// The LTTng session that a trace is of, by what its environment says: host, name, time of creation.
pub fn session(value: impl Fn(&str) -> Option<String>) -> Option<[String; 3]> {
    let names = ["hostname", "trace_name", "trace_creation_datetime"];
    let [host, name, created] = names.map(value);
    Some([host?, name?, created?])
}

/// A value of a trace's environment, as a text.
pub fn env_value(metadata: &Metadata, name: &str) -> Option<String> {
    let found = metadata.env.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| match value {
        EnvValue::Text(text) => text.clone(),
        EnvValue::Integer(number) => number.to_string(),
    })
}

impl Group {
    /// The traces of a session's folder. Of those that are `alone` there is no other, and their packets do not matter.
    fn new(
        session: Recording,
        traces: Vec<Said>,
        alone: impl Fn(&Said) -> bool,
        read: &mut Readings,
    ) -> Result<Self> {
        let mut streams = Streams::default();
        for trace in traces.iter().filter(|t| !alone(t)) {
            if let Some(metadata) = &trace.metadata {
                let walks = read.walks(stream_files(&trace.dir)?, metadata)?;
                streams.absorb(Streams::new(trace.key, &walks));
                read.keep_walks(walks);
            }
        }
        streams.check_copies()?;
        Ok(Group {
            sessions: vec![session],
            traces,
            streams,
        })
    }

    /// Whether the other's traces belong to these, for all but their packets.
    fn related(&self, other: &Group) -> bool {
        let pairs = self
            .traces
            .iter()
            .flat_map(|a| other.traces.iter().map(move |b| (a, b)));
        let mut same_session = false;
        for (a, b) in pairs {
            let (Some(one), Some(two)) = (&a.lttng, &b.lttng) else {
                continue;
            };
            if a.key == b.key {
                return true;
            }
            if one.session.is_some() && one.session == two.session {
                if one.buffers == two.buffers {
                    // Two of what a session has one of: made in the same second, under the same name.
                    return false;
                }
                same_session = true;
            }
        }
        same_session
    }

    fn absorb(&mut self, other: Group) {
        self.sessions.extend(other.sessions);
        self.traces.extend(other.traces);
        self.streams.absorb(other.streams);
    }

    /// The recording that it is; puts back what was read of its traces.
    fn recording(self, read: &mut Readings) -> Result<Recording> {
        for trace in self.traces {
            if let Some(metadata) = trace.metadata {
                read.keep_metadata(trace.dir, metadata);
            }
        }
        let mut sessions = self.sessions.into_iter();
        let mut recording = sessions.next().expect("a group has a session");
        let Some(second) = sessions.next() else {
            return Ok(recording);
        };
        for session in std::iter::once(second).chain(sessions) {
            recording.traces.extend(session.traces);
            recording.parts.extend(session.parts);
        }
        let repeated = self.streams.repeated()?;
        let gone = |dir: &Path| {
            let files = stream_files(dir).unwrap_or_default();
            let there = |f: &PathBuf| std::fs::metadata(f).is_ok_and(|m| m.len() > 0);
            let mut files = files.iter().filter(|f| there(f)).peekable();
            files.peek().is_some() && files.all(|f| repeated.contains(f))
        };
        recording.traces.retain(|dir| !gone(dir));
        recording.traces.sort();
        recording.repeated = repeated;
        Ok(recording)
    }
}

/// Adds a group to the one that it belongs to, if there is one.
fn join(groups: &mut Vec<Group>, group: Group) -> Result<()> {
    let mut found: Vec<(usize, Evidence)> = Vec::new();
    for (number, known) in groups.iter().enumerate() {
        let evidence = known.streams.weigh(&group.streams)?;
        let belongs = evidence.shared > 0 || evidence.parts || known.related(&group);
        if belongs && evidence.conflict.is_none() {
            found.push((number, evidence));
        }
    }
    // Of several that contradict each other, packets that are the very same decide.
    if found.iter().any(|(_, e)| e.shared > 0) {
        found.retain(|(_, e)| e.shared > 0);
    }
    let Some((first, _)) = found.first() else {
        groups.push(group);
        return Ok(());
    };
    let first = *first;
    groups[first].absorb(group);
    for (number, _) in found.into_iter().skip(1).rev() {
        let evidence = groups[first].streams.weigh(&groups[number].streams)?;
        if evidence.conflict.is_none() {
            let other = groups.remove(number);
            groups[first].absorb(other);
        }
    }
    Ok(())
}
