//! The streams of a recording: which packets of which files they are made of, in which order.
//!
//! The one idea: a stream is what babeltrace2 takes for one. Files that carry the same `stream_instance_id` (those of a
//! rotation, or of several chunks of a session) are one stream, with packets in the order of their begins and each
//! packet once, as overlapping snapshots repeat them; any other file is a stream of its own. Traces of one UUID are
//! one trace, described by the metadata that declares most.

use super::classes::{Classes, StreamPlan};
use super::clock::Converter;
use crate::error::{Error, Place, Result};
use crate::trace::check::{Checked, CheckedTrace};
use crate::trace::ctf::Packet;
use crate::trace::ctf::metadata::model::{EnvValue, Metadata};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use crate::trace::{Clock, Source, SourceStream, uuid_text};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of a recording that are kept open. A trace may have more streams than a process may have open files; what is
/// beyond is opened for each window that is read of it.
const KEPT_OPEN: usize = 64;

/// A stream.
#[derive(Debug)]
pub struct Stream {
    /// How it is decoded.
    pub plan: Arc<StreamPlan>,
    /// Its files, by the begins of their first packets.
    pub files: Vec<StreamFile>,
    /// Its packets, in order.
    pub packets: Vec<Located>,
    /// What its tracer is known to get wrong.
    pub quirks: Quirks,
    /// What of it is read.
    pub selection: Arc<Selection>,
    /// Its place among all streams where events have the same time.
    pub rank: Rank,
}

/// A stream file.
#[derive(Debug)]
pub struct StreamFile {
    /// Its path.
    pub path: PathBuf,
    /// The file, where it is kept open.
    file: Option<File>,
}

impl StreamFile {
    /// Fills `bytes` with what stands from byte `offset` on.
    ///
    /// # Errors
    /// That of the system, also where the file ends before.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.file {
            Some(file) => file.read_exact_at(bytes, offset),
            None => File::open(&self.path)?.read_exact_at(bytes, offset),
        }
    }
}

/// A packet and the file that it is in.
#[derive(Debug, Clone)]
pub struct Located {
    /// Position of the file in the stream.
    pub file: usize,
    /// The packet.
    pub packet: Packet,
}

/// What tracers are known to get wrong, as the manual page of babeltrace2's `source.ctf.fs` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// LTTng: `timestamp_end` is 0 in the last packets before a crash.
    pub crash: bool,
    /// LTTng before 2.11, 2.10.10 or 2.9.13: `timestamp_end` may be before the last event.
    pub event_after_packet: bool,
    /// barectf before 2.3.1: `timestamp_begin` may be after the first event.
    pub event_before_packet: bool,
}

/// How streams are ordered where events have the same time, as babeltrace2's muxer orders them: by the traces' UUIDs (a
/// trace without one comes last) and names, the stream classes and the streams' IDs; and where all that is the same,
/// by their first files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    no_uuid: bool,
    uuid: Option<[u8; 16]>,
    name: String,
    class: u64,
    id: u64,
    file: PathBuf,
}

impl Stream {
    /// Nanoseconds since the clock's origin, where there is a clock and they fit 64 bits.
    pub fn time(&self, cycles: u64) -> Option<i64> {
        self.plan.clock.as_ref()?.converter.at(cycles)
    }

    /// Whether a packet's begin and end are times. That it is of the stream's class has been seen when it was found.
    ///
    /// # Errors
    /// [`Error::Input`] where they are not.
    pub fn check(&self, located: &Located) -> Result<()> {
        let packet = &located.packet;
        let mut times = [packet.timestamp_begin, packet.timestamp_end]
            .into_iter()
            .flatten();
        let too_large = |cycles: &u64| self.plan.clock.is_some() && self.time(*cycles).is_none();
        let Some(cycles) = times.find(too_large) else {
            return Ok(());
        };
        Err(Error::input(
            format!(
                "a packet that begins or ends at the clock value {cycles}, which does not fit into nanoseconds since \
                 1970 (64 bits)"
            ),
            Place::packet(&self.files[located.file].path, packet.number, packet.offset),
            "The stream is damaged from this byte on. With --keep-going all that comes before is kept.",
        ))
    }

