"""From the scores of all runs to figures with their uncertainty, as JSON and as a page of Markdown."""

from __future__ import annotations

import dataclasses
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from . import files, metrics
from .faults import ALL
from .metrics import Bootstrap, Estimate
from .scores import Floats, Scores
from .study import Run, Study, foretells, say, title


def evaluate(study: Study, resamples: int) -> dict[str, Any]:
    """The figures of a study."""
    by_method: dict[str, list[Run]] = {}
    for run in study.runs():
        by_method.setdefault(run.method, []).append(run)
    any_run = next(iter(by_method.values()))[0]
    behaviours = sorted(set(any_run.scores("test-ood").label.tolist()))
    if len(behaviours) > 1:
        behaviours.append(ALL)
    methods = {}
    for name, runs in by_method.items():
        say(f"figures of {name}")
        methods[name] = _method(runs, behaviours, resamples)
    return {
        "experiment": study.described | {"seeds": study.seeds, "methods": study.methods},
        "parts": {name: _part(study, name) for name in study.parts},
        "behaviours": {b: _behaviour(any_run, b) for b in behaviours},
        "resamples": resamples,
        "methods": methods,
    }


def _part(study: Study, name: str) -> dict[str, Any]:
    told = study.parts[name].info["parts"][name]
    return {key: told[key] for key in ["requests", "events", "truncated", "unknown_calls", "unknown_processes"]}


def _has_thresholds(run: Run, behaviour: str) -> bool:
    """Whether valid-ood has what a threshold is set by: requests of the behaviour, or of all that are tested together."""
    there, wanted = (set(run.scores(part).label.tolist()) for part in ["valid-ood", "test-ood"])
    return there >= wanted if behaviour == ALL else behaviour in there


def _behaviour(run: Run, behaviour: str) -> dict[str, Any]:
    """How many requests a behaviour has, and the F1 of calling every request of the test novel."""
    test, novel = len(run.scores("test")), len(scores_of(run.scores("test-ood"), behaviour))
    return {
        "test_requests": novel,
        "valid_requests": len(scores_of(run.scores("valid-ood"), behaviour)) if _has_thresholds(run, behaviour) else 0,
        "f1_of_calling_all_novel": 2 * novel / (2 * novel + test),
    }


def scores_of(scores: Scores, behaviour: str) -> Floats:
    """The scores of the requests of a behaviour."""
    return scores.score if behaviour == ALL else scores.score[scores.label == behaviour]


def _method(runs: list[Run], behaviours: list[str], resamples: int) -> dict[str, Any]:
    valid, test, valid_ood, test_ood = ([run.scores(p) for run in runs] for p in ["valid", "test", "valid-ood", "test-ood"])
    told: dict[str, Any] = {"title": title(runs[0].method), "seeds": [run.seed for run in runs], "behaviours": {}}
    for behaviour in behaviours:
        normal, novel = [s.score for s in test], [scores_of(s, behaviour) for s in test_ood]
        thresholds = None
        if _has_thresholds(runs[0], behaviour):
            thresholds = [metrics.best_threshold(a.score, scores_of(b, behaviour)) for a, b in zip(valid, valid_ood)]
        bootstrap = Bootstrap(len(normal[0]), len(novel[0]), resamples, seed=zlib.crc32(behaviour.encode()))
        area, score = bootstrap.figures(normal, novel, thresholds)
        told["behaviours"][behaviour] = {
            "auroc": _rounded(area), "f1": None if score is None else _rounded(score), "thresholds": thresholds,
            "verdict": metrics.verdict(area, min(len(normal[0]), len(novel[0]))),
        }
    if foretells(runs[0].method):
        told |= {
            "accuracy_entries": _over_seeds([s.correct_entries.sum() / max(1, s.entries.sum()) for s in test]),
            "accuracy_all": _over_seeds([s.correct.sum() / s.targets.sum() for s in test]),
            "perplexity": _over_seeds([math.exp(s.loss.sum() / s.targets.sum()) for s in test]),
        }
    trained = [run.told() for run in runs]
    if "parameters" in trained[0]:
        told["parameters"] = trained[0]["parameters"]
        told["training"] = [{key: run[key] for key in ["seed", "steps", "epochs", "ended", "best_valid_loss", "curve"]} for run in trained]
    return told


def _rounded(of: Estimate) -> dict[str, float | None]:
    return {key: None if value is None else round(value, 6) for key, value in dataclasses.asdict(of).items()}


def _over_seeds(values: list[float]) -> dict[str, float | None]:
    deviation = round(float(np.std(values, ddof=1)), 6) if len(values) > 1 else None
    return {"mean": round(float(np.mean(values)), 6), "deviation": deviation}


