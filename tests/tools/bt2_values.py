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


def elements(field):
    if isinstance(field, bt2._BlobFieldConst):
        return list(bytes(field.data))
    return [decode(element) for element in field]


def decode(field):
    if field is None:
        return []
    if isinstance(field, bt2._StructureFieldConst):
        return [[name, decode(member)] for name, member in field.items()]
    if isinstance(field, (bt2._DynamicBlobFieldConst, bt2._DynamicArrayFieldConst)):
        return {"sequence": elements(field)}
    if isinstance(field, (bt2._BlobFieldConst, bt2._ArrayFieldConst)):
        return elements(field)
    if isinstance(field, bt2._VariantFieldConst):
        option = field.cls[field.selected_option_index]
        return {"option": option.name, "is": decode(field.selected_option)}
    if isinstance(field, bt2._OptionFieldConst):
        if not field.has_field:
            return {"option": "absent", "is": []}
        return {"option": "present", "is": decode(field.field)}
    if isinstance(field, bt2._StringFieldConst):
        text = str(field)
        try:
            text.encode()
        except UnicodeEncodeError:
            return {"bytes": list(text.encode(errors="surrogateescape"))}
        return {"text": text}
    if isinstance(field, bt2._RealFieldConst):
        return {"bits": struct.unpack(">Q", struct.pack(">d", float(field)))[0]}
    if isinstance(field, bt2._BitArrayFieldConst):
        return field.value_as_integer
    return int(field)


def values(trace):
    for message in bt2.TraceCollectionMessageIterator(trace):
        if type(message) is bt2._EventMessageConst:
            event = message.event
            packet = event.packet.context_field if event.stream.cls.supports_packets else None
            yield [
                message.default_clock_snapshot.ns_from_origin,
                int(packet["cpu_id"]) if packet is not None and "cpu_id" in packet else None,
                event.name,
                decode(event.common_context_field),
                decode(event.specific_context_field),
                decode(event.payload_field),
            ]


for value in values(sys.argv[1]):
    print(json.dumps(value, separators=(",", ":")))
