"""The command `python -m sysds.experiment`. A wheel with a program in it cannot have scripts of Python beside it."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..cache import is_url
from ..errors import MissingPackage, SysdsError
from ..loading import load, open_sequences
from ..sequences import Sequences, describe
from .faults import ALL, PARTS, EmptyParts, MissingParts, WrongCall

EPILOG = """\
Examples:
  python -m sysds.experiment apache-wrk2 -o results
  python -m sysds.experiment apache-wrk2 -o results-published --size published --workers 4
  python -m sysds.experiment apache-wrk2 -o quick --methods histogram,3-gram,lstm --seeds 0 --steps 100
  python -m sysds.experiment apache-wrk2 -o with-arguments --arguments

It trains on the part train, stops by valid, sets thresholds by valid and valid-ood, and tests with test and test-ood. What was
done stands in RESULTS: when it was killed, the same command goes on, and one with more methods or seeds does what is missing.
RESULTS/results.md is the table.

Exit status: 0 done, 1 failed, 2 wrong call or a release that lacks parts, 130 interrupted.
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m sysds.experiment", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EPILOG,
        description="Trains models of system calls on a release, and says how well each tells novel requests from normal ones.",
    )
    made.add_argument("release", help="a release with parts, its folder or URL, or a folder that `sysds sequences` wrote")
    made.add_argument("-o", "--output", required=True, type=Path, metavar="RESULTS", help="folder for the results")
    made.add_argument("--size", choices=["small", "published"], default="small",
                      help="how large the models are and how long they train: small takes minutes on two CPUs [default: small]")
    made.add_argument("--reach", choices=["own", "causal", "window"],
                      help="which events a request has; window is what was published [default: window]")
    made.add_argument("--events", metavar="NAME,…", help="syscalls, all, or names of events, separated by commas [default: syscalls]")
    made.add_argument("--arguments", action="store_true",
                      help="networks see descriptor, size, flags, path and error of calls, too [default: as the study of 2023 they do not]")
    made.add_argument("--max-length", type=int, metavar="N", help="events after which a request is cut off [default: the size's]")
    made.add_argument("--skip-first", type=int, metavar="N", help="leave out the first N requests of each recording [default: none]")
    made.add_argument("--methods", metavar="NAME,…", help="only these: length, duration, histogram, 3-gram, 4-gram, lstm, transformer, windowed")
    made.add_argument("--seeds", default="0,1,2,3,4", metavar="N,…", help="seeds of the networks [default: 0,1,2,3,4]")
    made.add_argument("--steps", type=int, metavar="N", help="steps of training at most [default: the size's]")
    made.add_argument("--eval-every", type=int, metavar="N", help="steps between evaluations on valid [default: the size's]")
    made.add_argument("--batch", type=int, metavar="N", help="requests in a batch [default: the size's]")
    made.add_argument("--resamples", type=int, default=1000, metavar="N", help="resamples of the bootstrap [default: 1000]")
    made.add_argument("--workers", type=int, default=0, metavar="N",
                      help="processes that read data beside each training; the order of requests depends on their number [default: 0]")
    made.add_argument("--jobs", type=int, metavar="N",
                      help="runs at the same time, each in a process of its own [default: as many as CPUs for small models on CPUs, else 1]")
    made.add_argument("--threads", type=int, metavar="N",
                      help="threads of each run; results are the same to the digit only for the same number [default: CPUs for each job]")
    made.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … [default: a GPU where there is one]")
    made.add_argument("--cache", type=Path, metavar="DIR", help="where sequences are kept [default: ~/.cache/sysds]")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Runs the command, and returns its exit status."""
    args = parser().parse_args(arguments)
    try:
        # What is only needed here, and may be missing.
        for package in ["torch", "numpy", "matplotlib"]:
            try:
                __import__(package)
            except ModuleNotFoundError as error:
                raise MissingPackage(package, "experiment", "sysds.experiment") from error
        run(args)
    except KeyboardInterrupt:
        print("sysds.experiment: interrupted; the same command goes on", file=sys.stderr)
        return 130
    except SysdsError as error:
        print(f"sysds.experiment: {error}", file=sys.stderr)
        return 2 if isinstance(error, WrongCall) else 1
    except OSError as error:
        print(f"sysds.experiment: {error}; what was done is kept, and the same command goes on", file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    """Runs a study and writes what came of it."""
    from . import files, plots, results
    from .sizes import SIZES
    from .study import Study, all_methods, say

    methods = list(dict.fromkeys(args.methods.split(","))) if args.methods else all_methods()
    unknown = [m for m in methods if m not in all_methods()]
    if unknown:
        raise WrongCall(f"there is no method {unknown[0]!r}; there are {', '.join(all_methods())}")
    seeds = seeds_of(args.seeds)
    check_numbers(args)
    size = SIZES[args.size]
    given = {"max_length": args.max_length, "steps": args.steps, "eval_every": args.eval_every, "batch": args.batch}
    size = dataclasses.replace(size, **{name: value for name, value in given.items() if value is not None})
    # Before CUDA begins: without it cuBLAS is not the same from run to run, and PyTorch refuses.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    device = device_of(args.device)
    cpus = len(os.sched_getaffinity(0))
    at_once = args.jobs or (cpus if args.size == "small" and device.type == "cpu" else 1)
    threads = args.threads or max(1, cpus // at_once)
    say(f"{args.release}: sequences")
    parts = parts_of(args, size.max_length)
    info = parts["train"].info
    described = {
        "source": _name(args.release), "sequences": _digest(info), "reach": info["reach"], "events": info["events"],
        "arguments": args.arguments, "max_length": info["max_length"], "size_name": args.size, "size": dataclasses.asdict(size),
        "workers": args.workers, "data_sha256": info["source"].get("data_sha256"),
    }
    study = Study(parts, size, methods, seeds, args.output, device, args.workers, args.arguments, described)
    with files.alone(args.output):
        study.complete(at_once, threads)
        found = results.evaluate(study, args.resamples)
        results.write(found, args.output)
        drawn = plots.draw(study, found)
    say(f"{args.output / 'results.md'}, results.json, {len(drawn)} plots")
    print(results.markdown(found), end="")


def seeds_of(text: str) -> list[int]:
    """Seeds, each once."""
    try:
        seeds = list(dict.fromkeys(int(seed) for seed in text.split(",")))
    except ValueError:
        raise WrongCall(f"--seeds {text}: seeds are whole numbers, separated by commas") from None
    if not all(0 <= seed < 1 << 32 for seed in seeds):
        raise WrongCall(f"--seeds {text}: seeds are from 0 to {(1 << 32) - 1}")
    return seeds


def check_numbers(args: argparse.Namespace) -> None:
    """Refuses numbers, and an empty text, that make no sense."""
    for name in ["max_length", "steps", "eval_every", "batch", "jobs", "threads", "resamples"]:
        value = getattr(args, name)
        if value is not None and value < 1:
            raise WrongCall(f"--{name.replace('_', '-')} {value}: must be at least 1")
    for name in ["workers", "skip_first"]:
        if (getattr(args, name) or 0) < 0:
            raise WrongCall(f"--{name.replace('_', '-')} {getattr(args, name)}: must not be negative")
    cpus = os.cpu_count() or 1
    for name in ["jobs", "threads", "workers"]:
        if (getattr(args, name) or 0) > 16 * cpus:
            raise WrongCall(f"--{name} {getattr(args, name)}: this machine has {cpus} CPUs")
    if args.events == "":
        raise WrongCall("--events is empty: say syscalls, all or names")
    if args.output == Path():
        raise WrongCall("-o names no folder: say where the results are to be")


def device_of(name: str) -> Any:
    """A device of PyTorch that can be used."""
    import torch

    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise WrongCall(f"--device {name}: {str(error).partition(chr(10))[0]}") from error
    return device


def parts_of(args: argparse.Namespace, max_length: int) -> dict[str, Sequences]:
    """The parts of a release, or of a folder of sequences, each with requests."""
    if (Path(args.release) / "sequences.json").is_file():
        train = _made(args)
    else:
        _check_release(args.release)
        train = load(
            args.release, "train", reach=args.reach or "window", events=args.events or "syscalls", arguments=args.arguments,
            max_length=max_length, cache=args.cache, skip_first=args.skip_first or 0,
        )
    if set(PARTS) - set(train.parts):
        raise MissingParts(str(args.release), train.parts)
    parts = {part: train.other(part) for part in PARTS}
    empty = [part for part, sequences in parts.items() if not len(sequences)]
    if empty:
        raise EmptyParts(str(args.release), empty, args.skip_first or 0)
    if ALL in parts["test-ood"].arrow().to_table(columns=["label"])["label"].unique().to_pylist():
        raise WrongCall(f"{args.release} has the label {ALL!r}, which stands for all behaviours in the results: give it another one")
    return parts


def _made(args: argparse.Namespace) -> Sequences:
    """The part train of a folder of sequences. What was decided when they were made cannot be decided again."""
    for name in ["reach", "events", "max_length", "skip_first"]:
        if getattr(args, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise WrongCall(f"{args.release} are sequences, which have a {option} of their own: leave it out, or name the release")
    have = list(describe(Path(args.release))["parts"])
    if "train" not in have:
        raise MissingParts(str(args.release), have)
    made = open_sequences(args.release, "train")
    if args.arguments and not made.info["arguments"]:
        raise WrongCall(f"{args.release} has no arguments: make it anew with sysds sequences --arguments")
    return made


def _check_release(source: str) -> None:
    """Refuses what has no parts; of what is in an object store the program says so."""
    if is_url(source):
        return
    try:
        manifest = json.loads((Path(source) / "manifest.json").read_bytes())
    except (OSError, ValueError):
        # The program says what is wrong with it.
        return
    release = manifest.get("release") if isinstance(manifest, dict) else None
    if not isinstance(release, dict) or not release.get("split"):
        raise MissingParts(source, [])


def _name(release: str) -> str:
    """What a release is called: its folder. Where that is on this machine is nobody's business who reads the results."""
    return release.rstrip("/").rpartition("/")[2] if is_url(release) else Path(release).resolve().name


def _digest(info: Any) -> str:
    """What identifies the sequences: the checksums of their files."""
    files = [file["sha256"] for part in info["parts"].values() for file in part["files"]]
    return hashlib.sha256(" ".join(files).encode()).hexdigest()
