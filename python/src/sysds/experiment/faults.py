"""What a study refuses."""

from __future__ import annotations

from pathlib import Path

from ..errors import SysdsError

PARTS = {
    "train": "normal requests to train with",
    "valid": "normal requests by which training stops and thresholds are set",
    "test": "normal requests to test with",
    "valid-ood": "requests under other conditions, by which thresholds are set",
    "test-ood": "requests under other conditions to test with",
}
"""The parts that a study needs, and what for."""

ALL = "all of them"
"""Stands for the requests of all behaviours together."""


class WrongCall(SysdsError):
    """Options that make no sense."""


class MissingParts(WrongCall):
    """The release does not have the parts that a study needs."""

    def __init__(self, source: str, have: list[str]) -> None:
        missing = "".join(f"  {part}: {what}\n" for part, what in PARTS.items() if part not in have)
        super().__init__(
            f"{source} has the parts {', '.join(have) or 'none'}, and lacks\n{missing}"
            "Record what each part is to have by itself, and publish with parts, which name recordings:\n"
            "  sysds publish DATASET -o RELEASE --license SPDX --split parts --part train=NAME,NAME --part valid=NAME \\\n"
            "    --part test=NAME --part valid-ood=NAME --part test-ood=NAME\n"
            "or, of one recording of each condition, whose label says which (NORMAL: to train with):\n"
            "  sysds publish DATASET -o RELEASE --license SPDX --split label -p label=NORMAL -p fraction=0.8 -p valid=0.1\n"
            "docs/guide/experiments.md has more"
        )


class EmptyParts(WrongCall):
    """Parts that a study needs have no requests."""

    def __init__(self, source: str, empty: list[str], skipped: int) -> None:
        less = f"skip fewer than {skipped} of each recording (--skip-first), or " if skipped else ""
        super().__init__(f"{source} has no requests in {', '.join(empty)}: {less}give these parts more recordings")


class OtherStudy(SysdsError):
    """The folder of results has those of another study."""


class DamagedStudy(SysdsError):
    """A file that a run wrote cannot be read."""

    @classmethod
    def of(cls, path: Path, error: Exception) -> DamagedStudy:
        """Of a file, and why. Made of a text alone, an error can go from one process to another."""
        why = str(error).partition("\n")[0] or type(error).__name__
        return cls(f"{path} cannot be read ({why}): remove it; the same command makes it again")


class LostRun(SysdsError):
    """A process that trained ended without a word."""

    def __init__(self, jobs: int) -> None:
        less = f"; --jobs {jobs - 1} takes less memory" if jobs > 1 else ""
        which = f"one of {jobs} processes" if jobs > 1 else "the process that trains"
        super().__init__(f"{which} was killed, perhaps for want of memory: the same command goes on where it was{less}")
