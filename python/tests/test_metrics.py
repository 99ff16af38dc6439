"""AUROC, F1, thresholds and intervals against the plainest computations of them."""

from __future__ import annotations

import numpy as np
import pytest

from sysds.experiment import metrics
from sysds.experiment.metrics import Bootstrap, Estimate
from sysds.experiment.plots import roc
from sysds.experiment.scores import Floats


def plain_auroc(normal: Floats, novel: Floats) -> float:
    return float(sum((b > a) + 0.5 * (b == a) for a in normal for b in novel) / len(normal) / len(novel))


def plain_f1(normal: Floats, novel: Floats, threshold: float) -> float:
    true = sum(b > threshold for b in novel)
    false = sum(a > threshold for a in normal)
    precision, recall = (true / (true + false) if true + false else 0), true / len(novel)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


def examples() -> list[tuple[Floats, Floats]]:
    chance = np.random.default_rng(3)
    found = []
    for _ in range(60):
        sizes = chance.integers(1, 30, 2)
        # Few different values, so that there are ties.
        found.append((chance.integers(0, 8, sizes[0]) / 3, chance.integers(0, 8, sizes[1]) / 3 + chance.integers(0, 3)))
    found.append((np.array([1.0, 1.0]), np.array([1.0])))
    found.append((np.array([1.0, 1.5]), np.array([2.0, np.nextafter(2.0, 3.0)])))
    return found


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    for normal, novel in examples():
        assert metrics.auroc(normal, novel) == pytest.approx(plain_auroc(normal, novel), abs=1e-12)
        assert metrics.auroc(novel, normal) == pytest.approx(1 - plain_auroc(normal, novel), abs=1e-12)
        shares = roc(normal, novel)
        area = float(np.sum(np.diff(shares[0]) * (shares[1][1:] + shares[1][:-1]) / 2))
        assert area == pytest.approx(plain_auroc(normal, novel), abs=1e-12)
    with pytest.raises(ValueError, match="both sides"):
        metrics.auroc(np.array([]), np.array([1.0]))


def test_f1_is_that_of_precision_and_recall() -> None:
    for normal, novel in examples():
        for threshold in [-1.0, 0.0, 0.5, 1.0, 2.0, 9.0]:
            assert metrics.f1(normal, novel, threshold) == pytest.approx(plain_f1(normal, novel, threshold), abs=1e-12)


def test_no_threshold_is_better_than_the_best_one() -> None:
    for normal, novel in examples():
        best = metrics.best_threshold(normal, novel)
        values = np.unique(np.concatenate([normal, novel]))
        tried = [plain_f1(normal, novel, t) for t in [values[0] - 1, *values]]
        assert plain_f1(normal, novel, best) == pytest.approx(max(tried), abs=1e-12)


def test_resamples_are_those_of_the_plain_way() -> None:
    normal, novel = examples()[0]
    made = Bootstrap(len(normal), len(novel), 50, seed=4)
    area, score = made.figures([normal], [novel], [1.0])
    chance = np.random.default_rng([4, 0])
    areas, scores = [], []
    for _ in range(50):
        a, b = normal[chance.integers(len(normal), size=len(normal))], novel[chance.integers(len(novel), size=len(novel))]
        areas.append(plain_auroc(a, b))
        scores.append(plain_f1(a, b, 1.0))
    assert (area.low, area.high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])))
    assert score is not None and (score.low, score.high) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])))
    assert area.mean == pytest.approx(plain_auroc(normal, novel)) and area.deviation is None


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    truth = 0.7602  # of two normal distributions one standard deviation apart
    held = 0
    for i in range(100):
        area, _ = Bootstrap(80, 80, 200, seed=i).figures([chance.normal(0, 1, 80)], [chance.normal(1, 1, 80)], None)
        held += area.low <= truth <= area.high
    assert 87 <= held <= 100


def test_seeds_that_differ_widen_the_interval() -> None:
    chance = np.random.default_rng(6)
    normal, novel = chance.normal(0, 1, 300), chance.normal(1, 1, 300)
    alike, _ = Bootstrap(300, 300, 400, 1).figures([normal] * 5, [novel] * 5, None)
    shifted = [novel + shift for shift in [-1.5, -0.5, 0.0, 0.5, 1.5]]
    unlike, _ = Bootstrap(300, 300, 400, 1).figures([normal] * 5, shifted, None)
    assert alike.deviation == pytest.approx(0.0, abs=1e-12) and unlike.deviation is not None and unlike.deviation > 0.1
    assert unlike.high - unlike.low > 1.5 * (alike.high - alike.low)


def test_what_an_interval_says() -> None:
    assert metrics.verdict(Estimate(0.6, None, 0.49, 0.7), 10) == "not told apart"
    assert metrics.verdict(Estimate(0.6, None, 0.51, 0.7), 10) == "told apart"
    assert "smaller scores" in metrics.verdict(Estimate(0.2, None, 0.1, 0.4), 10)
    assert metrics.verdict(Estimate(1.0, None, 1.0, 1.0), 9) == "too few requests to say"
