"""Compares what `sysds sequences` writes, value by value, with what sequences_reference.py computes by other means.

Usage: check_sequences.py SYSDS FOLDER

FOLDER has the traces that ship (prefork, keepalive, lossy). They are ingested, by themselves and together with labels, and
published with several splits; then sequences are made of datasets and of releases, with all reaches, events, arguments, lengths,
and the rows, the vocabulary and sequences.json must be what the reference says.
"""
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pyarrow.parquet as pq
import sequences_reference as reference
from sequences_reference import Options

LABELS = {"prefork": "normal", "keepalive": "keepalive", "lossy": "lossy"}


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"sysds {' '.join(map(str, arguments))}: {done.stderr}")
    return done


def sources(program, traces, folder):
    """A dataset of each trace, one of all, and releases of it: by hash, by label, by parts."""
    together = folder / "together"
    labels = [option for name in LABELS for option in ("--label", LABELS[name])]
    run(program, "ingest", "--quiet", *(traces / name for name in LABELS), "-o", together, *labels)
    # httpd's rule does not apply to these traces; exchanges have more requests, and other events.
    exchanges = folder / "exchanges"
    run(program, "ingest", "--quiet", traces / "keepalive", "-o", exchanges, "--requests", "exchange")
    # Requests that do not carry all of their events, and some in no part.
    limited, by_time = folder / "limited", folder / "by-time"
    run(program, "ingest", "--quiet", traces / "prefork", "-o", limited, "--max-request-events", "180")
    by_hash, by_label, by_parts = (folder / name for name in ["by-hash", "by-label", "by-parts"])
    license = ["--quiet", "--license", "CC-BY-4.0"]
    run(program, "publish", together, "-o", by_hash, *license, "--split", "hash", "-p", "valid=0.1")
    # train, valid, test, valid-ood and test-ood.
    run(program, "publish", together, "-o", by_label, *license, "--split", "label", "-p", "fraction=0.6", "-p", "valid=0.2")
    parts = [option for part, name in [("train", "lossy"), ("test", "normal"), ("test-ood", "keepalive")]
             for option in ("--part", f"{part}={name}")]
    run(program, "publish", together, "-o", by_parts, *license, "--split", "parts", *parts)
    run(program, "publish", limited, "-o", by_time, *license, "--split", "time", "-p", "gap_ms=300")
    return {"by-time": by_time, "together": together, "exchanges": exchanges, "by-hash": by_hash, "by-label": by_label, "by-parts": by_parts}


def cases():
    """What is compared: every reach, every choice of events, arguments, short and whole sequences, each split."""
    chosen = [
        ("together", Options(arguments=True, split="hash")),
        ("together", Options(events="all", max_length=50, split="label")),
        ("by-label", Options(events="all", arguments=True, max_length=200, path_words=20)),
        ("by-parts", Options(skip_first=5, max_length=0)),
        ("by-hash", Options(events="openat,sched_*,recv*", arguments=True, max_length=3)),
        ("by-time", Options()),
        ("exchanges", Options(split="hash", parameters={"fraction": "0.5"})),
    ]
    for source, options in chosen:
        for reach in ["own", "causal", "window"]:
            yield source, dataclasses.replace(options, reach=reach)


def command(program, source, folder, options):
    given = ["--reach", options.reach, "--events", options.events, "--max-length", options.max_length]
    if options.arguments:
        given += ["--arguments", "--path-words", options.path_words]
    if options.skip_first:
        given += ["--skip-first", options.skip_first]
    if options.split:
        given += ["--split", options.split]
    for name, value in options.parameters.items():
        given += ["-p", f"{name}={value}"]
    run(program, "sequences", source, "-o", folder, *given)


