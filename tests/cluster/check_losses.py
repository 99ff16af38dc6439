"""An executor that is lost in the middle of a query: it ends with the right rows, or with one error, and never with some of them.

Usage: check_losses.py PROGRAM TRACES      (from the project's folder)
"""
import signal
import sys
import tempfile
import time
from pathlib import Path

import asked
import executors
from asked import Asked, Asking, ask
from executors import Executor, cluster
from program import Program
from said import end, step

# When, as parts of the time that the query takes.
MOMENTS = [0.3, 0.5, 0.7, 0.9]


def check(there: Asked, here: Asked) -> bool:
    """Whether it ended well."""
    if there.done.status == 0:
        assert there.given == here.given, f"on this machine:\n{here.given}\non the cluster:\n{there.given}"
        return True
    errors = [line for line in there.done.err.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and "executor" in there.done.err, there.done.err
    files = [name for name in there.given.files if name not in here.given.files]
    assert not files, files
    return False


def main(path: Path, traces: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sysds-cluster-") as scratch:
        program = Program(path, {}, Path(scratch))
        dataset = asked.datasets(program, traces, Path(scratch))["many"]
        ended, begun_again = 0, 0
        with cluster(program, 3) as running:
            for name, query, parameters in asked.queries():
                here = ask(program, query, parameters, dataset)
                took = ask(program, query, parameters, dataset, executors.url(running)).seconds
                for number, moment in enumerate(MOMENTS):
                    with step(f"{name}: killed after {moment:.0%} of {took:.1f} s"):
                        asking = Asking(program, query, parameters, dataset, executors.url(running))
                        time.sleep(took * moment)
                        running[number % 3].end()
                        there = asking.end()
                        ended += check(there, here)
                        begun_again += "begins again" in there.done.err
                    running[number % 3] = running[number % 3].again()
            with step("one that hangs"):
                hangs(program, dataset, running)
            with step("all of them"):
                none_left(program, dataset, running)
        print(f"{ended} ended well, {begun_again} of them begun again")
        assert begun_again > 10, begun_again
    end()


def hangs(program: Program, dataset: Path, running: list[Executor]) -> None:
    here = ask(program, "files", [], dataset)
    took = ask(program, "files", [], dataset, executors.url(running)).seconds
    asking = Asking(program, "files", [], dataset, executors.url(running))
    time.sleep(took * 0.5)
    running[1].process.send_signal(signal.SIGSTOP)
    there = asking.end(120)
    running[1].process.send_signal(signal.SIGCONT)
    check(there, here)
    print(f"  ended after {there.seconds:.0f} s, with status {there.done.status}")
    running[1] = running[1].again()


def none_left(program: Program, dataset: Path, running: list[Executor]) -> None:
    """All are killed, ever earlier, until the query is not done by then."""
    here = ask(program, "files", [], dataset)
    took = ask(program, "files", [], dataset, executors.url(running)).seconds
    for moment in (0.6, 0.4, 0.2, 0.1):
        asking = Asking(program, "files", [], dataset, executors.url(running))
        time.sleep(took * moment)
        for executor in running:
            executor.end()
        there = asking.end()
        if there.done.status != 0:
            assert "there is no other" in there.done.err or "no executor answers" in there.done.err, there.done.err
            return
        assert there.given == here.given, there.given
        running[:] = [executor.again() for executor in running]
    raise AssertionError("the query was always done before")



main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
