"""The shipped queries, what they are asked with, and what they give: rows on stdout and files."""
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, "tests/stores")
from program import Done, Program  # noqa: E402

# A query by a name, with its parameters; `OUT` stands for a folder.
VARIANTS: dict[str, tuple[str, list[str]]] = {
    "latency_pid": ("latency", ["per=pid", "incomplete=true"]),
    "distribution_events": ("distribution", ["of=n_events"]),
    "split": ("split", ["out=OUT/split"]),
    "split_time": ("split", ["out=OUT/split", "by=time", "gap_ms=100"]),
    "split_recording": ("split", ["out=OUT/split", "by=recording"]),
    "split_label": ("split", ["out=OUT/split", "by=label", "label='normal'"]),
    "split_valid": ("split", ["out=OUT/split", "valid=0.1"]),
    "timeline": ("timeline", ["limit=50"]),
}


class Given(NamedTuple):
    """What a query gave: its rows, and what is in each file; where its pages end says nothing."""
    rows: str
    files: dict[str, pa.Table]


class Asked(NamedTuple):
    """A query that was asked: how it ended, what it gave, and how long it took."""
    done: Done
    given: Given
    seconds: float


def queries() -> Iterator[tuple[str, str, list[str]]]:
    """All of queries/, each under a name, with its parameters."""
    shipped = sorted(path.stem for path in Path("queries").glob("*.sql"))
    for query in shipped:
        if not any(query == name for name in VARIANTS):
            yield query, query, []
    yield from ((name, query, parameters) for name, (query, parameters) in VARIANTS.items())
    missing = {query for query, _ in VARIANTS.values()} - set(shipped)
    assert not missing, missing


class Asking:
    """A query that is under way."""

    def __init__(self, program: Program, query: str, parameters: list[str], dataset: str | Path, cluster: str | None) -> None:
        self.program, self.out = program, Path(tempfile.mkdtemp(dir=program.scratch))
        given = [word for p in parameters for word in ("-p", p.replace("OUT", str(self.out)))]
        on = ["--cluster", cluster] if cluster else []
        self.begin = time.monotonic()
        self.process = program.start("query", query, "-d", dataset, "--format", "csv", *given, *on)

    def end(self, seconds: float = 300) -> Asked:
        done = self.program.end(self.process, seconds)
        took = time.monotonic() - self.begin
        files = {str(path.relative_to(self.out)): pq.read_table(path, partitioning=None) for path in sorted(self.out.rglob("*.parquet"))}
        others = [path for path in self.out.rglob("*") if path.is_file() and path.suffix != ".parquet"]
        assert not others, others
        subprocess.run(["rm", "-r", self.out], check=True)
        return Asked(done, Given(done.out.replace(str(self.out), "OUT"), files), took)


def ask(program: Program, query: str, parameters: list[str], dataset: str | Path, cluster: str | None = None) -> Asked:
    return Asking(program, query, parameters, dataset, cluster).end()


def datasets(program: Program, traces: Path, folder: Path) -> dict[str, Path]:
    """A dataset of several recordings with labels, and one of a single recording."""
    many, one = folder / "many", folder / "one"
    for trace, label in [("keepalive", "normal"), ("prefork", "normal"), ("lossy", "lossy")]:
        program.ingest([traces / trace], many, "--append", "--label", label)
    program.ingest([traces / "prefork"], one, "--label", "normal")
    return {"many": many, "one": one}
