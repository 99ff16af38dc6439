"""Batches of padded tensors from the Parquet files of sequences, in an order that a seed decides.

What is shuffled are row groups, since they are what a reader can pick at little cost, and then rows: several row groups are
read at a time, in turns that chance decides, and their rows go through a buffer. So the memory is that of the buffer and of
a few pages, however many requests there are.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .rows import SCALARS, TEXTS, Group, Row, groups_of_files, list_columns, read_rows

Ints = NDArray[np.int64]
Batch = dict[str, Any]

OPEN = 4
"""How many row groups are read at a time, where rows are shuffled."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is read, and in which order. The arguments of `Sequences.torch` say what each means."""

    files: list[str]
    batch_size: int
    shuffle: bool = True
    seed: int = 0
    columns: list[str] | None = None
    buffer: int = 1024
    drop_last: bool = False
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        for name in ["batch_size", "buffer"]:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be at least 1")
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"rank is {self.rank} of {self.ranks}: it must be from 0 to {self.ranks - 1}")
        missing = [c for c in self.columns or [] if c not in self.lists_there]
        if missing:
            raise ValueError(f"there is no list {missing[0]!r}; there are {', '.join(self.lists_there)}")

    @functools.cached_property
    def lists_there(self) -> list[str]:
        """The columns that are lists."""
        return list_columns(self.files[0])

    @property
    def lists(self) -> list[str]:
        """The lists that are read."""
        return self.lists_there if self.columns is None else self.columns

    @functools.cached_property
    def groups(self) -> list[Group]:
        """All row groups that have rows, in the order of the files."""
        return groups_of_files(self.files)

    def groups_of(self, epoch: int, part: int, parts: int) -> list[Group]:
        """The row groups that one of several readers reads in an epoch, in random order: each group is one's alone."""
        order = list(self.groups)
        random.Random(f"{self.seed} {epoch} groups").shuffle(order)
        return order[part::parts]


def shuffled(groups: list[Group], lists: list[str], buffer: int, chance: random.Random) -> Iterator[Row]:
    """The rows of row groups in random order, as far as some open groups and a buffer of rows can mix them."""
    readers = [read_rows(group, lists) for group in groups[:OPEN]]
    waiting = iter(groups[OPEN:])
    held: list[Row] = []
    while readers:
        i = chance.randrange(len(readers))
        rows = next(readers[i], None)
        if rows is None:
            following = next(waiting, None)
            if following is None:
                readers.pop(i)
            else:
                readers[i] = read_rows(following, lists)
            continue
        for row in rows:
            if len(held) < buffer:
                held.append(row)
                continue
            j = chance.randrange(buffer)
            yield held[j]
            held[j] = row
    chance.shuffle(held)
    yield from held


def padded(rows: list[Row], lists: list[str]) -> Batch:
    """A batch: tensors padded with 0 to the longest request, and a mask that is true where there is no padding."""
    batch: Batch = {name: torch.tensor([row[name] for row in rows]) for name in SCALARS}
    batch |= {name: [row[name] for row in rows] for name in TEXTS}
    for name in lists:
        first = rows[0][name]
        batch[name] = torch.from_numpy(_nested([r[name] for r in rows]) if isinstance(first, tuple) else _flat([r[name] for r in rows]))
    if lists:
        lengths = [len(row[lists[0]][0]) if isinstance(row[lists[0]], tuple) else len(row[lists[0]]) for row in rows]
        batch["length"] = torch.tensor(lengths)
        batch["mask"] = torch.arange(max(lengths))[None, :] < batch["length"][:, None]
    return batch


def _flat(values: list[Any]) -> Ints:
    whole: Ints = np.zeros((len(values), max(map(len, values))), dtype=np.int64)
    for i, value in enumerate(values):
        whole[i, :len(value)] = value
    return whole


def _nested(values: list[Any]) -> Ints:
    longest = max(len(lengths) for lengths, _ in values)
    deepest = max((int(lengths.max(initial=0)) for lengths, _ in values), default=0)
    whole: Ints = np.zeros((len(values), longest, deepest), dtype=np.int64)
    for i, (lengths, flat) in enumerate(values):
        places = np.arange(deepest)[None, :] < lengths[:, None]
        whole[i, :len(lengths)][places] = flat
    return whole


_worker_info: Any = get_worker_info  # some versions of PyTorch have no types for it


class SequenceBatches(IterableDataset):  # type: ignore[type-arg]
    """The batches of an epoch, as one process or one worker of a DataLoader makes them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.epoch = 0

    def __iter__(self) -> Iterator[Batch]:
        worker = _worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        if self.plan.shuffle:
            yield from self._in_random_order(number, workers)
        else:
            yield from self._in_order(number, workers)

    def _in_random_order(self, number: int, workers: int) -> Iterator[Batch]:
        plan = self.plan
        part, parts = plan.rank * workers + number, plan.ranks * workers
        chance = random.Random(f"{plan.seed} {self.epoch} {part} of {parts}")
        held: list[Row] = []
        for row in shuffled(plan.groups_of(self.epoch, part, parts), plan.lists, plan.buffer, chance):
            held.append(row)
            if len(held) == plan.batch_size:
                yield padded(held, plan.lists)
                held = []
        if held and not plan.drop_last:
            yield padded(held, plan.lists)

    def _in_order(self, number: int, workers: int) -> Iterator[Batch]:
        """The batches of the files' own order. Workers read the same rows and each keeps every Nth batch, so that the order is
        the same for any number of them: they spare the padding, not the reading."""
        plan = self.plan
        groups = plan.groups[plan.rank::plan.ranks]
        held: list[Row] = []
        place = 0
        for group in groups:
            for rows in read_rows(group, plan.lists):
                for row in rows:
                    if place // plan.batch_size % workers == number:
                        held.append(row)
                        if len(held) == plan.batch_size:
                            yield padded(held, plan.lists)
                            held = []
                    place += 1
        if held and not plan.drop_last:
            yield padded(held, plan.lists)

    def batches(self, workers: int) -> int:
        """How many batches there are in this epoch, with so many workers."""
        plan = self.plan
        if plan.shuffle:
            parts = [
                plan.groups_of(self.epoch, plan.rank * workers + number, plan.ranks * workers) for number in range(workers)
            ]
        else:
            parts = [plan.groups[plan.rank::plan.ranks]]
        total = 0
        for groups in parts:
            rows = sum(group.rows for group in groups)
            total += rows // plan.batch_size if plan.drop_last else -(-rows // plan.batch_size)
        return total


class Loader(DataLoader):  # type: ignore[type-arg]
    """A DataLoader of batches. Each pass over it is an epoch, with an order of its own."""

    def __init__(self, batches: SequenceBatches, workers: int, pin_memory: bool) -> None:
        # A generator of its own: else each pass would draw from PyTorch's, and training would depend on how often data was read.
        generator = torch.Generator().manual_seed(batches.plan.seed)
        super().__init__(batches, batch_size=None, num_workers=workers, pin_memory=pin_memory, generator=generator)
        self.sequences = batches
        self.next_epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The next pass is this epoch, as when a training goes on where it was stopped."""
        self.next_epoch = epoch

    def __iter__(self) -> Any:
        self.sequences.epoch = self.next_epoch
        self.next_epoch += 1
        return super().__iter__()

    def __len__(self) -> int:
        """How many batches the next pass has."""
        current, self.sequences.epoch = self.sequences.epoch, self.next_epoch
        total = self.sequences.batches(max(1, self.num_workers))
        self.sequences.epoch = current
        return total
