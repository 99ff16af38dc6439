"""The Python of the documentation and of the notebook runs as it stands, on a release of a trace that ships."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from conftest import ROOT
from sysds import executable

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(dataset: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples name: the dataset `web`, the release `apache-wrk2`, and the trace `prefork`."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "web").symlink_to(dataset)
    (folder / "apache-wrk2").symlink_to(release)
    (folder / "prefork").symlink_to(dataset.parent / "prefork")
    return folder


@pytest.mark.parametrize("page", ["python/README.md", "docs/guide/python.md"])
def test_the_examples_of_a_page_run(page: str, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.chdir(place)
    monkeypatch.setenv("SYSDS_CACHE", str(place / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    blocks = BLOCK.findall((ROOT / page).read_text())
    assert len(blocks) == {"python/README.md": 1, "docs/guide/python.md": 4}[page]
    for i, block in enumerate(blocks):
        # Each by itself, as somebody who copies it would run it.
        exec(compile(block, f"{page}, block {i + 1}", "exec"), {"__name__": "__main__"})


def test_the_notebook_runs_from_top_to_bottom(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Cell after cell in one namespace, as Jupyter runs them; what the last line of a cell evaluates to is evaluated, too."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(place)
    monkeypatch.setenv("SYSDS_CACHE", str(place / "notebook"))
    monkeypatch.setenv("PATH", f"{executable.program().parent}:/usr/bin:/bin")
    notebook = json.loads((ROOT / "python" / "examples" / "sequences.ipynb").read_text())
    assert notebook["nbformat"] == 4
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 6
    namespace: dict[str, object] = {"__name__": "__main__"}
    for i, cell in enumerate(cells):
        assert not re.search(r"^\s*[%!]", cell, re.MULTILINE), f"cell {i + 1} is no plain Python"
        exec(compile(cell, f"cell {i + 1}", "exec"), namespace)
    assert "next call" in capsys.readouterr().out
