//! The streams of a recording: which packets of which files they are made of, in which order.
//!
//! The one idea: a stream is what babeltrace2 takes for one. Files that carry the same `stream_instance_id` (those of a
//! rotation, or of several chunks of a session) are one stream, with packets in the order of their begins and each
//! packet once, as overlapping snapshots repeat them; any other file is a stream of its own. Traces of one UUID are
//! one trace, described by the metadata that declares most.

use super::quirks::Quirks;
use super::source::{env_of, source};
use super::stream::{Located, Rank, Stream, StreamFile};
use super::stream_plan::{Classes, StreamPlan};
use crate::error::{Error, Place, Result};
use crate::trace::check::{Checked, CheckedTrace};
use crate::trace::clock::Converter;
use crate::trace::ctf::packet::Packet;
use crate::trace::ctf::packet_plan::HeaderPlan;
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use crate::trace::{Clock, Source};
use std::path::Path;
use std::sync::Arc;

/// Files of a recording that are kept open. A trace may have more streams than a process may have open files; what is
/// beyond is opened for each window that is read of it.
const KEPT_OPEN: usize = 64;

/// All streams of a recording, ordered by rank, and what their traces say of themselves.
pub(super) struct Streams {
    /// The streams.
    pub streams: Vec<Arc<Stream>>,
    /// The traces.
    pub sources: Vec<Source>,
    /// The classes.
    pub classes: Classes,
    /// Files that stay open once they were read from.
    kept: usize,
}

/// A stream in the making.
struct StreamDraft<'a> {
    class: u64,
    instance: Option<u64>,
    files: Vec<(Option<i64>, &'a Path)>,
    packets: Vec<(Option<i64>, &'a Path, Packet)>,
}

/// The streams of `checked`.
///
/// # Errors
/// [`Error::Input`] where the traces' clocks cannot be compared.
pub(super) fn open(checked: &Checked, selection: &Arc<Selection>) -> Result<Streams> {
    let mut opened = Streams {
        streams: Vec::new(),
        sources: Vec::new(),
        classes: Classes::default(),
        kept: 0,
    };
    let mut groups: Vec<Vec<&CheckedTrace>> = checked.groups();
    groups.retain(|g| {
        g.iter()
            .any(|t| t.walks.iter().any(|(_, w)| w.has_packets()))
    });
    groups.sort_by_key(|g| Rank::of_trace(&winner(g).metadata));
    for group in groups {
        open_trace(&group, selection, &mut opened);
    }
    opened.streams.sort_by(|a, b| a.rank.cmp(&b.rank));
    comparable(&opened.streams)?;
    Ok(opened)
}

/// The trace whose metadata declares most stream and event classes, of those of one UUID; the first of several.
fn winner<'a>(group: &[&'a CheckedTrace]) -> &'a CheckedTrace {
    let classes = |t: &CheckedTrace| -> usize {
        let streams = &t.metadata.streams;
        streams.len() + streams.iter().map(|s| s.events.len()).sum::<usize>()
    };
    let best = group.iter().rev().max_by_key(|t| classes(t));
    best.expect("no group is empty")
}

fn open_trace(group: &[&CheckedTrace], selection: &Arc<Selection>, opened: &mut Streams) {
    let metadata = &winner(group).metadata;
    let env = env_of(metadata);
    let events = metadata.streams.iter().flat_map(|s| &s.events);
    let tracer = Tracer::new(&env, events.filter_map(|e| e.name.as_deref()));
    let classes = &mut opened.classes;
    let header = HeaderPlan::new(metadata);
    let plans = metadata.streams.iter();
    let plans: Vec<Arc<StreamPlan>> = plans
        .map(|stream| StreamPlan::new(metadata, &header, stream, selection, &tracer, classes))
        .map(Arc::new)
        .collect();
    let mut drafts = drafts(group, &plans);
    drafts.sort_by(|a, b| a.files[0].1.cmp(b.files[0].1));
    let trace = Rank::of_trace(metadata);
    let mut next_id = 0;
    let mut streams = Vec::new();
    for draft in drafts {
        let id = draft.instance.unwrap_or_else(|| {
            next_id += 1;
            next_id - 1
        });
        let rank = Rank {
            trace: trace.clone(),
            class: draft.class,
            id,
            file: draft.files[0].1.to_path_buf(),
        };
        let plan = plans.iter().find(|p| p.id == draft.class);
        let plan = Arc::clone(plan.expect("packets are of known classes"));
        let (files, packets) = files(&draft, &mut opened.kept);
        streams.push(Stream {
            plan,
            files,
            packets,
            quirks: Quirks::of(metadata),
            selection: Arc::clone(selection),
            rank,
        });
    }
    streams.sort_by(|a, b| a.rank.cmp(&b.rank));
    opened.sources.push(source(metadata, &streams));
    opened.streams.extend(streams.into_iter().map(Arc::new));
}

