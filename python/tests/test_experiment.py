"""The command from end to end, on sequences that are made up so that the answer is known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Made, write_sequences
from sysds.experiment.command import main
from sysds.experiment.sizes import SIZES

QUICK = ["--steps", "12", "--eval-every", "4", "--seeds", "0,1", "--resamples", "200"]
PARTS = {
    "train": [Made(200, "normal")], "valid": [Made(60, "normal")], "test": [Made(60, "normal")],
    "valid-ood": [Made(50, "strange", 0.5), Made(50, "same")],
    "test-ood": [Made(50, "strange", 0.5), Made(50, "same"), Made(20, "unseen", 0.9)],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("study") / "sequences"
    write_sequences(made, PARTS)
    return made


@pytest.fixture(scope="module")
def results(folder: Path) -> Path:
    """A study with all methods."""
    output = folder.parent / "results"
    assert main([str(folder), "-o", str(output), *QUICK]) == 0
    return output


def read(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / "results.json").read_text())
    return found


def test_strange_requests_are_told_and_those_of_the_same_kind_are_not(results: Path) -> None:
    methods = read(results)["methods"]
    assert list(methods) == ["length", "duration", "histogram", "3-gram", "4-gram", "lstm", "transformer", "windowed"]
    for name in ["3-gram", "4-gram"]:
        of = methods[name]["behaviours"]
        assert of["strange"]["verdict"] == of["unseen"]["verdict"] == "told apart" and of["strange"]["auroc"]["low"] > 0.85
        assert of["same"]["verdict"] == "not told apart"
        # Strange calls are foretold badly; their entries come at random, and exits follow them.
        assert methods[name]["accuracy_all"]["mean"] > methods[name]["accuracy_entries"]["mean"] > 0.7
    for name in ["length", "duration"]:
        assert methods[name]["behaviours"]["same"]["verdict"] == "not told apart" and "perplexity" not in methods[name]
    for name in ["lstm", "transformer", "windowed"]:
        assert methods[name]["seeds"] == [0, 1] and methods[name]["parameters"] > 50_000
        assert methods[name]["behaviours"]["strange"]["auroc"]["deviation"] is not None
        for run in methods[name]["training"]:
            assert [point["step"] for point in run["curve"]] == [4, 8, 12] and run["ended"] == "all steps"
            assert run["curve"][-1]["valid"] < run["curve"][0]["valid"]


def test_the_page_says_what_cannot_be_told_apart_and_has_no_f1_where_there_is_no_threshold(results: Path) -> None:
    page = (results / "results.md").read_text()
    assert "| n-gram of order 3 | " in page and "- **same** is not told apart by" in page
    assert "None for unseen, all of them: valid-ood has no such requests, or not of all." in page
    row = next(line for line in page.split("## F1")[1].splitlines() if line.startswith("| n-gram of order 3 "))
    assert row.split("|")[4].strip() == ""
    of = read(results)["methods"]["3-gram"]["behaviours"]
    # Nor for all together, of which valid-ood has not all.
    assert of["unseen"]["f1"] is None and of["all of them"]["f1"] is None and of["strange"]["f1"] is not None


def test_thresholds_come_from_valid_and_figures_from_test(results: Path) -> None:
    from sysds.experiment.metrics import auroc, best_threshold, f1
    from sysds.experiment.scores import Scores

    of = lambda part: Scores.read(results / "runs" / "lstm-1" / f"{part}.npz")  # noqa: E731
    strange = lambda part: of(part).score[of(part).label == "strange"]  # noqa: E731
    told = read(results)["methods"]["lstm"]["behaviours"]["strange"]
    threshold = best_threshold(of("valid").score, strange("valid-ood"))
    assert told["thresholds"][1] == threshold
    others = [Scores.read(results / "runs" / "lstm-0" / f"{part}.npz") for part in ["test", "test-ood"]]
    mean = (auroc(of("test").score, strange("test-ood")) + auroc(others[0].score, others[1].score[others[1].label == "strange"])) / 2
    assert told["auroc"]["mean"] == pytest.approx(mean, abs=1e-6)
    assert 0 < f1(of("test").score, strange("test-ood"), threshold) <= 1


def test_results_say_what_the_release_is_called_and_not_where_it_is(results: Path, folder: Path) -> None:
    from sysds.experiment.command import _name

    assert read(results)["experiment"]["source"] == "sequences" and str(folder.parent) not in (results / "results.json").read_text()
    assert str(folder.parent) not in (results / "results.md").read_text()
    assert _name("s3://lab/web/apache-wrk2/") == "apache-wrk2" and _name(".") == Path.cwd().name


def test_plots_are_pictures(results: Path) -> None:
    names = sorted(path.name for path in (results / "plots").iterdir())
    assert [n for n in names if n.startswith("roc-")] == ["roc-all_of_them.png", "roc-same.png", "roc-strange.png", "roc-unseen.png"]
    assert len([n for n in names if n.startswith("scores-")]) == 8 and "losses.png" in names and len(names) == 13
    for path in (results / "plots").iterdir():
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 5_000


def test_the_same_command_finds_all_done_and_gives_the_same(results: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*") if path.suffix in (".json", ".md", ".png")}
    assert main([str(folder), "-o", str(results), *QUICK]) == 0
    assert capsys.readouterr().err.count("done before") == 11
    assert {path: path.read_bytes() for path in before} == before


def test_more_seeds_and_methods_are_added_to_what_was_done(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, options = str(tmp_path / "r"), ["--steps", "4", "--eval-every", "4", "--resamples", "20"]
    assert main([str(folder), "-o", output, *options, "--methods", "lstm", "--seeds", "0"]) == 0
    capsys.readouterr()
    assert main([str(folder), "-o", output, *options, "--methods", "3-gram,lstm", "--seeds", "1,0"]) == 0
    assert [line.split("] ")[1] for line in capsys.readouterr().err.splitlines() if "done before" in line] == ["lstm-0: done before"]
    found = read(tmp_path / "r")
    assert found["methods"]["lstm"]["seeds"] == found["experiment"]["seeds"] == [1, 0]
    assert found["experiment"]["methods"] == ["3-gram", "lstm"]


def test_runs_side_by_side_come_out_as_one_after_the_other(folder: Path, tmp_path: Path) -> None:
    options = ["--steps", "6", "--eval-every", "3", "--resamples", "20", "--methods", "histogram,lstm,windowed", "--seeds", "0,1"]
    for jobs in ["1", "3"]:
        assert main([str(folder), "-o", str(tmp_path / jobs), *options, "--threads", "1", "--jobs", jobs]) == 0
    assert read(tmp_path / "1") == read(tmp_path / "3")


def test_arguments_are_another_study(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--steps", "4", "--eval-every", "4", "--resamples", "20", "--methods", "lstm", "--seeds", "0"]
    for name, more in [("with", ["--arguments"]), ("without", [])]:
        assert main([str(folder), "-o", str(tmp_path / name), *options, *more]) == 0
    with_them, without = read(tmp_path / "with"), read(tmp_path / "without")
    assert with_them["methods"]["lstm"]["parameters"] > without["methods"]["lstm"]["parameters"] + 8 * 1033
    assert ", with arguments, " in (tmp_path / "with" / "results.md").read_text()
    assert main([str(folder), "-o", str(tmp_path / "with"), *options]) == 1
    assert "differs in arguments: " in capsys.readouterr().err
    told = json.loads((folder / "sequences.json").read_text())
    (tmp_path / "s").mkdir()
    for path in folder.iterdir():
        (tmp_path / "s" / path.name).symlink_to(path)
    (tmp_path / "s" / "sequences.json").unlink()
    (tmp_path / "s" / "sequences.json").write_text(json.dumps(told | {"arguments": False}))
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "r"), *options, "--arguments"]) == 2
    assert "has no arguments: make it anew" in capsys.readouterr().err


def test_a_process_that_is_killed_is_told(folder: Path, tmp_path: Path) -> None:
    options = ["--methods", "lstm", "--seeds", "0,1", "--steps", "5000", "--eval-every", "2", "--resamples", "20", "--jobs", "2"]
    call = [sys.executable, "-m", "sysds.experiment", str(folder), "-o", str(tmp_path / "r"), *options]
    running = subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert running.stderr is not None
    for line in running.stderr:
        if "step 4:" in line:
            # One that trains: the other child keeps count of what is shared.
            trains = [p for p in children(running.pid) if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()]
            os.kill(trains[-1], signal.SIGKILL)
            break
    left = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 1 and "one of 2 processes was killed" in left and "--jobs 1" in left


def test_ctrl_c_ends_all_processes(folder: Path, tmp_path: Path) -> None:
    options = ["--methods", "lstm", "--seeds", "0,1", "--steps", "5000", "--eval-every", "2", "--jobs", "2"]
    call = [sys.executable, "-m", "sysds.experiment", str(folder), "-o", str(tmp_path / "r"), *options]
    running = subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
    assert running.stderr is not None
    for line in running.stderr:
        if "step 4:" in line:
            os.killpg(running.pid, signal.SIGINT)
            break
    left = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 130 and "interrupted; the same command goes on" in left and "Traceback" not in left
    with pytest.raises(ProcessLookupError):
        # What is left of its group dies with it.
        for _ in range(50):
            os.killpg(running.pid, 0)
            time.sleep(0.1)


def children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


LONGER = ["--steps", "30", "--eval-every", "5", "--seeds", "3", "--methods", "lstm,windowed", "--resamples", "20", "--threads", "1"]


# With one job first in the first training, then in the second; with two in either, before the other's end.
@pytest.mark.parametrize(("jobs", "moments"), [("1", ["windowed-3: step 15:", "lstm-3: step 15:"]), ("2", ["step 10:", "step 20:"])])
def test_a_study_that_is_killed_goes_on_and_comes_out_the_same(folder: Path, tmp_path: Path, jobs: str, moments: list[str]) -> None:
    def command(output: Path) -> list[str]:
        return [sys.executable, "-m", "sysds.experiment", str(folder), "-o", str(output), *LONGER, "--jobs", jobs]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    for moment in moments:
        running = subprocess.Popen(command(tmp_path / "killed"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert running.stderr is not None
        for line in running.stderr:
            if moment in line:
                # Long enough for what was reached to be written, and for more to be begun.
                time.sleep(0.05)
                os.kill(running.pid, signal.SIGKILL)
                break
        running.stderr.close()
        assert running.wait() == -signal.SIGKILL
    resumed = subprocess.run(command(tmp_path / "killed"), check=True, capture_output=True, text=True)
    assert "goes on at step" in resumed.stderr
    assert read(tmp_path / "killed") == read(tmp_path / "whole")


def test_training_ends_where_valid_gets_no_better(tmp_path: Path) -> None:
    # Nothing can be learnt from calls at random beyond how often each is.
    noise = {part: [Made(60, "x", 1.0)] for part in PARTS}
    write_sequences(tmp_path / "s", noise)
    options = ["--methods", "lstm", "--seeds", "0", "--steps", "2000", "--eval-every", "5", "--resamples", "10"]
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "r"), *options]) == 0
    (run,) = read(tmp_path / "r")["methods"]["lstm"]["training"]
    assert run["ended"] == f"no better for {SIZES['small'].patience} evaluations" and run["steps"] < 2000
    best = min(point["valid"] for point in run["curve"])
    assert run["best_valid_loss"] == pytest.approx(best, abs=0.0011) and run["curve"][-1]["valid"] > best - 0.001


def test_the_published_size_trains(folder: Path, tmp_path: Path) -> None:
    options = ["--size", "published", "--methods", "lstm,transformer,windowed", "--seeds", "0", "--steps", "1", "--resamples", "10"]
    assert main([str(folder), "-o", str(tmp_path / "r"), *options, "--batch", "4"]) == 0
    results = read(tmp_path / "r")
    assert results["experiment"]["size"]["accumulate"] == 4 and results["experiment"]["max_length"] == 2048
    for method in results["methods"].values():
        assert method["parameters"] > 600_000 and method["training"][0]["steps"] == 1


def test_a_release_without_the_parts_is_refused_with_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sequences(tmp_path / "s", {"train": [Made(9)], "test": [Made(9)]})
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "r"), *QUICK]) == 2
    said = capsys.readouterr().err
    assert "has the parts train, test, and lacks" in said and "--split parts --part train=NAME" in said and "--split label" in said
    for part in ["valid", "valid-ood", "test-ood"]:
        assert f"\n  {part}: " in said
    assert "\n  train: " not in said and not (tmp_path / "r").exists()


def test_results_of_another_study_are_not_mixed_in(results: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "-o", str(results), *QUICK, "--steps", "13"]) == 1
    assert "differs in size.steps: take another folder" in capsys.readouterr().err
    # Workers read in another order.
    assert main([str(folder), "-o", str(results), *QUICK, "--workers", "1"]) == 1
    assert "differs in workers: take another folder" in capsys.readouterr().err


def test_a_folder_of_results_has_one_command_at_a_time(results: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sysds.experiment import files

    with files.alone(results):
        assert main([str(folder), "-o", str(results), *QUICK]) == 1
    assert f"another command writes to {results}: wait" in capsys.readouterr().err


COUNTING = ["--methods", "length,length,3-gram", "--resamples", "50"]


def test_a_method_that_is_named_twice_runs_once(folder: Path, tmp_path: Path) -> None:
    assert main([str(folder), "-o", str(tmp_path), *COUNTING]) == 0
    assert read(tmp_path)["experiment"]["methods"] == ["length", "3-gram"]


def test_of_few_requests_nothing_is_said(tmp_path: Path) -> None:
    write_sequences(tmp_path / "s", PARTS | {"test-ood": [Made(9, "strange", 0.9), Made(30, "same")]})
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "r"), *COUNTING]) == 0
    page = (tmp_path / "r" / "results.md").read_text()
    assert "- **strange**: too few requests to say." in page and "] (too few requests to say) |" in page


@pytest.mark.parametrize("label", ["cost $x^{$", "a$\\frac{$b", "x" * 300, "two\nlines | and more", "_hidden", "ü/ß"])
def test_labels_may_have_any_character(tmp_path: Path, label: str) -> None:
    write_sequences(tmp_path / "s", PARTS | {"test-ood": [Made(20, label, 0.5), Made(20, "a/b"), Made(20, "a_b")]})
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "r"), *COUNTING]) == 0
    assert len(list((tmp_path / "r" / "plots").glob("roc-*.png"))) == 4
    page = (tmp_path / "r" / "results.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(("| method | ", "| n-gram of order 3 | ")) and "accuracy" not in line]
    assert [line.count("|") - line.count("\\|") for line in rows[:2]] == [6, 6]


def test_parts_without_requests_and_a_label_that_stands_for_all_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sequences(tmp_path / "empty", PARTS | {"test": [], "valid": []})
    assert main([str(tmp_path / "empty"), "-o", str(tmp_path / "r"), *COUNTING]) == 2
    assert "has no requests in valid, test: give these parts more recordings" in capsys.readouterr().err
    write_sequences(tmp_path / "all", PARTS | {"test-ood": [Made(20, "all of them")]})
    assert main([str(tmp_path / "all"), "-o", str(tmp_path / "r"), *COUNTING]) == 2
    assert "has the label 'all of them'" in capsys.readouterr().err and not (tmp_path / "r").exists()


@pytest.mark.parametrize("manifest", [{"format_version": 4}, {"release": {"split": None}}])
def test_what_has_no_parts_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: dict[str, Any]
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "manifest.json").write_text(json.dumps(manifest))
    assert main([str(tmp_path / "web"), "-o", str(tmp_path / "r"), *COUNTING]) == 2
    assert "has the parts none, and lacks\n  train: " in capsys.readouterr().err


def test_a_full_disk_and_a_folder_that_cannot_be_are_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([str(folder), "-o", str(tmp_path / "file" / "r"), *COUNTING]) == 1
    assert "Not a directory" in capsys.readouterr().err
    options = ["--methods", "lstm", "--seeds", "0", "--steps", "4", "--eval-every", "2", "--resamples", "10"]
    for jobs in ["1", "2"]:
        seeds = ["--seeds", "0,1", "--jobs", jobs]
        # Files may not become larger than 100 KiB: a checkpoint is.
        limited = 'ulimit -f 200; exec "$@"'
        call = ["sh", "-c", limited, "sh", sys.executable, "-m", "sysds.experiment", str(folder), "-o", str(tmp_path / jobs), *options, *seeds]
        done = subprocess.run(call, capture_output=True, text=True)
        assert done.returncode == 1 and "File too large" in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not [path for path in (tmp_path / jobs / "runs").rglob(".*")]


def test_damaged_results_are_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--methods", "lstm", "--seeds", "0", "--steps", "4", "--eval-every", "2", "--resamples", "10"]
    again = lambda: main([str(folder), "-o", str(tmp_path), *options])  # noqa: E731
    assert again() == 0
    before, run = read(tmp_path), tmp_path / "runs" / "lstm-0"
    # Scores that are gone are made again.
    (run / "test.npz").unlink()
    assert again() == 0 and read(tmp_path) == before
    for name in ["test.npz", "run.json"]:
        (run / name).write_bytes((run / name).read_bytes()[:40])
        capsys.readouterr()
        assert again() == 1 and f"{run / name} cannot be read (" in capsys.readouterr().err
        (run / name).unlink()
        assert again() == 0 and read(tmp_path) == before
    (run / "run.json").unlink()
    (run / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:500])
    assert again() == 1 and f"{run / 'checkpoint.pt'} cannot be read (" in capsys.readouterr().err
    (run / "checkpoint.pt").unlink()
    assert again() == 0 and read(tmp_path) == before
    (tmp_path / "experiment.json").write_text("{")
    assert again() == 1 and "experiment.json cannot be read (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--methods", "gru"], "no method 'gru'; there are length"), (["--seeds", "a"], "seeds are whole numbers"),
        (["--steps", "0"], "--steps 0"), (["--resamples", "0"], "--resamples 0"), (["--workers=-1"], "must not be negative"),
        (["--device", "nothing"], "--device nothing: "), (["--device", "cuda:7"], "--device cuda:7: "),
        (["--seeds", "99999999999999999999"], "seeds are from 0 to 4294967295"), (["--seeds=-1"], "seeds are from 0"),
        (["--threads", "100000"], "this machine has"), (["--events", ""], "--events is empty"), (["--skip-first=-1"], "must not be negative"),
        (["--reach", "own"], "are sequences, which have a --reach of their own"), (["--max-length", "9"], "--max-length of their own"),
    ],
)
def test_wrong_calls_are_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str) -> None:
    assert main([str(folder), "-o", str(tmp_path / "r"), *options]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "r").exists()
