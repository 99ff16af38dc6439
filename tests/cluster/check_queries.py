"""Every shipped query gives on three executors what it gives on this machine alone: the same rows, and the same files.

Usage: check_queries.py PROGRAM TRACES      (from the project's folder)
"""
import sys
import tempfile
from pathlib import Path

import asked
import executors
from asked import ask
from executors import cluster
from ours import OURS
from program import Program
from said import end, step


def same(query: str, parameters: list[str], dataset: Path, program: Program, on: str) -> None:
    here = ask(program, query, parameters, dataset)
    there = ask(program, query, parameters, dataset, on)
    assert here.done.status == 0, here.done.err
    assert there.done.status == 0, there.done.err
    assert there.given == here.given, f"on this machine:\n{here.given}\non the cluster:\n{there.given}"
    notes = [line for line in there.done.err.splitlines() if line.startswith("note:") and line not in here.done.err]
    print(f"  {here.seconds:.1f} s here, {there.seconds:.1f} s there", *notes, sep="\n    ", flush=True)


def main(path: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch:
        program = Program(path, {}, Path(scratch))
        datasets = asked.datasets(program, traces, Path(scratch))
        for count in (3, 1):
            with cluster(program, count) as running:
                on = executors.url(running)
                for kind, dataset in datasets.items():
                    for name, query, parameters in asked.queries():
                        with step(f"{name}, {kind} recording(s), {count} executor(s)"):
                            same(query, parameters, dataset, program, on)
                    for name, sql in OURS.items() if count == 3 else []:
                        script = Path(scratch) / "asked.sql"
                        script.write_text(sql)
                        with step(f"{name}, {kind} recording(s), {count} executor(s)"):
                            same(str(script), [], dataset, program, on)
    end()


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
