//! Looks a recording over before it is read: its metadata, and the headers of all packets.
//!
//! This finds the packets that readers read, and the damage that headers show, with file, packet and byte. babeltrace2
//! gives up a whole trace for one bad packet; where reading is to go on regardless, it gets copies that hold what is
//! good. What progress needs is learned, too: how many bytes there are, and from when to when the trace goes.

use super::clock::StreamClock;
use super::ctf::metadata::model::Metadata;
use super::ctf::repair::shadow;
use super::ctf::stream_files::stream_files;
use super::ctf::walk::Walk;
use super::event::Loss;
use super::find::Recording;
use super::readings::{Readings, Walks};
use crate::error::{Damage, Error, Result};
use crate::shown::path_text;
use std::path::{Path, PathBuf};

/// A recording that can be read.
#[derive(Debug, Default)]
pub struct Checked {
    /// Its CTF traces.
    pub traces: Vec<CheckedTrace>,
    /// Damage that was found.
    pub damage: Vec<Damage>,
    /// What that means for the streams: from when to when their events are missing.
    pub losses: Vec<Loss>,
    /// Bytes of all good packets.
    pub bytes: u64,
    /// Begin of the first packet and end of the last, nanoseconds since the clock's origin, where packets tell.
    pub span: Option<(i64, i64)>,
    /// Where copies go.
    scratch: PathBuf,
    /// Copies and what they are copies of.
    copies: Vec<(PathBuf, PathBuf)>,
}

/// A CTF trace that can be read.
#[derive(Debug)]
pub struct CheckedTrace {
    /// Its folder.
    pub dir: PathBuf,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its stream files, and what walking their packets found.
    pub walks: Walks,
    /// Whether there are files beside these that only repeat others.
    repeats: bool,
}

/// Checks the traces of `recording`, without the files that only repeat others; takes what was read of them when they were
/// found. With `keep_going`, damage is noted; without, the first one is the error. `scratch` is a folder for copies (see
/// [`Checked::readable`]), which must exist and outlive the reading.
///
/// # Errors
/// [`Error::Input`] for metadata that cannot be understood, [`Error::Damaged`], [`Error::Io`].
pub fn check(recording: &mut Recording, keep_going: bool, scratch: &Path) -> Result<Checked> {
    let mut checked = Checked {
        scratch: scratch.to_path_buf(),
        ..Checked::default()
    };
    for dir in &recording.traces {
        let metadata = recording.read.metadata(dir)?;
        let mut files = stream_files(dir)?;
        files.retain(|path| !recording.repeated.contains(path));
        let walks = recording.read.walks(files, &metadata)?;
        checked.take_in(&metadata, &walks);
        if !keep_going {
            checked.refuse_damage()?;
        }
        checked.traces.push(CheckedTrace {
            dir: dir.clone(),
            metadata,
            walks,
            repeats: recording.repeated.iter().any(|f| f.starts_with(dir)),
        });
    }
    for loss in &mut checked.losses {
        loss.end = checked.span.map(|(_, end)| end);
    }
    Ok(checked)
}

impl Checked {
    /// Refuses what is damaged.
    ///
    /// # Errors
    /// [`Error::Damaged`] for the first damage.
    pub fn refuse_damage(&self) -> Result<()> {
        match self.damage.first() {
            Some(damage) => Err(Error::Damaged(Box::new(damage.clone()))),
            None => Ok(()),
        }
    }

    /// The same with another folder for copies.
    pub fn with_scratch(self, scratch: &Path) -> Self {
        Checked {
            scratch: scratch.to_path_buf(),
            ..self
        }
    }

    /// What was read of the traces, for another check.
    pub fn into_readings(self) -> Readings {
        let mut read = Readings::default();
        for trace in self.traces {
            read.keep_metadata(trace.dir, trace.metadata);
            read.keep_walks(trace.walks);
        }
        read
    }

    /// The traces in groups of one UUID, each of which is one trace in several folders.
    pub fn groups(&self) -> Vec<Vec<&CheckedTrace>> {
        let mut groups: Vec<Vec<&CheckedTrace>> = Vec::new();
        for trace in &self.traces {
            let uuid = trace.metadata.uuid;
            let same = |g: &&mut Vec<&CheckedTrace>| uuid.is_some() && g[0].metadata.uuid == uuid;
            match groups.iter_mut().find(same) {
                Some(group) => group.push(trace),
                None => groups.push(vec![trace]),
            }
        }
        groups
    }

