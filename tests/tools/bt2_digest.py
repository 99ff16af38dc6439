#!/usr/bin/env python3
"""Digests of all decoded values of a trace, by babeltrace2's Python bindings.

Usage: /usr/bin/python3 bt2_digest.py TRACE     (Debian: python3-bt2)

An event is one line of JSON: time, CPU, name, context, payload. Two digests are printed: `as_shown`, with strings as
the bindings give them, and `by_length`, with strings cut to the length that the library says they have. Where these
differ, the library showed what was left of another event in place of an empty string.
"""
import hashlib
import json
import sys

import bt2


def decode(field, by_length):
    if isinstance(field, bt2._StructureFieldConst):
        return {name: decode(member, by_length) for name, member in field.items()}
    if isinstance(field, bt2._ArrayFieldConst):
        return [decode(element, by_length) for element in field]
    if isinstance(field, bt2._VariantFieldConst):
        return decode(field.selected_option, by_length)
    if isinstance(field, bt2._StringFieldConst):
        return str(field)[:len(field)] if by_length else str(field)
    return float(field) if isinstance(field, bt2._RealFieldConst) else int(field)


def line(message, by_length):
    event = message.event
    packet = event.packet.context_field
    context = {}
    for part in (event.common_context_field, event.specific_context_field):
        context.update(decode(part, by_length) if part is not None else {})
    payload = event.payload_field
    values = [
        message.default_clock_snapshot.ns_from_origin,
        int(packet["cpu_id"]) if "cpu_id" in packet else None,
        event.name,
        context,
        decode(payload, by_length) if payload is not None else {},
    ]
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode() + b"\n"


shown, exact, differing = hashlib.sha256(), hashlib.sha256(), 0
for message in bt2.TraceCollectionMessageIterator(sys.argv[1]):
    if type(message) is bt2._EventMessageConst:
        lines = line(message, False), line(message, True)
        shown.update(lines[0])
        exact.update(lines[1])
        differing += lines[0] != lines[1]
print(json.dumps({"as_shown": shown.hexdigest(), "by_length": exact.hexdigest(), "differing_events": differing}))
