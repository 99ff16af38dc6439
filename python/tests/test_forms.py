"""The forms in which libraries take sequences have the same values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import sysds

Held = dict[str, list[dict[str, Any]]]


def test_pyarrow_polars_pandas_and_hugging_face_read_the_same(
    made: tuple[Path, Held], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    folder, held = made
    train = sysds.open_sequences(folder, "train")
    expected = held["train"]
    assert len(train) == len(expected) == 230
    assert train.arrow().to_table().to_pylist() == expected
    assert train.polars().collect().to_dicts() == expected
    frame = train.pandas()
    assert [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in row.items()} for row in frame.drop(columns="path").to_dict("records")] == [
        {k: v for k, v in row.items() if k != "path"} for row in expected
    ]
    assert str(frame["duration_ns"].dtype) == "int64[pyarrow]"
    assert list(train.pandas(columns=["label"])) == ["label"]
    assert list(train.huggingface()) == expected
    assert list(train.huggingface(streaming=True)) == expected


def test_a_part_with_a_hyphen_is_a_split_of_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    from conftest import Made, write_sequences

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    write_sequences(tmp_path / "s", {"valid-ood": [Made(7, "cpu")]})
    made = sysds.open_sequences(tmp_path / "s", "valid-ood").huggingface()
    assert (made.num_rows, str(made.split)) == (7, "valid_ood")


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("polars", lambda s: s.polars()), ("pandas", lambda s: s.pandas()), ("datasets", lambda s: s.huggingface()),
        ("torch", lambda s: s.torch(4)), ("numpy", lambda s: s.torch(4)),
    ],
)
def test_a_package_that_is_missing_is_named(made: tuple[Path, Held], monkeypatch: pytest.MonkeyPatch, package: str, call: Any) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(sysds.MissingPackage, match=rf"needs the package {package}: pip install 'sysds\["):
        call(sysds.open_sequences(made[0], "train"))


def test_importing_the_package_imports_none_that_not_everybody_needs() -> None:
    import subprocess

    # pyarrow itself imports numpy and pandas where they are.
    code = "import sys, sysds; print([m for m in ('torch', 'polars', 'datasets', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_words_and_codes(made: tuple[Path, Held]) -> None:
    words = sysds.open_sequences(made[0], "train").vocabulary
    assert (words.call.code("read"), words.call.word(6), words.call.code("fork"), len(words.call)) == (6, "read", 1, 16)
    assert [words.call.word(code) for code in range(6)] == ["[padding]", "[unknown]", "[start]", "[end]", "[truncated]", "[absent]"]
    assert [words.path.word(c) for c in [6, 7, 8]] == ["/", "etc", "hosts"]
    assert len(words.flags) == 6
    with pytest.raises(IndexError):
        words.call.word(16)
