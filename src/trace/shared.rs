//! What two sets of streams have in common: packets that are in both, and packets that cannot be of one recording.
//!
//! The one idea: a packet is known by its stream and its `packet_seq_num` (else `timestamp_begin`, else its place in the
//! file), and two packets are the same if all that they hold is, byte for byte. A stream is known by its trace, class and
//! `stream_instance_id`; where packets have none, a file is a stream of its own, as babeltrace2 has it, and only its
//! packets tell whether another file is a copy.
//!
//! Newer LTTng makes up a packet where a snapshot or a chunk ends with nothing to flush: without events, of that moment, and
//! with the number that the next packet of the stream gets, too. Such packets can be in both, but contradict nothing.

use super::ctf::packet::Packet;
use super::ctf::walk::Walk;
use crate::error::{Error, Place, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes that are compared at once.
const COMPARED: usize = 1 << 16;

/// What makes a trace known: its UUID, or where it has none, its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum TraceKey {
    /// Its UUID.
    Uuid([u8; 16]),
    /// The number of its metadata among those that differ.
    Metadata(usize),
}

/// The streams of some traces.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: Vec<Stream>,
}

/// A stream: of one or several files where packets tell its instance, of one file otherwise.
#[derive(Debug)]
struct Stream {
    trace: TraceKey,
    class: u64,
    instance: Option<u64>,
    cpu: Option<u64>,
    name: OsString,
    count: usize,
    /// By what they are known; several where a number was given again after an idle packet, or a tracer counts wrongly.
    packets: BTreeMap<u64, Vec<Filed>>,
}

/// A packet and the file that it is in.
#[derive(Debug, Clone)]
struct Filed {
    file: PathBuf,
    packet: Packet,
}

/// What speaks for two sets of streams being parts of one recording, and what against it.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Packets that are in both.
    pub shared: usize,
    /// Whether both have packets of one stream, by its `stream_instance_id`.
    pub parts: bool,
    /// Two packets that cannot be of one stream.
    pub conflict: Option<Error>,
}

impl Streams {
    /// The streams of the files of a trace.
    pub(super) fn new(trace: TraceKey, walks: &[(PathBuf, Walk)]) -> Self {
        let mut streams = Streams::default();
        for (path, walk) in walks.iter().filter(|(_, w)| !w.packets.is_empty()) {
            let stream = Stream::new(trace, path, &walk.packets);
            streams.add(stream);
        }
        streams
    }

    /// Adds those of `other`.
    pub(super) fn absorb(&mut self, other: Streams) {
        other.streams.into_iter().for_each(|s| self.add(s));
    }

    fn add(&mut self, stream: Stream) {
        let same = |s: &&mut Stream| stream.instance.is_some() && s.is_part_of(&stream);
        match self.streams.iter_mut().find(same) {
            Some(known) => {
                known.count += stream.count;
                for (key, seen) in stream.packets {
                    known.packets.entry(key).or_default().extend(seen);
                }
            }
            None => self.streams.push(stream),
        }
    }

    /// Compares the packets of both.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read.
    pub(super) fn weigh(&self, other: &Streams) -> Result<Evidence> {
        let mut sum = Evidence::default();
        for theirs in &other.streams {
            let whole_only = matches!(theirs.trace, TraceKey::Metadata(_));
            for ours in self.streams.iter().filter(|s| s.is_part_of(theirs)) {
                let (shared, conflict) = ours.compare(theirs)?;
                let of_instance = ours.instance.is_some();
                let named_alike = of_instance || ours.name == theirs.name;
                let copy = shared == ours.count && shared == theirs.count;
                if whole_only && !copy {
                    // Without a UUID, only a whole copy is the same trace.
                    let differs =
                        named_alike.then(|| conflict.unwrap_or_else(|| other_run(theirs)));
                    sum.conflict = sum.conflict.or(differs);
                    continue;
                }
                sum.shared += shared;
                sum.parts |= of_instance;
                sum.conflict = sum.conflict.or(conflict.filter(|_| named_alike));
            }
        }
        Ok(sum)
    }

