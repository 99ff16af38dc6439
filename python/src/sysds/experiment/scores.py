"""What a method says of each request of a part: the score by which novel requests are told, and how well it foretold."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import files

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]

UNLABELLED = "(no label)"


@dataclasses.dataclass(frozen=True)
class Scores:
    """A value for each request, in the order of the part.

    The score is the mean negative log-likelihood of what comes next (its exponential is the perplexity), or what a baseline
    makes of the request; the larger it is, the more novel. The counts are 0 for baselines, which foretell nothing.
    """

    trace_id: Texts
    request_id: Ints
    label: Texts
    score: Floats
    loss: Floats
    """Sum of the negative log-likelihoods."""
    targets: Ints
    """How many events, and end marks, were to be foretold."""
    correct: Ints
    """How many were."""
    entries: Ints
    """How many of them are entries of system calls."""
    correct_entries: Ints

    def __len__(self) -> int:
        return len(self.score)

    def save(self, path: Path) -> None:
        """Writes a file of numpy, whole or not at all."""
        content = io.BytesIO()
        np.savez_compressed(content, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        files.write(path, content.getvalue())

    @classmethod
    def read(cls, path: Path) -> Scores:
        """Reads what `save` wrote."""
        def read() -> Scores:
            with open(path, "rb") as file, np.load(file) as stored:
                return cls(**{f.name: stored[f.name] for f in dataclasses.fields(cls)})

        found: Scores = files.reading(path, read)
        return found


class Collected:
    """Scores as they are found, one request after the other."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, str, float, float, int, int, int, int]] = []

    def add(
        self, trace_id: str, request_id: int, label: str | None, score: float,
        loss: float = 0.0, targets: int = 0, correct: int = 0, entries: int = 0, correct_entries: int = 0,
    ) -> None:
        """What is said of a request."""
        of = UNLABELLED if label is None else label
        self.rows.append((trace_id, request_id, of, score, loss, targets, correct, entries, correct_entries))

    def scores(self) -> Scores:
        kinds = [np.str_, np.int64, np.str_, np.float64, np.float64, np.int64, np.int64, np.int64, np.int64]
        columns = list(zip(*self.rows)) if self.rows else [()] * len(kinds)
        return Scores(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds)))
