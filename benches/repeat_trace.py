#!/usr/bin/env python3
"""Repeats an LTTng kernel trace N times in time, to have a long one that is still real.

Usage: repeat_trace.py TRACE NEW N     (TRACE and NEW: folders that hold, or are to hold, `kernel/`)

LTTng writes the time of an event as the low 32 bits of its clock. A copy that is shifted by a multiple of 2^32 cycles
keeps those bits; only the full times have to be rewritten: those of the packets, and those of the "extended" events that
LTTng writes when the high bits change. Sequence numbers and the counters of discarded events go on from copy to copy.
The index files are left out: readers do without.

It knows the layout that lttng-modules 2.13 writes (packet header of 32 bytes, large event headers) and no other.
"""
import re
import shutil
import struct
import sys
from pathlib import Path

HEADER = 32                                   # magic, uuid, stream_id, stream_instance_id
CONTEXT = struct.Struct("<QQQQQQI")           # begin, end, content size, packet size, sequence, discarded, CPU
MAGIC = b"\xc1\x1f\xfc\xc1"


def packets(data):
    """(offset, begin, end, content bytes, sequence number, discarded events) of each packet."""
    offset = 0
    while offset < len(data):
        if data[offset:offset + 4] != MAGIC:
            sys.exit(f"no packet of a little-endian CTF trace at byte {offset}")
        begin, end, content, size, sequence, discarded, _ = CONTEXT.unpack_from(data, offset + HEADER)
        yield offset, begin, end, content // 8, sequence, discarded
        offset += size // 8


def full_times(data, offset, begin, end, content):
    """Offsets of the 64-bit times of extended events: event ID 65535, the real ID (32 bits, below 65536), the time."""
    packet = data[offset:offset + content]
    for high in range(begin >> 32, (end >> 32) + 1):
        pattern = rb"\xff\xff..\x00\x00(?=.{4}" + re.escape(struct.pack("<I", high)) + rb")"
        for match in re.finditer(pattern, packet, re.DOTALL):
            at = offset + match.end()
            if begin <= struct.unpack_from("<Q", data, at)[0] <= end:
                yield at


def main(trace, new, n):
    source, target = Path(trace) / "kernel", Path(new).with_name(Path(new).name + ".part") / "kernel"
    if Path(new).exists():
        sys.exit(f"{new}: exists already")
    shutil.rmtree(target.parent, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(source / "metadata", target)
    streams = {path.name: path.read_bytes() for path in sorted(source.glob("ch*_*"))}
    all_packets = {name: list(packets(data)) for name, data in streams.items()}
    begins = [p[1] for ps in all_packets.values() for p in ps]
    ends = [p[2] for ps in all_packets.values() for p in ps]
    step = (((max(ends) - min(begins)) >> 32) + 1) << 32
    for name, data in streams.items():
        found = all_packets[name]
        times = [at for o, b, e, c, _, _ in found for at in full_times(data, o, b, e, c)]
        with open(target / name, "wb") as out:
            for copy in range(n):
                shifted = bytearray(data)
                for offset, begin, end, _, sequence, discarded in found:
                    at = offset + HEADER
                    struct.pack_into("<QQ", shifted, at, begin + copy * step, end + copy * step)
                    counts = (sequence + copy * len(found), discarded + copy * found[-1][5])
                    struct.pack_into("<QQ", shifted, at + 32, *counts)
                for at in times:
                    time, = struct.unpack_from("<Q", shifted, at)
                    struct.pack_into("<Q", shifted, at, time + copy * step)
                out.write(shifted)
    target.parent.rename(new)                 # whole or not there: an interrupted run leaves only NEW.part


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
