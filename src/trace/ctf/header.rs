//! What a packet's header and context say: read from a file, put together as a [`Packet`], and checked.

use super::fields::decoder::{Decoder, Memory, Stop};
use super::fields::output::Output;
use super::fields::plan::Dest;
use super::metadata::model::{Metadata, Role};
use super::packet::Packet;
use super::packet_plan::{HeaderPlan, PacketPlan, Said};
use super::window::Window;
use crate::shown::hex;
use std::io;

/// The first field of a packet header, if it has one named `magic` (CTF 1.8.3 section 5.1).
const MAGIC: i128 = 0xC1FC_1FC1;
/// Headers with contexts of more bytes are refused, so that a damaged length does not take all memory.
const MOST_BYTES: usize = 1 << 24;

/// Reads the headers and contexts of a trace's packets.
pub(super) struct Headers<'m> {
    metadata: &'m Metadata,
    header: HeaderPlan,
    /// One for each stream class, in their order.
    plans: Vec<PacketPlan>,
}

impl<'m> Headers<'m> {
    /// For a trace with this metadata.
    pub(super) fn new(metadata: &'m Metadata) -> Self {
        let header = HeaderPlan::new(metadata);
        let streams = metadata.streams.iter();
        let plan = |stream| PacketPlan::new(&header, stream, None, |_| Dest::Nowhere);
        Headers {
            plans: streams.map(plan).collect(),
            metadata,
            header,
        }
    }

    /// The plan for packets of a stream class.
    pub(super) fn plan(&self, stream: u64) -> &PacketPlan {
        let mut plans = self.plans.iter();
        let plan = plans.find(|plan| plan.stream == stream);
        plan.expect("there is a plan for each stream class")
    }

    /// Reads the header and the context of the packet at the byte `offset`, from which on the file has `there` bytes.
    ///
    /// # Errors
    /// That of the system. A [`Stop`] where the bytes end, or are no packet of this trace.
    pub(super) fn read(
        &self,
        window: &mut Window,
        number: u64,
        offset: u64,
        there: u64,
    ) -> io::Result<Result<Header, Stop>> {
        let mut least = 1;
        loop {
            let bytes = window.bytes(offset, least)?;
            let whole = bytes.len() as u64 >= there || bytes.len() < least;
            match self.decode(bytes, number, offset, there) {
                Err(Stop::End) if !whole && bytes.len() < MOST_BYTES => {
                    least = bytes.len().saturating_mul(4);
                }
                Err(Stop::End) if !whole => {
                    let what = format!("a header and context of more than {MOST_BYTES} bytes");
                    return Ok(Err(Stop::Bad(what)));
                }
                done => return Ok(done),
            }
        }
    }

    fn decode(&self, bytes: &[u8], number: u64, offset: u64, there: u64) -> Result<Header, Stop> {
        let mut out = Output::default();
        let content = there.saturating_mul(8);
        let mut decoder = Decoder::new(bytes, 0, 0, content, Memory::default());
        let whole = self.header.decode(&mut decoder, &mut out);
        let mut found = Header::empty(number, offset);
        let mut stream_id = None;
        // What is wrong with the first fields says more than that others are missing.
        for said in self.header.said(&decoder) {
            if said.roles.has(Role::Magic) {
                check_magic(&said)?;
            }
            if said.roles.has(Role::Uuid) {
                self.check_uuid(bytes, &said)?;
            }
            if said.roles.has(Role::StreamClass) {
                stream_id = said.number;
            }
            if said.roles.has(Role::StreamInstance) {
                found.packet.instance_id = said.number;
            }
        }
        whole?;
        let plan = self.of_stream(stream_id).map_err(Stop::Bad)?;
        found.packet.stream_class = plan.stream;
        plan.decode_context(&mut decoder, &mut out)?;
        for said in plan.said(&decoder) {
            found.keep(&said);
        }
        found.packet.header_size = decoder.bit();
        Ok(found)
    }