    /// For a packet that has no selected event, by its times: the clock at its end.
    pub fn leaves_out(&self, located: &Located) -> Option<u64> {
        let packet = &located.packet;
        let quirks = self.quirks.event_after_packet || self.quirks.event_before_packet;
        let end = packet.timestamp_end.filter(|end| *end != 0)?;
        let (from, to) = (self.time(packet.timestamp_begin?)?, self.time(end)?);
        let out = !self.selection.takes_span(from, to);
        (out && self.plan.independent && !quirks).then_some(end)
    }

    /// The clock after a packet whose last event left it at `clock`: at the packet's end, unless its tracer is known to
    /// write wrong ones.
    pub fn clock_after(&self, packet: &Packet, clock: u64) -> u64 {
        let Some(end) = packet.timestamp_end else {
            return clock;
        };
        let crashed = self.quirks.crash && packet.timestamp_begin != Some(0) && end == 0;
        let late = self.quirks.event_after_packet && end < clock;
        if crashed || late { clock } else { end }
    }
}

impl Rank {
    /// Whether only the files tell the streams apart.
    pub fn same_but_for_files(&self, other: &Rank) -> bool {
        let file = self.file.clone();
        *self
            == Rank {
                file,
                ..other.clone()
            }
    }
}

/// All streams of a recording, ordered by rank, and what their traces say of themselves.
pub struct Opened {
    /// The streams.
    pub streams: Vec<Arc<Stream>>,
    /// The traces.
    pub sources: Vec<Source>,
    /// The classes.
    pub classes: Classes,
    /// Files that were opened.
    kept: usize,
}

