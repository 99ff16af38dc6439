"""What `sysds sequences` must write, computed from the Parquet of a dataset or a release by other means: pyarrow and plain
Python, without a line of the program.

Usage: sequences_reference.py FROM FOLDER [--reach own|causal|window] [--events syscalls|all|NAME,…] [--arguments]
                              [--max-length N] [--skip-first N] [--path-words N] [--split hash|label|recording] [-p NAME=VALUE]

It holds a whole recording in memory and is made to be read, not to be fast. check_sequences.py compares it with the program.
"""
import argparse
import collections
import dataclasses
import fnmatch
import functools
import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

PADDING, UNKNOWN, START, END, TRUNCATED, ABSENT, FIRST = range(7)
CODES = {"padding": 0, "unknown": 1, "start": 2, "end": 3, "truncated": 4, "absent": 5, "first": 6}
AT_FDCWD, FEWEST_FDS = -100, 1024
# The arguments that say how many bytes, and those that are flags: of each the first that the event has.
SIZES = ["count", "len", "size", "length", "nbytes", "len_in", "new_len", "bufsiz", "msgsz"]
FLAGS = [
    "flags", "flag", "clone_flags", "cmd", "op", "prot", "mode", "how", "whence", "behavior", "advice", "option", "optname", "type",
]
PARTS = ["train", "valid", "test", "valid-ood", "test-ood", "ood"]


@dataclasses.dataclass
class Options:
    reach: str = "own"
    events: str = "syscalls"
    arguments: bool = False
    max_length: int = 2048
    skip_first: int = 0
    path_words: int = 4096
    split: str | None = None
    parameters: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class Event:
    """An event as the tables tell it."""
    event_id: int
    time: int
    name: str
    phase: str
    ret: int | None
    process: str | None
    pid: int | None
    tid: int | None
    request_id: int | None
    service_id: int | None
    fd: int | None
    path: str | None
    size: int | None
    flags: int | None


@dataclasses.dataclass
class Sequence:
    """A request with those of its events that count, in their order."""
    part: str
    trace: int
    end: int
    """event_id of the last event in its reach, whether it counts or not."""
    trace_id: str
    request_id: int
    label: str | None
    duration_ns: int
    events: list
    n_events: int

    @property
    def truncated(self):
        return len(self.events) < self.n_events


def source(folder):
    """The manifest, and for each table its files by trace as (trace_id, part or None, path)."""
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    release = manifest.get("release")
    files = collections.defaultdict(list)
    for table, told in manifest["tables"].items():
        for file in told["files"]:
            if release:
                shard = release["shards"][file["path"]]
                part = shard["split"]
                # A shard holds rows of one recording.
                trace = shard["trace_id"]
            else:
                part = None
                trace = unquote(file["path"].split("/")[1].removeprefix("trace_id="))
            files[table].append((trace, part, folder / file["path"]))
    return manifest, files


def rows(files, table, trace, columns):
    """The rows of a table of one recording, as (part, row as a dictionary)."""
    for of, part, path in files[table]:
        if of == trace:
            for row in ds.dataset(path).to_table(columns=columns).to_pylist():
                yield part, row


def first_there(schema, names):
    """An expression for the first of these arguments that is not null."""
    args = schema.field("args").type if "args" in schema.names else pa.struct([])
    there = [n for n in names if args.get_field_index(n) >= 0 and args.field(n).type == pa.int64()]
    if not there:
        return pc.scalar(pa.scalar(None, pa.int64()))
    return pc.coalesce(*(ds.field("args", n) for n in there))


@functools.lru_cache(maxsize=3)
def events_of(paths):
    """All events of a recording, whatever part they are in, in their order."""
    found = []
    for path in paths:
        data = ds.dataset(path)
        plain = ["event_id", "timestamp", "name", "phase", "ret", "procname", "pid", "tid", "request_id", "service_id"]
        columns = {c: ds.field(c) for c in plain}
        columns["timestamp"] = ds.field("timestamp").cast(pa.int64())
        columns |= {"fd": ds.field("fd"), "path": ds.field("path")}
        columns |= {"size": first_there(data.schema, SIZES), "flags": first_there(data.schema, FLAGS)}
        table = data.to_table(columns=columns)
        found += [Event(*row) for row in zip(*(table[c].to_pylist() for c in columns))]
    found.sort(key=lambda e: e.event_id)
    return found


