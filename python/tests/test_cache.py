"""`load` makes sequences once, whoever asks, and anew where they would be others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sysds
from conftest import Made, write_sequences

# Stands for the program: copies what was prepared, slowly, and notes that it ran.
PROGRAM = """#!/bin/sh
case $1 in
--version) echo "sysds ${FAKE_VERSION:-0.1.0}";;
inspect) echo '{"path": "'$3'", "manifest": {"format_version": 3, "appended": '${FAKE_APPENDED:-0}'}}';;
sequences)
    echo "$@" >> "$FAKE/ran"
    test -z "$FAKE_FAILS" || { echo "error: it is full" >&2; exit 1; }
    sleep 0.3
    cp -r "$FAKE/prepared" "$4";;
esac
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a release, a program that is none, and an empty cache."""
    write_sequences(tmp_path / "prepared", {"train": [Made(20)], "test": [Made(5)]})
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "manifest.json").write_text('{"format_version": 3}')
    program = tmp_path / "sysds"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("SYSDS_PROGRAM", str(program))
    monkeypatch.setenv("SYSDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE", str(tmp_path))
    return tmp_path


def runs(fake: Path) -> list[str]:
    path = fake / "ran"
    return path.read_text().splitlines() if path.exists() else []


def forget_version() -> None:
    from sysds import executable

    executable._version_of.cache_clear()


def test_the_same_is_made_once_for_all_parts(fake: Path) -> None:
    train, test = sysds.load(fake / "release", "train"), sysds.load(fake / "release", "test")
    assert (len(train), len(test)) == (20, 5)
    assert train.folder == test.folder and train.parts == ["train", "test"]
    assert len(runs(fake)) == 1


def test_the_program_gets_what_was_asked_for(fake: Path) -> None:
    sysds.load(
        fake / "release", "train", reach="window", events=["read", "write"], arguments=True, max_length=99, skip_first=7, path_words=50,
        split="label", parameters={"label": "normal", "fraction": 0.5}, memory="1G",
    )
    (ran,) = runs(fake)
    for option in [
        "--reach window", "--events read,write", "--arguments", "--max-length 99", "--skip-first 7", "--path-words 50", "--split label",
        "-p label=normal", "-p fraction=0.5", "--memory 1G",
    ]:
        assert f" {option}" in ran


def test_other_parameters_another_manifest_and_another_program_make_it_anew(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [sysds.load(fake / "release", "train").folder]
    for changed in [{"reach": "causal"}, {"events": "all"}, {"arguments": True}, {"max_length": 10}, {"skip_first": 1}, {"split": "hash"}]:
        folders.append(sysds.load(fake / "release", "train", **changed).folder)  # type: ignore[arg-type]
    (fake / "release" / "manifest.json").write_text('{"format_version": 3, "appended": 1}')
    folders.append(sysds.load(fake / "release", "train").folder)
    monkeypatch.setenv("FAKE_VERSION", "0.2.0")
    forget_version()
    folders.append(sysds.load(fake / "release", "train").folder)
    forget_version()
    assert len(set(folders)) == len(folders) == len(runs(fake))


def test_memory_is_no_other_choice(fake: Path) -> None:
    assert sysds.load(fake / "release", "train", memory="1G").folder == sysds.load(fake / "release", "train").folder


def test_what_is_in_a_store_is_known_by_the_manifest_that_the_program_tells(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sysds.load("s3://lab/web", "train")
    assert sysds.load("s3://lab/web", "test").folder == first.folder
    monkeypatch.setenv("FAKE_APPENDED", "1")
    assert sysds.load("s3://lab/web", "train").folder != first.folder
    assert [ran.split()[:2] for ran in runs(fake)] == [["sequences", "s3://lab/web"]] * 2


def test_processes_that_ask_at_once_wait_for_one(fake: Path) -> None:
    code = f"import sysds; print(len(sysds.load({str(fake / 'release')!r}, 'train')))"
    asking = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert [p.communicate()[0] for p in asking] == ["20\n"] * 6
    assert all(p.returncode == 0 for p in asking)
    assert len(runs(fake)) == 1


def test_what_is_damaged_is_made_anew(fake: Path) -> None:
    train = sysds.load(fake / "release", "train")
    train.files[0].path.write_bytes(b"short")
    assert len(sysds.load(fake / "release", "train").pandas()) == 20
    (train.folder / "vocabulary.parquet").unlink()
    assert len(sysds.load(fake / "release", "train").vocabulary.call) > 6
    assert len(runs(fake)) == 3


def test_what_a_killed_process_left_is_removed_and_nothing_else_stays(fake: Path) -> None:
    train = sysds.load(fake / "release", "train")
    root = train.folder.parent
    shutil.rmtree(train.folder)
    left = root / f".{train.folder.name}.making-dead"
    left.mkdir()
    (left / "half").write_text("")
    sysds.load(fake / "release", "train")
    assert sorted(p.name for p in root.iterdir()) == sorted([train.folder.name, f".{train.folder.name}.lock"])


def test_where_the_program_fails_nothing_is_kept_and_its_words_are_told(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAILS", "1")
    with pytest.raises(sysds.ProgramFailed, match="it is full"):
        sysds.load(fake / "release", "train")
    assert [p.name for p in (fake / "cache" / "sequences").iterdir() if not p.name.endswith(".lock")] == []


def test_what_is_not_there_is_said(fake: Path) -> None:
    with pytest.raises(sysds.NoSuchPart, match="no part 'valid'; it has train, test"):
        sysds.load(fake / "release", "valid")
    with pytest.raises(sysds.SysdsError, match="nowhere is no dataset and no release"):
        sysds.load(fake / "nowhere", "train")
    with pytest.raises(ValueError, match="max_length"):
        sysds.load(fake / "release", "train", max_length=0)
    with pytest.raises(ValueError, match="events is empty"):
        sysds.load(fake / "release", "train", events=[])


def test_a_later_form_is_refused(fake: Path) -> None:
    path = fake / "prepared" / "sequences.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(sysds.BadSequences, match="format 2, and this package reads 1"):
        sysds.open_sequences(fake / "prepared", "train")


def test_the_cache_is_where_it_is_said_to_be(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sysds.load(fake / "release", "train", cache=fake / "mine").folder.parent == fake / "mine" / "sequences"
    monkeypatch.delenv("SYSDS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fake / "xdg"))
    assert sysds.load(fake / "release", "train").folder.parent == fake / "xdg" / "sysds" / "sequences"
    assert os.environ["HOME"]
