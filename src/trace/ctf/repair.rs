//! A readable copy of a damaged trace, for a reader that would not go on past the damage.
//!
//! The one idea: babeltrace2 gives up a whole trace for one bad packet, so it gets a folder with links to what is good
//! and copies of streams up to their damage. The original is never touched.

use super::bits::Location;
use super::packet::Packet;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::foreign;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

/// Bytes that are copied at once.
const COPIED: usize = 1 << 20;

/// Makes a CTF trace that babeltrace2 can read, and returns its folder: a new one in `scratch`, named as `trace_dir`.
///
/// `walks` are the trace's stream files (see [`stream_files`](super::stream_files::stream_files)) with what their walks found. Files
/// without damage, and `metadata`, become links. A damaged file becomes a copy of its good packets; of a last packet
/// that the file's end cuts off, the events that are whole are copied too, and its sizes are corrected to them. A file
/// without any such packet is left out. There is no index: it would tell of packets that are gone.
///
/// To keep the event that the cut goes through would be fatal: at such a one libbabeltrace2 2.0.4 leaves an error with
/// the thread, reports success, and aborts the process in a later call.
///
/// # Errors
/// [`Error::Io`] where a file cannot be read, linked or written (so when `scratch` has such a folder already).
pub(crate) fn shadow(
    trace_dir: &Path,
    walks: &[(PathBuf, Walk)],
    scratch: &Path,
) -> Result<PathBuf> {
    let real = absolute(trace_dir)?;
    let shadow = scratch.join(real.file_name().unwrap_or("trace".as_ref()));
    std::fs::create_dir(&shadow).map_err(Error::io("create", &shadow))?;
    link(&real.join("metadata"), &shadow)?;
    for (path, walk) in walks {
        if walk.damage.is_none() {
            link(path, &shadow)?;
        } else if let Some(name) = path.file_name() {
            copy_good(path, walk, &shadow.join(name))?;
        }
    }
    Ok(shadow)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(Error::io("read", path))
}

/// Makes a link to `file` in `dir`, under the same name.
fn link(file: &Path, dir: &Path) -> Result<()> {
    let target = absolute(file)?;
    let Some(name) = file.file_name() else {
        return Ok(());
    };
    let link = dir.join(name);
    symlink(target, &link).map_err(Error::io("create", &link))
}

/// Copies the packets of `from` that can be read to the new file `to`; makes no file if there are none.
fn copy_good(from: &Path, walk: &Walk, to: &Path) -> Result<()> {
    let cut = walk
        .cut
        .as_ref()
        .filter(|packet| worth_keeping(packet, walk));
    let length = match cut {
        Some(packet) => packet.offset + walk.cut_events_end.div_ceil(8),
        None => walk.good_bytes(),
    };
    if length == 0 {
        return Ok(());
    }
    let source = foreign::open(from)?;
    let mut target = create_new(to).map_err(Error::io("create", to))?;
    copy((source, from), (&mut target, to), length)?;
    if let Some(packet) = cut {
        shrink(&target, packet, walk.cut_events_end).map_err(Error::io("write", to))?;
    }
    Ok(())
}

fn create_new(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

/// Whether a cut packet has a whole event, and a way to say that there is no more in it.
fn worth_keeping(packet: &Packet, walk: &Walk) -> bool {
    let ends_at_a_byte = walk.cut_events_end.is_multiple_of(8);
    walk.cut_events_end > packet.header_size
        && (packet.content_size_field.is_some() || ends_at_a_byte)
}

/// Copies `length` bytes from one file to another; each comes with its path.
fn copy(
    (mut source, from): (File, &Path),
    (target, to): (&mut File, &Path),
    length: u64,
) -> Result<()> {
    let mut bytes = vec![0; COPIED];
    let mut left = length;
    while left > 0 {
        let part = left.min(COPIED as u64) as usize;
        let read = source.read_exact(&mut bytes[..part]);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(
                error.kind(),
                "the stream file became shorter while it was copied",
            ),
            _ => error,
        })
        .map_err(Error::io("read", from))?;
        let written = target.write_all(&bytes[..part]);
        written.map_err(Error::io("write", to))?;
        left -= part as u64;
    }
    Ok(())
}

/// Writes into a packet that it has `content` bits, and no more padding than they need.
fn shrink(file: &File, packet: &Packet, content: u64) -> io::Result<()> {
    if let Some(field) = packet.packet_size_field {
        patch(file, packet.offset, field, content.next_multiple_of(8))?;
    }
    if let Some(field) = packet.content_size_field {
        patch(file, packet.offset, field, content)?;
    }
    Ok(())
}

/// Writes a number into the packet at the byte `offset`.
fn patch(file: &File, offset: u64, field: Location, number: u64) -> io::Result<()> {
    let (first, length) = field.bytes();
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset + first)?;
    field.put(&mut bytes, number);
    file.write_all_at(&bytes, offset + first)
}
