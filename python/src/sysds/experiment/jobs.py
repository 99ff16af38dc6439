"""Runs of a study side by side, each in a process with some threads of PyTorch.

Networks for two CPUs gain little from a second thread: two processes with a thread each do nearly twice what one with two does. And
since sums depend on how many threads they are divided among, one thread each gives the same figures on machines with other
numbers of CPUs.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

import torch

from .faults import LostRun

_torch: Any = torch  # some versions of PyTorch have no types for it


class Run(Protocol):
    """What is run; it goes from one process to another."""

    @property
    def trains(self) -> bool: ...

    def complete(self, prefix: str) -> None: ...


def settle(device: torch.device, threads: int) -> None:
    """How this process computes: with so many threads, and in an order that does not change from run to run."""
    torch.set_num_threads(threads)
    # What a GPU cannot do in a fixed order it may do in another.
    _torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")


def complete(runs: Sequence[tuple[str, Run]], jobs: int, device: torch.device, threads: int) -> None:
    """Completes runs, `jobs` at a time; each has a text that what it says begins with."""
    settle(device, threads)
    # One alone has a process, too, if it trains: only there are the libraries below PyTorch told in time.
    if device.type != "cpu" and jobs == 1 or not any(run.trains for _, run in runs):
        for prefix, run in runs:
            run.complete(prefix)
        return
    jobs = min(jobs, len(runs))
    # A process that PyTorch has begun threads in cannot be forked.
    context = multiprocessing.get_context("spawn")
    with _bounded(threads), ProcessPoolExecutor(jobs, context, _begin, (device, threads)) as pool:
        try:
            for done in as_completed([pool.submit(run.complete, prefix) for prefix, run in runs]):
                done.result()
        except BrokenProcessPool as error:
            raise LostRun(jobs) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


LIBRARIES = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
"""How the libraries below PyTorch are told of threads. It does not tell all of them itself, and those that it does not tell take all
CPUs: figures then depend on these in their last digits, and processes side by side wait for one another."""


@contextlib.contextmanager
def _bounded(threads: int) -> Iterator[None]:
    """What processes that are begun meanwhile find in their environment."""
    before = {name: os.environ.get(name) for name in LIBRARIES}
    os.environ.update({name: str(threads) for name in LIBRARIES})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(device: torch.device, threads: int) -> None:
    """At the start of a process: Ctrl-C is for the one that began it, which ends this one, too, whatever becomes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settle(device, threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