def parts_of_dataset(options, requests):
    """The part of each complete request of a dataset, by (trace_id, request_id)."""
    fraction = float(options.parameters.get("fraction", 0.8))
    bound = int(fraction * 2**32)

    def by_hash(trace, request):
        return "train" if int(hashlib.sha256(f"{trace}:{request}".encode()).hexdigest()[:8], 16) < bound else "test"

    found = {}
    recordings = sorted({t for t, _, _ in requests}, key=lambda t: (hashlib.sha256(t.encode()).hexdigest(), t))
    training = set(recordings[:max(1, min(len(recordings) - 1, int(fraction * len(recordings))))])
    for trace, request, label in requests:
        if options.split == "hash":
            found[trace, request] = by_hash(trace, request)
        elif options.split == "recording":
            found[trace, request] = "train" if trace in training else "test"
        elif options.split == "label":
            inside = (label or "") == options.parameters.get("label", "normal")
            found[trace, request] = by_hash(trace, request) if inside else "ood"
        else:
            raise SystemExit(f"the reference does not split by {options.split}")
    return found


def selected(options):
    if options.events == "all":
        return lambda e: True
    if options.events == "syscalls":
        return lambda e: e.phase in ("entry", "exit")
    globs = options.events.split(",")
    return lambda e: any(fnmatch.fnmatchcase(e.name, glob) for glob in globs)


def label_of(row):
    """The label of a request: that of the span in which it lies, else of its recording."""
    return row["label"] if row["span_label"] is None else row["span_label"]


def sequences(folder, options):
    """All sequences, by part, recording and the order in which they end, and what was left out."""
    manifest, files = source(folder)
    release = manifest.get("release")
    traces = [r["trace_id"] for r in manifest["recordings"]]
    columns = [
        "trace_id", "request_id", "label", "span_label", "straddles", "duration_ns", "complete", "n_events_omitted",
        "first_event", "last_event",
    ]
    everything = {t: sorted(rows(files, "requests", t, columns), key=lambda r: r[1]["request_id"]) for t in traces}
    placed = None
    if not release:
        complete = [(t, r) for t in traces for _, r in everything[t] if r["complete"] and not r["straddles"]]
        placed = parts_of_dataset(options, [(t, r["request_id"], label_of(r)) for t, r in complete])
    takes = selected(options)
    left_out = dict.fromkeys(["incomplete", "skipped", "omitted", "without_part", "empty"], 0)
    found = []
    for place, trace in enumerate(traces):
        events = events_of(tuple(path for of, _, path in files["events"] if of == trace))
        at = {e.event_id: i for i, e in enumerate(events)}
        services = collections.defaultdict(list)
        served = {}
        wanted = ["service_id", "request_id", "complete", "n_events_omitted", "last_event"]
        if options.reach == "causal":
            for _, row in rows(files, "downstream", trace, wanted):
                services[row["request_id"]].append(row)
                served[row["service_id"]] = row["request_id"]
        by_request = collections.defaultdict(list)
        for e in events:
            if e.request_id is not None:
                by_request[e.request_id].append(e)
            elif e.service_id in served:
                by_request[served[e.service_id]].append(e)
        for part, row in everything[trace]:
            request = row["request_id"]
            part = part if placed is None else placed.get((trace, request))
            lists = [row, *services[request]] if options.reach != "window" else []
            if not row["complete"] or any(not r["complete"] for r in services[request]):
                left_out["incomplete"] += 1
            elif request < options.skip_first:
                left_out["skipped"] += 1
            elif any(r["n_events_omitted"] > 0 for r in lists):
                left_out["omitted"] += 1
            elif part not in PARTS:
                left_out["without_part"] += 1
            else:
                if options.reach == "window":
                    in_reach = events[at[row["first_event"]]:at[row["last_event"]] + 1]
                else:
                    in_reach = by_request[request]
                counting = [e for e in in_reach if takes(e)]
                if counting:
                    kept = counting[:options.max_length or None]
                    end = max(r["last_event"] for r in [row, *services[request]])
                    found.append(Sequence(
                        part, place, end, trace, request, label_of(row), row["duration_ns"], kept, len(counting),
                    ))
                else:
                    left_out["empty"] += 1
    found.sort(key=lambda s: (PARTS.index(s.part), s.trace, s.end, s.request_id))
    return found, left_out


