"""A part of the sequences that `sysds sequences` wrote, and the forms in which other libraries take it."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset

from .errors import BadSequences, MissingPackage, NoSuchPart
from .vocabulary import Vocabulary

if TYPE_CHECKING:
    import datasets
    import pandas
    import polars

    from .batches import Loader

FORMAT = 1
"""The form of a folder of sequences that this version reads."""


@dataclasses.dataclass(frozen=True)
class File:
    """A Parquet file of a part."""

    path: Path
    rows: int


def describe(folder: Path) -> dict[str, Any]:
    """What `sequences.json` says, once it is seen that the folder has all files that it names.

    Raises BadSequences where it has not, or where it is of another form.
    """
    path = folder / "sequences.json"
    try:
        told = json.loads(path.read_text())
    except OSError as error:
        raise BadSequences(f"{folder} has no sequences: {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadSequences(f"{path} is no JSON: {error}") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        form = told.get("format") if isinstance(told, dict) else None
        raise BadSequences(f"{path} is of format {form}, and this package reads {FORMAT}: update the older of the two")
    for file in [told["words"], *(file for part in told["parts"].values() for file in part["files"])]:
        there = folder / file["path"]
        if not there.is_file():
            raise BadSequences(f"{there} is missing: make the sequences anew")
        if there.stat().st_size != file["bytes"]:
            raise BadSequences(f"{there} has {there.stat().st_size} bytes instead of {file['bytes']}: make the sequences anew")
    return told


class Sequences:
    """The requests of one part, each as lists of integers. `docs/guide/python.md` says what the columns are.

    Nothing is read before it is asked for, and only `pandas` reads all at once.
    """

    def __init__(self, folder: str | os.PathLike[str], part: str, source: str | os.PathLike[str] | None = None) -> None:
        """Those of a folder that `sysds sequences` wrote. `sysds.load` makes such a folder of a `source` first."""
        self.folder = Path(folder)
        self.source = folder if source is None else source
        """What messages name."""
        self.info: Mapping[str, Any] = describe(self.folder)
        """What `sequences.json` says."""
        if part not in self.info["parts"]:
            have = ", ".join(self.info["parts"]) or "none"
            raise NoSuchPart(f"{os.fspath(self.source)} has no part {part!r}; it has {have}")
        self.part = part
        self.files = [File(self.folder / f["path"], f["rows"]) for f in self.info["parts"][part]["files"]]

    def __len__(self) -> int:
        """How many requests the part has."""
        return sum(file.rows for file in self.files)

    def __repr__(self) -> str:
        return f"Sequences({str(self.folder)!r}, {self.part!r}): {len(self)} requests, reach {self.info['reach']}"

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """The words behind the codes: the same for all parts."""
        return Vocabulary.read(self.folder / self.info["words"]["path"])

    @property
    def parts(self) -> list[str]:
        """The parts that the folder has, of which this is one."""
        return list(self.info["parts"])

    def other(self, part: str) -> Sequences:
        """Another part of the same folder."""
        return Sequences(self.folder, part, self.source)

    def arrow(self) -> pa.dataset.Dataset:
        """As a dataset of pyarrow, which reads what is asked of it: `.to_table(columns=…)`, `.to_batches()`."""
        return pa.dataset.dataset([str(f.path) for f in self.files], format="parquet")

    def polars(self) -> polars.LazyFrame:
        """As a lazy frame of Polars."""
        library = _library("polars", "polars", "polars()")
        frame: polars.LazyFrame = library.scan_parquet([str(f.path) for f in self.files])
        return frame

    def pandas(self, columns: list[str] | None = None) -> pandas.DataFrame:
        """As a data frame of pandas, all of it in memory, with Arrow's types: lists stay lists, integers integers."""
        library = _library("pandas", "pandas", "pandas()")
        frame: pandas.DataFrame = self.arrow().to_table(columns=columns).to_pandas(types_mapper=library.ArrowDtype)
        return frame

    def huggingface(self, streaming: bool = False) -> datasets.Dataset | datasets.IterableDataset:
        """As a dataset of Hugging Face: a copy in its cache that is mapped into memory, or read as it goes (`streaming`)."""
        library = _library("datasets", "huggingface", "huggingface()")
        split = self.part.replace("-", "_")  # as Hugging Face names splits
        made: datasets.Dataset | datasets.IterableDataset = library.load_dataset(
            "parquet", data_files={split: [str(f.path) for f in self.files]}, split=split, streaming=streaming
        )
        return made

    def torch(
        self,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        workers: int = 0,
        columns: list[str] | None = None,
        buffer: int = 1024,
        drop_last: bool = False,
        rank: int = 0,
        ranks: int = 1,
        pin_memory: bool = False,
    ) -> Loader:
        """As batches for PyTorch: a DataLoader of dictionaries of padded tensors.

        With `shuffle`, the order is one of `seed` and epoch, and of the numbers of workers and ranks: each pass over the loader is
        the next epoch (`loader.set_epoch`). Files and row groups come in random order, four of them at a time, and their rows go
        through a buffer of `buffer` rows in each worker. Each row comes exactly once in an epoch, from whichever worker.

        `columns` reads only some of the lists. `rank` of `ranks` is for several processes that train together: each gets row groups
        of its own, which may be more of them in one than in another.
        """
        _library("torch", "torch", "torch()")
        _library("numpy", "torch", "torch()")
        from .batches import Loader, Plan, SequenceBatches

        plan = Plan(
            files=[str(f.path) for f in self.files], batch_size=batch_size, shuffle=shuffle, seed=seed, columns=columns,
            buffer=buffer, drop_last=drop_last, rank=rank, ranks=ranks,
        )
        return Loader(SequenceBatches(plan), workers=workers, pin_memory=pin_memory)


def _library(package: str, extra: str, why: str) -> Any:
    """A package that not everybody needs."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        # One that is there and does not load says why itself.
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise MissingPackage(package, extra, why) from error
        raise