/// A stream in the making.
struct Draft<'a> {
    class: u64,
    instance: Option<u64>,
    files: Vec<(Option<i64>, &'a Path)>,
    packets: Vec<(Option<i64>, &'a Path, Packet)>,
}

/// Opens the streams of `checked`.
///
/// # Errors
/// [`Error::Io`] where a file cannot be opened; [`Error::Input`] where the traces' clocks cannot be compared.
pub fn open(checked: &Checked, selection: &Arc<Selection>) -> Result<Opened> {
    let mut opened = Opened {
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
    groups.sort_by_key(|g| trace_rank(&winner(g).metadata));
    for group in groups {
        open_trace(&group, selection, &mut opened)?;
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

fn trace_rank(metadata: &Metadata) -> (bool, Option<[u8; 16]>, String) {
    let name = text_of(metadata, "hostname").unwrap_or_default();
    (metadata.uuid.is_none(), metadata.uuid, name.to_owned())
}

fn text_of<'m>(metadata: &'m Metadata, name: &str) -> Option<&'m str> {
    let found = metadata.env.iter().find(|(n, _)| n == name);
    match found {
        Some((_, EnvValue::Text(text))) => Some(text),
        _ => None,
    }
}

fn number_of(metadata: &Metadata, name: &str) -> Option<i128> {
    let found = metadata.env.iter().find(|(n, _)| n == name);
    match found {
        Some((_, EnvValue::Integer(number))) => Some(*number),
        _ => None,
    }
}

fn open_trace(
    group: &[&CheckedTrace],
    selection: &Arc<Selection>,
    opened: &mut Opened,
) -> Result<()> {
    let metadata = &winner(group).metadata;
    let env = env_of(metadata);
    let events = metadata.streams.iter().flat_map(|s| &s.events);
    let tracer = Tracer::new(&env, events.filter_map(|e| e.name.as_deref()));
    let classes = &mut opened.classes;
    let plans = metadata.streams.iter();
    let plans: Vec<Arc<StreamPlan>> = plans
        .map(|stream| StreamPlan::new(metadata, stream, selection, &tracer, classes))
        .map(Arc::new)
        .collect();
    let mut drafts = drafts(group, &plans);
    drafts.sort_by(|a, b| a.files[0].1.cmp(b.files[0].1));
    let (no_uuid, uuid, name) = trace_rank(metadata);
    let mut next_id = 0;
    let mut streams = Vec::new();
    for draft in drafts {
        let id = draft.instance.unwrap_or_else(|| {
            next_id += 1;
            next_id - 1
        });
        let rank = Rank {
            no_uuid,
            uuid,
            name: name.clone(),
            class: draft.class,
            id,
            file: draft.files[0].1.to_path_buf(),
        };
        let plan = plans.iter().find(|p| p.id == draft.class);
        let plan = Arc::clone(plan.expect("packets are of known classes"));
        let (files, packets) = open_files(&draft, &mut opened.kept)?;
        streams.push(Stream {
            plan,
            files,
            packets,
            quirks: quirks(metadata),
            selection: Arc::clone(selection),
            rank,
        });
    }
    streams.sort_by(|a, b| a.rank.cmp(&b.rank));
    opened.sources.push(source(metadata, &streams));
    opened.streams.extend(streams.into_iter().map(Arc::new));
    Ok(())
}

/// The streams that the files of a trace are parts of.
fn drafts<'a>(group: &[&'a CheckedTrace], plans: &[Arc<StreamPlan>]) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft> = Vec::new();
    let walks = group.iter().flat_map(|t| &t.walks);
    for (path, walk) in walks.filter(|(_, w)| w.has_packets()) {
        let packets = walk.readable();
        let first = &packets[0];
        let plan = plans.iter().find(|p| p.id == first.stream_class);
        let clock = plan.and_then(|p| p.clock.as_ref()).map(|c| &c.converter);
        let begin = begin_of(first, clock);
        let instance = first.instance_id.filter(|_| begin.is_some());
        let same = |d: &&mut Draft| d.class == first.stream_class && d.instance == instance;
        let known = drafts.iter_mut().find(same).filter(|_| instance.is_some());
        let class = first.stream_class;
        let located = packets
            .into_iter()
            .map(|p| (begin_of(&p, clock), &**path, p));
        match known {
            None => drafts.push(Draft {
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

/// Opens the files of a stream, and says where its packets are; `kept` counts those that stay open.
fn open_files(draft: &Draft, kept: &mut usize) -> Result<(Vec<StreamFile>, Vec<Located>)> {
    let mut files = Vec::new();
    for (_, path) in &draft.files {
        let file = File::open(path).map_err(Error::io("read", path))?;
        *kept += 1;
        files.push(StreamFile {
            path: path.to_path_buf(),
            file: (*kept <= KEPT_OPEN).then_some(file),
        });
    }
    let place = |path: &Path| draft.files.iter().position(|(_, p)| *p == path);
    let packets = draft.packets.iter();
    let packets = packets.map(|(_, path, packet)| Located {
        file: place(path).expect("packets are of the stream's files"),
        packet: packet.clone(),
    });
    Ok((files, packets.collect()))
}

fn env_of(metadata: &Metadata) -> Vec<(String, String)> {
    let env = metadata.env.iter().map(|(name, value)| {
        let value = match value {
            EnvValue::Integer(number) => number.to_string(),
            EnvValue::Text(text) => text.clone(),
        };
        (name.clone(), value)
    });
    env.collect()
}

fn source(metadata: &Metadata, streams: &[Stream]) -> Source {
    let first = streams.first().map(|s| &s.files[0].path);
    let clocks = streams.iter().rev();
    let clocks = clocks.filter_map(|s| s.plan.clock.as_ref().map(|c| &c.clock));
    let path = first.and_then(|f| f.parent());
    let mut source = Source {
        path: path.map(Path::to_path_buf).unwrap_or_default(),
        uuid: metadata.uuid.map(uuid_text),
        env: env_of(metadata),
        clock: None,
        clocks: Vec::new(),
        streams: streams
            .iter()
            .map(|s| SourceStream {
                file: s.files[0].path.clone(),
                class_id: s.plan.id,
            })
            .collect(),
    };
    source.set_clocks(clocks.cloned(), metadata.clock_assumed);
    source
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

/// What is known of the tracer's version.
fn quirks(metadata: &Metadata) -> Quirks {
    let (Some(name), Some(major)) = (
        text_of(metadata, "tracer_name"),
        number_of(metadata, "tracer_major"),
    ) else {
        return Quirks::default();
    };
    let minor = number_of(metadata, "tracer_minor");
    let patch = minor.and_then(|_| {
        number_of(metadata, "tracer_patch").or_else(|| number_of(metadata, "tracer_patchlevel"))
    });
    let (minor, patch) = (minor.unwrap_or(0), patch.unwrap_or(0));
    let version = (major, minor, patch);
    let ust = name == "lttng-ust";
    let modules = name == "lttng-modules";
    Quirks {
        crash: ust || modules,
        event_after_packet: ust && version < (2, 11, 0)
            || modules
                && match (major, minor) {
                    (2, 10) => patch < 10,
                    (2, 9) => patch < 13,
                    _ => version < (2, 9, 0),
                },
        event_before_packet: name == "barectf" && version < (2, 3, 1),
    }
}
