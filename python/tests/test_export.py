"""The studies' text format, read by a reader of its own."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sysds
from conftest import CALLS, Made, write_sequences
from sysds.studies import main

Held = dict[str, list[dict[str, Any]]]


def test_a_line_has_seven_lists_and_the_duration(made: tuple[Path, Held], tmp_path: Path) -> None:
    folder, held = made
    train = sysds.open_sequences(folder, "train")
    assert sysds.export_text(train, "train", tmp_path / "data" / "train_id") == 230
    lines = (tmp_path / "data" / "train_id" / "data.txt").read_text().splitlines()
    assert len(lines) == 230
    for line, row in zip(lines, held["train"]):
        *lists, duration = line.split(";")
        call, entry, elapsed, process, pid, tid, ret = ([int(v) for v in column.split(",")] for column in lists)
        # Theirs: 2 and 3 are the marks, words begin at 5; all other lists have 0 at marks.
        assert call == [c - 1 if c >= 6 else c for c in row["call"]] and (call[0], call[-1]) == (2, 3)
        assert process == [c - 1 if c >= 6 else c for c in row["process"]]
        assert entry == row["phase"] and ret == row["outcome"] and elapsed == row["elapsed_ns"]
        assert pid == [0, *row["pid"][1:-1], 0] and tid == [0, *row["tid"][1:-1], 0]
        assert float(duration) == sum(elapsed) / 1e6
    words, listed = pickle.loads((tmp_path / "data" / "dict_sys.pkl").read_bytes())
    assert listed == ["[MASK]", "[UNKNOWN]", "[START]", "[END]", "[TRUNCATE]", *CALLS]
    assert words == {word: i for i, word in enumerate(listed)}
    _, names = pickle.loads((tmp_path / "data" / "dict_proc.pkl").read_bytes())
    assert names[5:] == ["apache2", "mariadbd"]


def test_parts_share_dictionaries_and_nothing_is_replaced(made: tuple[Path, Held], tmp_path: Path) -> None:
    train = sysds.open_sequences(made[0], "train")
    sysds.export_text(train, "train", tmp_path / "data" / "train_id")
    assert sysds.export_text(train, "test", tmp_path / "data" / "test_id") == 20
    with pytest.raises(sysds.SysdsError, match="data.txt is there already"):
        sysds.export_text(train, "test", tmp_path / "data" / "test_id")
    write_sequences(tmp_path / "other", {"train": [Made(3)]})
    vocabulary = tmp_path / "other" / "vocabulary.parquet"
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(vocabulary)
    pq.write_table(table.filter(pc.not_equal(table["word"], "stat")), vocabulary)
    told = json.loads((tmp_path / "other" / "sequences.json").read_text())
    told["words"]["bytes"] = vocabulary.stat().st_size
    (tmp_path / "other" / "sequences.json").write_text(json.dumps(told))
    with pytest.raises(sysds.SysdsError, match="dict_sys.pkl has other words"):
        sysds.export_text(sysds.open_sequences(tmp_path / "other", "train"), "train", tmp_path / "data" / "other_id")
    assert not (tmp_path / "data" / "other_id" / "data.txt").exists()
    assert sorted(p.name for p in (tmp_path / "data" / "train_id").iterdir()) == ["data.txt"]


def test_the_command_writes_a_part_and_says_what_it_refuses(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYSDS_CACHE", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "sysds.export", str(release), "test", str(tmp_path / "data" / "test_id"), "--skip-first", "3"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr.endswith("data.txt: 126 requests\n") and done.stderr.count("\n") == 1
    lines = (tmp_path / "data" / "test_id" / "data.txt").read_text().splitlines()
    whole = sysds.load(release, "test", "window", max_length=None, skip_first=3)
    assert len(lines) == len(whole) > 50
    # Whole, however long: the studies cut off when they load.
    assert [line.split(";")[0].count(",") + 1 for line in lines] == [n + 2 for n in whole.pandas(columns=["n_events"])["n_events"]]
    assert main([str(release), "valid", str(tmp_path / "data" / "valid_id")]) == 1
    assert "no part 'valid'" in capsys.readouterr().err


def test_what_is_cut_off_is_refused_and_leaves_nothing(made: tuple[Path, Held], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = sysds.open_sequences(made[0], "test").files[0].path
    table = pq.read_table(path)
    pq.write_table(table.set_column(6, table.schema.field("truncated"), pa.array([False] * 19 + [True])), path)
    told = json.loads((made[0] / "sequences.json").read_text())
    told["parts"]["test"]["files"][0]["bytes"] = path.stat().st_size
    (made[0] / "sequences.json").write_text(json.dumps(told))
    with pytest.raises(sysds.SysdsError, match="request 19 of trace-test is cut off"):
        sysds.export_text(sysds.open_sequences(made[0], "test"), "test", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
