//! From the file `metadata` to the text that it holds.
//!
//! The one idea: the metadata is a text, whether the file is that text or a stream of packets that carry it in pieces
//! (CTF 1.8.3 section 7.1). What comes after sees the text only, so a line number is one in the text with all packets
//! joined, as `babeltrace2 -o ctf-metadata` prints it.

use super::model::ByteOrder;
use crate::error::{Error, Place, Result};
use crate::foreign;
use std::io::Read;
use std::path::Path;

/// Larger metadata is refused; LTTng's has less than a megabyte.
const MAX_BYTES: u64 = 64 << 20;
/// First four bytes of each packet of a packetized metadata file.
const MAGIC: u32 = 0x75D1_1D57;
/// Size of a packet's header in bytes.
const HEADER: usize = 37;

/// Reads the metadata file and returns its text. Bytes that are not UTF-8 come out as U+FFFD (comments and strings may
/// hold some).
///
/// # Errors
/// [`Error::Io`] where the file cannot be read; [`Error::Input`] where it is too large, or has a packet with a
/// damaged header, another version, or compressed or encrypted content.
pub(super) fn read(file: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    foreign::open(file)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", file))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::input(
            format!("larger than {MAX_BYTES} bytes: not the metadata of a trace"),
            Place::file(file),
            "Check that this file is a trace's metadata.",
        ));
    }
    decode(&bytes, file)
}

/// As [`read`], for the file's bytes.
///
/// # Errors
/// As [`read`], without [`Error::Io`].
pub(super) fn decode(bytes: &[u8], file: &Path) -> Result<String> {
    let content = match packet_order(bytes) {
        Some(order) => unpack(bytes, order, file)?,
        None => bytes.to_vec(),
    };
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The byte order of packetized metadata, or `None` for plain text.
fn packet_order(bytes: &[u8]) -> Option<ByteOrder> {
    let first: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    if u32::from_le_bytes(first) == MAGIC {
        Some(ByteOrder::Little)
    } else if u32::from_be_bytes(first) == MAGIC {
        Some(ByteOrder::Big)
    } else {
        None
    }
}

/// What a packet's header says that matters.
struct Header {
    uuid: [u8; 16],
    /// Content including the header, in bytes.
    content: usize,
    /// Content and padding, in bytes.
    packet: usize,
}

/// Joins the contents of all packets.
fn unpack(bytes: &[u8], order: ByteOrder, file: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut offset = 0;
    let mut uuid = None;
    for number in 0.. {
        let rest = &bytes[offset..];
        if rest.is_empty() {
            break;
        }
        let place = || Place::packet(file, number, offset as u64);
        let header = header(rest, order).map_err(|what| damaged(what, place()))?;
        if *uuid.get_or_insert(header.uuid) != header.uuid {
            return Err(damaged(
                "UUID differs from the first packet's".to_owned(),
                place(),
            ));
        }
        let Some(content) = rest.get(HEADER..header.content) else {
            let what = format!(
                "metadata cut off: the packet announces {} bytes of content, {} are there",
                header.content,
                rest.len()
            );
            return Err(damaged(what, place()));
        };
        text.extend_from_slice(content);
        // Only the padding of the last packet may be missing.
        offset += header.packet.min(rest.len());
    }
    Ok(text)
}

/// Reads and checks a packet's header (CTF 1.8.3 section 7.1).
fn header(bytes: &[u8], order: ByteOrder) -> Result<Header, String> {
    let Some(bytes) = bytes.first_chunk::<HEADER>() else {
        return Err(format!(
            "metadata cut off: {} of the {HEADER} bytes of a packet header are there",
            bytes.len()
        ));
    };
    let number = |at| number(bytes, at, order);
    if number(0) != MAGIC {
        return Err(format!(
            "expected a packet of metadata (magic number {MAGIC:#x}), found {:#x}",
            number(0)
        ));
    }
    if !matches!((bytes[35], bytes[36]), (1, 8) | (2, 0)) {
        let (major, minor) = (bytes[35], bytes[36]);
        return Err(format!(
            "expected a packet of CTF 1.8 or 2.0, found version {major}.{minor}"
        ));
    }
    if bytes[32] != 0 || bytes[33] != 0 {
        return Err("compressed or encrypted metadata, which is not read".to_owned());
    }
    let (content, packet) = (number(24), number(28));
    if content % 8 != 0 || packet % 8 != 0 || content < HEADER as u32 * 8 || packet < content {
        return Err(format!(
            "impossible sizes: {content} bits of content in a packet of {packet} bits"
        ));
    }
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&bytes[4..20]);
    let (content, packet) = (content as usize / 8, packet as usize / 8);
    Ok(Header {
        uuid,
        content,
        packet,
    })
}

