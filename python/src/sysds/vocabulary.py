"""The words behind the codes of sequences: of calls, processes, flags and components of paths."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import pyarrow.parquet as pq

from .errors import BadSequences

PADDING, UNKNOWN, START, END, TRUNCATED, ABSENT, FIRST = range(7)
"""The codes that are no words: padding of batches; a word that the part train does not have; the marks at the start, at the
end, and at the end of a sequence that was cut off; a value that the trace does not tell; the code of the first word."""

MARKS = {PADDING: "[padding]", UNKNOWN: "[unknown]", START: "[start]", END: "[end]", TRUNCATED: "[truncated]", ABSENT: "[absent]"}


@dataclasses.dataclass(frozen=True)
class Words:
    """The words of one kind, most frequent first: that at place i has the code FIRST + i."""

    kind: str
    words: tuple[str, ...]
    times: tuple[int, ...]
    """How often each word occurs in the part train."""

    @functools.cached_property
    def _codes(self) -> dict[str, int]:
        return {word: FIRST + i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        """How many codes there are, with those that are no words: the size of an embedding."""
        return FIRST + len(self.words)

    def code(self, word: str) -> int:
        """The code of a word; UNKNOWN where the part train does not have it."""
        return self._codes.get(word, UNKNOWN)

    def word(self, code: int) -> str:
        """The word of a code; marks stand in brackets, as [start]."""
        if code in MARKS:
            return MARKS[code]
        if not FIRST <= code < len(self):
            raise IndexError(f"{code} is no code of the kind {self.kind}, which has {len(self)}")
        return self.words[code - FIRST]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What `vocabulary.parquet` says. Without --arguments, flags and path have no words."""

    call: Words
    process: Words
    flags: Words
    path: Words

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Reads `vocabulary.parquet`."""
        try:
            table = pq.read_table(path, columns=["kind", "code", "word", "times"])
        except (OSError, ValueError) as error:
            raise BadSequences(f"{path}: {error}") from error
        kinds: dict[str, list[tuple[int, str, int]]] = {"call": [], "process": [], "flags": [], "path": []}
        for row in table.to_pylist():
            kinds.setdefault(row["kind"], []).append((row["code"], row["word"], row["times"]))
        made = {}
        for kind, rows in kinds.items():
            rows.sort()
            if [code for code, _, _ in rows] != list(range(FIRST, FIRST + len(rows))):
                raise BadSequences(f"{path}: the codes of the kind {kind} are not {FIRST}, {FIRST + 1}, …")
            made[kind] = Words(kind, tuple(word for _, word, _ in rows), tuple(times for _, _, times in rows))
        return cls(made["call"], made["process"], made["flags"], made["path"])