/// The streams that the files of a trace are parts of.
fn drafts<'a>(group: &[&'a CheckedTrace], plans: &[Arc<StreamPlan>]) -> Vec<StreamDraft<'a>> {
    let mut drafts: Vec<StreamDraft> = Vec::new();
    let walks = group.iter().flat_map(|t| &t.walks);
    for (path, walk) in walks.filter(|(_, w)| w.has_packets()) {
        let packets = walk.readable();
        let first = &packets[0];
        let plan = plans.iter().find(|p| p.id == first.stream_class);
        let clock = plan.and_then(|p| p.clock.as_ref()).map(|c| &c.converter);
        let begin = begin_of(first, clock);
        let instance = first.instance_id.filter(|_| begin.is_some());
        let same = |d: &&mut StreamDraft| d.class == first.stream_class && d.instance == instance;
        let known = drafts.iter_mut().find(same).filter(|_| instance.is_some());
        let class = first.stream_class;
        let located = packets
            .into_iter()
            .map(|p| (begin_of(&p, clock), &**path, p));
        match known {
            None => drafts.push(StreamDraft {
                class,
                instance,
                files: vec![(begin, path)],
                packets: located.collect(),
            }),
            Some(draft) => {
                let place = draft.files.partition_point(|(other, _)| *other <= begin);
                draft.files.insert(place, (begin, path));
                draft.packets.extend(located);
                let order =
                    |(begin, _, p): &(Option<i64>, &Path, Packet)| (*begin, p.sequence_number);
                draft.packets.sort_by_key(order);
                draft.packets.dedup_by(|a, b| repeats(&a.2, &b.2));
            }
        }
    }
    drafts
}

fn begin_of(packet: &Packet, clock: Option<&Converter>) -> Option<i64> {
    clock?.at(packet.timestamp_begin?)
}

/// Whether two packets are copies of one.
fn repeats(a: &Packet, b: &Packet) -> bool {
    let key = |p: &Packet| {
        (
            p.packet_size,
            p.timestamp_begin,
            p.timestamp_end,
            p.sequence_number,
        )
    };
    key(a) == key(b)
}

/// The files of a stream, and where its packets are; `kept` counts those that stay open.
fn files(draft: &StreamDraft, kept: &mut usize) -> (Vec<StreamFile>, Vec<Located>) {
    let files = draft.files.iter();
    let files = files.map(|(_, path)| {
        *kept += 1;
        StreamFile::new(path.to_path_buf(), *kept <= KEPT_OPEN)
    });
    let files = files.collect();
    let place = |path: &Path| draft.files.iter().position(|(_, p)| *p == path);
    let packets = draft.packets.iter();
    let packets = packets.map(|(_, path, packet)| Located {
        file: place(path).expect("packets are of the stream's files"),
        packet: packet.clone(),
    });
    (files, packets.collect())
}

/// Streams are put on one time line only if their clocks count from the same origin, by babeltrace2's rule: that is the
/// Unix epoch for all, or unknown for all, with the same UUID or none.
fn comparable(streams: &[Arc<Stream>]) -> Result<()> {
    let mut clocks = streams.iter().filter_map(|s| {
        let clock = s.plan.clock.as_ref()?;
        let uuid = clock.uuid.filter(|_| !clock.clock.origin_is_unix_epoch);
        Some((clock.clock.origin_is_unix_epoch, uuid, &clock.clock, s))
    });
    let Some((epoch, uuid, first, of)) = clocks.next() else {
        return Ok(());
    };
    let Some((_, _, other, stream)) = clocks.find(|(e, u, ..)| (*e, *u) != (epoch, uuid)) else {
        return Ok(());
    };
    let name = |clock: &Clock| clock.name.clone().unwrap_or_default();
    Err(Error::input(
        format!(
            "its clock `{}` and the clock `{}` of {} do not count from the same origin",
            name(other),
            name(first),
            of.files[0].path.display()
        ),
        Place::file(&stream.files[0].path),
        "Ingest their traces one by one. If both count from 1970, say so in the metadata: `absolute = TRUE;` in \
         each `clock` block.",
    ))
}
