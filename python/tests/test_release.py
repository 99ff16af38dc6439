"""The package with the real program, on the traces that ship: from a trace to batches, and to the results of a study."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import sysds
from conftest import ROOT
from sysds import executable
from sysds.experiment.command import main


def reference() -> Any:
    """tests/clients/sequences_reference.py."""
    spec = importlib.util.spec_from_file_location("sequences_reference", ROOT / "tests" / "clients" / "sequences_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where its dataclasses look for their module.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for all of these tests, and not that of who runs them."""
    monkeypatch.setenv("SYSDS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_loaded_sequences_are_those_of_the_reference(release: Path) -> None:
    """Of one reach: tests/clients/check_sequences.py compares everything that the program can be asked for."""
    module = reference()
    told, words, by_part = module.expected(release, module.Options(reach="causal", arguments=True, max_length=300))
    for part in ["train", "test"]:
        loaded = sysds.load(release, part, "causal", arguments=True, max_length=300)
        assert loaded.arrow().to_table().to_pylist() == by_part[part]
        assert len(loaded) == told["parts"][part]["requests"] > 100
    listed = {
        kind: [(code, word, times) for of, code, word, times in words if of == kind] for kind in ["call", "process", "flags", "path"]
    }
    for kind, expected in listed.items():
        found: sysds.Words = getattr(loaded.vocabulary, kind)
        assert [(found.code(w), w, t) for w, t in zip(found.words, found.times)] == expected


def test_batches_of_a_release_have_all_of_its_requests(release: Path) -> None:
    train = sysds.load(release, "train", reach="window")
    frame = train.polars().select("trace_id", "request_id", "call").collect()
    seen = {}
    for batch in train.torch(16, workers=2, columns=["call"]):
        for i, ids in enumerate(zip(batch["trace_id"], batch["request_id"].tolist())):
            assert ids not in seen
            seen[ids] = batch["call"][i, :batch["length"][i]].tolist()
    assert seen == {(trace, request): call for trace, request, call in frame.iter_rows()}


def test_a_dataset_is_split_as_it_is_asked(dataset: Path) -> None:
    train = sysds.load(dataset, "train", split="label", parameters={"label": "overload"})
    assert set(train.parts) == {"train", "test", "ood"}
    named = sysds.load(dataset, "test-ood", parts={"train": ["normal"], "test": "overload", "test-ood": ["keepalive"]})
    assert set(named.parts) == {"train", "test", "test-ood"} and set(named.pandas(columns=["label"])["label"]) == {"keepalive"}
    with pytest.raises(ValueError, match="leave one out"):
        sysds.load(dataset, "train", split="hash", parts={"train": ["normal"]})
    labels = {part: set(train.other(part).pandas(columns=["label"])["label"]) for part in train.parts}
    assert labels == {"train": {"overload"}, "test": {"overload"}, "ood": {"normal", "keepalive"}}


def test_what_the_program_refuses_is_told_in_its_words(dataset: Path, release: Path) -> None:
    with pytest.raises(sysds.ProgramFailed, match="the release is split already"):
        sysds.load(release, "train", split="hash")
    with pytest.raises(sysds.ProgramFailed, match="--split hash"):
        sysds.load(dataset, "train")
    with pytest.raises(sysds.SysdsError, match="no dataset and no release"):
        sysds.load(dataset.parent, "train")


def test_queries_come_back_as_tables_of_arrow(dataset: Path) -> None:
    table = sysds.query(dataset, "SELECT label, count(*) AS n, min(start) AS first FROM requests GROUP BY label ORDER BY label")
    assert table.schema.field("first").type == pa.timestamp("ns", tz="UTC")
    assert table["label"].to_pylist() == ["keepalive", "normal", "overload"] and table["n"][1].as_py() == 319
    assert sysds.query(dataset, "latency", per="pid").num_rows > 1
    file = dataset.parent / "longest.sql"
    file.write_text("-- The longest requests.\n-- $limit = 3  how many\nSELECT request_id FROM requests ORDER BY duration_ns DESC LIMIT $limit")
    assert sysds.query(dataset, file).num_rows == 3 and sysds.query(dataset, str(file), limit=5).num_rows == 5


@pytest.mark.parametrize("value", ["it's", "'quoted'", "'", "12", "-1e3", "true", "", "a b", "ü", 7, -7, 2**62, -1.5, 1e300, True, False])
def test_parameters_arrive_as_they_are(dataset: Path, value: object) -> None:
    assert sysds.query(dataset, "SELECT $given AS given", given=value)["given"].to_pylist() == [value]


def test_what_is_wrong_in_sql_is_told(dataset: Path) -> None:
    with pytest.raises(TypeError, match="not None"):
        sysds.query(dataset, "SELECT $given", given=None)
    with pytest.raises(sysds.ProgramFailed, match="sysds query.*nowhere"):
        sysds.query(dataset, "SELECT * FROM nowhere")


STUDY = ["--license", "CC-BY-4.0", "--split", "label", "-p", "label=normal", "-p", "fraction=0.6", "-p", "valid=0.2"]


@pytest.fixture
def study(dataset: Path, tmp_path: Path) -> Path:
    """A release with the five parts of a study. There is one recording of each behaviour, so its requests are shared out."""
    executable.run(["publish", "--quiet", dataset, "-o", tmp_path / "study", *STUDY])
    return tmp_path / "study"


def test_a_study_of_the_traces_that_ship_whose_figures_come_into_the_card(dataset: Path, study: Path, tmp_path: Path) -> None:
    options = ["--reach", "own", "--max-length", "128", "--seeds", "0,1", "--steps", "20", "--eval-every", "10", "--resamples", "200"]
    assert main([str(study), "-o", str(tmp_path / "results"), *options]) == 0
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert set(results["behaviours"]) == {"keepalive", "overload", "all of them"}
    assert results["experiment"]["source"] == "study"
    for name, method in results["methods"].items():
        for behaviour in results["behaviours"]:
            area = method["behaviours"][behaviour]["auroc"]
            assert 0 <= area["low"] <= area["mean"] <= area["high"] <= 1, (name, behaviour)
        if "perplexity" in method:
            # Better than chance among the calls there are, by far.
            assert method["accuracy_all"]["mean"] > 0.4 and method["perplexity"]["mean"] < 12, name
    assert results["methods"]["3-gram"]["accuracy_all"]["mean"] > results["methods"]["3-gram"]["accuracy_entries"]["mean"]
    executable.run(["publish", "--quiet", dataset, "-o", study, *STUDY, "--force", "--figures", tmp_path / "results" / "results.json"])
    executable.run(["verify", study])
    card = (study / "README.md").read_text()
    lstm = results["methods"]["lstm"]["behaviours"]["keepalive"]["auroc"]
    assert "## What models tell" in card and f"| LSTM | {100 * lstm['mean']:.1f} ± {100 * lstm['deviation']:.1f} [" in card
    # Of other data they are refused.
    fewer = [option.replace("fraction=0.6", "fraction=0.5") for option in STUDY]
    with pytest.raises(sysds.ProgramFailed, match="its figures are of other data"):
        executable.run(["publish", dataset, "-o", tmp_path / "other", *fewer, "--figures", tmp_path / "results" / "results.json"])
    assert not (tmp_path / "other").exists()


def test_a_release_with_two_parts_is_no_study(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(release), "-o", str(tmp_path / "results")]) == 2
    assert "lacks\n  valid: normal requests" in capsys.readouterr().err
