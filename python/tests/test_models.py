"""n-grams against a plain count; networks against what they must be: of the published size, blind to what comes later."""

from __future__ import annotations

import collections
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sysds
from sysds.experiment import networks
from sysds.experiment.counting import Figure, Histogram, Ngram, requests
from sysds.experiment.sizes import SIZES

Held = dict[str, list[dict[str, Any]]]


@pytest.mark.parametrize("order", [2, 3, 4])
def test_ngrams_foretell_what_followed_most(made: tuple[Path, Held], order: int) -> None:
    folder, held = made
    counts: dict[tuple[int, ...], collections.Counter[int]] = collections.defaultdict(collections.Counter)
    padded = lambda row: [2] * (order - 2) + row["call"][:-1]  # noqa: E731
    for row in held["train"]:
        calls = padded(row)
        for i in range(len(calls) - order + 1):
            counts[tuple(calls[i:i + order - 1])][calls[i + order - 1]] += 1
    model = Ngram(order)
    model.fit(sysds.open_sequences(folder, "train"))
    scores = model.score(sysds.open_sequences(folder, "test"))
    calls_there = len(sysds.open_sequences(folder, "train").vocabulary.call)
    for k, row in enumerate(held["test"]):
        calls, loss, right, right_entries = padded(row), 0.0, 0, 0
        for i in range(len(calls) - order + 1):
            context, target = counts[tuple(calls[i:i + order - 1])], calls[i + order - 1]
            loss -= math.log(context[target] / context.total() if context[target] else 1 / calls_there)
            best = min(context, key=lambda c: (-context[c], c)) if context else None
            right += best == target
            right_entries += best == target and row["phase"][i + 1] == 1
        n = row["n_events"]
        assert (scores.targets[k], scores.entries[k]) == (n, n // 2)
        assert (scores.correct[k], scores.correct_entries[k]) == (right, right_entries)
        assert scores.loss[k] == pytest.approx(loss) and scores.score[k] == pytest.approx(loss / n)
        assert (scores.request_id[k], scores.label[k]) == (row["request_id"], "(no label)")


def test_what_ngrams_know_does_not_depend_on_when_they_are_merged(made: tuple[Path, Held], monkeypatch: pytest.MonkeyPatch) -> None:
    import sysds.experiment.counting as counting

    train = sysds.open_sequences(made[0], "train")
    whole, often = Ngram(3), Ngram(3)
    whole.fit(train)
    monkeypatch.setattr(counting, "max", lambda *_: 1, raising=False)
    often.fit(train)
    for name in ["grams", "times", "contexts", "totals", "likeliest"]:
        assert np.array_equal(getattr(whole, name), getattr(often, name)), name


def test_baselines_are_what_they_say(made: tuple[Path, Held]) -> None:
    folder, held = made
    train, test = sysds.open_sequences(folder, "train"), sysds.open_sequences(folder, "test")
    figure = Figure(lambda row: float(row["duration_ns"]))
    figure.fit(train)
    median = np.median([math.log1p(row["duration_ns"]) for row in held["train"]])
    assert figure.score(test).score == pytest.approx([abs(math.log1p(r["duration_ns"]) - median) for r in held["test"]])
    histogram = Histogram()
    histogram.fit(train)
    logs = lambda rows: np.log1p([np.bincount(r["call"][1:-1], minlength=16) for r in rows])  # noqa: E731
    mean, deviation = logs(held["train"]).mean(0), np.maximum(logs(held["train"]).std(0), 0.1)
    assert histogram.score(test).score == pytest.approx((((logs(held["test"]) - mean) / deviation) ** 2).mean(1))
    assert len(list(requests(test, []))) == 20


def test_the_published_sizes_have_the_published_numbers_of_parameters() -> None:
    size = SIZES["published"]
    count = lambda kind, model: networks.parameters(  # noqa: E731
        kind(networks.EventEmbedding(95, 58, size.embedding), None, 95, model)
    )
    # The embedding of phases has a row more than theirs, for events that are neither entry nor exit.
    assert count(networks.Lstm, size.lstm) - size.embedding.phase == 994_391
    assert count(networks.Transformer, size.transformer) - size.embedding.phase == 705_999
    assert count(networks.Transformer, size.windowed) - size.embedding.phase == 876_351 - 170_352


def batch(rows: int, length: int, seed: int = 0) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)

    def draw(high: int) -> torch.Tensor:
        drawn: torch.Tensor = torch.randint(0, high, (rows, length), generator=chance)
        return drawn

    return {
        "call": draw(14).add(2), "process": draw(6).add(2),
        "phase": draw(4), "outcome": draw(3), "pid": draw(30_000), "tid": draw(30_000).sub(1),
        "elapsed_ns": draw(10**9), "fd": draw(1033), "size": draw(5000).sub(1), "flags": draw(9), "errno": draw(140),
        "path": torch.randint(0, 12, (rows, length, 3), generator=chance),
    }


