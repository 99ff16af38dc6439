//! Describes traces by reading them through.

use super::scratch::Scratch;
use crate::columns::schema::describe::type_text;
use crate::dataset::manifest::{Damage, StreamLoss, sum_losses};
use crate::error::Result;
use crate::process::stop::go_on;
use crate::trace::Source;
use crate::trace::belong::recordings;
use crate::trace::check::check;
use crate::trace::derive::Derived;
use crate::trace::event::{EventBatch, UNKNOWN};
use crate::trace::find;
use crate::trace::reader::{Reader, ReaderChoice};
use crate::trace::select::Selection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Events that are read at once.
const BATCH: usize = 16 * 1024;

/// What some traces hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TraceReport {
    /// The recordings, in the order in which they were found.
    pub recordings: Vec<RecordingReport>,
}

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RecordingReport {
    /// Its folder.
    #[serde(serialize_with = "crate::shown::serialize_path")]
    pub path: PathBuf,
    /// What decoded it: `native`, or `babeltrace2 VERSION`.
    pub reader: String,
    /// Its CTF traces: UUID, environment, clock, streams.
    pub sources: Vec<Source>,
    /// Number of events.
    pub events: u64,
    /// Time of the first, nanoseconds since the Unix epoch.
    pub first_ns: Option<i64>,
    /// Time of the last.
    pub last_ns: Option<i64>,
    /// Events per CPU; those of no known CPU are not here.
    pub events_by_cpu: BTreeMap<i32, u64>,
    /// Context fields that events carry.
    pub contexts: Vec<String>,
    /// The classes of which there are events, most events first.
    pub classes: Vec<ClassReport>,
    /// Number of classes in the metadata.
    pub declared_classes: u64,
    /// Number of events that the tracer discarded.
    pub discarded_events: u64,
    /// Number of packets that are missing.
    pub discarded_packets: u64,
    /// The same per stream; streams that lost nothing are not here.
    pub losses: Vec<StreamLoss>,
    /// Which head columns are filled in, since some kernel events have no contexts that tell them, and for how many
    /// events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
    /// Streams that could not be read to their ends.
    pub damage: Vec<Damage>,
}

/// An event class and how many such events there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ClassReport {
    /// The tracer's name for it.
    pub name: String,
    /// Number of events.
    pub events: u64,
    /// Payload fields, as `TYPE NAME`.
    pub fields: Vec<String>,
}

/// Reads what is selected of the traces below `paths` with the reader of `choice`, and says what is in them. A stream that
/// breaks is read up to there.
///
/// # Errors
/// [`Error::Input`] where there is no trace or one cannot be opened, [`Error::Interrupted`].
///
/// [`Error::Input`]: crate::error::Error::Input
/// [`Error::Interrupted`]: crate::error::Error::Interrupted
pub(crate) fn inspect_trace(
    paths: &[PathBuf],
    choice: ReaderChoice,
    selection: &Selection,
    interrupted: &AtomicBool,
) -> Result<TraceReport> {
    let mut recordings = recordings(paths)?;
    let reports = recordings
        .iter_mut()
        .map(|recording| inspect(recording, choice, selection, interrupted));
    Ok(TraceReport {
        recordings: reports.collect::<Result<_>>()?,
    })
}

fn inspect(
    recording: &mut find::Recording,
    choice: ReaderChoice,
    selection: &Selection,
    interrupted: &AtomicBool,
) -> Result<RecordingReport> {
    let scratch = Scratch::new(choice)?;
    let checked = check(recording, true, scratch.path())?;
    let mut reader = Reader::open(choice, checked, true, selection.clone())?;
    let mut counts = vec![0; reader.classes().len()];
    let mut by_cpu = BTreeMap::new();
    let mut times: Option<(i64, i64)> = None;
    let mut losses = Vec::new();
    let mut batch = EventBatch::default();
    while reader.next(BATCH, &mut batch)? {
        go_on(interrupted)?;
        for head in &batch.heads {
            counts[head.class as usize] += 1;
            if head.cpu != UNKNOWN {
                *by_cpu.entry(head.cpu).or_insert(0) += 1;
            }
            times = Some((times.map_or(head.timestamp, |t| t.0), head.timestamp));
        }
        losses.extend(batch.losses.drain(..).map(|(_, loss)| loss));
    }
    let losses = sum_losses(&losses);
    Ok(RecordingReport {
        path: recording.root.clone(),
        reader: reader.name(),
        sources: reader.sources(),
        events: counts.iter().sum(),
        first_ns: times.map(|t| t.0),
        last_ns: times.map(|t| t.1),
        events_by_cpu: by_cpu,
        contexts: reader.contexts().to_vec(),
        classes: classes(&reader, &counts),
        declared_classes: counts.len() as u64,
        discarded_events: losses.iter().map(|l| l.discarded_events).sum(),
        discarded_packets: losses.iter().map(|l| l.discarded_packets).sum(),
        losses,
        derived: reader.derived(),
        damage: reader.damage().iter().map(Damage::from).collect(),
    })
}

/// Classes of one name (of several traces) together.
fn classes(reader: &Reader, counts: &[u64]) -> Vec<ClassReport> {
    let mut by_name: BTreeMap<&str, ClassReport> = BTreeMap::new();
    for (class, events) in reader.classes().iter().zip(counts).filter(|(_, n)| **n > 0) {
        let fields = class
            .payload
            .iter()
            .map(|f| format!("{} {}", type_text(&f.ty), f.name));
        let report = by_name
            .entry(&class.full_name)
            .or_insert_with(|| ClassReport {
                name: class.full_name.clone(),
                events: 0,
                fields: fields.collect(),
            });
        report.events += events;
    }
    let mut classes: Vec<ClassReport> = by_name.into_values().collect();
    classes.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.name.cmp(&b.name)));
    classes
}
