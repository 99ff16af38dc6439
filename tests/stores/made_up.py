"""A small trace that has no UUID, so that the dataset calls it by the name of its folder."""
import struct
from pathlib import Path

METADATA = """/* CTF 1.8 */
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
typealias integer { size = 16; align = 8; signed = false; } := uint16_t;
trace { major = 1; minor = 8; byte_order = le; };
clock { name = "c"; freq = 1000000000; offset_s = 1700000000; };
typealias integer { size = 64; align = 8; signed = false; map = clock.c.value; } := at_t;
stream { event.header := struct { uint16_t id; at_t timestamp; }; };
event { name = "sample"; id = 0; fields := struct { uint64_t value; }; };
"""


def trace(folder: Path, events: int = 50) -> Path:
    folder.mkdir()
    (folder / "metadata").write_text(METADATA)
    (folder / "stream").write_bytes(b"".join(struct.pack("<HQQ", 0, n * 1000, n) for n in range(events)))
    return folder
