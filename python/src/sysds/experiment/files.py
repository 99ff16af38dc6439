"""Files of a study: each is written whole or not at all, and one that cannot be read is named, with what to do."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .faults import DamagedStudy, OtherStudy


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. What a killed process left beside it is removed."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, told: Any) -> None:
    """Writes JSON, whole or not at all."""
    write(path, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())


def write_state(path: Path, state: Any) -> None:
    """Writes a state of PyTorch, whole or not at all. Made in memory first: PyTorch's own writer does not say that a disk is full."""
    import torch

    content = io.BytesIO()
    torch.save(state, content)
    write(path, content.getvalue())


def reading(path: Path, read: Callable[[], Any]) -> Any:
    """What `read` gives of a file that a run wrote.

    Raises DamagedStudy where it cannot be read, whatever PyTorch or NumPy call that.
    """
    try:
        return read()
    except Exception as error:
        raise DamagedStudy.of(path, error) from error


def read_json(path: Path) -> Any:
    """What a file of JSON says."""
    return reading(path, lambda: json.loads(path.read_text()))


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder of results, which one command at a time writes. The system takes that back however the command ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OtherStudy(f"another command writes to {folder}: wait until it has ended, or take another folder") from error
        yield