def built(kind: str, arguments: bool = False, window: int = 5) -> torch.nn.Module:
    import dataclasses

    size = SIZES["small"]
    torch.manual_seed(1)
    embed = networks.EventEmbedding(16, 8, size.embedding)
    seen = networks.ArgumentEmbedding(9, 12, size.arguments) if arguments else None
    if kind == "lstm":
        return networks.Lstm(embed, seen, 16, size.lstm).eval()
    model = size.transformer if kind == "transformer" else dataclasses.replace(size.windowed, window=window)
    return networks.Transformer(embed, seen, 16, model).eval()


@pytest.mark.parametrize("arguments", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "transformer", "windowed"])
@pytest.mark.parametrize("length", [1, 4, 5, 6, 23])
def test_what_comes_later_changes_nothing(kind: str, length: int, arguments: bool) -> None:
    network = built(kind, arguments)
    whole = batch(3, length + 8)
    with torch.no_grad():
        told = network(whole)
        assert torch.isfinite(told).all()
        cut = network({k: v[:, :length] for k, v in whole.items()})
        changed = dict(whole)
        changed["call"] = whole["call"].clone()
        changed["call"][:, length:] = 3
        again = network(changed)
    assert torch.allclose(told[:, :length], cut, atol=1e-5)
    assert torch.allclose(told[:, :length], again[:, :length], atol=1e-5)
    assert not torch.allclose(told[:, length:], again[:, length:], atol=1e-3)


@pytest.mark.parametrize("kind", ["lstm", "transformer", "windowed"])
@pytest.mark.parametrize("name", ["fd", "size", "flags", "path", "errno"])
def test_arguments_are_seen_where_they_are_asked_for(kind: str, name: str) -> None:
    events = batch(2, 9)
    changed = events | {name: events[name].clone()}
    changed[name][:, 4] = 0 if name != "size" else 1 << 40
    with torch.no_grad():
        for arguments in [False, True]:
            network = built(kind, arguments)
            before, after = network(events), network(changed)
            assert torch.allclose(before[:, :4], after[:, :4], atol=1e-5)
            assert torch.allclose(before[:, 4:], after[:, 4:], atol=1e-5) != arguments


def test_numbers_of_bytes_are_told_by_their_powers_of_two_and_paths_by_the_mean_of_their_components() -> None:
    sizes = torch.tensor([-1, 0, 1, 2, 3, 4, 4095, 4096, 2**53 - 1, 2**62, 2**63 - 1])
    # The largest is rounded up to 2^63 on the way.
    assert networks.magnitudes(sizes).tolist() == [0, 1, 2, 3, 3, 4, 13, 14, 54, 64, 65]
    embed = networks.ArgumentEmbedding(9, 12, SIZES["small"].arguments)
    events = batch(1, 3) | {"path": torch.tensor([[[7, 8, 0], [0, 0, 0], [9, 0, 0]]]), "errno": torch.tensor([[0, 4095, 599]])}
    told = embed(events)
    paths = told[0, :, 24:36]
    assert torch.allclose(paths[0], (embed.path.weight[7] + embed.path.weight[8]) / 2) and not paths[1].any()
    assert torch.equal(paths[2], embed.path.weight[9]) and torch.equal(told[0, 1, 36:], told[0, 2, 36:])
    assert embed(events | {"path": torch.zeros(1, 3, 0, dtype=torch.int64)}).shape == (1, 3, 40)


def test_attention_in_a_window_is_attention_with_the_rest_masked() -> None:
    torch.manual_seed(2)
    near, every = networks.Attention(12, 3, 4, 0.0), networks.Attention(12, 3, 0, 0.0)
    every.load_state_dict(near.state_dict())
    for length in [1, 3, 4, 5, 8, 9, 30]:
        events = torch.randn(2, length, 12)
        rows, width, heads = 2, 12, 3
        split = near.project(events).view(rows, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        at, other = torch.arange(length)[:, None], torch.arange(length)[None, :]
        seen = (other <= at) & ((other > at - 4) | (other == 0))
        weights = (split[0] / math.sqrt(4) @ split[1].transpose(-1, -2)).masked_fill(~seen, -math.inf).softmax(-1)
        plain = near.join((weights @ split[2]).transpose(1, 2).reshape(rows, length, width))
        assert torch.allclose(near(events), plain, atol=1e-5), length
        if length <= 4:
            assert torch.allclose(near(events), every(events), atol=1e-5)


def test_the_cost_of_a_window_grows_with_the_length_and_not_with_its_square() -> None:
    """Of the largest tensor that attention makes, the number of weights."""
    def weights(window: int, length: int) -> int:
        sizes: list[int] = []
        attention = networks.Attention(8, 2, window, 0.0)
        attention.dropout.register_forward_hook(lambda _module, _inputs, output: sizes.append(output.numel()))
        attention(torch.randn(1, length, 8))
        return max(sizes)

    assert weights(16, 512) < 2.1 * weights(16, 256)
    assert weights(0, 512) == 4 * weights(0, 256)


def test_waves_tell_times_apart_that_differ_in_their_last_digits() -> None:
    far = networks.waves(torch.tensor([3_000_000_000, 3_000_000_001]), 8)
    assert far.dtype == torch.float32 and (far[0] - far[1]).abs().max() > 0.5
    assert networks.waves(torch.tensor([0]), 6).tolist() == [[0, 1, 0, 1, 0, 1]]
