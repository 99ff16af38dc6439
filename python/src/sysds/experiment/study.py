"""One study: its parts, its methods, and the runs of each, kept in a folder so that what was done is not done again."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from ..sequences import Sequences
from . import counting, files, jobs, training
from .faults import OtherStudy
from .scores import Scores
from .sizes import Size

SCORED = ["valid", "test", "valid-ood", "test-ood"]
"""The parts of which every request gets a score."""


@dataclasses.dataclass
class Study:
    """What is run."""

    parts: dict[str, Sequences]
    size: Size
    methods: list[str]
    seeds: list[int]
    folder: Path
    device: torch.device
    workers: int
    arguments: bool
    """Whether networks see the arguments of calls."""
    described: dict[str, Any]
    """What makes it this study and no other: as much as results depend on, but for methods and seeds, of which more may come."""

    def check(self) -> None:
        """Writes what the study is, or sees that what stands there is the same."""
        path = self.folder / "experiment.json"
        # As it comes back from the file.
        described = json.loads(json.dumps(self.described))
        if path.is_file():
            other = sorted(different(files.read_json(path), described))
            if other:
                raise OtherStudy(f"{self.folder} has the results of another study, which differs in {', '.join(other)}: take another folder")
            return
        files.write_json(path, described)

    def runs(self) -> list[Run]:
        """All runs. Methods that count come out the same for every seed, and are run once."""
        found = []
        for method in self.methods:
            seeds = self.seeds if method in training.NETWORKS else [self.seeds[0]]
            found += [Run(self, method, seed) for seed in seeds]
        return found

    def complete(self, at_once: int, threads: int) -> None:
        """Runs what was not run yet, so many runs at a time."""
        self.check()
        runs = self.runs()
        left = []
        for i, run in enumerate(runs, 1):
            prefix = f"[{i}/{len(runs)}] {run.name}"
            if run.done:
                say(f"{prefix}: done before")
            else:
                left.append((prefix, run))
        # What counts is done in seconds. Of the networks the short ones last, so that no CPU waits long for the last of all.
        left.sort(key=lambda of: LENGTHS.index(of[1].method) if of[1].method in LENGTHS else -1)
        jobs.complete(left, at_once, self.device, threads)


def different(stands: dict[str, Any], described: dict[str, Any], within: str = "") -> list[str]:
    """What differs between two descriptions, by name. The same sequences may be called otherwise, and methods and seeds are not part
    of it, though folders of before have those of their first command. Those do not say how many workers there were: none."""
    found = []
    for key in (described.keys() | stands.keys()) - {"source", "data_sha256", "methods", "seeds"}:
        before, now = stands.get(key, 0 if key == "workers" else None), described.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            found += different(before, now, f"{within}{key}.")
        elif before != now:
            found.append(within + key)
    return found


LENGTHS = ["transformer", "windowed", "lstm"]
"""The networks, those that train for long first."""


def say(text: str) -> None:
    """A line on stderr, with the time."""
    # The end of the line in the same write: several processes may speak.
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


@dataclasses.dataclass
class Run:
    """A method with a seed."""

    study: Study
    method: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.method}-{self.seed}" if self.trains else self.method

    @property
    def trains(self) -> bool:
        """Whether it trains a network."""
        return self.method in training.NETWORKS

    @property
    def folder(self) -> Path:
        return self.study.folder / "runs" / self.name

    @property
    def done(self) -> bool:
        return all((self.folder / name).is_file() for name in ["run.json", *(f"{part}.npz" for part in SCORED)])

    def told(self) -> dict[str, Any]:
        """What the run said of itself."""
        told: dict[str, Any] = files.read_json(self.folder / "run.json")
        return told

    def scores(self, part: str) -> Scores:
        return Scores.read(self.folder / f"{part}.npz")

    def complete(self, prefix: str) -> None:
        """Learns, scores, and says at last that it is done."""
        began = time.monotonic()

        def tell(text: str) -> None:
            say(f"{prefix}: {text}")

        self.folder.mkdir(parents=True, exist_ok=True)
        study = self.study
        told: dict[str, Any] = {"method": self.method, "seed": self.seed, "torch": torch.__version__}
        method: counting.Method | training.Training
        if self.trains:
            method = training.Training(
                self.method, self.seed, study.parts["train"], study.parts["valid"], study.size, study.arguments, self.folder,
                study.device, study.workers, tell,
            )
            method.run()
            told |= method.told() | {"device": study.device.type, "threads": torch.get_num_threads()}
        else:
            method = next(m for m in counting.METHODS if m.name == self.method).make()
            method.fit(study.parts["train"])
        tell(f"scores {sum(len(study.parts[part]) for part in SCORED):,} requests")
        for part in SCORED:
            method.score(study.parts[part]).save(self.folder / f"{part}.npz")
        files.write_json(self.folder / "run.json", told)
        tell(f"done in {time.monotonic() - began:.0f} s")


def all_methods() -> list[str]:
    """Names of all methods, baselines first."""
    return [m.name for m in counting.METHODS] + list(training.NETWORKS)


def title(method: str) -> str:
    """A method as it stands in a table."""
    return training.NETWORKS.get(method) or next(m.title for m in counting.METHODS if m.name == method)


def foretells(method: str) -> bool:
    """Whether a method says which call comes next."""
    return method in training.NETWORKS or next(m.foretells for m in counting.METHODS if m.name == method)
