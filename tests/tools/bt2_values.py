#!/usr/bin/env python3
"""All values of a CTF trace, as babeltrace2's Python bindings give them: the verdicts that tests/it/judged.rs holds sysds to.

Usage: python3 bt2_values.py TRACE     (babeltrace2 2.1 or later, which reads CTF 2; Debian 13: python3-bt2)

An event is a line of JSON: time, CPU, name, common context, specific context, payload. Structures are lists of pairs;
floats (as the bits of a double), texts, sequences and what may be missing are objects, so that nothing can be mistaken
for anything else.
"""
import json
import struct
import sys

import bt2


def kinds(*names):
    """Those classes of fields of these names that this version has: 2.0 knows neither blobs nor options nor bit arrays."""
    return tuple(getattr(bt2, name) for name in names if hasattr(bt2, name))


BLOBS = kinds("_BlobFieldConst")
SEQUENCES = kinds("_DynamicBlobFieldConst", "_DynamicArrayFieldConst")
OPTIONS = kinds("_OptionFieldConst")
BIT_ARRAYS = kinds("_BitArrayFieldConst")


def elements(field):
    if isinstance(field, BLOBS):
        return list(bytes(field.data))
    return [decode(element) for element in field]


def decode(field):
    if field is None:
        return []
    if isinstance(field, bt2._StructureFieldConst):
        return [[name, decode(member)] for name, member in field.items()]
    if isinstance(field, SEQUENCES):
        return {"sequence": elements(field)}
    if isinstance(field, BLOBS + (bt2._ArrayFieldConst,)):
        return elements(field)
    if isinstance(field, bt2._VariantFieldConst):
        option = field.cls.option_at_index(field.selected_option_index)
        return {"option": option.name, "is": decode(field.selected_option)}
    if isinstance(field, OPTIONS):
        if not field.has_field:
            return {"option": "absent", "is": []}
        return {"option": "present", "is": decode(field.field)}
    if isinstance(field, bt2._StringFieldConst):
        # The length cuts off what 2.0 shows of another event in place of an empty string.
        text = str(field)[:len(field)]
        try:
            text.encode()
        except UnicodeEncodeError:
            return {"bytes": list(text.encode(errors="surrogateescape"))}
        return {"text": text}
    if isinstance(field, bt2._RealFieldConst):
        return {"bits": struct.unpack(">Q", struct.pack(">d", float(field)))[0]}
    if isinstance(field, BIT_ARRAYS):
        return field.value_as_integer
    return int(field)


def event_values(message):
    event = message.event
    packet = event.packet.context_field if event.stream.cls.supports_packets else None
    return [
        message.default_clock_snapshot.ns_from_origin,
        int(packet["cpu_id"]) if packet is not None and "cpu_id" in packet else None,
        event.name,
        decode(event.common_context_field),
        decode(event.specific_context_field),
        decode(event.payload_field),
    ]


if __name__ == "__main__":
    for message in bt2.TraceCollectionMessageIterator(sys.argv[1]):
        if type(message) is bt2._EventMessageConst:
            print(json.dumps(event_values(message), separators=(",", ":")))
