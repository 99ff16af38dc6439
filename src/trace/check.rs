//! Looks a recording over before it is read: its metadata, and the headers of all packets.
//!
//! babeltrace2 gives up a whole trace for one bad packet and cannot say where it is. This finds the damage that headers
//! show, with file, packet and byte; and where reading is to go on regardless, makes copies that hold what is good. It
//! also learns what progress needs: how many bytes there are, and from when to when the trace goes.

use super::ctf::metadata::model::Metadata;
use super::ctf::{self, Walk};
use super::event::Loss;
use super::find::Recording;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A recording that can be read.
#[derive(Debug, Default)]
pub struct Checked {
    /// The CTF traces to read, in groups of one UUID: the recording's own folders, or copies of damaged ones.
    pub groups: Vec<Vec<PathBuf>>,
    /// Damage that was found, for what was left out of the copies.
    pub damage: Vec<Error>,
    /// What that means for the streams: from when to when their events are missing.
    pub losses: Vec<Loss>,
    /// Bytes of all good packets.
    pub bytes: u64,
    /// Begin of the first packet and end of the last, nanoseconds since the clock's origin, where packets tell.
    pub span: Option<(i64, i64)>,
    /// Per stream file, the byte offsets of its packets.
    packets: HashMap<PathBuf, Vec<u64>>,
    /// Copies and what they are copies of.
    copies: Vec<(PathBuf, PathBuf)>,
}

/// Checks the traces of `recording`. With `keep_going`, damaged streams are copied up to their damage into `scratch`,
/// a folder that must exist and outlive the reading; without, the first damage is the error.
///
/// # Errors
/// [`Error::Input`] for metadata that cannot be understood and for damage, [`Error::Io`].
pub fn check(recording: &Recording, keep_going: bool, scratch: &Path) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut groups: Vec<(Option<[u8; 16]>, Vec<PathBuf>)> = Vec::new();
    for (number, dir) in recording.traces.iter().enumerate() {
        let metadata = ctf::read_metadata(dir)?;
        let walks = checked.walk_all(dir, &metadata)?;
        let damaged = walks.iter().any(|(_, walk)| walk.damage.is_some());
        let mut readable = dir.clone();
        if damaged && keep_going {
            let place = scratch.join(format!("copy-{number}"));
            std::fs::create_dir(&place).map_err(Error::io("create", &place))?;
            readable = ctf::shadow(dir, &walks, &place)?;
            checked.copies.push((readable.clone(), dir.clone()));
        }
        let damage = walks.into_iter().filter_map(|(_, walk)| walk.damage);
        if keep_going {
            checked.damage.extend(damage);
        } else if let Some(error) = damage.into_iter().next() {
            return Err(error);
        }
        match groups
            .iter_mut()
            .find(|(u, _)| u.is_some() && *u == metadata.uuid)
        {
            Some((_, group)) => group.push(readable),
            None => groups.push((metadata.uuid, vec![readable])),
        }
    }
    for loss in &mut checked.losses {
        loss.end = checked.span.map(|(_, end)| end);
    }
    checked.groups = groups.into_iter().map(|(_, group)| group).collect();
    Ok(checked)
}

impl Checked {
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
        let offsets = self.packets.get(&self.original(path))?;
        offsets.get(usize::try_from(packet).ok()?).copied()
    }

    fn walk_all(&mut self, dir: &Path, metadata: &Metadata) -> Result<Vec<(PathBuf, Walk)>> {
        let mut walks = Vec::new();
        for path in ctf::stream_files(dir)? {
            let walk = ctf::walk(&path, metadata)?;
            self.bytes += walk.good_bytes();
            self.widen(metadata, &walk);
            if walk.damage.is_some() {
                self.losses.push(loss(metadata, &path, &walk));
            }
            let offsets = walk.packets.iter().chain(&walk.cut).map(|p| p.offset);
            self.packets.insert(path.clone(), offsets.collect());
            walks.push((path, walk));
        }
        Ok(walks)
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
        let ns = |cycles: Option<u64>| cycles.and_then(|c| nanoseconds(metadata, c));
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
    let cpu = walk.packets.iter().chain(&walk.cut).find_map(|p| p.cpu_id);
    Loss {
        stream: path.display().to_string(),
        cpu: cpu.and_then(|cpu| i32::try_from(cpu).ok()),
        begin: cut
            .or(good)
            .and_then(|cycles| nanoseconds(metadata, cycles)),
        end: None,
        events: None,
        packets: None,
    }
}

/// Nanoseconds since the clock's origin. The packets of an LTTng trace have one clock.
fn nanoseconds(metadata: &Metadata, cycles: u64) -> Option<i64> {
    let clock = metadata.clocks.first()?;
    let cycles = i128::from(cycles) + i128::from(clock.offset_cycles);
    let ns = cycles * 1_000_000_000 / i128::from(clock.frequency);
    i64::try_from(ns + i128::from(clock.offset_s) * 1_000_000_000).ok()
}
