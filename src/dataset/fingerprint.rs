//! What a dataset keeps of the traces that a recording was made from, to know them again when something is appended.
//!
//! The one idea: what packets say of themselves (numbers, times, sizes, counters) tells a trace from every other, and the
//! content of a file's first packet tells what has the same begin. So a whole trace is never read for it.

use crate::error::{Error, Result};
use crate::shown::hex;
use crate::trace::check::{Checked, CheckedTrace};
use crate::trace::ctf::packet::Packet;
use crate::trace::ctf::walk::Walk;
use crate::trace::uuid_text;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Hexadecimal digits of a digest of a packet; 64 bits are enough to tell the packets of some traces apart.
const DIGITS: usize = 16;

/// A CTF trace, as its packets tell it from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Its UUID.
    pub uuid: Option<String>,
    /// Whether its packets tell of which stream they are (`stream_instance_id`).
    pub instances: bool,
    /// Number of packets.
    pub packets: u64,
    /// SHA-256 over what all packets say of themselves and over the contents of the first of each file, in the order of the
    /// files' names, which are no part of it.
    pub sha256: String,
    /// The first digits of the SHA-256 of each file's first packet, sorted.
    pub first_packets: Vec<String>,
}

impl Fingerprint {
    /// Whether this and `other` have a file that begins with the same packet.
    pub fn begins_as(&self, other: &Fingerprint) -> bool {
        let mut ours = self.first_packets.iter();
        ours.any(|first| other.first_packets.contains(first))
    }
}

/// The fingerprints of a recording's traces, but for those that have neither a UUID nor packets.
///
/// # Errors
/// [`Error::Io`] where a stream file cannot be read.
pub fn fingerprints(checked: &Checked) -> Result<Vec<Fingerprint>> {
    let traces = checked.traces.iter().map(fingerprint);
    let mut all = traces.collect::<Result<Vec<_>>>()?;
    all.retain(|print| print.uuid.is_some() || print.packets > 0);
    // Copies are one.
    all.sort();
    all.dedup();
    Ok(all)
}

fn fingerprint(trace: &CheckedTrace) -> Result<Fingerprint> {
    let mut whole = Sha256::new();
    let mut found = Fingerprint {
        uuid: trace.metadata.uuid.map(uuid_text),
        instances: true,
        packets: 0,
        sha256: String::new(),
        first_packets: Vec::new(),
    };
    for (path, walk) in &trace.walks {
        let Walk { packets, .. } = walk;
        let Some(first) = packets.first() else {
            continue;
        };
        let content = content(path, first).map_err(Error::io("read", path))?;
        whole.update(content.as_bytes());
        packets.iter().for_each(|p| whole.update(said(p)));
        found.instances &= first.instance_id.is_some();
        found.packets += packets.len() as u64;
        found.first_packets.push(content[..DIGITS].to_owned());
    }
    found.first_packets.sort();
    found.sha256 = hex(&whole.finalize());
    Ok(found)
}

/// What a packet says of itself.
fn said(packet: &Packet) -> String {
    let numbers = [
        Some(packet.content_size),
        packet.timestamp_begin,
        packet.timestamp_end,
        packet.events_discarded,
        packet.sequence_number,
        packet.cpu_id,
        packet.instance_id,
        Some(packet.stream_class),
    ];
    let text = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
    numbers.map(text).join(" ") + "\n"
}

/// SHA-256 of what is in a packet, but for the padding at its end.
fn content(path: &Path, packet: &Packet) -> io::Result<String> {
    let file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let (mut at, end) = (0, packet.content_size.div_ceil(8));
    while at < end {
        let length = piece
            .len()
            .min(usize::try_from(end - at).unwrap_or(usize::MAX));
        file.read_exact_at(&mut piece[..length], packet.offset + at)?;
        hasher.update(&piece[..length]);
        at += length as u64;
    }
    Ok(hex(&hasher.finalize()))
}
