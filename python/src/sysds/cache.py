"""Sequences that were made once are kept: a folder for each source, choice of parameters and version of the program.

Several processes may ask for the same at once, as the ranks of a training do. One makes it, under a lock, into a folder
beside; a rename makes it whole. What a killed one left beside is removed by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import executable
from .errors import BadSequences, SysdsError

FORM = 2
"""Part of every key: to be raised when what is kept changes its form."""


def default_folder() -> Path:
    """SYSDS_CACHE, else `sysds` in XDG_CACHE_HOME, else ~/.cache/sysds."""
    named = os.environ.get("SYSDS_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sysds"


def is_url(source: str | os.PathLike[str]) -> bool:
    """Whether a source is in an object store."""
    return "://" in os.fspath(source)


def manifest_checksum(source: str | os.PathLike[str]) -> str:
    """SHA-256 of the manifest of a dataset or a release, which names every file of it with its checksum."""
    if is_url(source):
        # The program has the credentials; what it tells of the manifest is the manifest in its own order.
        told = json.loads(executable.run(["inspect", "--json", source]))
        text = json.dumps(told["manifest"], sort_keys=True).encode()
    else:
        path = Path(source) / "manifest.json"
        try:
            text = path.read_bytes()
        except OSError as error:
            raise SysdsError(f"{source} is no dataset and no release: {path}: {error.strerror}") from error
    return hashlib.sha256(text).hexdigest()


def key(source: str | os.PathLike[str], parameters: Mapping[str, Any]) -> str:
    """What the sequences of a source are kept under."""
    of = {
        "form": FORM,
        "manifest": manifest_checksum(source),
        "program": executable.program_version(),
        "parameters": dict(parameters),
    }
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:32]


def fetch(root: Path, name: str, make: Callable[[Path], None], check: Callable[[Path], None]) -> Path:
    """The folder `name` below `root`: as it is there, or made by `make(folder)`.

    `check(folder)` raises BadSequences where a folder is not whole; such a one is made anew, once.
    """
    try:
        return _fetched(root, name, make, check)
    except OSError as error:
        raise SysdsError(f"sequences cannot be kept in {root}: {error}; name another folder (cache=…, --cache, SYSDS_CACHE)") from error


def _fetched(root: Path, name: str, make: Callable[[Path], None], check: Callable[[Path], None]) -> Path:
    target = root / name
    if _whole(target, check):
        return target
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f".{name}.lock"):
        # Somebody else may have made it meanwhile.
        if _whole(target, check):
            return target
        for left in root.glob(f".{name}.making-*"):
            shutil.rmtree(left, ignore_errors=True)
        making = root / f".{name}.making-{uuid.uuid4().hex}"
        try:
            make(making)
            check(making)
            if target.exists():
                # Not whole: out of the way first, since a folder with files cannot be replaced by a rename.
                target.rename(root / f".{name}.making-{uuid.uuid4().hex}")
            making.rename(target)
        finally:
            for left in root.glob(f".{name}.making-*"):
                shutil.rmtree(left, ignore_errors=True)
    return target


def _whole(folder: Path, check: Callable[[Path], None]) -> bool:
    if not folder.is_dir():
        return False
    try:
        check(folder)
    except BadSequences:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds the lock of a file, which the system takes back when the process ends, however it ends."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
