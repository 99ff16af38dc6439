//! What babeltrace2's messages say of losses, put right.
//!
//! The one idea: babeltrace2 tells how much a counter grew from packet to packet, modulo 2^64, and takes a counter that
//! sinks for one that went once around. The first values are known from the check, so the counters' own values are, and
//! [`Counter`] judges them as it does for the native reader.

use crate::trace::check::CheckedTrace;
use crate::trace::counters::{Counter, Seen};
use crate::trace::ctf::packet::Packet;

/// The counters of a stream, up to the packet at hand; times are nanoseconds.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    events: Counter<i64>,
    discarded: u64,
    packets: Counter<i64>,
    sequence: u64,
    /// Whether the first packet has begun.
    begun: bool,
    /// Whether packets were told to be missing before the one that begins next.
    gap: bool,
}

impl Counted {
    /// Those of a stream of `trace` that begins with the packet `first`.
    pub(super) fn new(trace: &CheckedTrace, first: &Packet) -> Option<Self> {
        let class = trace.metadata.stream(first.stream_class)?;
        let mut counted = Counted {
            events: Counter::of_events(class),
            discarded: first.events_discarded.unwrap_or(0),
            packets: Counter::of_packets(class),
            sequence: first.sequence_number.unwrap_or(0),
            begun: false,
            gap: false,
        };
        if let Some(value) = first.events_discarded {
            counted.events.see(value, None);
        }
        if let Some(value) = first.sequence_number {
            counted.packets.see(value, None);
        }
        Some(counted)
    }

    /// babeltrace2 says that the counter of discarded events grew by `events` since `begin`: by how much it did, and since
    /// when, if it did.
    pub(super) fn events(
        &mut self,
        events: Option<u64>,
        begin: Option<i64>,
    ) -> Option<(Option<u64>, Option<i64>)> {
        let Some(grown) = events else {
            return Some((None, begin));
        };
        self.discarded = self.discarded.wrapping_add(grown);
        match self.events.see(self.discarded, begin) {
            Seen::Counted(events, since) => Some((Some(events), since)),
            _ => None,
        }
    }

    /// As `events`, for packets that are missing.
    pub(super) fn packets(
        &mut self,
        missing: u64,
        begin: Option<i64>,
    ) -> Option<(u64, Option<i64>)> {
        self.gap = true;
        self.sequence = self.sequence.wrapping_add(missing).wrapping_add(1);
        match self.packets.see(self.sequence, begin) {
            Seen::Counted(ahead, since) if ahead > 1 => Some((ahead - 1, since)),
            _ => None,
        }
    }

    /// A packet begins.
    pub(super) fn packet(&mut self) {
        let first = !std::mem::replace(&mut self.begun, true);
        if !std::mem::take(&mut self.gap) && !first {
            self.sequence = self.sequence.wrapping_add(1);
            self.packets.see(self.sequence, None);
        }
    }
}
