#!/usr/bin/env python3
"""What babeltrace2 shows of the traces that `record` made: all values, as ../bt2_values.py gives them, and counts.

Usage: python3 judge.py FOLDER      (python3-bt2 2.0 or later)

FOLDER/NAME.jsonl has the events of FOLDER/NAME; FOLDER/totals.json for each trace its events, and the discarded events and packets
that babeltrace2 tells of. An event of a trace whose environment names a process has that, too, as a seventh value.
"""
import json
import pathlib
import sys

import bt2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bt2_values import event_values


def process(trace):
    """Process of a trace with buffers of its own."""
    names = {"vpid": int, "procname": str}
    return {name: kind(trace.environment[name]) for name, kind in names.items() if name in trace.environment}


def judge(folder):
    events, totals = [], {"events": 0, "discarded_events": 0, "discarded_packets": 0}
    for message in bt2.TraceCollectionMessageIterator(str(folder)):
        if type(message) is bt2._EventMessageConst:
            totals["events"] += 1
            own = process(message.event.stream.trace)
            events.append(event_values(message) + ([own] if own else []))
        elif type(message) is bt2._DiscardedEventsMessageConst:
            totals["discarded_events"] += message.count or 0
        elif type(message) is bt2._DiscardedPacketsMessageConst:
            totals["discarded_packets"] += message.count or 0
    return events, totals


root = pathlib.Path(sys.argv[1])
all_totals = {}
for folder in sorted(path for path in root.iterdir() if path.is_dir()):
    events, all_totals[folder.name] = judge(folder)
    lines = (json.dumps(event, separators=(",", ":")) + "\n" for event in events)
    (root / f"{folder.name}.jsonl").write_text("".join(lines))
(root / "totals.json").write_text(json.dumps(all_totals, indent=1) + "\n")