    /// Folders of these groups that babeltrace2 can read: the recording's own, or copies: of damaged ones, which hold
    /// what comes before the damage, and of those with files that only repeat others, which do not have these.
    ///
    /// # Errors
    /// [`Error::Io`] where a copy cannot be made.
    pub fn readable(&mut self) -> Result<Vec<Vec<PathBuf>>> {
        for (number, trace) in self.traces.iter().enumerate() {
            let damaged = trace.walks.iter().any(|(_, walk)| walk.damage.is_some());
            if damaged || trace.repeats {
                let place = self.scratch.join(format!("copy-{number}"));
                std::fs::create_dir(&place).map_err(Error::io("create", &place))?;
                let copy = shadow(&trace.dir, &trace.walks, &place)?;
                self.copies.push((copy, trace.dir.clone()));
            }
        }
        let folder = |trace: &&CheckedTrace| {
            let copy = self.copies.iter().find(|(_, of)| *of == trace.dir);
            copy.map_or_else(|| trace.dir.clone(), |(copy, _)| copy.clone())
        };
        let groups = self.groups();
        let folders = groups
            .iter()
            .map(|group| group.iter().map(folder).collect());
        Ok(folders.collect())
    }

    /// Where a stream file can be read: it, or its copy.
    pub fn readable_path(&self, path: &Path) -> PathBuf {
        let in_copy = |(copy, original): &(PathBuf, PathBuf)| {
            path.strip_prefix(original).ok().map(|rest| copy.join(rest))
        };
        let found = self.copies.iter().find_map(in_copy);
        found.unwrap_or_else(|| path.to_path_buf())
    }

    /// The original of a file or folder that may be in a copy.
    pub fn original(&self, path: &Path) -> PathBuf {
        let of_copy = |(copy, original): &(PathBuf, PathBuf)| {
            path.strip_prefix(copy).ok().map(|rest| original.join(rest))
        };
        self.copies
            .iter()
            .find_map(of_copy)
            .unwrap_or_else(|| path.to_path_buf())
    }

    /// Where packet number `packet` of the stream file `path` begins, in bytes.
    pub fn offset(&self, path: &Path, packet: u64) -> Option<u64> {
        let walk = self.walk(path)?;
        let mut packets = walk.packets.iter().chain(&walk.cut);
        packets.nth(usize::try_from(packet).ok()?).map(|p| p.offset)
    }

    /// The CPU of the first packet of the stream file `path`.
    pub fn cpu(&self, path: &Path) -> Option<i32> {
        self.walk(path)?.packets.first()?.cpu()
    }

    fn walk(&self, path: &Path) -> Option<&Walk> {
        let original = self.original(path);
        let mut walks = self.traces.iter().flat_map(|t| &t.walks);
        walks.find(|(p, _)| *p == original).map(|(_, walk)| walk)
    }

    /// Notes what the walks of a trace's files found.
    fn take_in(&mut self, metadata: &Metadata, walks: &Walks) {
        for (path, walk) in walks {
            self.bytes += walk.good_bytes();
            self.widen(metadata, walk);
            if let Some(damage) = &walk.damage {
                self.damage.push(damage.clone());
                self.losses.push(loss(metadata, path, walk));
            }
        }
    }

    /// Widens the span by the times of a stream's packets.
    fn widen(&mut self, metadata: &Metadata, walk: &Walk) {
        let begin = walk.packets.first().and_then(|p| p.timestamp_begin);
        let end = walk
            .packets
            .iter()
            .chain(&walk.cut)
            .next_back()
            .and_then(|p| p.timestamp_end);
        let class = walk.packets.first().map_or(0, |p| p.stream_class);
        let ns = |cycles: Option<u64>| cycles.and_then(|c| nanoseconds(metadata, class, c));
        if let (Some(begin), Some(end)) = (ns(begin), ns(end)) {
            let span = self.span.unwrap_or((begin, end));
            self.span = Some((span.0.min(begin), span.1.max(end)));
        }
    }
}

/// What a damaged stream lacks: all from the packet on in which the damage is. How much of a packet can be read is not
/// known yet, and a request must not pass for complete that ends before it is.
fn loss(metadata: &Metadata, path: &Path, walk: &Walk) -> Loss {
    let cut = walk.cut.as_ref().and_then(|p| p.timestamp_begin);
    let good = walk.packets.last().and_then(|p| p.timestamp_end);
    let mut packets = walk.packets.iter().chain(&walk.cut);
    let class = packets.clone().next().map_or(0, |p| p.stream_class);
    let cpu = packets.find_map(|p| p.cpu_id);
    Loss {
        stream: path_text(path),
        cpu: cpu.and_then(|cpu| i32::try_from(cpu).ok()),
        begin: cut
            .or(good)
            .and_then(|cycles| nanoseconds(metadata, class, cycles)),
        end: None,
        events: None,
        packets: None,
    }
}

/// A time of a packet of a stream class.
fn nanoseconds(metadata: &Metadata, class: u64, cycles: u64) -> Option<i64> {
    let clock = StreamClock::of(metadata, metadata.stream(class)?)?;
    clock.converter.at(cycles)
}
