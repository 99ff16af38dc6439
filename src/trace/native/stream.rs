//! A stream: its packets, the files that they are in, and its place among others.

use super::quirks::{Quirks, text_of};
use super::stream_plan::StreamPlan;
use crate::error::{Error, Hint, Place, Remedy, Result};
use crate::trace::ctf::metadata::model::Metadata;
use crate::trace::ctf::packet::Packet;
use crate::trace::select::Selection;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
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
pub(super) struct StreamFile {
    /// Its path.
    pub path: PathBuf,
    /// Whether it stays open once it was read from.
    keep: bool,
    open: OnceLock<File>,
}

impl StreamFile {
    /// The file at `path`, which is opened when something is read from it; with `keep`, it then stays open.
    pub(super) fn new(path: PathBuf, keep: bool) -> Self {
        StreamFile {
            path,
            keep,
            open: OnceLock::new(),
        }
    }

    /// Fills `bytes` with what stands from byte `offset` on.
    ///
    /// # Errors
    /// That of the system, also where the file ends before.
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        if let Some(file) = self.open.get() {
            return file.read_exact_at(bytes, offset);
        }
        let file = File::open(&self.path)?;
        file.read_exact_at(bytes, offset)?;
        if self.keep {
            // Where another thread was quicker, its file stays open.
            let _ = self.open.set(file);
        }
        Ok(())
    }
}

/// A packet and the file that it is in.
#[derive(Debug, Clone)]
pub(super) struct Located {
    /// Position of the file in the stream.
    pub file: usize,
    /// The packet.
    pub packet: Packet,
}

/// How streams are ordered where events have the same time, as babeltrace2's muxer orders them: by the traces' UUIDs (a
/// trace without one comes last) and names, the stream classes and the streams' IDs; and where all that is the same,
/// by their first files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The trace's: see [`Rank::of_trace`].
    pub trace: (bool, Option<[u8; 16]>, String),
    /// ID of the stream class.
    pub class: u64,
    /// The stream's own.
    pub id: u64,
    /// Its first file.
    pub file: PathBuf,
}

impl Stream {
    /// Nanoseconds since the clock's origin, where there is a clock and they fit 64 bits.
    pub(super) fn time(&self, cycles: u64) -> Option<i64> {
        self.plan.clock.as_ref()?.converter.at(cycles)
    }

    /// Whether a packet's begin and end are times. That it is of the stream's class has been seen when it was found.
    ///
    /// # Errors
    /// [`Error::Input`] where they are not.
    pub(super) fn check(&self, located: &Located) -> Result<()> {
        let packet = &located.packet;
        let mut times = [packet.timestamp_begin, packet.timestamp_end]
            .into_iter()
            .flatten();
        let too_large = |cycles: &u64| self.plan.clock.is_some() && self.time(*cycles).is_none();
        let Some(cycles) = times.find(too_large) else {
            return Ok(());
        };
        Err(Error::damaged(
            format!(
                "a packet that begins or ends at the clock value {cycles}, which does not fit into nanoseconds since \
                 1970 (64 bits)"
            ),
            Place::packet(&self.files[located.file].path, packet.number, packet.offset),
            Remedy::with("The stream is damaged from this byte on.", Hint::KeepGoing),
        ))
    }

    /// For a packet that has no selected event, by its times: the clock at its end.
    pub(super) fn leaves_out(&self, located: &Located) -> Option<u64> {
        let packet = &located.packet;
        let quirks = self.quirks.event_after_packet || self.quirks.event_before_packet;
        let end = packet.timestamp_end.filter(|end| *end != 0)?;
        let (from, to) = (self.time(packet.timestamp_begin?)?, self.time(end)?);
        let out = !self.selection.takes_span(from, to);
        (out && self.plan.independent && !quirks).then_some(end)
    }

    /// The clock after a packet whose last event left it at `clock`: at the packet's end, unless its tracer is known to
    /// write wrong ones.
    pub(super) fn clock_after(&self, packet: &Packet, clock: u64) -> u64 {
        let Some(end) = packet.timestamp_end else {
            return clock;
        };
        let crashed = self.quirks.crash && packet.timestamp_begin != Some(0) && end == 0;
        let late = self.quirks.event_after_packet && end < clock;
        if crashed || late { clock } else { end }
    }
}

impl Rank {
    /// Where the streams of a trace stand among those of others.
    pub(super) fn of_trace(metadata: &Metadata) -> (bool, Option<[u8; 16]>, String) {
        let name = text_of(metadata, "hostname").unwrap_or_default();
        (metadata.uuid.is_none(), metadata.uuid, name.to_owned())
    }

    /// Whether only the files tell the streams apart.
    pub(super) fn same_but_for_files(&self, other: &Rank) -> bool {
        let file = self.file.clone();
        *self
            == Rank {
                file,
                ..other.clone()
            }
    }
}
