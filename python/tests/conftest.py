"""What the tests share: sequences that are made up, and the traces that ship, ingested once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sysds import executable

ROOT = Path(__file__).resolve().parent.parent.parent

CALLS = ["read", "write", "openat", "close", "futex", "epoll_wait", "mmap", "poll", "accept4", "stat"]


def lists(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("item", kind, nullable=False))


SCHEMA = pa.schema([
    ("part", pa.utf8()), ("trace_id", pa.utf8()), ("request_id", pa.int64()), ("label", pa.utf8()), ("duration_ns", pa.int64()),
    ("n_events", pa.int64()), ("truncated", pa.bool_()), ("call", lists(pa.int32())), ("phase", lists(pa.int32())),
    ("elapsed_ns", lists(pa.int64())), ("process", lists(pa.int32())), ("pid", lists(pa.int32())), ("tid", lists(pa.int32())),
    ("outcome", lists(pa.int32())), ("errno", lists(pa.int32())), ("fd", lists(pa.int32())), ("size", lists(pa.int64())),
    ("flags", lists(pa.int32())), ("path", lists(lists(pa.int32()))),
])


@dataclasses.dataclass
class Made:
    """A part of made-up sequences."""

    requests: int
    label: str | None = None
    strange: float = 0.0
    """How often a call does not follow from the one before it."""


def request(chance: random.Random, part: str, number: int, made: Made) -> dict[str, Any]:
    """A request: calls go round, each entered and left, but for what is strange."""
    calls, phases = [2], [0]
    call = chance.randrange(len(CALLS))
    for _ in range(chance.randrange(2, 12)):
        calls += [6 + call, 6 + call]
        phases += [1, 2]
        call = chance.randrange(len(CALLS)) if chance.random() < made.strange else (call + 1) % len(CALLS)
    calls.append(3)
    phases.append(0)
    n = len(calls) - 2
    marked = lambda start, values, end: [start, *values, end]  # noqa: E731
    return {
        "part": part, "trace_id": f"trace-{part}", "request_id": number, "label": made.label,
        "duration_ns": chance.randrange(10**6, 10**9), "n_events": n, "truncated": False,
        "call": calls, "phase": phases,
        "elapsed_ns": marked(0, [0, *(chance.randrange(10**6) for _ in range(n - 1))], 0),
        "process": marked(2, [6 + chance.randrange(2) for _ in range(n)], 3),
        "pid": marked(-1, [100 + number % 7] * n, -1), "tid": marked(-1, [200 + number % 5] * n, -1),
        "outcome": marked(0, [0 if p == 1 else chance.choice([1, 1, 2]) for p in phases[1:-1]], 0), "errno": [0] * (n + 2),
        "fd": marked(2, [chance.choice([5, 6, 11, 1032]) for _ in range(n)], 3),
        "size": marked(-1, [chance.randrange(-1, 4096) for _ in range(n)], -1),
        "flags": marked(2, [5] * n, 3),
        "path": marked([], [[6, 7, 8][:chance.randrange(4)] for _ in range(n)], []),
    }


def write_sequences(
    folder: Path, parts: dict[str, list[Made]], rows_a_file: int = 50, rows_a_group: int = 16, seed: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """A folder as `sysds sequences --arguments` writes it, and what it holds."""
    (folder / "data").mkdir(parents=True)
    told: dict[str, Any] = {}
    held: dict[str, list[dict[str, Any]]] = {}
    for part, of in parts.items():
        chance = random.Random(f"{seed} {part}")
        rows: list[dict[str, Any]] = []
        for made in of:
            rows += [request(chance, part, len(rows) + i, made) for i in range(made.requests)]
        held[part] = rows
        pieces = [rows[i:i + rows_a_file] for i in range(0, len(rows), rows_a_file)]
        files = []
        for i, piece in enumerate(pieces):
            path = folder / "data" / f"{part}-{i:05}-of-{len(pieces):05}.parquet"
            pq.write_table(pa.Table.from_pylist(piece, SCHEMA), path, row_group_size=rows_a_group)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            files.append({"path": f"data/{path.name}", "rows": len(piece), "bytes": path.stat().st_size, "sha256": digest})
        told[part] = {
            "requests": len(rows), "events": sum(r["n_events"] for r in rows), "truncated": 0, "unknown_calls": 0, "unknown_processes": 0,
            "files": files,
        }
    words = [("call", 6 + i, word) for i, word in enumerate(CALLS)]
    words += [("process", 6, "apache2"), ("process", 7, "mariadbd"), ("path", 6, "/"), ("path", 7, "etc"), ("path", 8, "hosts")]
    kinds, codes, texts = zip(*words)
    pq.write_table(
        pa.table({
            "kind": list(kinds), "code": pa.array(codes, pa.int32()), "word": list(texts), "times": pa.array([9] * len(words), pa.int64()),
        }),
        folder / "vocabulary.parquet",
    )
    size = (folder / "vocabulary.parquet").stat().st_size
    (folder / "sequences.json").write_text(json.dumps({
        "format": 1, "sysds": "0.1.0", "source": {"path": "made up"}, "reach": "own", "events": "syscalls", "arguments": True,
        "max_length": 2048, "skip_first": 0, "parts": told, "left_out": {},
        "words": {"path": "vocabulary.parquet", "rows": len(words), "bytes": size, "sha256": ""},
        "codes": {"padding": 0, "unknown": 1, "start": 2, "end": 3, "truncated": 4, "absent": 5, "first": 6},
        "vocabulary": {"call": len(CALLS), "process": 2, "flags": 0, "path": 3},
    }))
    return held


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """Sequences of 230 requests in train, in 5 files of row groups of 16, and of 20 in test."""
    folder = tmp_path / "sequences"
    return folder, write_sequences(folder, {"train": [Made(230, "normal")], "test": [Made(20)]})


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three traces that ship, with labels."""
    folder = tmp_path_factory.mktemp("traces")
    for name in ["prefork", "keepalive", "lossy"]:
        subprocess.run(["tar", "--zstd", "-xf", ROOT / "tests" / "data" / f"apache-{name}.tar.zst", "-C", folder], check=True)
    made = folder / "dataset"
    labels = ["--label", "normal", "--label", "keepalive", "--label", "overload"]
    executable.run(["ingest", "--quiet", folder / "prefork", folder / "keepalive", folder / "lossy", "-o", made, *labels])
    return made


@pytest.fixture(scope="session")
def release(dataset: Path) -> Path:
    """A release of them, split by hash."""
    made = dataset.parent / "release"
    executable.run(["publish", "--quiet", dataset, "-o", made, "--license", "CC-BY-4.0", "--split", "hash"])
    return made