/// The four bytes from `at` as a number.
fn number(bytes: &[u8; HEADER], at: usize, order: ByteOrder) -> u32 {
    let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    match order {
        ByteOrder::Little => u32::from_le_bytes(bytes),
        ByteOrder::Big => u32::from_be_bytes(bytes),
    }
}

fn damaged(what: String, place: Place) -> Error {
    Error::input(
        what,
        place,
        "The metadata is damaged: copy the trace again, or take the metadata of another trace of the same session.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of metadata with `padding` bytes after its content.
    fn packet(text: &str, order: ByteOrder, padding: u32) -> Vec<u8> {
        let put = |n: u32| match order {
            ByteOrder::Little => n.to_le_bytes(),
            ByteOrder::Big => n.to_be_bytes(),
        };
        let content = (HEADER + text.len()) as u32 * 8;
        let mut bytes = put(MAGIC).to_vec();
        bytes.extend([7; 16]);
        bytes.extend(put(0));
        bytes.extend(put(content));
        bytes.extend(put(content + padding * 8));
        bytes.extend([0, 0, 0, 1, 8]);
        bytes.extend(text.bytes());
        bytes.extend(vec![0; padding as usize]);
        bytes
    }

    fn text_of(bytes: &[u8]) -> Result<String> {
        decode(bytes, Path::new("metadata"))
    }

    #[test]
    fn packets_of_either_byte_order_are_joined_and_plain_text_is_kept() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let mut bytes = packet("one ", order, 3);
            bytes.extend(packet("two", order, 0));
            assert_eq!(text_of(&bytes).unwrap(), "one two");
        }
        assert_eq!(text_of(b"trace { };").unwrap(), "trace { };");
        assert_eq!(text_of(b"").unwrap(), "");
        assert_eq!(text_of(b"\"\xff\"").unwrap(), "\"\u{fffd}\"");
    }

    #[test]
    fn damaged_packets_are_refused_with_their_place() {
        let good = packet("one two", ByteOrder::Little, 4);
        let cases: [(usize, u8, &str); 6] = [
            (0, 1, "found 0x75d11d01"),
            (36, 9, "version 1.9"),
            (32, 1, "compressed"),
            (33, 1, "encrypted"),
            (24, 1, "impossible sizes"),
            (4, 1, "UUID differs"),
        ];
        for (at, value, expected) in cases {
            let mut bytes = good.clone();
            let second = bytes.len();
            bytes.extend(&good);
            bytes[second + at] = value;
            let e = text_of(&bytes).unwrap_err().to_string();
            assert!(e.contains(expected), "{e}");
            assert!(
                e.contains(&format!("metadata, packet 1, byte {second}")),
                "{e}"
            );
        }
    }

    #[test]
    fn a_cut_is_an_error_unless_it_takes_only_padding() {
        let good = packet("one two", ByteOrder::Big, 4);
        for length in 4..good.len() - 4 {
            let e = text_of(&good[..length]).unwrap_err().to_string();
            assert!(e.contains("cut off"), "{length}: {e}");
        }
        assert_eq!(text_of(&good[..good.len() - 2]).unwrap(), "one two");
    }
}
