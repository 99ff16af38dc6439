"""The text format of the published studies: `data.txt` for each part, and the two dictionaries that their code reads.

A line is a request: seven lists of whole numbers, separated by semicolons (calls, phases, elapsed nanoseconds, process names, pids,
tids, outcomes), and its duration in milliseconds. The codes are theirs: 0 to 4 as ours, and words from 5 on. Marks have 0 in all
lists but those of names. docs/guide/coming-from.md says what is the same and what is not.

    python -m sysds.export RELEASE PART FOLDER
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from .errors import SysdsError
from .loading import load
from .sequences import Sequences
from .vocabulary import ABSENT, FIRST, TRUNCATED, UNKNOWN, Words

MARKS = ["[MASK]", "[UNKNOWN]", "[START]", "[END]", "[TRUNCATE]"]
"""Their words of the codes 0 to 4."""
NAMES = ["call", "process"]
LISTS = ["call", "phase", "elapsed_ns", "process", "pid", "tid", "outcome"]
"""In the order in which they stand in a line."""


def export_text(
    release: str | os.PathLike[str] | Sequences,
    part: str,
    path: str | os.PathLike[str],
    reach: str = "window",
    skip_first: int = 0,
    cache: str | os.PathLike[str] | None = None,
) -> int:
    """Writes a part of a release as the studies' code reads it, and returns how many requests that are.

    `path`/data.txt has the requests. Beside `path`, where their code looks for them, dict_sys.pkl and dict_proc.pkl have the words,
    which are the same for all parts of a release. Nothing is replaced: a file that is there is an error, but for dictionaries that
    say the same. Requests are those of `load`, in its order, with the system calls of their reach, whole. Instead of a release,
    `Sequences` may be given; they must not be cut off.
    """
    # Here, since it needs numpy, which not everybody has.
    from .rows import groups_of_files, read_rows

    if isinstance(release, Sequences):
        sequences = release.other(part)
    else:
        sequences = load(release, part, reach=_reach(reach), max_length=None, skip_first=skip_first, cache=cache)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "data.txt"
    if target.exists():
        raise SysdsError(f"{target} is there already: remove it, or take another folder")
    _dictionary(folder.parent / "dict_sys.pkl", sequences.vocabulary.call)
    _dictionary(folder.parent / "dict_proc.pkl", sequences.vocabulary.process)
    aside = folder / f".data.txt.{os.getpid()}"
    written = 0
    try:
        with open(aside, "w", encoding="ascii") as file:
            for group in groups_of_files([str(f.path) for f in sequences.files]):
                for rows in read_rows(group, LISTS):
                    for row in rows:
                        file.write(line(row))
                        written += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return written


def _reach(reach: str) -> Any:
    if reach not in ("own", "causal", "window"):
        raise SysdsError(f"there is no reach {reach!r}; there are own, causal and window")
    return reach


def line(row: dict[str, Any]) -> str:
    """A request as a line."""
    if row["truncated"]:
        raise SysdsError(
            f"request {row['request_id']} of {row['trace_id']} is cut off: make the sequences with a larger max_length, since the studies' "
            "code cuts off itself"
        )
    columns = []
    for name in LISTS:
        values = row[name].tolist()
        if name in NAMES:
            values = [_code(value) for value in values]
        elif name in ("pid", "tid"):
            values = [max(0, value) for value in values]
        elif name == "phase":
            values = [0 if value == 3 else value for value in values]
        columns.append(",".join(map(str, values)))
    duration = sum(row["elapsed_ns"].tolist()) / 1e6
    return ";".join(columns) + f";{duration}\n"


def _code(code: int) -> int:
    """Their code of a word or mark: they have no mark of their own for what the trace does not tell."""
    if code == ABSENT:
        return UNKNOWN
    return code if code <= TRUNCATED else code - FIRST + len(MARKS)


def _dictionary(path: Path, words: Words) -> None:
    """Their form of a vocabulary, a pickle of (number by word, words by number)."""
    listed = [*MARKS, *words.words]
    content = pickle.dumps(({word: i for i, word in enumerate(listed)}, listed), protocol=4)
    if path.exists():
        # Compared, not loaded: a pickle can run code.
        if path.read_bytes() != content:
            raise SysdsError(f"{path} has other words: parts of different releases, or reaches, cannot stand in one folder")
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    os.replace(aside, path)


def main(arguments: list[str] | None = None) -> int:
    """`python -m sysds.export`."""
    parser = argparse.ArgumentParser(
        prog="python -m sysds.export", description="Writes a part of a release in the text format of the published studies.",
        epilog="Example: python -m sysds.export apache-wrk2 train data/train_id",
    )
    parser.add_argument("release", help="a release or a dataset, its folder or URL")
    parser.add_argument("part", help="train, valid, test, valid-ood, test-ood or ood")
    parser.add_argument("folder", help="folder for data.txt; the dictionaries go beside it")
    parser.add_argument("--reach", choices=["own", "causal", "window"], default="window", help="[default: window, as in the studies]")
    parser.add_argument("--skip-first", type=int, default=0, metavar="N", help="leave out the first N requests of each recording")
    args = parser.parse_args(arguments)
    try:
        written = export_text(args.release, args.part, args.folder, args.reach, args.skip_first)
    except (SysdsError, OSError) as error:
        print(f"sysds.export: {error}", file=sys.stderr)
        return 1
    print(f"{Path(args.folder) / 'data.txt'}: {written} requests", file=sys.stderr)
    return 0
