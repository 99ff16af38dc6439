"""How well scores tell novel requests from others, and how sure that is.

Everything is exact: ties count one half in the area under the ROC curve, and the best threshold is looked for among all that
there are. Intervals come from a bootstrap over requests and seeds: each resample draws requests of both sides with replacement
and, where there are several, seeds.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .scores import Floats, Ints

CONFIDENCE = 0.95
FEWEST = 10
"""Requests of which there must be as many on either side for an interval to say something."""
NOT_TOLD = "not told apart"
TOO_FEW = "too few requests to say"


def auroc(normal: Floats, novel: Floats) -> float:
    """The probability that a novel request has a larger score than a normal one; ties count one half."""
    if not len(normal) or not len(novel):
        raise ValueError("the area under the ROC curve needs requests of both sides")
    ordered = np.sort(normal)
    below = np.searchsorted(ordered, novel, side="left")
    up_to = np.searchsorted(ordered, novel, side="right")
    return float((below + up_to).sum() / 2 / len(normal) / len(novel))


def f1(normal: Floats, novel: Floats, threshold: float) -> float:
    """F1 of calling novel what has a score above the threshold."""
    found, false = int((novel > threshold).sum()), int((normal > threshold).sum())
    return 2 * found / (found + false + len(novel)) if len(novel) else 0.0


def best_threshold(normal: Floats, novel: Floats) -> float:
    """The threshold with the best F1: half-way between two scores that occur, or below all. Of several the largest."""
    scores = np.unique(np.concatenate([normal, novel]))
    normal_above = len(normal) - np.searchsorted(np.sort(normal), scores, side="right")
    novel_above = len(novel) - np.searchsorted(np.sort(novel), scores, side="right")
    # In front: everything is called novel.
    false = np.concatenate([[len(normal)], normal_above])
    found = np.concatenate([[len(novel)], novel_above])
    values = 2 * found / (found + false + len(novel))
    best = len(values) - 1 - int(np.argmax(values[::-1]))
    if best == 0:
        return float(np.nextafter(scores[0], -np.inf))
    if best == len(scores):
        return float(scores[-1])
    middle = (scores[best - 1] + scores[best]) / 2
    # Of two neighbours the mean may be the larger one.
    return float(middle) if middle < scores[best] else float(scores[best - 1])


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure: mean over the seeds, their standard deviation (None for one seed), and an interval of 95 %."""

    mean: float
    deviation: float | None
    low: float
    high: float


def estimate(
    values: list[float],
    resampled: Floats,
) -> Estimate:
    """From the figure of each seed, and those of the bootstrap."""
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Estimate(float(np.mean(values)), deviation, float(low), float(high))


class Bootstrap:
    """Resamples of normal and novel requests, the same for all figures and all methods."""

    def __init__(self, normal: int, novel: int, resamples: int, seed: int) -> None:
        self.sizes = normal, novel
        self.resamples = resamples
        self.seed = seed

    def figures(self, normal: list[Floats], novel: list[Floats], thresholds: list[float] | None) -> tuple[Estimate, Estimate | None]:
        """AUROC, and F1 at the threshold of each seed, from the scores that each seed gives the same requests."""
        seeds = len(normal)
        ranked = [_ranked(a, b) for a, b in zip(normal, novel)]
        above = None
        if thresholds is not None:
            above = [((a > t).astype(np.int64), (b > t).astype(np.int64)) for a, b, t in zip(normal, novel, thresholds)]
        # Of requests the same are drawn for every method, however many seeds it has.
        chance, chance_of_seeds = np.random.default_rng([self.seed, 0]), np.random.default_rng([self.seed, 1])
        areas, scores = np.empty(self.resamples), np.empty(self.resamples)
        for i in range(self.resamples):
            of_normal = np.bincount(chance.integers(self.sizes[0], size=self.sizes[0]), minlength=self.sizes[0])
            of_novel = np.bincount(chance.integers(self.sizes[1], size=self.sizes[1]), minlength=self.sizes[1])
            drawn = chance_of_seeds.integers(seeds, size=seeds)
            # A seed that was drawn twice is computed once.
            times = np.bincount(drawn, minlength=seeds)
            chosen = np.flatnonzero(times)
            areas[i] = sum(times[s] * _weighted_auroc(ranked[s], of_normal, of_novel) for s in chosen) / seeds
            if above is not None:
                scores[i] = sum(times[s] * _weighted_f1(above[s], of_normal, of_novel) for s in chosen) / seeds
        area = estimate([auroc(a, b) for a, b in zip(normal, novel)], areas)
        if thresholds is None:
            return area, None
        return area, estimate([f1(a, b, t) for a, b, t in zip(normal, novel, thresholds)], scores)


def _ranked(normal: Floats, novel: Floats) -> tuple[Ints, Ints, int]:
    """For each request the place of its score among those that occur, and how many there are."""
    occurring, places = np.unique(np.concatenate([normal, novel]), return_inverse=True)
    places = places.reshape(-1)
    return places[:len(normal)], places[len(normal):], len(occurring)


def _weighted_auroc(ranked: tuple[Ints, Ints, int], of_normal: Ints, of_novel: Ints) -> float:
    normal, novel, n = ranked
    a = np.bincount(normal, weights=of_normal, minlength=n)
    b = np.bincount(novel, weights=of_novel, minlength=n)
    below = np.cumsum(a) - a / 2
    return float((b * below).sum() / a.sum() / b.sum())


def _weighted_f1(above: tuple[Ints, Ints], of_normal: Ints, of_novel: Ints) -> float:
    false, found = int(above[0] @ of_normal), int(above[1] @ of_novel)
    return 2 * found / (found + false + int(of_novel.sum()))


def verdict(area: Estimate, requests: int) -> str:
    """What an interval of the AUROC says, of so many requests on the side that has fewer."""
    if requests < FEWEST:
        return TOO_FEW
    if area.low <= 0.5 <= area.high:
        return NOT_TOLD
    return "told apart" if area.low > 0.5 else "told apart, but novel requests have the smaller scores"