    /// Files whose packets are all in another file, of streams that are a file each.
    ///
    /// # Errors
    /// [`Error::Input`] for two files that share some of their packets only; [`Error::Io`].
    pub(super) fn repeated(&self) -> Result<Vec<PathBuf>> {
        let mut repeated: Vec<PathBuf> = Vec::new();
        for (i, one) in self.streams.iter().enumerate() {
            let later = self.streams.iter().skip(i + 1);
            for other in later.filter(|s| s.instance.is_none() && s.is_part_of(one)) {
                let (a, b) = (one.first(), other.first());
                let of_one_trace = a.file.parent() == b.file.parent();
                if of_one_trace || repeated.contains(&a.file) || repeated.contains(&b.file) {
                    continue;
                }
                let (shared, _) = one.compare(other)?;
                match shared {
                    0 => {}
                    n if n == other.count => repeated.push(b.file.clone()),
                    n if n == one.count => repeated.push(a.file.clone()),
                    _ => return Err(overlapping(a, b)),
                }
            }
        }
        Ok(repeated)
    }

    /// Two packets that pass for one, but differ.
    ///
    /// # Errors
    /// [`Error::Input`] for such; [`Error::Io`].
    pub(super) fn check_copies(&self) -> Result<()> {
        for seen in self.streams.iter().flat_map(|s| s.packets.values()) {
            for (i, one) in seen.iter().enumerate() {
                for other in &seen[i + 1..] {
                    if one.file != other.file && one.passes_for(other) && !one.is(other)? {
                        return Err(differ(one, other));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Stream {
    fn new(trace: TraceKey, path: &Path, packets: &[Packet]) -> Self {
        let first = &packets[0];
        let joined = first.timestamp_begin.is_some() && matches!(trace, TraceKey::Uuid(_));
        let instance = first.instance_id.filter(|_| joined);
        let mut stream = Stream {
            trace,
            class: first.stream_class,
            instance,
            cpu: first.cpu_id,
            name: path.file_name().unwrap_or_default().to_owned(),
            count: packets.len(),
            packets: BTreeMap::new(),
        };
        for packet in packets {
            let seen = Filed {
                file: path.to_path_buf(),
                packet: packet.clone(),
            };
            stream.packets.entry(key(packet)).or_default().push(seen);
        }
        stream
    }

    /// Whether both can be parts of one stream, or copies of one file.
    fn is_part_of(&self, other: &Stream) -> bool {
        let known = |s: &Stream| (s.trace, s.class, s.instance);
        known(self) == known(other) && (self.instance.is_some() || self.cpu == other.cpu)
    }

    fn first(&self) -> &Filed {
        let first = self.packets.values().next().and_then(|seen| seen.first());
        first.expect("a stream has a packet")
    }

    /// How many packets of `other` are in this stream, too, and what they contradict each other in.
    fn compare(&self, other: &Stream) -> Result<(usize, Option<Error>)> {
        let (mut shared, mut conflict) = (0, None);
        for (key, theirs) in &other.packets {
            for their in theirs {
                let ours = self.packets.get(key).map(Vec::as_slice).unwrap_or_default();
                if any_is(ours, their)? {
                    shared += 1;
                } else if !their.is_idle() {
                    conflict = conflict.or_else(|| match ours.iter().find(|s| !s.is_idle()) {
                        Some(our) => Some(differ(our, their)),
                        None => self.out_of_place(*key, their),
                    });
                }
            }
        }
        Ok((shared, conflict))
    }

    /// Whether a packet that is not in this stream does not fit between those that are: numbers rise with time, and what
    /// has no number begins when the one before has ended.
    fn out_of_place(&self, key: u64, seen: &Filed) -> Option<Error> {
        let counts = |(_, seen): &(&u64, &Vec<Filed>)| seen.iter().any(|s| !s.is_idle());
        let before = self.packets.range(..key).rev().find(counts);
        let after = self.packets.range((Excluded(key), Unbounded)).find(counts);
        let fits = |one: &Filed, next: &Filed| {
            let (one, next) = (&one.packet, &next.packet);
            let end = match one.sequence_number {
                Some(_) => one.timestamp_begin,
                None => one.timestamp_end,
            };
            let times = end.zip(next.timestamp_begin);
            times.is_none_or(|(end, begin)| end <= begin)
        };
        let misfit = |one: &&Filed| !one.is_idle() && !fits(one, seen);
        let before = before.and_then(|(_, s)| s.iter().find(misfit));
        let misfit = |one: &&Filed| !one.is_idle() && !fits(seen, one);
        let after = after.and_then(|(_, s)| s.iter().find(misfit));
        before.or(after).map(|other| differ(other, seen))
    }
}

impl Filed {
    /// Whether it is made up for want of events, so that its number is none of its own.
    fn is_idle(&self) -> bool {
        let p = &self.packet;
        let of_a_moment = p.timestamp_begin.is_some() && p.timestamp_begin == p.timestamp_end;
        p.sequence_number.is_some() && of_a_moment && p.content_size <= p.header_size
    }

    /// Whether what tells copies apart while a trace is read is the same.
    fn passes_for(&self, other: &Filed) -> bool {
        let known = |s: &Filed| {
            let p = &s.packet;
            (
                p.packet_size,
                p.timestamp_begin,
                p.timestamp_end,
                p.sequence_number,
            )
        };
        known(self) == known(other)
    }

    /// Whether both hold the same: all bytes but the padding at their ends.
    fn is(&self, other: &Filed) -> Result<bool> {
        let (a, b) = (&self.packet, &other.packet);
        if a.content_size != b.content_size || !self.passes_for(other) {
            return Ok(false);
        }
        let open = |s: &Filed| File::open(&s.file).map_err(Error::io("read", &s.file));
        let (one, two) = (open(self)?, open(other)?);
        let (mut left, mut right) = (vec![0; COMPARED], vec![0; COMPARED]);
        let bytes = a.content_size.div_ceil(8);
        let mut at = 0;
        while at < bytes {
            let part = COMPARED.min(usize::try_from(bytes - at).unwrap_or(COMPARED));
            read(&one, &mut left[..part], a.offset + at, &self.file)?;
            read(&two, &mut right[..part], b.offset + at, &other.file)?;
            if left[..part] != right[..part] {
                return Ok(false);
            }
            at += part as u64;
        }
        Ok(true)
    }

    fn place(&self) -> Place {
        Place::packet(&self.file, self.packet.number, self.packet.offset)
    }
}

fn any_is(ours: &[Filed], their: &Filed) -> Result<bool> {
    for our in ours {
        if our.is(their)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read(file: &File, bytes: &mut [u8], offset: u64, path: &Path) -> Result<()> {
    let done = file.read_exact_at(bytes, offset);
    done.map_err(|source: io::Error| Error::io("read", path)(source))
}

/// What a packet is known by in its stream.
fn key(packet: &Packet) -> u64 {
    let known = packet.sequence_number.or(packet.timestamp_begin);
    known.unwrap_or(packet.number)
}

fn differ(one: &Filed, other: &Filed) -> Error {
    Error::input(
        format!(
            "this packet and packet {} of {} cannot both be of one stream, though UUID and stream are the same",
            one.packet.number,
            one.file.display()
        ),
        other.place(),
        "One of the two traces was changed, or they are of two recordings: ingest them one by one.",
    )
}

fn other_run(stream: &Stream) -> Error {
    Error::input(
        "not the same packets as in the other trace",
        stream.first().place(),
        "Ingest them one by one.",
    )
}

fn overlapping(one: &Filed, other: &Filed) -> Error {
    Error::input(
        format!(
            "repeats some packets of {} and has others; no stream_instance_id tells whether they are one stream",
            one.file.display()
        ),
        other.place(),
        "Leave the folder of one of the two files out.",
    )
}
