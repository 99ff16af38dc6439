//! What a field means beside its value.
//!
//! CTF 1.8 and CTF 2 say this in different ways (see `meanings`). Both become [`Roles`] of the integer, so that whoever
//! reads a stream needs to know neither names nor the version.

/// A meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `magic`, `packet-magic-number`.
    Magic,
    /// `uuid`, `metadata-stream-uuid`: of the elements of an array of 16 bytes.
    Uuid,
    /// `stream_id`, `data-stream-class-id`.
    StreamClass,
    /// `stream_instance_id`, `data-stream-id`.
    StreamInstance,
    /// `packet_size`, `packet-total-length`.
    PacketSize,
    /// `content_size`, `packet-content-length`.
    ContentSize,
    /// `timestamp_begin`; `default-clock-timestamp` of a packet's context.
    Begin,
    /// `timestamp_end`, `packet-end-default-clock-timestamp`.
    End,
    /// `events_discarded`, `discarded-event-record-counter-snapshot`.
    Discarded,
    /// `packet_seq_num`, `packet-sequence-number`.
    SequenceNumber,
    /// `cpu_id` of a packet's context: LTTng's, by its name in both versions.
    Cpu,
    /// `id` of an event's header, `event-record-class-id`.
    EventClass,
}

/// Some meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u16);

impl Roles {
    /// Adds one.
    pub fn add(&mut self, role: Role) {
        self.0 |= 1 << role as u16;
    }

    /// Whether `role` is among them.
    pub fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u16 != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the field says something of its packet or event only, and is no value of its own. A CPU's number is one.
    pub fn are_structural(self) -> bool {
        self.0 & !(1 << Role::Cpu as u16) != 0
    }
}