def markdown(results: dict[str, Any]) -> str:
    """The page."""
    behaviours, methods = results["behaviours"], results["methods"]
    lines = ["# Novelty detection", "", _introduction(results), "", "## Parts", ""]
    lines += _table(
        ["part", "requests", "events", "cut off", "calls that train does not know"],
        [[name, *(f"{part[key]:,}" for key in ["requests", "events", "truncated", "unknown_calls"])] for name, part in results["parts"].items()],
    )
    lines += ["", "## Area under the ROC curve, in %", "", _about_areas(results), ""]
    lines += _table(
        ["method", *(f"{b} ({told['test_requests']:,})" for b, told in behaviours.items())],
        [[m["title"], *(_area(m["behaviours"][b]) for b in behaviours)] for m in methods.values()],
    )
    lines += ["", *_not_told_apart(results), "", "## F1, in %", "", _about_f1(results), ""]
    lines += _table(
        ["method", *behaviours],
        [["calling all novel", *(f"{100 * told['f1_of_calling_all_novel']:.1f}" for told in behaviours.values())]]
        + [[m["title"], *(_cell(m["behaviours"][b]["f1"]) for b in behaviours)] for m in methods.values()],
    )
    lines += ["", "## The next call, on test", "", (
        "On entries of system calls alone, and on all events and end marks, of which exits are easy: most follow their entries. "
        "The perplexity is over the latter (n-grams: over events, without end marks)."
    ), ""]
    lines += _table(
        ["method", "parameters", "accuracy on entries, %", "accuracy on all, %", "perplexity"],
        [
            [m["title"], f"{m['parameters']:,}" if "parameters" in m else "", _seeds(m["accuracy_entries"], 100), _seeds(m["accuracy_all"], 100),
             _seeds(m["perplexity"], 1)]
            for m in methods.values() if "perplexity" in m
        ],
    )
    trained = [m for m in methods.values() if "training" in m]
    if trained:
        lines += ["", "## Training", ""]
        lines += _table(
            ["method", "seed", "steps", "best loss on valid", "ended by"],
            [[m["title"], t["seed"], t["steps"], f"{t['best_valid_loss']:.3f}", t["ended"]] for m in trained for t in m["training"]],
        )
    return "\n".join(lines) + "\n"


def _introduction(results: dict[str, Any]) -> str:
    of = results["experiment"]
    return (
        f"Requests of {of['source']}, reach {of['reach']}, events {of['events']}, {'with' if of['arguments'] else 'without'} arguments, "
        f"cut off after {of['max_length']:,} events; size {of['size_name']}, seeds {', '.join(map(str, of['seeds']))}. "
        "A method learns from train alone. The score of a request is its perplexity (of a baseline: how far it is from what train has); "
        "novel is what has a high one."
    )


def _about_areas(results: dict[str, Any]) -> str:
    return (
        "Test against each behaviour of test-ood (number of requests): mean and standard deviation over the seeds, and the interval of 95 % of "
        f"{results['resamples']:,} resamples of requests and seeds. 50 is chance. The interval takes requests as independent of one "
        "another; those of one recording are not quite, and a behaviour that was recorded once may differ by its recording."
    )


def _about_f1(results: dict[str, Any]) -> str:
    text = "At the threshold with the best F1 on valid and valid-ood of the same behaviour."
    missing = [b for b, told in results["behaviours"].items() if not told["valid_requests"]]
    if missing:
        text += f" None for {', '.join(missing)}: valid-ood has no such requests, or not of all."
    return text


def _not_told_apart(results: dict[str, Any]) -> list[str]:
    """What the intervals say, in words."""
    lines = []
    for behaviour in results["behaviours"]:
        by_verdict: dict[str, list[str]] = {}
        for method in results["methods"].values():
            by_verdict.setdefault(method["behaviours"][behaviour]["verdict"], []).append(method["title"])
        if metrics.TOO_FEW in by_verdict:
            lines.append(f"- **{behaviour}**: {metrics.TOO_FEW}.")
            continue
        told = "; ".join(f"{verdict} by {', '.join(titles)}" for verdict, titles in sorted(by_verdict.items()) if verdict != "told apart")
        if told:
            lines.append(f"- **{behaviour}** is {told}.")
    if not lines:
        return ["Every method tells every behaviour apart."]
    return [
        "What an interval that holds 50, or lies below it, means. Of fewer than "
        f"{metrics.FEWEST} requests resamples tell no interval that could be trusted:", "", *lines,
    ]


def _area(of: dict[str, Any]) -> str:
    mark = f" ({of['verdict']})" if of["verdict"] in (metrics.NOT_TOLD, metrics.TOO_FEW) else ""
    return _cell(of["auroc"]) + mark


def _cell(of: dict[str, float | None] | None) -> str:
    if of is None:
        return ""
    low, high = of["low"], of["high"]
    assert low is not None and high is not None
    return f"{_seeds(of, 100)} [{100 * low:.1f}, {100 * high:.1f}]"


def _seeds(of: dict[str, float | None], scale: float) -> str:
    mean, deviation = of["mean"], of["deviation"]
    assert mean is not None
    digits = 1 if scale == 100 else 2
    return f"{scale * mean:.{digits}f}" + (f" ± {scale * deviation:.{digits}f}" if deviation is not None else "")


def _table(header: list[Any], rows: list[list[Any]]) -> list[str]:
    def line(cells: list[Any]) -> str:
        # A label may have any character.
        plain = ["".join(" " if ord(c) < 32 else c for c in str(cell)).replace("|", "\\|") for cell in cells]
        return "| " + " | ".join(plain) + " |"

    return [line(header), "|" + "---|" * len(header), *map(line, rows)]


def write(results: dict[str, Any], folder: Path) -> None:
    """results.json and results.md, each whole."""
    files.write_json(folder / "results.json", results)
    files.write(folder / "results.md", markdown(results).encode())
