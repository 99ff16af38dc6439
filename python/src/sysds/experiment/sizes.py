"""How large the models are and how long they are trained: the sizes that were published, and one for two CPUs."""

from __future__ import annotations

import dataclasses
from typing import Any


class Widths:
    """How many numbers stand for each of some things."""

    @property
    def width(self) -> int:
        """How many stand for all of them."""
        own: Any = self
        return sum(dataclasses.astuple(own))


@dataclasses.dataclass(frozen=True)
class Embedding(Widths):
    """How many numbers stand for each thing that an event has. All are put side by side."""

    call: int
    process: int
    phase: int
    outcome: int
    pid: int
    tid: int
    elapsed: int
    order: int


@dataclasses.dataclass(frozen=True)
class Arguments(Widths):
    """The same for what a call was asked, where models see it."""

    fd: int
    size: int
    flags: int
    path: int
    errno: int


@dataclasses.dataclass(frozen=True)
class Model:
    """A model of the next call, and how it is trained."""

    hidden: int
    """Of the LSTM the width of its state; of the others that of the layer between two attentions, before its gate."""
    layers: int
    dropout: float
    heads: int = 0
    window: int = 0
    """How many events before it an event attends to, where that is bounded."""
    warmup: int = 0
    """Steps in which the learning rate rises; it falls with the inverse square root of the step then. 0: it is constant."""
    clip: float | None = None
    """Largest norm of the gradients."""


@dataclasses.dataclass(frozen=True)
class Size:
    """One choice of all of it."""

    embedding: Embedding
    arguments: Arguments
    lstm: Model
    transformer: Model
    windowed: Model
    batch: int
    accumulate: int
    """How many batches make a step."""
    steps: int
    eval_every: int
    patience: int
    """Evaluations without a better loss on valid after which the training ends."""
    reduce_patience: int
    """Evaluations without a better loss on valid after each of which the learning rate is divided by ten."""
    valid_requests: int | None
    """With how many requests of valid it is decided when training ends; the first ones. None: with all."""
    max_length: int
    learning_rate: float = 0.001
    label_smoothing: float = 0.1


SIZES = {
    # As the study of 2023 logged it: 994,391 and 705,999 parameters with its 95 calls and 58 names of processes. Its batches of 16
    # were on each of four GPUs. Its Longformer has another 170,352, for the projections of global attention, of which a causal
    # model has no use: the only event that all attend to is the first, which sees nothing but itself. It had no arguments: their
    # widths are ours.
    "published": Size(
        embedding=Embedding(call=48, process=48, phase=12, outcome=12, pid=12, tid=12, elapsed=12, order=12),
        arguments=Arguments(fd=12, size=12, flags=12, path=24, errno=12),
        lstm=Model(hidden=256, layers=2, dropout=0.05, clip=10.0),
        transformer=Model(hidden=672, layers=2, dropout=0.01, heads=4, warmup=5000),
        windowed=Model(hidden=672, layers=2, dropout=0.01, heads=4, window=32, warmup=1000),
        batch=16, accumulate=4, steps=1_000_000, eval_every=1000, patience=20, reduce_patience=5, valid_requests=None,
        max_length=2048,
    ),
    # What takes two CPUs minutes and loses little by it. Attention drops nothing out: drawing what to drop was a fifth of the time.
    "small": Size(
        embedding=Embedding(call=32, process=16, phase=4, outcome=4, pid=4, tid=4, elapsed=8, order=8),
        arguments=Arguments(fd=8, size=8, flags=8, path=12, errno=4),
        lstm=Model(hidden=96, layers=1, dropout=0.05, clip=10.0),
        transformer=Model(hidden=160, layers=2, dropout=0.0, heads=2, warmup=30),
        windowed=Model(hidden=160, layers=2, dropout=0.0, heads=2, window=32, warmup=30),
        batch=32, accumulate=1, steps=150, eval_every=25, patience=3, reduce_patience=2, valid_requests=256,
        max_length=256, learning_rate=0.004,
    ),
}