def components(path):
    if path is None:
        return []
    if path == "":
        return [""]
    return (["/"] if path.startswith("/") else []) + [c for c in path.split("/") if c]


def vocabulary(found, options):
    """For each kind its words as {word: (code, times)}, from the events of train that are written."""
    times = {"call": collections.Counter(), "process": collections.Counter()}
    if options.arguments:
        times |= {"flags": collections.Counter(), "path": collections.Counter()}
    for sequence in found:
        if sequence.part != "train":
            continue
        for e in sequence.events:
            times["call"][e.name] += 1
            if e.process is not None:
                times["process"][e.process] += 1
            if options.arguments:
                if e.flags is not None:
                    times["flags"][str(e.flags)] += 1
                times["path"].update(components(e.path))
    words = {}
    for kind, counted in times.items():
        ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0].encode()))
        if kind == "path":
            ordered = ordered[:options.path_words]
        words[kind] = {word: (FIRST + i, n) for i, (word, n) in enumerate(ordered)}
    return words


def fd_code(fd):
    if fd is None:
        return ABSENT
    if fd < 0:
        return FIRST if fd == AT_FDCWD else FIRST + 1
    return FIRST + 2 + min(fd, FEWEST_FDS)


def coded(sequence, words, options):
    """The row of a sequence."""
    def code(kind, word):
        return words[kind].get(word, (UNKNOWN, 0))[0]

    last = TRUNCATED if sequence.truncated else END
    names = ["call", "phase", "elapsed_ns", "process", "pid", "tid", "outcome", "errno"]
    names += ["fd", "size", "flags", "path"] if options.arguments else []
    start = dict.fromkeys(names, 0) | {"pid": -1, "tid": -1, "size": -1, "path": []}
    marks = {c: m for c in ["call", "process", "fd", "flags"] for m in [START]}
    lists = {c: [(start | marks)[c]] for c in names}
    before = None
    for e in sequence.events:
        failed = e.phase == "exit" and e.ret is not None and -4095 <= e.ret <= -1
        succeeded = e.phase == "exit" and e.ret is not None and not failed
        values = {
            "call": code("call", e.name),
            "phase": {"entry": 1, "exit": 2}.get(e.phase, 3),
            "elapsed_ns": 0 if before is None else e.time - before,
            "process": ABSENT if e.process is None else code("process", e.process),
            "pid": -1 if e.pid is None else e.pid,
            "tid": -1 if e.tid is None else e.tid,
            "outcome": 2 if failed else int(succeeded),
            "errno": -e.ret if failed else 0,
            "fd": fd_code(e.fd),
            "size": -1 if e.size is None or e.size < 0 else e.size,
            "flags": ABSENT if e.flags is None else code("flags", str(e.flags)) if options.arguments else 0,
            "path": [code("path", c) for c in components(e.path)] if options.arguments else [],
        }
        for c in names:
            lists[c].append(values[c])
        before = e.time
    for c in names:
        lists[c].append((start | {c: last for c in marks})[c])
    return {
        "part": sequence.part, "trace_id": sequence.trace_id, "request_id": sequence.request_id, "label": sequence.label,
        "duration_ns": sequence.duration_ns, "n_events": sequence.n_events, "truncated": sequence.truncated,
    } | lists