def compare(folder, source, options):
    """What differs, as texts, and how many values were the same."""
    told, words, by_part = reference.expected(source, options)
    found = json.loads((folder / "sequences.json").read_text())
    faults, values = [], 0
    for key, value in told.items():
        if key == "parts":
            if sorted(found["parts"]) != sorted(value):
                faults.append(f"parts {sorted(found['parts'])}, not {sorted(value)}")
            for part, figures in value.items():
                for figure, n in figures.items():
                    if found["parts"].get(part, {}).get(figure) != n:
                        faults.append(f"{part}.{figure}: {found['parts'].get(part, {}).get(figure)}, not {n}")
        elif found.get(key) != value:
            faults.append(f"{key}: {found.get(key)}, not {value}")
    listed = [tuple(row.values()) for row in pq.read_table(folder / "vocabulary.parquet", columns=["kind", "code", "word", "times"]).to_pylist()]
    if sorted(listed) != sorted(words):
        faults.append(f"vocabulary: {sorted(set(listed) ^ set(words))[:6]}")
    files = [("vocabulary.parquet", found["words"])]
    for part, expected_rows in by_part.items():
        rows = []
        for file in found["parts"].get(part, {}).get("files", []):
            table = pq.read_table(folder / file["path"])
            if file["rows"] != table.num_rows:
                faults.append(f"{file['path']} has {table.num_rows} rows, not {file['rows']}")
            for field in reference.schema(options):
                if field.name not in table.schema.names or not same_type(table.schema.field(field.name).type, field.type):
                    faults.append(f"{file['path']}: {field.name} is not {field.type}")
            if table.schema.names != reference.schema(options).names:
                faults.append(f"{file['path']}: columns {table.schema.names}")
            rows += table.to_pylist()
            files.append((file["path"], file))
        order = [(r["trace_id"], r["request_id"]) for r in rows]
        if order != [(r["trace_id"], r["request_id"]) for r in expected_rows]:
            faults.append(f"{part}: rows are others, or in another order")
        for row, other in zip(rows, expected_rows):
            for column, value in other.items():
                if row.get(column) != value:
                    faults.append(f"{part} {row['trace_id']} {row['request_id']} {column}: {short(row.get(column), value)}")
                values += len(value) if isinstance(value, list) else 1
    for path, file in files:
        content = (folder / path).read_bytes()
        if (file["bytes"], file["sha256"]) != (len(content), hashlib.sha256(content).hexdigest()):
            faults.append(f"{path}: size or checksum is not that of sequences.json")
    there = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    if there != sorted(["sequences.json", *(path for path, _ in files)]):
        faults.append(f"files {there}")
    return faults, values


def same_type(found, wanted):
    """Whether types are the same, whatever fields in them are called."""
    if hasattr(wanted, "value_type") and hasattr(found, "value_type"):
        return same_type(found.value_type, wanted.value_type)
    return found == wanted


def short(found, wanted):
    """Where two values differ."""
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) != len(wanted):
            return f"{len(found)} values, not {len(wanted)}"
        i = next(i for i, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1])
        return f"at {i} {found[i]}, not {wanted[i]}"
    return f"{found}, not {wanted}"


def main(program, traces):
    folder = Path(tempfile.mkdtemp(prefix="sequences-"))
    passed = failed = total = 0
    left_out = set()
    try:
        made = sources(program, traces, folder)
        for number, (name, options) in enumerate(cases()):
            output = folder / f"sequences-{number}"
            command(program, made[name], output, options)
            faults, values = compare(output, made[name], options)
            left_out.update(key for key, n in json.loads((output / "sequences.json").read_text())["left_out"].items() if n)
            shutil.rmtree(output)
            print(f"{'failed' if faults or not values else 'ok':7} {name:10} {values:10,} values  {options}")
            for fault in faults[:10]:
                print(f"        {fault}")
            # What compared nothing has not passed.
            passed, failed = passed + (not faults and values > 0), failed + bool(faults or not values)
            total += values
    finally:
        shutil.rmtree(folder)
    print(f"{total:,} values compared; requests were left out as {', '.join(sorted(left_out))}")
    # Each reason to leave a request out was met.
    failed += left_out != {"incomplete", "skipped", "omitted", "without_part", "empty"}
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main(sys.argv[1], Path(sys.argv[2]))
