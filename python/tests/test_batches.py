"""The batches of a loader are the rows of the files: all of them, once, in an order that the seed decides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import sysds
from conftest import Made, write_sequences
from sysds.batches import Loader

Held = dict[str, list[dict[str, Any]]]


def ids(loader: Loader) -> list[int]:
    return [int(i) for batch in loader for i in batch["request_id"]]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_row_comes_once_with_its_values(made: tuple[Path, Held], workers: int, shuffle: bool) -> None:
    folder, held = made
    by_id = {row["request_id"]: row for row in held["train"]}
    seen = []
    for batch in sysds.open_sequences(folder, "train").torch(17, shuffle=shuffle, workers=workers, buffer=40):
        for i, request in enumerate(batch["request_id"].tolist()):
            row = by_id[request]
            seen.append(request)
            n = len(row["call"])
            assert batch["length"][i] == n and batch["mask"][i].tolist() == [True] * n + [False] * (batch["mask"].shape[1] - n)
            for name, value in row.items():
                if name == "path":
                    assert [[c for c in codes if c] for codes in batch["path"][i, :n].tolist()] == value
                    assert not batch["path"][i, n:].any()
                elif isinstance(value, list):
                    assert batch[name][i, :n].tolist() == value, name
                    assert not batch[name][i, n:].any()
                elif name != "part":
                    assert batch[name][i] == value, name
    assert sorted(seen) == sorted(by_id)
    assert (seen == list(by_id)) is not shuffle


def test_an_epoch_is_the_same_for_the_same_seed_and_another_for_another(made: tuple[Path, Held]) -> None:
    train = sysds.open_sequences(made[0], "train")
    loader = train.torch(32, seed=5)
    first, second = ids(loader), ids(loader)
    assert first != second
    again = train.torch(32, seed=5)
    assert (ids(again), ids(again)) == (first, second)
    again.set_epoch(1)
    assert ids(again) == second
    assert ids(train.torch(32, seed=6)) != first
    two = train.torch(32, seed=5, workers=2)
    assert ids(two) == ids(train.torch(32, seed=5, workers=2))


def test_without_shuffling_the_order_is_that_of_the_files_for_any_number_of_workers(made: tuple[Path, Held]) -> None:
    folder, held = made
    train = sysds.open_sequences(folder, "train")
    for workers in [0, 1, 2, 3]:
        assert ids(train.torch(7, shuffle=False, workers=workers)) == [row["request_id"] for row in held["train"]]


def test_shuffling_mixes_the_whole_part(tmp_path: Path) -> None:
    write_sequences(tmp_path / "s", {"train": [Made(3000)]}, rows_a_file=500, rows_a_group=50)
    order = ids(sysds.open_sequences(tmp_path / "s", "train").torch(64, buffer=256))
    # Of rows that follow one another few were neighbours, and the places have little to do with the ids.
    assert sum(abs(a - b) == 1 for a, b in zip(order, order[1:])) < 0.05 * len(order)
    place = torch.tensor(order, dtype=torch.float64)
    correlation = torch.corrcoef(torch.stack([place, torch.arange(len(order), dtype=torch.float64)]))[0, 1]
    assert abs(float(correlation)) < 0.5
    # A batch has rows of several row groups.
    groups = [len({i // 50 for i in order[k:k + 64]}) for k in range(0, len(order) - 64, 64)]
    assert min(groups) >= 3


def test_the_number_of_batches_is_told(made: tuple[Path, Held]) -> None:
    train = sysds.open_sequences(made[0], "train")
    for workers in [0, 2, 3]:
        for options in [{}, {"drop_last": True}, {"shuffle": False}, {"shuffle": False, "drop_last": True}]:
            loader = train.torch(16, workers=workers, **options)  # type: ignore[arg-type]
            told = len(loader)
            batches = list(loader)
            assert told == len(batches), (workers, options)
            if "drop_last" in options:
                assert {len(batch["request_id"]) for batch in batches} == {16}


def test_ranks_share_the_rows(made: tuple[Path, Held]) -> None:
    folder, held = made
    train = sysds.open_sequences(folder, "train")
    for shuffle in [True, False]:
        of = [set(ids(train.torch(8, shuffle=shuffle, workers=2, rank=rank, ranks=3))) for rank in range(3)]
        assert all(of) and sum(map(len, of)) == len(held["train"]) == len(set.union(*of))


def test_only_the_lists_that_are_named_are_read(made: tuple[Path, Held]) -> None:
    train = sysds.open_sequences(made[0], "train")
    batch = next(iter(train.torch(4, columns=["call", "fd"])))
    assert set(batch) == {"request_id", "duration_ns", "n_events", "truncated", "trace_id", "label", "call", "fd", "length", "mask"}
    with pytest.raises(ValueError, match="no list 'retval'; there are call, phase"):
        train.torch(4, columns=["retval"])
    for wrong in [{"batch_size": 0}, {"batch_size": 4, "buffer": 0}, {"batch_size": 4, "rank": 1}]:
        with pytest.raises(ValueError):
            train.torch(**wrong)  # type: ignore[arg-type]


def test_labels_that_are_none_stay_none(made: tuple[Path, Held]) -> None:
    assert next(iter(sysds.open_sequences(made[0], "test").torch(4)))["label"] == [None] * 4


MEASURE = """
import json, resource, sys, sysds
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loader = sysds.open_sequences(sys.argv[1], "train").torch(32, buffer=128)
after_one = None
rows = 0
for batch in loader:
    rows += len(batch["request_id"])
print(json.dumps({"rows": rows, "kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


def test_memory_does_not_grow_with_the_requests(tmp_path: Path) -> None:
    """Twenty times the requests take no more than a few megabytes more, while they would take 10 times that in memory."""
    used = {}
    for name, times in [("short", 1), ("long", 20)]:
        write_sequences(tmp_path / name, {"train": [Made(600)]}, rows_a_file=600, rows_a_group=100)
        told = json.loads((tmp_path / name / "sequences.json").read_text())
        files = told["parts"]["train"]["files"]
        told["parts"]["train"]["files"] = files * times
        (tmp_path / name / "sequences.json").write_text(json.dumps(told))
        done = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path / name)], capture_output=True, text=True, check=True)
        measured = json.loads(done.stdout)
        assert measured["rows"] == 600 * times
        used[name] = measured["kb"]
    assert used["long"] - used["short"] < 16_000, used