    /// The plan for a packet with this `stream_id`; without one there can be only one class (CTF 1.8.3 section 5.1).
    fn of_stream(&self, id: Option<u64>) -> Result<&PacketPlan, String> {
        match (id, &self.plans[..]) {
            (None, [only]) => Ok(only),
            (id, plans) => {
                let id = id.unwrap_or(0);
                let known = plans.iter().find(|plan| plan.stream == id);
                known.ok_or_else(|| {
                    format!("stream class {id}, which the metadata does not declare")
                })
            }
        }
    }

    /// Compares the packet's UUID with the metadata's, where both have one.
    fn check_uuid(&self, bytes: &[u8], said: &Said) -> Result<(), Stop> {
        let begin = said.begin.and_then(|bit| usize::try_from(bit / 8).ok());
        let found = begin.and_then(|at| bytes.get(at..at.checked_add(16)?));
        let (Some(found), Some(expected)) = (found, self.metadata.uuid) else {
            return Ok(());
        };
        if found == expected {
            return Ok(());
        }
        Err(Stop::Bad(format!(
            "a packet of another trace: its UUID is {}, the metadata's {}",
            hex(found),
            hex(&expected)
        )))
    }
}

fn check_magic(said: &Said) -> Result<(), Stop> {
    match said.signed {
        Some(number) if number & 0xFFFF_FFFF != MAGIC => Err(Stop::Bad(format!(
            "expected a packet (magic number {MAGIC:#x}), found {number:#x}"
        ))),
        _ => Ok(()),
    }
}

/// A packet whose sizes are not checked yet.
pub(super) struct Header {
    packet: Packet,
    packet_size: Option<u64>,
    content_size: Option<u64>,
}

impl Header {
    fn empty(number: u64, offset: u64) -> Self {
        let packet = Packet {
            number,
            offset,
            packet_size: 0,
            content_size: 0,
            header_size: 0,
            timestamp_begin: None,
            timestamp_end: None,
            events_discarded: None,
            sequence_number: None,
            cpu_id: None,
            instance_id: None,
            stream_class: 0,
            packet_size_field: None,
            content_size_field: None,
        };
        Header {
            packet,
            packet_size: None,
            content_size: None,
        }
    }

    /// Keeps what a field of the context says, for each meaning that it has.
    fn keep(&mut self, said: &Said) {
        let (roles, number, location) = (said.roles, said.number, said.location);
        let packet = &mut self.packet;
        if roles.has(Role::PacketSize) {
            (self.packet_size, packet.packet_size_field) = (number, location);
        }
        if roles.has(Role::ContentSize) {
            (self.content_size, packet.content_size_field) = (number, location);
        }
        let others = [
            (Role::Begin, &mut packet.timestamp_begin),
            (Role::End, &mut packet.timestamp_end),
            (Role::Discarded, &mut packet.events_discarded),
            (Role::SequenceNumber, &mut packet.sequence_number),
            (Role::Cpu, &mut packet.cpu_id),
        ];
        for (role, kept) in others {
            if roles.has(role) {
                *kept = number;
            }
        }
    }

    /// The packet, if its sizes can be; `there` is how many bytes the file has from its begin.
    pub(super) fn check(self, there: u64) -> Result<Packet, String> {
        let whole_bytes = |bits: u64| bits.checked_next_multiple_of(8);
        let from_content = self
            .content_size
            .map(|bits| whole_bytes(bits).unwrap_or(u64::MAX - 7));
        let rest = there.saturating_mul(8);
        let packet_size = self.packet_size.or(from_content).unwrap_or(rest);
        let content_size = self.content_size.unwrap_or(packet_size);
        if packet_size == 0 || !packet_size.is_multiple_of(8) {
            return Err(format!(
                "a packet size of {packet_size} bits, which cannot be"
            ));
        }
        if content_size > packet_size {
            return Err(format!(
                "a content size of {content_size} bits in a packet of {packet_size} bits"
            ));
        }
        if content_size < self.packet.header_size {
            let header_size = self.packet.header_size;
            return Err(format!(
                "a content size of {content_size} bits, less than the {header_size} bits of header and context"
            ));
        }
        Ok(Packet {
            packet_size,
            content_size,
            ..self.packet
        })
    }
}
