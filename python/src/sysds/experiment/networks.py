"""Models that read a request event by event and say which call comes next: an LSTM, a Transformer, and a Transformer whose
attention reaches back over a window, so that its cost grows with the length of a request and not with its square.

All see of an event what the study of 2023 gave its models: call, entry or exit, outcome, name of the process, pid, tid and the time
since the event before, the last three as sinusoids. What the study of 2021 added can be added: the arguments of calls.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from .sizes import Arguments as ArgumentWidths
from .sizes import Embedding as Widths
from .sizes import Model

LONGEST_PERIOD = 1e6
"""Of the sinusoids, in units of what they encode."""


class EventEmbedding(nn.Module):
    """What an event has, as one vector."""

    def __init__(self, calls: int, processes: int, widths: Widths) -> None:
        super().__init__()
        self.widths = widths
        self.call = nn.Embedding(calls, widths.call, padding_idx=0)
        self.process = nn.Embedding(processes, widths.process, padding_idx=0)
        self.phase = nn.Embedding(4, widths.phase)
        self.outcome = nn.Embedding(3, widths.outcome)
        for table in [self.call, self.process, self.phase, self.outcome]:
            nn.init.normal_(table.weight, std=table.embedding_dim**-0.5)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        call = batch["call"]
        order = torch.arange(call.shape[1], device=call.device).expand_as(call)
        return torch.cat(
            [
                self.call(call),
                self.process(batch["process"]),
                self.phase(batch["phase"]),
                self.outcome(batch["outcome"]),
                waves(batch["pid"], self.widths.pid),
                waves(batch["tid"], self.widths.tid),
                waves(batch["elapsed_ns"], self.widths.elapsed),
                waves(order, self.widths.order),
            ],
            dim=-1,
        )


DESCRIPTORS, ERRORS = 1033, 600
"""How many codes of descriptors there are, and numbers of errors (those of the kernel's own begin at 512)."""


class ArgumentEmbedding(nn.Module):
    """What a call was asked, and with which error it ended, as one vector. Of a path it is the mean of its components."""

    def __init__(self, flags: int, path: int, widths: ArgumentWidths) -> None:
        super().__init__()
        self.width = widths.width
        self.fd = nn.Embedding(DESCRIPTORS, widths.fd, padding_idx=0)
        self.size = nn.Embedding(66, widths.size)
        self.flags = nn.Embedding(flags, widths.flags, padding_idx=0)
        self.path = nn.Embedding(path, widths.path, padding_idx=0)
        self.errno = nn.Embedding(ERRORS, widths.errno)
        for table in [self.fd, self.size, self.flags, self.path, self.errno]:
            nn.init.normal_(table.weight, std=table.embedding_dim**-0.5)
        # Padding adds nothing to a path, and is not trained.
        nn.init.zeros_(self.path.weight[0])

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        path = batch["path"]
        components = self.path(path).sum(-2) / path.sign().sum(-1, keepdim=True).clamp(min=1)
        errno = batch["errno"].clamp(0, ERRORS - 1)
        return torch.cat(
            [self.fd(batch["fd"]), self.size(magnitudes(batch["size"])), self.flags(batch["flags"]), components, self.errno(errno)], dim=-1,
        )


def magnitudes(sizes: Tensor) -> Tensor:
    """Numbers of bytes by their powers of two: 0 where there is none, 1 for 0, n + 2 from 2^n on."""
    there: Any = sizes >= 0
    exponents: Any = torch.frexp(sizes.clamp(min=0).to(torch.float64))[1]
    found: Tensor = (exponents.to(torch.int64) + 1) * there
    return found


class Events(nn.Module):
    """All that a network sees of events, side by side."""

    def __init__(self, embed: EventEmbedding, arguments: ArgumentEmbedding | None) -> None:
        super().__init__()
        self.embed, self.arguments = embed, arguments
        self.width = embed.widths.width + (arguments.width if arguments else 0)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        seen: Tensor = self.embed(batch)
        return seen if self.arguments is None else torch.cat([seen, self.arguments(batch)], dim=-1)


def waves(values: Tensor, width: int) -> Tensor:
    """Numbers as sines and cosines of rising periods. The angles are computed in double precision: times have many digits."""
    exponents: Any = torch.arange(0, width, 2, dtype=torch.float64, device=values.device).div(-width)
    angles = values.to(torch.float64).unsqueeze(-1) * torch.pow(LONGEST_PERIOD, exponents)
    result: Tensor = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(torch.float32)
    return result


_LSTM: Any = nn.LSTM  # some versions of PyTorch have no types for it


class Lstm(nn.Module):
    """A recurrent network."""

    def __init__(self, embed: EventEmbedding, arguments: ArgumentEmbedding | None, calls: int, size: Model) -> None:
        super().__init__()
        self.embed = Events(embed, arguments)
        self.dropout = nn.Dropout(size.dropout)
        between = size.dropout if size.layers > 1 else 0.0
        self.read: nn.Module = _LSTM(self.embed.width, size.hidden, size.layers, batch_first=True, dropout=between)
        self.tell = nn.Linear(size.hidden, calls)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        told: Tensor = self.tell(self.read(self.dropout(self.embed(batch)))[0])
        return told


class Attention(nn.Module):
    """Attention to what came before: all of it, or the last `window` events and the start mark."""

    def __init__(self, width: int, heads: int, window: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} is not divided by {heads} heads")
        self.heads, self.window = heads, window
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, events: Tensor) -> Tensor:
        rows, length, width = events.shape
        split = self.project(events).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split[0] * (width // self.heads) ** -0.5, split[1], split[2]
        seen = self._near(query, key, value) if self.window else self._all(query, key, value)
        joined: Tensor = self.join(seen.transpose(1, 2).reshape(rows, length, width))
        return joined

    def _all(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        length = query.shape[2]
        later = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
        weights = (query @ key.transpose(-1, -2)).masked_fill(later, -math.inf).softmax(-1)
        seen: Tensor = self.dropout(weights) @ value
        return seen

    def _near(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """In pieces of `window` events, each of which attends to itself and to the piece before."""
        rows, heads, length, depth = query.shape
        window = self.window
        pieces = -(-length // window)
        pad = pieces * window - length
        query, key, value = (nn.functional.pad(t, (0, 0, 0, pad)) for t in (query, key, value))
        query = query.view(rows, heads, pieces, window, depth)
        keys, values = (with_piece_before(t.view(rows, heads, pieces, window, depth)) for t in (key, value))
        at = torch.arange(window, device=query.device)[:, None] + window
        other = torch.arange(2 * window, device=query.device)[None, :]
        near = (other <= at) & (other > at - window)
        # Before the first piece there is nothing. The start mark is seen by all, so it does not count as near.
        whole = other + (torch.arange(pieces, device=query.device)[:, None, None] - 1) * window
        weights = (query @ keys.transpose(-1, -2)).masked_fill(~(near & (whole > 0)), -math.inf)
        start = query @ key[:, :, None, :1].transpose(-1, -2)
        weights = self.dropout(torch.cat([start, weights], dim=-1).softmax(-1))
        seen: Any = weights[..., :1] * value[:, :, None, :1] + weights[..., 1:] @ values
        joined: Tensor = seen.view(rows, heads, pieces * window, depth)[:, :, :length]
        return joined


def with_piece_before(pieces: Tensor) -> Tensor:
    """Each piece with the one before it; before the first there are zeros."""
    before = nn.functional.pad(pieces[:, :, :-1], (0, 0, 0, 0, 1, 0))
    return torch.cat([before, pieces], dim=3)


class Layer(nn.Module):
    """Attention, and a gated layer (SwiGLU), each added to what it reads and normalized."""

    def __init__(self, width: int, size: Model) -> None:
        super().__init__()
        inner = size.hidden * 2 // 3
        self.attention = Attention(width, size.heads, size.window, size.dropout)
        self.widen = nn.Linear(width, 2 * inner)
        self.narrow = nn.Linear(inner, width)
        self.after_attention, self.after_gate = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, events: Tensor) -> Tensor:
        events = self.after_attention(events + self.dropout(self.attention(events)))
        value, gate = self.widen(events).chunk(2, dim=-1)
        narrowed = self.narrow(self.dropout(value * nn.functional.silu(gate)))
        result: Tensor = self.after_gate(events + self.dropout(narrowed))
        return result


class Transformer(nn.Module):
    """Layers of attention. Padding is at the end, where no event of the request sees it."""

    def __init__(self, embed: EventEmbedding, arguments: ArgumentEmbedding | None, calls: int, size: Model) -> None:
        super().__init__()
        self.embed = Events(embed, arguments)
        width = self.embed.width
        self.dropout = nn.Dropout(size.dropout)
        self.layers = nn.ModuleList(Layer(width, size) for _ in range(size.layers))
        self.normalize = nn.LayerNorm(width)
        self.tell = nn.Linear(width, calls)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        events = self.dropout(self.embed(batch))
        for layer in self.layers:
            events = layer(events)
        told: Tensor = self.tell(self.normalize(events))
        return told


def parameters(network: nn.Module) -> int:
    """How many parameters a model has."""
    return sum(p.numel() for p in network.parameters())
