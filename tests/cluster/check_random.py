"""Random SQL gives on three executors what it gives on this machine alone, where tests/clients/check_sql.py looks whether it is right.

Usage: check_random.py PROGRAM TRACES [SEED [QUERIES]]      (from the project's folder)
"""
import sys
import tempfile
from pathlib import Path

import asked
import executors
from executors import cluster
from program import Program
from said import end, step

sys.path.insert(0, "tests/clients")
from check_sql import in_sysds, queries_of  # noqa: E402


def main(path: Path, traces: Path, seed: int = 2, count: int = 200) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch:
        program = Program(path, {}, Path(scratch))
        dataset = asked.datasets(program, traces, Path(scratch))["many"]
        queries = queries_of(seed, count)
        with cluster(program, 3) as running, step(f"{count} random queries (seed {seed})"):
            here = in_sysds(path, dataset, queries)
            there = in_sysds(path, dataset, queries, "--cluster", executors.url(running))
            assert len(here) == len(there) == count, (len(here), len(there))
            wrong = [number for number in range(count) if here[number] != there[number]]
            for number in wrong[:5]:
                print(f"query {number}:\n{queries[number]}\n  here {here[number][:3]}\n  there {there[number][:3]}", file=sys.stderr)
            assert not wrong, f"{len(wrong)} of {count} differ"
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), *map(int, sys.argv[3:]))
