#!/usr/bin/env python3
"""Turns every event of a trace into a dictionary with babeltrace2's Python bindings: what sysds is measured against.

Usage: /usr/bin/python3 bt2_dicts.py TRACE     (Debian: python3-bt2)
"""
import sys

import bt2


def plain(field):
    # The most frequent kinds first.
    if isinstance(field, bt2._IntegerFieldConst):
        return int(field)
    if isinstance(field, bt2._StringFieldConst):
        return str(field)
    if isinstance(field, bt2._StructureFieldConst):
        return {name: plain(member) for name, member in field.items()}
    if isinstance(field, bt2._ArrayFieldConst):
        return [plain(element) for element in field]
    if isinstance(field, bt2._RealFieldConst):
        return float(field)
    if isinstance(field, bt2._VariantFieldConst):
        return plain(field.selected_option)
    return int(field)


count = 0
for message in bt2.TraceCollectionMessageIterator(sys.argv[1]):
    if type(message) is bt2._EventMessageConst:
        event = message.event
        values = {"name": event.name, "timestamp": message.default_clock_snapshot.ns_from_origin}
        for part in (event.packet.context_field, event.common_context_field, event.payload_field):
            if part is not None:
                values.update(plain(part))
        count += 1
print(count)