def schema(options):
    def lists(kind):
        return pa.list_(pa.field("item", kind, nullable=False))

    fields = [
        ("part", pa.utf8()), ("trace_id", pa.utf8()), ("request_id", pa.int64()), ("label", pa.utf8()),
        ("duration_ns", pa.int64()), ("n_events", pa.int64()), ("truncated", pa.bool_()),
        ("call", lists(pa.int32())), ("phase", lists(pa.int32())), ("elapsed_ns", lists(pa.int64())),
        ("process", lists(pa.int32())), ("pid", lists(pa.int32())), ("tid", lists(pa.int32())),
        ("outcome", lists(pa.int32())), ("errno", lists(pa.int32())),
    ]
    if options.arguments:
        fields += [("fd", lists(pa.int32())), ("size", lists(pa.int64())), ("flags", lists(pa.int32())),
                   ("path", lists(lists(pa.int32())))]
    return pa.schema([pa.field(n, t, nullable=n == "label") for n, t in fields])


def expected(folder, options):
    """Everything that the program must write: sequences.json without what only it can know, vocabulary, rows by part."""
    found, left_out = sequences(folder, options)
    words = vocabulary(found, options)
    by_part = collections.defaultdict(list)
    for sequence in found:
        by_part[sequence.part].append(coded(sequence, words, options))
    parts = {}
    for part, coded_rows in by_part.items():
        parts[part] = {
            "requests": len(coded_rows),
            "events": sum(r["n_events"] for r in coded_rows),
            "truncated": sum(r["truncated"] for r in coded_rows),
            "unknown_calls": sum(r["call"].count(UNKNOWN) for r in coded_rows),
            "unknown_processes": sum(r["process"].count(UNKNOWN) for r in coded_rows),
        }
    told = {
        "format": 1, "reach": options.reach, "events": options.events, "arguments": options.arguments,
        "max_length": options.max_length or None, "skip_first": options.skip_first, "codes": CODES,
        "vocabulary": {kind: len(of) for kind, of in words.items()},
        "parts": parts, "left_out": left_out,
    }
    listed = [(kind, code, word, n) for kind, of in words.items() for word, (code, n) in of.items()]
    return told, listed, dict(by_part)


def write(source_folder, folder, options, rows_a_file=150, rows_a_group=40):
    """Writes a folder in the form of the contract, in small files: for the tests of those who read it."""
    told, words, by_part = expected(source_folder, options)
    folder = Path(folder)
    (folder / "data").mkdir(parents=True)
    for part, of in by_part.items():
        pieces = [of[i:i + rows_a_file] for i in range(0, len(of), rows_a_file)]
        told["parts"][part]["files"] = []
        for i, piece in enumerate(pieces):
            path = folder / "data" / f"{part}-{i:05}-of-{len(pieces):05}.parquet"
            pq.write_table(pa.Table.from_pylist(piece, schema(options)), path, row_group_size=rows_a_group)
            told["parts"][part]["files"].append({
                "path": f"data/{path.name}", "rows": len(piece), "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            })
    kinds, codes, texts, times = zip(*words)
    pq.write_table(pa.table({
        "kind": list(kinds), "code": pa.array(codes, pa.int32()), "word": list(texts), "times": pa.array(times, pa.int64()),
    }), folder / "vocabulary.parquet")
    manifest = (Path(source_folder) / "manifest.json").read_bytes()
    told["sysds"] = "reference"
    told["source"] = {"manifest_sha256": hashlib.sha256(manifest).hexdigest()}
    words_file = folder / "vocabulary.parquet"
    told["words"] = {
        "path": words_file.name, "rows": len(words), "bytes": words_file.stat().st_size,
        "sha256": hashlib.sha256(words_file.read_bytes()).hexdigest(),
    }
    (folder / "sequences.json").write_text(json.dumps(told, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("folder")
    parser.add_argument("--reach", default="own", choices=["own", "causal", "window"])
    parser.add_argument("--events", default="syscalls")
    parser.add_argument("--arguments", action="store_true")
    parser.add_argument("--max-length", type=int, default=2048)
    parser.add_argument("--skip-first", type=int, default=0)
    parser.add_argument("--path-words", type=int, default=4096)
    parser.add_argument("--split")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    options = Options(args.reach, args.events, args.arguments, args.max_length, args.skip_first, args.path_words, args.split,
                      dict(p.split("=", 1) for p in args.parameter))
    write(args.source, args.folder, options)


if __name__ == "__main__":
    main()
