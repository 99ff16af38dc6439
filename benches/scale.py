#!/usr/bin/env python3
"""What a fleet of recordings costs: many writers of one dataset, an append to it, questions, compact and verify.

Usage: scale.py [--recordings N] [--writers W] [--store URL] [--executors E] [--plot FILE] [--work FOLDER] PROGRAM
(from the project's folder)

The recordings are copies of the traces apache-keepalive and apache-prefork by turns, each with a UUID, a session and times of its own.
W processes read them from one list, each its share, into one dataset on a disk; then one more recording is appended to it, and to a
dataset of one. With `--store s3://…` the same once more in a bucket, with the credentials of the environment; with `--store loopback`
in a server that the tests have (tests/stores/bare.py), behind their proxy, which counts requests and bytes and takes time of its own.
With `--executors E` the same questions are asked of clusters of 1 to E executors on this machine, which needs a program with the
feature `cluster`. With `--plot FILE.svg` it makes a dataset that doubles three times up to N recordings, and draws how seconds of CPU
grow with them. Prints tables in Markdown. FOLDER must have room for 10 MB a recording.
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, "tests/stores")
import curves  # noqa: E402
import servers  # noqa: E402
from program import s3_env  # noqa: E402
from proxy import PASS, Proxy  # noqa: E402

TRACES = ["keepalive", "prefork"]
APPENDS = 5      # as many recordings are appended, one by one; the median counts


class Run(NamedTuple):
    """What one or several processes took: seconds, seconds of CPU, MB of the one that had most, requests, bytes."""
    wall: float
    cpu: float
    peak: float
    requests: str
    sent: int
    received: int


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new) and old in data, old
    return data.replace(old, new)


def recording(source: Path, target: Path, number: int) -> None:
    """A copy, 100 seconds later than the last, which nothing that tells recordings apart takes for its source."""
    target.joinpath("kernel").mkdir(parents=True)
    metadata = source.joinpath("kernel/metadata").read_bytes()
    was = uuid.UUID(bytes=metadata[4:20])
    now = uuid.uuid5(was, str(number))
    for stream in source.glob("kernel/ch*_*"):
        target.joinpath("kernel", stream.name).write_bytes(replaced(stream.read_bytes(), was.bytes, now.bytes))
    metadata = replaced(replaced(metadata, was.bytes, now.bytes), str(was).encode(), str(now).encode())
    at = metadata.index(b'trace_creation_datetime = "') + len(b'trace_creation_datetime = "')
    metadata = replaced(metadata, metadata[at:at + 20], b"20261124T%06d+0000" % number)
    at = metadata.index(b"offset = ", metadata.index(b"clock {")) + len(b"offset = ")
    offset = metadata[at:metadata.index(b";", at)]
    metadata = replaced(metadata, offset, b"%d" % (int(offset) + (number + 1) * 100 * 10**9))
    target.joinpath("kernel/metadata").write_bytes(metadata)


def fleet(folder: Path, recordings: int) -> int:
    """The recordings r0, r1 …, some more to append, and lists of all but those. Gives the bytes of the listed streams."""
    for name in TRACES:
        subprocess.run(["tar", "--zstd", "-xf", f"tests/data/apache-{name}.tar.zst", "-C", folder], check=True)
    for number in range(recordings):
        recording(folder / TRACES[number % len(TRACES)], folder / f"r{number}", number)
    for number in range(recordings, recordings + APPENDS + 1):
        recording(folder / "prefork", folder / f"r{number}", number)
    folder.joinpath("fleet.csv").write_text("path\n" + "".join(f"{folder}/r{n}\n" for n in range(recordings)))
    return sum(stream.stat().st_size for n in range(recordings) for stream in folder.glob(f"r{n}/kernel/ch*_*"))


class Bench:
    """The program, where datasets are, and who counts what goes there."""

    def __init__(self, program: Path, place: str, env: dict[str, str], proxy: Proxy | None, work: Path) -> None:
        self.program, self.place, self.env, self.proxy, self.work = program, place, env, proxy, work

    def run(self, *commands: list[str]) -> Run:
        """Runs the commands at the same time."""
        if self.proxy:
            self.proxy.with_rule(lambda request: PASS)
        begin = time.monotonic()
        with self.work.joinpath("said").open("wb") as said:
            started = [subprocess.Popen([str(self.program), *command], env={**os.environ, **self.env}, cwd=self.work,
                                        stdout=subprocess.DEVNULL, stderr=said) for command in commands]
        ends = [os.wait4(process.pid, 0) for process in started]
        wall = time.monotonic() - begin
        for command, (_, status, _) in zip(commands, ends, strict=True):
            if status:
                said = self.work.joinpath("said").read_text()
                sys.exit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}\n{said}")
        used = [end[2] for end in ends]
        went = self.proxy.counted if self.proxy else None
        return Run(wall, sum(u.ru_utime + u.ru_stime for u in used), max(u.ru_maxrss for u in used) / 1e3,
                   ", ".join(f"{n} {method}" for method, n in sorted(went.requests.items())) if went else "",
                   went.sent if went else 0, went.received if went else 0)

    def dataset(self, name: str) -> str:
        return f"{self.place}/{name}"

    def size(self, name: str) -> tuple[int, int]:
        """Files and bytes that the manifest names, beside itself."""
        command = [str(self.program), "inspect", "--json", self.dataset(name)]
        done = subprocess.run(command, env={**os.environ, **self.env}, stdout=subprocess.PIPE, check=True)
        manifest = json.loads(done.stdout)["manifest"]
        files = [file for table in manifest["tables"].values() for file in table["files"]]
        files += [r["classes"] for r in manifest["recordings"] if r.get("classes")]
        return len(files), sum(file["bytes"] for file in files)


def row(bench: Bench, what: str, run: Run, dataset: str) -> None:
    files, size = bench.size(dataset)
    went = f" | {run.requests} | {run.sent / 1e6:.1f} | {run.received / 1e6:.1f}" if bench.proxy else ""
    print(f"| {what} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak:.0f} | {files} | {size / 1e6:.1f}{went} |", flush=True)


def median(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda run: run.cpu)[len(runs) // 2]


def appends(bench: Bench, recordings: int) -> None:
    """The same recordings to the dataset of all and to that of one, by turns."""
    took: dict[str, list[Run]] = {"all": [], "one": []}
    for number in range(recordings, recordings + APPENDS):
        for name, runs in took.items():
            trace = str(bench.work / f"r{number}")
            runs.append(bench.run(["ingest", "--quiet", trace, "-o", bench.dataset(name), "--append"]))
    row(bench, "append of one to a dataset of one", median(took["one"]), "one")
    row(bench, f"append of one to a dataset of {recordings}", median(took["all"]), "all")


def questions(bench: Bench, when: str) -> None:
    data = bench.dataset("all")
    for command in (
        ["query", "latency", "-d", data],
        ["query", "errors", "-d", data],
        ["sequences", data, "--quiet", "--split", "hash", "-o", "sequences"],
    ):
        runs = []
        for _ in range(3):
            shutil.rmtree(bench.work / "sequences", ignore_errors=True)
            runs.append(bench.run(command))
        row(bench, f"`{' '.join(command[:2 if command[0] == 'query' else 1])}`, {when}", median(runs), "all")


def measure(bench: Bench, recordings: int, writers: int) -> None:
    columns = ["step", "wall s", "CPU s", "peak MB", "files", "MB"]
    columns += ["requests", "MB from the store", "MB to the store"] if bench.proxy else []
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    ingest = ["ingest", "--quiet", "--list", "fleet.csv", "-o", bench.dataset("all")]
    row(bench, f"ingest of {recordings}, {writers} writers",
        bench.run(*([*ingest, "--share", f"{k}/{writers}"] for k in range(writers))), "all")
    row(bench, "ingest of one", bench.run(
        ["ingest", "--quiet", str(bench.work / f"r{recordings + APPENDS}"), "-o", bench.dataset("one")]), "one")
    appends(bench, recordings)
    questions(bench, "before compact")
    row(bench, "`compact`", bench.run(["compact", bench.dataset("all")]), "all")
    questions(bench, "after")
    row(bench, "`verify`", bench.run(["verify", bench.dataset("all")]), "all")


def grows(bench: Bench, recordings: int, writers: int) -> dict[str, curves.Points]:
    """A dataset of an eighth, a quarter, half and all of the recordings, each made of the one before; seconds of CPU of each step."""
    data, took = bench.dataset("grown"), dict[str, curves.Points]()
    steps = {
        "query latency": ["query", "latency", "-d", data],
        "query errors": ["query", "errors", "-d", data],
        "sequences": ["sequences", data, "--quiet", "--split", "hash", "-o", "sequences"],
        "verify": ["verify", data],
    }
    there, ingested = 0, 0.0
    for number, part in enumerate((8, 4, 2, 1)):
        count = max(recordings // part, there + 1)
        listed = "".join(f"{bench.work}/r{n}\n" for n in range(there, count))
        bench.work.joinpath("more.csv").write_text("path\n" + listed)
        ingest = ["ingest", "--quiet", "--list", "more.csv", "-o", data]
        ingested += bench.run(*([*ingest, "--share", f"{k}/{writers}"] for k in range(writers))).cpu
        there = count
        runs = {"ingest of all": ingested}
        for name, command in steps.items():
            asked = []
            for _ in range(1 if name == "verify" else 3):
                shutil.rmtree(bench.work / "sequences", ignore_errors=True)
                asked.append(bench.run(command).cpu)
            runs[name] = sorted(asked)[len(asked) // 2]
        # Into a copy, so that the next size is as it should be.
        shutil.copytree(data, bench.work / "copy")
        runs["append of one"] = bench.run(["ingest", "--quiet", str(bench.work / f"r{recordings + number}"), "-o", "copy", "--append"]).cpu
        shutil.rmtree(bench.work / "copy")
        for name, cpu in runs.items():
            took.setdefault(name, []).append((count, cpu))
    return took


def plot(bench: Bench, recordings: int, writers: int, file: Path) -> None:
    took = grows(bench, recordings, writers)
    counts = [f"{count:g}" for count, _ in next(iter(took.values()))]
    print("| CPU s of | " + " | ".join(f"{count} recordings" for count in counts) + " |\n" + "|---" * (1 + len(counts)) + "|")
    for name, points in took.items():
        print(f"| {name} | " + " | ".join(f"{cpu:.2f}" for _, cpu in points) + " |", flush=True)
    curves.draw(file, took, "recordings", "seconds of CPU")


@contextlib.contextmanager
def cluster(bench: Bench, count: int) -> Iterator[tuple[str, list[int]]]:
    """Executors on this machine: their address, and the numbers of their processes."""
    command = [str(bench.program), "cluster", "executor", "--listen", "127.0.0.1:0", "--memory", "1G"]
    started = [subprocess.Popen(command, env={**os.environ, **bench.env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, preexec_fn=servers.dies_with_us) for _ in range(count)]
    try:
        said = [process.stderr.readline().split() for process in started if process.stderr]
        yield "df://" + ",".join(words[-1] for words in said), [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def cpu_of(processes: list[int]) -> float:
    """Seconds of CPU that they have taken."""
    ticks = 0
    for process in processes:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def clusters(bench: Bench, most: int) -> None:
    print("| question | executors | wall s | CPU s of who asks | CPU s of executors |\n|---|---|---|---|---|")
    for query in ("latency", "errors", "files", "split"):
        for count in range(most + 1):
            with cluster(bench, count) as (address, processes):
                on = ["--cluster", address] if count else []
                runs = []
                for _ in range(3):
                    shutil.rmtree(bench.work / "halves", ignore_errors=True)
                    more = ["-p", "out=halves"] if query == "split" else []
                    before = cpu_of(processes)
                    run = bench.run(["query", query, "-d", bench.dataset("all"), *more, *on])
                    runs.append((run.wall, run.cpu, cpu_of(processes) - before))
                wall, asks, others = sorted(runs)[1]
                print(f"| `{query}` | {count or 'none'} | {wall:.2f} | {asks:.2f} | {others:.2f} |", flush=True)


@contextlib.contextmanager
def store(url: str, scratch: Path) -> Iterator[Callable[[Path, Path], Bench]]:
    """What makes a Bench in the store."""
    if url != "loopback":
        yield lambda program, work: Bench(program, url, {}, None, work)
        return
    with servers.bare(scratch) as port, Proxy(port) as proxy:
        yield lambda program, work: Bench(program, "s3://lab/scale", s3_env(proxy.port), proxy, work)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("--recordings", type=int, default=100)
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--store")
    parser.add_argument("--executors", type=int, default=0)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args()
    program = asked.program.resolve()
    with tempfile.TemporaryDirectory(prefix="sysds-scale-", dir=asked.work) as folder:
        work = Path(folder)
        size = fleet(work, asked.recordings)
        print(f"{asked.recordings} recordings, {size / 1e6:.0f} MB of CTF, {asked.writers} writers, {os.cpu_count()} CPUs\n\nOn a disk:\n")
        measure(Bench(program, str(work / "disk"), {}, None, work), asked.recordings, asked.writers)
        if asked.plot:
            print("\nHow it grows:\n")
            plot(Bench(program, str(work / "disk"), {}, None, work), asked.recordings, asked.writers, asked.plot)
            shutil.rmtree(work / "disk/grown")
        if asked.executors:
            print("\nOn executors of this machine:\n")
            clusters(Bench(program, str(work / "disk"), {}, None, work), asked.executors)
        if asked.store:
            shutil.rmtree(work / "disk")
            print(f"\nIn a store ({asked.store}):\n")
            with store(asked.store, work) as made:
                measure(made(program, work), asked.recordings, asked.writers)


main()
