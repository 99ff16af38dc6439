//! Walking the packets of one stream file.
//!
//! The one idea: a packet says in its own header and context how large it is, so a file is walked by reading only
//! those (CTF 1.8.3 section 5), and whatever a walk finds wrong comes with what was good before it. LTTng's index files
//! are left alone: after damage they tell what was once there.

use super::bits::{Location, Window};
use super::decode::{Decoded, Decoder, Stop};
use super::metadata::model::{Metadata, Role, Scope, StreamClass};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use std::io;
use std::path::Path;

/// The first field of a packet header, if it has one named `magic` (CTF 1.8.3 section 5.1).
const MAGIC: i128 = 0xC1FC_1FC1;

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

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// The good packets, in the order of the file.
    pub packets: Vec<Packet>,
    /// What ended the walk before the end of the file.
    pub damage: Option<Error>,
    /// The packet that the end of the file cuts off, as its own header announces it; with `damage` only.
    pub cut: Option<Packet>,
    /// How far the whole events go that are there of `cut`, in bits from its first; 0 without `cut`.
    pub cut_events_end: u64,
    /// The size of the file in bytes.
    pub file_size: u64,
}

impl Walk {
    /// Whether there is any packet that can be read, be it in part.
    pub fn has_packets(&self) -> bool {
        !self.packets.is_empty() || self.cut_events().is_some()
    }

    /// The packet that the file's end cuts off, if a whole event of it is there.
    fn cut_events(&self) -> Option<&Packet> {
        let cut = self.cut.as_ref();
        cut.filter(|packet| self.cut_events_end > packet.header_size)
    }

    /// The packets that can be read: the good ones, and a cut one, as far as its events are whole and with sizes to
    /// match.
    pub fn readable(&self) -> Vec<Packet> {
        let good = self.packets.iter().cloned();
        let cut = self.cut_events().map(|packet| {
            let mut packet = packet.clone();
            packet.content_size = self.cut_events_end;
            packet.packet_size = self.cut_events_end.next_multiple_of(8);
            packet
        });
        good.chain(cut).collect()
    }

    /// How many bytes from the file's begin are good packets.
    pub fn good_bytes(&self) -> u64 {
        self.packets.last().map_or(0, Packet::end)
    }
}

/// Walks the packets of the stream file `path` of a trace with this metadata.
///
/// Damage is no error but [`Walk::damage`], an [`Error::Input`] with the packet and its byte offset: a wrong magic
/// number or UUID, an unknown stream class, sizes that cannot be, a packet or its header cut off by the file's end. The
/// walk ends there: where the next packet begins is not known any more.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read.
pub fn walk(path: &Path, metadata: &Metadata) -> Result<Walk> {
    let file = foreign::open(path)?;
    let file_size = file.metadata().map_err(Error::io("read", path))?.len();
    let mut found = Walk {
        file_size,
        ..Walk::default()
    };
    let mut window = Window::new(&file);
    while found.damage.is_none() && found.good_bytes() < file_size {
        let (number, offset) = (found.packets.len() as u64, found.good_bytes());
        match next_packet(&mut window, metadata, &mut found) {
            Ok(()) => {}
            Err(Stop::Io(source)) => return Err(Error::io("read", path)(source)),
            Err(Stop::End) => {
                let there = file_size - offset;
                let what = format!(
                    "stream cut off: a packet's header and context need more than the {there} bytes there"
                );
                found.damage = Some(damage(what, Place::packet(path, number, offset)));
            }
            Err(Stop::Bad(what)) => {
                found.damage = Some(damage(what, Place::packet(path, number, offset)));
            }
        }
    }
    Ok(found)
}

/// Reads the packet after the good ones, and adds it to them if it is good too.
fn next_packet(window: &mut Window, metadata: &Metadata, found: &mut Walk) -> Result<(), Stop> {
    let (number, offset) = (found.packets.len() as u64, found.good_bytes());
    let there = found.file_size - offset;
    let header = header(window, metadata, number, offset)?;
    let packet = header.check(there).map_err(Stop::Bad)?;
    if let Some(first) = found.packets.first() {
        same_stream(first, &packet).map_err(Stop::Bad)?;
    }
    let announced = packet.packet_size / 8;
    if announced <= there {
        found.packets.push(packet);
        return Ok(());
    }
    found.cut_events_end = events_end(window, metadata, &packet, there).map_err(Stop::Io)?;
    found.cut = Some(packet);
    Err(Stop::Bad(format!(
        "stream cut off: the packet's header announces {announced} bytes, {there} are there"
    )))
}

/// The packets of a file are one stream's.
fn same_stream(first: &Packet, packet: &Packet) -> Result<(), String> {
    for (what, one, other) in [
        (
            "class ",
            Some(first.stream_class),
            Some(packet.stream_class),
        ),
        ("", first.instance_id, packet.instance_id),
    ] {
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            return Err(format!(
                "a packet of the stream {what}{other}, in a file of the stream {what}{one}"
            ));
        }
    }
    Ok(())
}

/// Where the last event ends that is whole in a packet of which only `there` bytes are there.
fn events_end(
    window: &mut Window,
    metadata: &Metadata,
    packet: &Packet,
    there: u64,
) -> io::Result<u64> {
    let mut end = packet.header_size;
    let Some(stream) = metadata.stream(packet.stream_class) else {
        return Ok(end);
    };
    let limit = packet.content_size.min(there.saturating_mul(8));
    let mut decoder = Decoder::new(window, packet.offset);
    // Tags and lengths of events may refer to the packet's header and context: they are decoded once more.
    let mut step = packet_roots(&mut decoder, metadata, stream);
    while step.is_ok() && decoder.bit <= limit {
        end = end.max(decoder.bit);
        step = decoder.event(stream);
        if decoder.bit <= end {
            break; // Events without a single bit have no end.
        }
    }
    match step {
        Err(Stop::Io(e)) => Err(e),
        _ => Ok(end),
    }
}

