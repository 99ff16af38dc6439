#!/usr/bin/env python3
"""What a store on this machine costs: time and memory beside a disk's, and the requests and bytes that go through.

Usage: stores.py PROGRAM TRACE [RUNS]      (from the project's folder; target/stores/venv/bin/python, which tests/stores/run makes)

TRACE is made a dataset on a disk and in a server of S3 (tests/stores/bare.py, which is no work for the machine, so that it is not what is
measured), each RUNS times by turns; the best of each counts, since other work of the machine only adds. Requests are counted by the proxy of the tests, in runs of
their own. Prints tables in Markdown.
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, "tests/stores")
import servers  # noqa: E402
from places import S3, manifest, named, url  # noqa: E402
from program import Program, s3_env  # noqa: E402
from proxy import PASS, Proxy  # noqa: E402

ABOUT = ["--quiet", "--force", "--about", "tests/clients/dataset.toml", "--split", "hash"]


class Run(NamedTuple):
    """What a run took: seconds, seconds of CPU, MB at its highest."""
    wall: float
    cpu: float
    peak: float


def timed(program: Program, *args: str | Path) -> Run:
    begin = time.monotonic()
    process = subprocess.Popen([str(program.path), *map(str, args)], env=program.environment(), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    if status:
        sys.exit(f"{args}: exit status {status}")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)


def best(runs: list[Run]) -> Run:
    return Run(*(min(values) for values in zip(*runs, strict=True)))


def counted(program: Program, proxy: Proxy, *args: str | Path) -> str:
    """A row of what a command asks of the store."""
    proxy.with_rule(lambda request: PASS)
    program.ok(*args)
    went = proxy.counted
    requests = ", ".join(f"{n} {method}" for method, n in sorted(went.requests.items()))
    if os.environ.get("SYSDS_BENCH_TARGETS"):
        for target in went.targets:
            print(*target, file=sys.stderr)
    return f"{requests} | {went.sent:,} | {went.received:,}"


def times(program: Program, direct: S3, trace: Path, disk: Path, runs: int) -> None:
    took: dict[str, list[Run]] = {}
    for _ in range(runs):
        for where, dataset, release in (("disk", disk / "d", disk / "r"), ("store", url(direct, "d"), None)):
            took.setdefault(f"ingest {where}", []).append(timed(program, "ingest", "--quiet", trace, "-o", dataset, "--force"))
            took.setdefault(f"latency {where}", []).append(timed(program, "query", "latency", "-d", dataset))
            took.setdefault(f"verify {where}", []).append(timed(program, "verify", dataset))
            release = release or url(direct, f"r{time.monotonic_ns()}")
            took.setdefault(f"publish {where}", []).append(timed(program, "publish", dataset, "-o", release, *ABOUT))
            shutil.rmtree(disk / "r", ignore_errors=True)
    print("| command | disk: s, CPU s, MB | store: s, CPU s, MB | time | CPU |\n|---|---|---|---|---|")
    for command in ("ingest", "latency", "verify", "publish"):
        local, stored = (best(took[f"{command} {where}"]) for where in ("disk", "store"))
        cells = (f"{r.wall:.2f}, {r.cpu:.2f}, {r.peak:.0f}" for r in (local, stored))
        print(f"| {command} | {' | '.join(cells)} | {stored.wall / local.wall:.2f} | {stored.cpu / local.cpu:.2f} |")


def requests(program: Program, proxy: Proxy, direct: S3, trace: Path) -> None:
    size = sum(named(manifest(direct, "d")).values())
    print(f"\nThe dataset has {size:,} bytes in the store.\n")
    print("| command | requests | bytes read | bytes written |\n|---|---|---|---|")
    d = url(direct, "d")
    for name, args in (("latency", ["query", "latency", "-d", d]), ("errors", ["query", "errors", "-d", d]),
                       ("count", ["query", "-e", "SELECT count(*) FROM events", "-d", d]), ("inspect", ["inspect", d]),
                       ("verify", ["verify", d]), ("ingest", ["ingest", "--quiet", trace, "-o", url(direct, "counted")])):
        print(f"| {name} | {counted(program, proxy, *args)} |", flush=True)


def main(program: Path, trace: Path, runs: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="sysds-bench-") as scratch, servers.bare(Path(scratch)) as port, Proxy(port) as proxy:
        direct = S3(port)
        times(Program(program, s3_env(port), Path(scratch)), direct, trace, Path(scratch), runs)
        requests(Program(program, s3_env(proxy.port), Path(scratch)), proxy, direct, trace)


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 3)
