//! Walking the packets of one stream file.
//!
//! The one idea: a packet says in its own header and context how large it is, so a file is walked by reading only
//! those (CTF 1.8.3 section 5), and whatever a walk finds wrong comes with what was good before it. LTTng's index files
//! are left alone: after damage they tell what was once there.

use super::cut::events_end;
use super::fields::decoder::Stop;
use super::header::Headers;
use super::metadata::model::Metadata;
use super::packet::Packet;
use super::window::Window;
use crate::error::{Damage, Error, Hint, Place, Remedy, Result};
use crate::foreign;
use std::io;
use std::path::Path;

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walk {
    /// The good packets, in the order of the file.
    pub packets: Vec<Packet>,
    /// What ended the walk before the end of the file.
    pub damage: Option<Damage>,
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

/// Why a walk ends.
enum End {
    /// The system refused to read.
    Io(io::Error),
    /// What is there is no good packet, and why.
    Bad(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

/// Walks the stream files of a trace.
pub(crate) struct Walker<'m> {
    metadata: &'m Metadata,
    headers: Headers<'m>,
}

impl<'m> Walker<'m> {
    /// For a trace with this metadata.
    pub(crate) fn new(metadata: &'m Metadata) -> Self {
        Walker {
            metadata,
            headers: Headers::new(metadata),
        }
    }

    /// Walks the packets of the stream file `path`.
    ///
    /// Damage is no error but [`Walk::damage`], with the packet and its byte offset: a wrong magic number or UUID, an
    /// unknown stream class, sizes that cannot be, a packet or its header cut off by the file's end. The walk ends there:
    /// where the next packet begins is not known any more.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read.
    pub(crate) fn walk(&self, path: &Path) -> Result<Walk> {
        let file = foreign::open(path)?;
        let file_size = file.metadata().map_err(Error::io("read", path))?.len();
        let mut found = Walk {
            file_size,
            ..Walk::default()
        };
        let mut window = Window::new(&file);
        while found.damage.is_none() && found.good_bytes() < file_size {
            let (number, offset) = (found.packets.len() as u64, found.good_bytes());
            match self.next_packet(&mut window, &mut found) {
                Ok(()) => {}
                Err(End::Io(source)) => return Err(Error::io("read", path)(source)),
                Err(End::Bad(what)) => {
                    let remedy = "Copy the trace again if the original is whole.";
                    found.damage = Some(Damage {
                        what,
                        place: Place::packet(path, number, offset),
                        remedy: Remedy::with(remedy, Hint::KeepGoing),
                    });
                }
            }
        }
        Ok(found)
    }

    /// Reads the packet after the good ones, and adds it to them if it is good too.
    fn next_packet(&self, window: &mut Window, found: &mut Walk) -> Result<(), End> {
        let (number, offset) = (found.packets.len() as u64, found.good_bytes());
        let there = found.file_size - offset;
        let header = self.headers.read(window, number, offset, there)?;
        let header = header.map_err(|stop| match stop {
            Stop::Bad(what) => End::Bad(what),
            Stop::End => End::Bad(format!(
                "stream cut off: a packet's header and context need more than the {there} bytes there"
            )),
        })?;
        let packet = header.check(there).map_err(End::Bad)?;
        if let Some(first) = found.packets.first() {
            same_stream(first, &packet).map_err(End::Bad)?;
        }
        let announced = packet.packet_size / 8;
        if announced <= there {
            found.packets.push(packet);
            return Ok(());
        }
        if let Some(stream) = self.metadata.stream(packet.stream_class) {
            let plan = self.headers.plan(stream.id);
            found.cut_events_end = events_end(window, stream, plan, &packet, there)?;
        }
        found.cut = Some(packet);
        Err(End::Bad(format!(
            "stream cut off: the packet's header announces {announced} bytes, {there} are there"
        )))
    }
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
