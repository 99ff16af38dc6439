"""`load`: from a dataset or a release to the sequences of one of its parts, made by the program once and kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from . import cache as kept
from . import executable
from .errors import SysdsError
from .sequences import Sequences, describe

Reach = Literal["own", "causal", "window"]
"""Which events a sequence has: the request's own; with what other processes did for it; all of the machine meanwhile."""


def load(
    source: str | os.PathLike[str],
    part: str,
    reach: Reach = "own",
    events: str | Iterable[str] = "syscalls",
    arguments: bool = False,
    max_length: int | None = 2048,
    cache: str | os.PathLike[str] | None = None,
    *,
    skip_first: int = 0,
    path_words: int = 4096,
    split: str | None = None,
    parameters: Mapping[str, object] | None = None,
    parts: Mapping[str, Iterable[str]] | None = None,
    memory: str | None = None,
) -> Sequences:
    """The sequences of a part (train, valid, test, valid-ood, test-ood, ood) of a release or a dataset, a folder or a URL.

    Runs `sysds sequences` the first time, for all parts, and keeps what it wrote in the folder `cache` (else SYSDS_CACHE, else
    ~/.cache/sysds): another call with the same release and parameters finds it there. A release or a dataset that changes, or
    another version of the program, makes it anew.

    `events` is syscalls, all, or names of events, which may be patterns (sched_*). `arguments` adds the lists fd, size, flags and path.
    A request with more than `max_length` events is cut off there (None: none is). The first `skip_first` requests of each recording
    are left out. A dataset has no parts: `split` (hash, time, recording, label) and `parameters` of it make them, as for `sysds
    publish`, or `parts`, which names the recordings of each part. `memory` (as 2G) bounds what the program takes.
    """
    chosen = events if isinstance(events, str) else ",".join(events)
    if not chosen:
        raise ValueError("events is empty: say 'syscalls', 'all' or names")
    if max_length is not None and max_length < 1:
        raise ValueError(f"max_length is {max_length}: it must be at least 1, or None")
    if parts is not None:
        if split not in (None, "parts"):
            raise ValueError(f"parts says how it is split, and so does split={split!r}: leave one out")
        split = "parts"
    named = {name: [recordings] if isinstance(recordings, str) else list(recordings) for name, recordings in (parts or {}).items()}
    meaning: dict[str, Any] = {
        "reach": reach, "events": chosen, "arguments": arguments, "max_length": max_length, "skip_first": skip_first,
        "path_words": path_words, "split": split, "parameters": {k: str(v) for k, v in (parameters or {}).items()}, "parts": named,
    }
    options = ["--reach", reach, "--events", chosen, "--max-length", str(max_length or 0)]
    if arguments:
        options += ["--arguments", "--path-words", str(path_words)]
    if skip_first:
        options += ["--skip-first", str(skip_first)]
    if split is not None:
        options += ["--split", split]
    for name, value in meaning["parameters"].items():
        options += ["-p", f"{name}={value}"]
    for name, recordings in named.items():
        options += ["--part", f"{name}={','.join(recordings)}"]
    if memory is not None:
        options += ["--memory", memory]

    def make(folder: Path) -> None:
        executable.run(["sequences", os.fspath(source), "-o", folder, *options])

    def check(folder: Path) -> None:
        describe(folder)

    root = Path(cache) if cache is not None else kept.default_folder()
    folder = kept.fetch(root / "sequences", kept.key(source, meaning), make, check)
    return Sequences(folder, part, source)


def open_sequences(folder: str | os.PathLike[str], part: str) -> Sequences:
    """The sequences of a part in a folder that `sysds sequences` wrote: no program is needed."""
    if kept.is_url(folder):
        raise SysdsError(f"{os.fspath(folder)} is a URL: copy the folder, or load the release it was made of (sysds.load)")
    return Sequences(folder, part)
