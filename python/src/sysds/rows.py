"""Requests out of the Parquet files of sequences, a few at a time, as arrays of numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCALARS = ["request_id", "duration_ns", "n_events", "truncated"]
"""Columns with a number for each request."""
TEXTS = ["trace_id", "label"]
"""Columns with a text for each request."""
CHUNK = 16
"""How many rows are decoded at a time."""


@dataclasses.dataclass(frozen=True)
class Group:
    """A row group of a file."""

    path: str
    number: int
    rows: int


Row = dict[str, Any]
"""A request: numbers, texts, lists as arrays, and lists of lists as (lengths, values)."""


def read_rows(group: Group, lists: list[str]) -> Iterator[list[Row]]:
    """The rows of a row group, a few at a time."""
    columns = [*SCALARS, *TEXTS, *lists]
    with pq.ParquetFile(group.path, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=CHUNK, row_groups=[group.number], columns=columns, use_threads=False):
            yield rows_of(batch, lists)


def rows_of(batch: pa.RecordBatch, lists: list[str]) -> list[Row]:
    """The rows of a record batch, copied out of it, so that none keeps the others in memory."""
    columns: dict[str, list[Any]] = {name: batch.column(name).to_pylist() for name in [*SCALARS, *TEXTS]}
    for name in lists:
        column = batch.column(name)
        offsets = column.offsets.to_numpy()
        if pa.types.is_list(column.type.value_type):
            inner = column.values
            bounds = inner.offsets.to_numpy()
            values = inner.values.to_numpy()
            columns[name] = [
                (np.diff(bounds[begin:end + 1]), values[bounds[begin]:bounds[end]].copy())
                for begin, end in zip(offsets, offsets[1:])
            ]
        else:
            values = column.values.to_numpy()
            columns[name] = [values[begin:end].copy() for begin, end in zip(offsets, offsets[1:])]
    names = list(columns)
    return [dict(zip(names, row)) for row in zip(*columns.values())]


def groups_of_files(files: list[str]) -> list[Group]:
    """All row groups that have rows, in the order of the files."""
    found = []
    for path in files:
        metadata = pq.read_metadata(path)
        for i in range(metadata.num_row_groups):
            if metadata.row_group(i).num_rows:
                found.append(Group(path, i, metadata.row_group(i).num_rows))
    return found


def list_columns(path: str) -> list[str]:
    """The columns of a file that are lists."""
    return [f.name for f in pq.read_schema(path) if pa.types.is_list(f.type) or pa.types.is_large_list(f.type)]
