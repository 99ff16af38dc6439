"""Methods that count, and are not trained by steps: n-grams, and baselines that look at one figure of a request.

They show what a network has to beat: a behaviour that the number of events tells apart needs no language model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..rows import Row, groups_of_files, read_rows
from ..sequences import Sequences
from ..vocabulary import END, START, TRUNCATED
from .scores import Collected, Floats, Ints, Scores

ENTRY = 1
"""The phase of an entry."""


class Method(Protocol):
    """Something that learns from a part and then scores others."""

    def fit(self, train: Sequences) -> None: ...

    def score(self, part: Sequences) -> Scores: ...


def requests(part: Sequences, lists: list[str]) -> Iterator[Row]:
    """The requests of a part, with some of their lists."""
    for group in groups_of_files([str(f.path) for f in part.files]):
        for rows in read_rows(group, lists):
            yield from rows


class Ngram:
    """The next call from the n - 1 before it, by how often each followed in train.

    As in the study of 2023 nothing is smoothed: what never followed has the probability of one in the number of calls, and where
    these calls never stood together in train, nothing is foretold right. What is foretold are events, not the end mark.
    """

    def __init__(self, order: int) -> None:
        self.order = order
        self.grams: Ints = np.empty(0, dtype=np.int64)
        self.times: Ints = np.empty(0, dtype=np.int64)
        self.contexts: Ints = np.empty(0, dtype=np.int64)
        self.totals: Ints = np.empty(0, dtype=np.int64)
        self.likeliest: Ints = np.empty(0, dtype=np.int64)
        self.calls = 0

    def fit(self, train: Sequences) -> None:
        self.calls = len(train.vocabulary.call)
        if self.calls**self.order >= 2**63:
            raise ValueError(f"n-grams of {self.order} out of {self.calls} calls are too many to number")
        # Merged whenever as much has come together as there is, so that memory is that of the different n-grams.
        grams, times = self.grams, self.times
        waiting: list[Ints] = []
        size = 0
        for row in requests(train, ["call"]):
            waiting.append(self._grams(row["call"]))
            size += len(waiting[-1])
            if size > max(1_000_000, len(grams)):
                grams, times = _merged(grams, times, waiting)
                waiting, size = [], 0
        self.grams, self.times = _merged(grams, times, waiting)
        self.contexts, begins = np.unique(self.grams // self.calls, return_index=True)
        if not len(self.contexts):
            return
        self.totals = np.add.reduceat(self.times, begins)
        # Of each context the n-gram that occurs most; of several the smallest code, which is the most frequent call.
        order = np.lexsort((self.grams, -self.times, self.grams // self.calls))
        self.likeliest = self.grams[order][begins] % self.calls

    def _grams(self, call: NDArray[np.int32]) -> Ints:
        """The number of each n-gram that ends with an event. Before the first event there are start marks."""
        events = call[(call != END) & (call != TRUNCATED)].astype(np.int64)
        padded = np.concatenate([np.full(self.order - 2, START, dtype=np.int64), events])
        numbers: Ints = np.zeros(max(0, len(padded) - self.order + 1), dtype=np.int64)
        for i in range(self.order):
            numbers = numbers * self.calls + padded[i:len(padded) - self.order + 1 + i]
        return numbers

    def score(self, part: Sequences) -> Scores:
        found = Collected()
        for row in requests(part, ["call", "phase"]):
            grams = self._grams(row["call"])
            at, known = _find(self.contexts, grams // self.calls)
            gram_at, seen = _find(self.grams, grams)
            likelihood = np.full(len(grams), 1 / self.calls)
            if len(self.grams):
                likelihood[seen] = self.times[gram_at[seen]] / self.totals[at[seen]]
            losses = -np.log(likelihood)
            right = np.zeros(len(grams), dtype=bool)
            if len(self.grams):
                right[known] = self.likeliest[at[known]] == grams[known] % self.calls
            entry = row["phase"][1:1 + len(grams)] == ENTRY
            found.add(
                row["trace_id"], row["request_id"], row["label"], float(losses.mean()), float(losses.sum()), len(grams),
                int(right.sum()), int(entry.sum()), int((right & entry).sum()),
            )
        return found.scores()


def _merged(grams: Ints, times: Ints, waiting: list[Ints]) -> tuple[Ints, Ints]:
    new, new_times = np.unique(np.concatenate([*waiting, np.empty(0, dtype=np.int64)]), return_counts=True)
    merged, places = np.unique(np.concatenate([grams, new]), return_inverse=True)
    summed = np.bincount(places.reshape(-1), weights=np.concatenate([times, new_times]), minlength=len(merged))
    return merged, summed.astype(np.int64)


def _find(ordered: Ints, wanted: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Where values stand in an ordered array, and whether they do."""
    if not len(ordered):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return at, ordered[at] == wanted


class Figure:
    """One figure of a request: the score is how far its logarithm is from the median of train."""

    def __init__(self, of: Callable[[Row], float]) -> None:
        self.of = of
        self.median = 0.0

    def fit(self, train: Sequences) -> None:
        self.median = float(np.median([np.log1p(self.of(row)) for row in requests(train, [])]))

    def score(self, part: Sequences) -> Scores:
        found = Collected()
        for row in requests(part, []):
            found.add(row["trace_id"], row["request_id"], row["label"], abs(float(np.log1p(self.of(row))) - self.median))
        return found.scores()


class Histogram:
    """How often each call occurs in a request: the score is the mean square of its distances from the mean of train, in standard
    deviations of train, of the logarithms of the counts. A deviation counts as 0.1 at least."""

    LEAST = 0.1

    def __init__(self) -> None:
        self.calls = 0
        self.mean: Floats = np.empty(0)
        self.deviation: Floats = np.empty(0)

    def fit(self, train: Sequences) -> None:
        self.calls = len(train.vocabulary.call)
        n, mean, squares = 0, np.zeros(self.calls), np.zeros(self.calls)
        for row in requests(train, ["call"]):
            # Welford's way, which does not lose digits.
            n += 1
            counts = self._counts(row)
            away = counts - mean
            mean += away / n
            squares += away * (counts - mean)
        self.mean, self.deviation = mean, np.maximum(np.sqrt(squares / max(1, n)), self.LEAST)

    def _counts(self, row: Row) -> Floats:
        counts: Floats = np.log1p(np.bincount(row["call"][1:-1], minlength=self.calls))
        return counts

    def score(self, part: Sequences) -> Scores:
        found = Collected()
        for row in requests(part, ["call"]):
            away = (self._counts(row) - self.mean) / self.deviation
            found.add(row["trace_id"], row["request_id"], row["label"], float((away * away).mean()))
        return found.scores()


@dataclasses.dataclass(frozen=True)
class Counting:
    """A method by its name."""

    name: str
    title: str
    make: Callable[[], Method]
    foretells: bool


METHODS = [
    Counting("length", "baseline: number of events", lambda: Figure(lambda row: float(row["n_events"])), False),
    Counting("duration", "baseline: duration", lambda: Figure(lambda row: float(row["duration_ns"])), False),
    Counting("histogram", "baseline: histogram of calls", Histogram, False),
    Counting("3-gram", "n-gram of order 3", lambda: Ngram(3), True),
    Counting("4-gram", "n-gram of order 4", lambda: Ngram(4), True),
]
