"""Plots of a study: how training went, ROC curves, and how scores are distributed by behaviour."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from .faults import ALL
from .results import scores_of
from .scores import Floats
from .study import Run, Study, foretells, title

# The same files for the same figures: no date, no version.
METADATA = {"Software": None}


def draw(study: Study, results: dict[str, Any]) -> list[Path]:
    """Draws all plots into `plots/`, and returns their files."""
    folder = study.folder / "plots"
    folder.mkdir(exist_ok=True)
    first: dict[str, Run] = {}
    for run in study.runs():
        first.setdefault(run.method, run)
    made = [_losses(results, folder)] if any("training" in m for m in results["methods"].values()) else []
    made += [_roc(list(first.values()), b, folder) for b in results["behaviours"]]
    made += [_distributions(run, list(results["behaviours"]), folder) for run in first.values()]
    return made


def _plain(label: str) -> str:
    """A label as a text that Matplotlib shows as it is: dollars are no formulas, and what begins with _ is shown, too."""
    shown = label.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def _save(figure: Any, path: Path) -> Path:
    aside = path.with_name(f".{path.name}")
    figure.savefig(aside, format="png", dpi=120, metadata=METADATA, bbox_inches="tight")
    plt.close(figure)
    aside.replace(path)
    return path


def _losses(results: dict[str, Any], folder: Path) -> Path:
    figure, axes = plt.subplots(figsize=(7, 4))
    colours = iter(plt.rcParams["axes.prop_cycle"].by_key()["color"])
    for method in results["methods"].values():
        for i, training in enumerate(method.get("training", [])):
            colour = next(colours) if i == 0 else axes.lines[-1].get_color()
            steps = [point["step"] for point in training["curve"]]
            label = method["title"] if i == 0 else None
            axes.plot(steps, [point["valid"] for point in training["curve"]], color=colour, label=label)
            axes.plot(steps, [point["train"] for point in training["curve"]], color=colour, linestyle=":", linewidth=0.8)
    axes.set_xlabel("step")
    axes.set_ylabel("loss for each event, nats")
    axes.set_title("Training: valid (lines), train with label smoothing (dots), one line a seed", fontsize=9)
    axes.legend()
    return _save(figure, folder / "losses.png")


def roc(normal: Floats, novel: Floats) -> tuple[Floats, Floats]:
    """The shares of normal and of novel requests that are called novel, for all thresholds from high to low."""
    scores = np.unique(np.concatenate([normal, novel]))[::-1]
    false = 1 - np.searchsorted(np.sort(normal), scores, side="left") / len(normal)
    found = 1 - np.searchsorted(np.sort(novel), scores, side="left") / len(novel)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], found])


def _roc(runs: list[Run], behaviour: str, folder: Path) -> Path:
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="lightgrey")
    for run in runs:
        axes.plot(*roc(run.scores("test").score, scores_of(run.scores("test-ood"), behaviour)), label=title(run.method), linewidth=1)
    axes.set_xlabel("normal requests that are called novel")
    axes.set_ylabel("novel requests that are called novel")
    axes.set_title(f"{_plain(behaviour)}: first seed of each method", fontsize=9)
    axes.legend(fontsize=7)
    return _save(figure, folder / f"roc-{_file_name(behaviour)}.png")


def _distributions(run: Run, behaviours: list[str], folder: Path) -> Path:
    figure, axes = plt.subplots(figsize=(7, 4))
    shown = {"test (normal)": run.scores("test").score}
    shown |= {b: scores_of(run.scores("test-ood"), b) for b in behaviours if b != ALL}
    everything = np.concatenate(list(shown.values()))
    low, high = np.quantile(everything, [0.005, 0.995])
    steps = np.linspace(low, high if high > low else low + 1, 41)
    for name, scores in shown.items():
        axes.hist(np.clip(scores, steps[0], steps[-1]), steps, density=True, histtype="step", label=f"{_plain(name)} ({len(scores):,})")
    axes.set_xlabel("score: mean negative log-likelihood of an event, nats" if foretells(run.method) else "score")
    axes.set_ylabel("density")
    axes.set_title(f"{title(run.method)}: what lies outside of 99 % is at the edges", fontsize=9)
    axes.legend(fontsize=7)
    return _save(figure, folder / f"scores-{run.method}.png")


def _file_name(behaviour: str) -> str:
    """A name for a file: the label where it is short and plain, else with a number that tells it from others that look alike."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in behaviour)[:60]
    return plain if plain == behaviour or behaviour == ALL else f"{plain}-{zlib.crc32(behaviour.encode()):08x}"
