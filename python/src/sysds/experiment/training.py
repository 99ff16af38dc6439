"""Training a network on the part train, until its loss on valid gets no better, and scoring requests with it.

What a training has come to is written every so many steps, whole or not at all, with the state of chance and the place in the
data: one that was killed goes on as if it had not been.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..sequences import Sequences
from ..vocabulary import PADDING, TRUNCATED
from . import files, networks
from .counting import ENTRY
from .scores import Collected, Scores
from .sizes import Model, Size

_torch: Any = torch  # for what some versions of PyTorch have no types

LISTS = ["call", "phase", "elapsed_ns", "process", "pid", "tid", "outcome"]
"""What networks read."""

ARGUMENTS = ["fd", "size", "flags", "path", "errno"]
"""What they read besides, where they see arguments."""

NETWORKS = {
    "lstm": "LSTM",
    "transformer": "Transformer",
    "windowed": "Transformer, attention in a window",
}
"""Names and titles."""


def sized(name: str, size: Size) -> Model:
    """The size of a network by its name."""
    models: dict[str, Model] = {"lstm": size.lstm, "transformer": size.transformer, "windowed": size.windowed}
    return models[name]


def network(name: str, train: Sequences, size: Size, arguments: bool) -> nn.Module:
    """An untrained network."""
    kind: Callable[..., nn.Module] = networks.Lstm if name == "lstm" else networks.Transformer
    words = train.vocabulary
    embed = networks.EventEmbedding(len(words.call), len(words.process), size.embedding)
    seen = networks.ArgumentEmbedding(len(words.flags), len(words.path), size.arguments) if arguments else None
    return kind(embed, seen, len(words.call), sized(name, size))


@dataclasses.dataclass
class Progress:
    """How far a training has come."""

    step: int = 0
    epoch: int = 0
    batches: int = 0
    """Of this epoch, that were trained on."""
    best: float = float("inf")
    since_best: int = 0
    reductions: int = 0
    ended: str | None = None
    """Why it ended."""
    curve: list[dict[str, float]] = dataclasses.field(default_factory=list)
    """Of each evaluation the step and the losses, without label smoothing on valid and with it on train."""


class Training:
    """One network, one seed, and a folder in which it is kept."""

    def __init__(
        self, name: str, seed: int, train: Sequences, valid: Sequences, size: Size, arguments: bool, folder: Path,
        device: torch.device, workers: int, say: Callable[[str], None],
    ) -> None:
        self.name, self.seed, self.size, self.folder, self.device, self.workers, self.say = name, seed, size, folder, device, workers, say
        self.train, self.valid = train, valid
        self.model_size = sized(name, size)
        torch.manual_seed(seed)
        self.lists = LISTS + ARGUMENTS if arguments else LISTS
        self.network = network(name, train, size, arguments).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=size.learning_rate)
        self.progress = Progress()
        self.loss_sum, self.loss_steps = 0.0, 0

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def best(self) -> Path:
        return self.folder / "best.pt"

    def run(self) -> None:
        """Trains from where it was left to the end, and leaves the network as it was when it was best on valid."""
        self._resume()
        if self.progress.ended is None:
            self._train()
        self.network.load_state_dict(self._read(self.best))

    def _read(self, path: Path) -> Any:
        return files.reading(path, lambda: torch.load(path, map_location=self.device))

    def _train(self) -> None:
        for batches in self._steps():
            self._step(batches)
            last = self.progress.step == self.size.steps
            if self.progress.step % self.size.eval_every == 0 or last:
                self._evaluate()
                if self.progress.since_best >= self.size.patience:
                    self.progress.ended = f"no better for {self.size.patience} evaluations"
                elif last:
                    self.progress.ended = "all steps"
                self._keep()
                if self.progress.ended is not None:
                    return

    def _steps(self) -> Iterator[list[dict[str, Any]]]:
        """The batches of each step, from the place on that was reached."""
        loader = self.train.torch(self.size.batch, seed=self.seed, workers=self.workers, columns=self.lists, buffer=512)
        while True:
            loader.set_epoch(self.progress.epoch)
            left = itertools.islice(loader, self.progress.batches, None)
            trained = False
            while batches := list(itertools.islice(left, self.size.accumulate)):
                self.progress.batches += len(batches)
                trained = True
                yield batches
            if not trained and self.progress.batches == 0:
                raise ValueError("the part train has no requests")
            self.progress.epoch += 1
            self.progress.batches = 0

    def _step(self, batches: list[dict[str, Any]]) -> None:
        self.network.train()
        rate = self._rate(self.progress.step + 1)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            told, wanted, counts = self._foretold(batch)
            loss = nn.functional.cross_entropy(told[counts], wanted[counts], label_smoothing=self.size.label_smoothing)
            part: Any = loss / len(batches)
            part.backward()
            total += part.item()
        if self.model_size.clip is not None:
            _torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.model_size.clip)
        self.optimizer.step()
        self.progress.step += 1
        self.loss_sum += total
        self.loss_steps += 1

    def _rate(self, step: int) -> float:
        rate = self.size.learning_rate * 0.1**self.progress.reductions
        warmup = self.model_size.warmup
        if warmup:
            rate *= min(step / warmup, (warmup / step) ** 0.5)
        return rate

    def _foretold(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """What the network says comes next, what does, and where that counts: events and the end mark, not where a request was cut
        off, since that says nothing of it."""
        read = {name: batch[name][:, :-1].to(self.device) for name in self.lists}
        wanted = batch["call"][:, 1:].to(self.device)
        half = self.device.type == "cuda" and _torch.cuda.is_bf16_supported()
        with _torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            told = self.network(read)
        return told.float(), wanted, (wanted != PADDING) & (wanted != TRUNCATED)

    def _evaluate(self) -> None:
        loss, targets = 0.0, 0
        batches = -(-self.size.valid_requests // self.size.batch) if self.size.valid_requests is not None else None
        self.network.eval()
        with torch.no_grad():
            for batch in itertools.islice(self.valid.torch(self.size.batch, shuffle=False, columns=self.lists, workers=self.workers), batches):
                told, wanted, counts = self._foretold(batch)
                loss += nn.functional.cross_entropy(told[counts], wanted[counts], reduction="sum").item()
                targets += int(counts.sum())
        valid = loss / targets
        progress = self.progress
        progress.curve.append({"step": progress.step, "train": self.loss_sum / self.loss_steps, "valid": valid})
        self.loss_sum, self.loss_steps = 0.0, 0
        if valid < progress.best - 0.001:
            progress.best, progress.since_best = valid, 0
            files.write_state(self.best, self.network.state_dict())
        else:
            progress.since_best += 1
            if progress.since_best % self.size.reduce_patience == 0:
                progress.reductions += 1
        self.say(f"step {progress.step}: loss on train {progress.curve[-1]['train']:.3f}, on valid {valid:.3f}")

    def _keep(self) -> None:
        files.write_state(self.checkpoint, {
            "progress": dataclasses.asdict(self.progress),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "chance": torch.get_rng_state(),
            "chance_cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        })

    def _resume(self) -> None:
        if not self.checkpoint.is_file():
            return
        kept = self._read(self.checkpoint)
        self.progress = Progress(**kept["progress"])
        self.network.load_state_dict(kept["network"])
        self.optimizer.load_state_dict(kept["optimizer"])
        torch.set_rng_state(kept["chance"].cpu())
        if kept["chance_cuda"] is not None:
            torch.cuda.set_rng_state(kept["chance_cuda"].cpu(), self.device)
        self.say(f"goes on at step {self.progress.step}")

    def score(self, part: Sequences) -> Scores:
        """What the network says of each request of a part."""
        found = Collected()
        self.network.eval()
        with torch.no_grad():
            for batch in part.torch(self.size.batch, shuffle=False, columns=self.lists, workers=self.workers):
                told, wanted, counts = self._foretold(batch)
                losses = nn.functional.cross_entropy(told.flatten(0, 1), wanted.flatten(), reduction="none").view_as(wanted) * counts
                right = (told.argmax(-1) == wanted) & counts
                entry = (batch["phase"][:, 1:].to(self.device) == ENTRY) & counts
                sums = [t.sum(1).tolist() for t in (losses.double(), counts, right, entry, right & entry)]
                for i, (loss, targets, correct, entries, correct_entries) in enumerate(zip(*sums)):
                    found.add(
                        batch["trace_id"][i], int(batch["request_id"][i]), batch["label"][i], loss / targets, loss, targets, correct,
                        entries, correct_entries,
                    )
        return found.scores()

    def told(self) -> dict[str, Any]:
        """What is said of the training in the results."""
        progress = self.progress
        return {
            "parameters": networks.parameters(self.network), "steps": progress.step, "epochs": progress.epoch, "ended": progress.ended,
            "best_valid_loss": progress.best, "curve": progress.curve,
        }