/// Passes over a packet's header and context.
fn packet_roots(
    decoder: &mut Decoder,
    metadata: &Metadata,
    stream: &StreamClass,
) -> Result<(), Stop> {
    decoder.pass(Scope::PacketHeader, metadata.packet_header.as_deref())?;
    decoder.pass(Scope::PacketContext, stream.packet_context.as_deref())
}

fn damage(what: String, place: Place) -> Error {
    Error::input(
        what,
        place,
        "Copy the trace again if the original is whole; --keep-going reads what is good.",
    )
}

/// A packet whose sizes are not checked yet.
struct Header {
    packet: Packet,
    packet_size: Option<u64>,
    content_size: Option<u64>,
}

impl Header {
    /// The packet, if its sizes can be; `there` is how many bytes the file has from its begin.
    fn check(self, there: u64) -> Result<Packet, String> {
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

/// Reads the header and context of the packet at `offset`.
fn header(
    window: &mut Window,
    metadata: &Metadata,
    number: u64,
    offset: u64,
) -> Result<Header, Stop> {
    let mut found = Header {
        packet: empty(number, offset),
        packet_size: None,
        content_size: None,
    };
    let mut decoder = Decoder::new(window, offset);
    let (mut stream_id, mut instance_id) = (None, None);
    if let Some(class) = &metadata.packet_header {
        decoder.root(Scope::PacketHeader, class, &mut |window, field| {
            let roles = field.roles;
            if roles.has(Role::Magic) {
                check_magic(&field)?;
            }
            if roles.has(Role::Uuid) {
                check_uuid(window, metadata.uuid, offset, &field)?;
            }
            if roles.has(Role::StreamClass) {
                stream_id = number_of(&field);
            }
            if roles.has(Role::StreamInstance) {
                instance_id = number_of(&field);
            }
            Ok(())
        })?;
    }
    let stream = stream_class(metadata, stream_id).map_err(Stop::Bad)?;
    found.packet.stream_class = stream.id;
    found.packet.instance_id = instance_id;
    if let Some(class) = &stream.packet_context {
        decoder.root(Scope::PacketContext, class, &mut |_, field| {
            keep(&mut found, &field);
            Ok(())
        })?;
    }
    found.packet.header_size = decoder.bit;
    Ok(found)
}

/// The stream class of a packet with this `stream_id`; without one there can be only one class (CTF 1.8.3 section 5.1).
fn stream_class(metadata: &Metadata, id: Option<u64>) -> Result<&StreamClass, String> {
    match (id, &metadata.streams[..]) {
        (None, [only]) => Ok(only),
        (id, _) => {
            let id = id.unwrap_or(0);
            let known = metadata.stream(id);
            known.ok_or_else(|| format!("stream class {id}, which the metadata does not declare"))
        }
    }
}

fn empty(number: u64, offset: u64) -> Packet {
    Packet {
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
    }
}

/// Keeps a field of the packet context, for each meaning that it has.
fn keep(found: &mut Header, field: &Decoded) {
    let (number, location) = (number_of(field), field.location);
    let packet = &mut found.packet;
    let roles = field.roles;
    if roles.has(Role::PacketSize) {
        (found.packet_size, packet.packet_size_field) = (number, location);
    }
    if roles.has(Role::ContentSize) {
        (found.content_size, packet.content_size_field) = (number, location);
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

/// The number of a field that is an integer and not negative.
fn number_of(field: &Decoded) -> Option<u64> {
    u64::try_from(field.number?).ok()
}

fn check_magic(field: &Decoded) -> Result<(), Stop> {
    match field.number {
        Some(number) if number & 0xFFFF_FFFF != MAGIC => Err(Stop::Bad(format!(
            "expected a packet (magic number {MAGIC:#x}), found {number:#x}"
        ))),
        _ => Ok(()),
    }
}

/// Compares the packet's UUID with the metadata's, where both have one.
fn check_uuid(
    window: &mut Window,
    expected: Option<[u8; 16]>,
    offset: u64,
    field: &Decoded,
) -> Result<(), Stop> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let at = offset.checked_add(field.begin / 8).ok_or(Stop::End)?;
    let found = window.bytes(at, 16).map_err(Stop::Io)?.ok_or(Stop::End)?;
    if found == expected {
        return Ok(());
    }
    let digits = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Err(Stop::Bad(format!(
        "a packet of another trace: its UUID is {}, the metadata's {}",
        digits(found),
        digits(&expected)
    )))
}

/// The stream files of the CTF trace in the folder `dir`, sorted: its regular files (or links to such) whose names are
/// not `metadata` and do not begin with a dot, as babeltrace2 chooses them; empty ones too. Folders in it (`index`) are
/// passed over.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be read, or the system does not say what something in it is;
/// [`Error::Input`] for a link that leads nowhere, and for a FIFO, a device or a socket: whatever it should have been,
/// its events would be missing without a word.
pub fn stream_files(dir: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(Error::io("read", dir))?;
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        if name == "metadata" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match foreign::kind_behind(&path)? {
            Some(Kind::File) => files.push(path),
            Some(Kind::Folder) => {}
            Some(other) => return Err(other.refused(&path)),
            None => {
                return Err(Error::input(
                    "a symbolic link that leads nowhere",
                    Place::file(&path),
                    "It may stand for a stream file: copy the trace with what its links lead to (cp -L), or remove the link.",
                ));
            }
        }
    }
    files.sort();
    Ok(files)
}
