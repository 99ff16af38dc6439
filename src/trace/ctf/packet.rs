//! A packet of a stream file, as it describes itself.

use super::bits::Location;

/// What a packet says of itself. Fields that its header and context lack are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its number in the file, from 0.
    pub number: u64,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its size in bits, with padding; a multiple of 8 (`packet_size`). Without that field it is `content_size`, rounded
    /// up to a byte, and without both the rest of the file.
    pub packet_size: u64,
    /// The size of its header, context and events in bits (`content_size`); `packet_size` without that field.
    pub content_size: u64,
    /// The size of its header and context in bits: where its events begin, up to their alignment.
    pub header_size: u64,
    /// `timestamp_begin`, in cycles of the clock.
    pub timestamp_begin: Option<u64>,
    /// `timestamp_end`, in cycles of the clock.
    pub timestamp_end: Option<u64>,
    /// `events_discarded`: how many since the stream began.
    pub events_discarded: Option<u64>,
    /// `packet_seq_num`.
    pub sequence_number: Option<u64>,
    /// `cpu_id`.
    pub cpu_id: Option<u64>,
    /// `stream_instance_id`, in the header.
    pub instance_id: Option<u64>,
    /// ID of its stream class; always one that the metadata has.
    pub stream_class: u64,
    /// Where `packet_size` is stored.
    pub packet_size_field: Option<Location>,
    /// Where `content_size` is stored.
    pub content_size_field: Option<Location>,
}

impl Packet {
    /// Its CPU, where it tells one that there can be.
    pub fn cpu(&self) -> Option<i32> {
        self.cpu_id.and_then(|cpu| i32::try_from(cpu).ok())
    }

    /// The byte after its last one.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.packet_size / 8)
    }
}
