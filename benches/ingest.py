#!/usr/bin/env python3
"""Measures `sysds ingest`, `inspect --count` and `query` against babeltrace2, as whole processes, in one run.

Usage: benches/ingest.py [--rounds N] [--repeat N] [--no-python] [--before PROGRAM]

Needs a release build of sysds, Debian's packages babeltrace2, python3-bt2 and zstd, and about 2 GB in target/bench; the
reader babeltrace2 of sysds is measured too where sysds was built with it. The
trace is tests/data/apache-prefork repeated to 2.2 million events (see repeat_trace.py). The commands run in turn, round
after round, with a warm page cache; the table shows medians. The Python bindings run once: they need minutes. `--before`
names another build of sysds, whose ingest is measured in the same rounds.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "target" / "bench"
SYSDS = ROOT / "target" / "release" / "sysds"
MB = 1e6


def run(command):
    """(wall seconds, CPU seconds, peak memory in bytes) of a command."""
    begin = time.monotonic()
    pid = os.posix_spawn(shutil.which(str(command[0])), [str(c) for c in command], os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
    ])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {status}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def repeated(times):
    """The trace repeated so many times; made once."""
    trace = BENCH / f"prefork-{times}"
    if not trace.exists():
        BENCH.mkdir(parents=True, exist_ok=True)
        archive = ROOT / "tests" / "data" / "apache-prefork.tar.zst"
        subprocess.run(["tar", "--zstd", "-xf", archive, "-C", BENCH], check=True)
        script = ROOT / "benches" / "repeat_trace.py"
        subprocess.run([sys.executable, script, BENCH / "prefork", trace, str(times)], check=True)
    return trace


def size(paths):
    return sum(path.stat().st_size for path in paths)


def median(runs, figure):
    return statistics.median(run[figure] for run in runs)


def row(name, value, target, met):
    print(f"| {name} | {value} | {target} | {'yes' if met else 'NO'} |")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--repeat", type=int, default=16)
    options.add_argument("--before", type=Path, help="another build of sysds, to compare with")
    options.add_argument("--no-python", action="store_true", help="leave the Python bindings out")
    options = options.parse_args()

    if not SYSDS.exists():
        sys.exit("target/release/sysds is not there: cargo build --release --locked")
    trace, long_trace = repeated(options.repeat), repeated(10 * options.repeat)
    dataset = BENCH / "dataset"
    ingest = ingest_words = [SYSDS, "ingest", "--quiet", "--force"]
    count, long_count = ([SYSDS, "inspect", "--count", t] for t in (trace, long_trace))
    commands = {
        "text": ["babeltrace2", trace],
        "dummy": ["babeltrace2", trace, "-o", "dummy"],
        "one": ["taskset", "-c", "0", *count],
        "count": count,
        "long one": ["taskset", "-c", "0", *long_count],
        "long count": long_count,
        "ingest": [*ingest, trace, "-o", dataset],
        "latency": [SYSDS, "query", ROOT / "queries" / "latency.sql", "-d", dataset],
    }
    titles = {
        "text": "`babeltrace2 TRACE >/dev/null`",
        "dummy": "`babeltrace2 TRACE -o dummy`",
        "one": "`sysds inspect --count TRACE`, on one CPU",
        "count": "`sysds inspect --count TRACE`",
        "long one": "`sysds inspect --count`, trace 10 times as long, on one CPU",
        "long count": "`sysds inspect --count`, trace 10 times as long",
        "ingest": "`sysds ingest TRACE`",
        "latency": "`sysds query queries/latency.sql`",
    }
    if options.before:
        commands["before"] = [options.before, *ingest[1:], trace, "-o", BENCH / "before"]
        titles["before"] = "the same, by the other build"
    judged = [*ingest, "--reader", "babeltrace2", trace, "-o", BENCH / "judged"]
    if subprocess.run(judged, capture_output=True).returncode == 0:
        commands["judged"], titles["judged"] = judged, "`sysds ingest --reader babeltrace2 TRACE`"
    runs = {name: [] for name in commands}
    for number in range(options.rounds + 1):
        for name, command in commands.items():
            measured = run(command)
            if number > 0:
                runs[name].append(measured)
    hashed = run(["sha256sum", *sorted(dataset.rglob("*.parquet"))])
    before = run([options.before, *ingest_words[1:], long_trace, "-o", BENCH / "before"]) if options.before else None
    long = run([SYSDS, "ingest", "--quiet", "--force", long_trace, "-o", BENCH / "long"])
    python = None if options.no_python else run(["/usr/bin/python3", ROOT / "benches" / "bt2_dicts.py", trace])

    events = json.loads((dataset / "manifest.json").read_text())["events"]
    ctf = size((trace / "kernel").glob("ch*_*"))
    events_size, all_size = size(dataset.glob("events/**/*.parquet")), size(dataset.rglob("*.parquet"))
    text, dummy, ingest = (median(runs[name], 0) for name in ("text", "dummy", "ingest"))
    one, long_one, long_count = (median(runs[name], 0) for name in ("one", "long one", "long count"))
    print(f"{events:,} events, {ctf / MB:.0f} MB of CTF; {os.cpu_count()} CPUs, {platform.machine()}, "
          f"median of {options.rounds} rounds\n")
    print("| command | wall | CPU | peak memory |\n|---|---|---|---|")
    for name, title in titles.items():
        figures = [median(runs[name], figure) for figure in range(3)]
        print(f"| {title} | {figures[0]:.2f} s | {figures[1]:.2f} s | {figures[2] / MB:.0f} MB |")
    if before:
        print(f"| the other build, trace 10 times as long | {before[0]:.2f} s | {before[1]:.2f} s | {before[2] / MB:.0f} MB |")
    print(f"| `sha256sum` of the Parquet files | {hashed[0]:.2f} s | {hashed[1]:.2f} s | {hashed[2] / MB:.0f} MB |")
    print(f"| `sysds ingest`, trace 10 times as long | {long[0]:.2f} s | {long[1]:.2f} s | {long[2] / MB:.0f} MB |")
    if python:
        print(f"| Python bindings, every event a dictionary | {python[0]:.1f} s | {python[1]:.1f} s | {python[2] / MB:.0f} MB |")
    print("\n| figure | measured | target | met |\n|---|---|---|---|")
    row("babeltrace2 dummy / count on one CPU, wall", f"{dummy / one:.1f}", "at least 8", dummy >= 8 * one)
    row("count on one CPU / on all, wall, longer trace", f"{long_one / long_count:.2f}", "at least 1.8",
        long_one >= 1.8 * long_count)
    row("ingest / babeltrace2 text, wall", f"{ingest / text:.2f}", "at most 0.30", ingest <= 0.30 * text)
    each = median(runs["ingest"], 1) / events * 1e6
    row("CPU of an ingest, an event", f"{each:.2f} µs", "at most 1.2 µs", each <= 1.2)
    row("longer trace / shorter, wall", f"{long[0] / ingest:.2f}", "at most 10.5", long[0] <= 10.5 * ingest)
    if python:
        row("Python bindings / ingest, wall", f"{python[0] / ingest:.0f}", "at least 24", python[0] >= 24 * ingest)
    peak = max(long[2], median(runs["ingest"], 2))
    row("peak memory, longer trace", f"{peak / MB:.0f} MB", "at most 300 MB", peak <= 300 * MB)
    row("events / CTF, size", f"{events_size / ctf:.3f}", "at most 0.25", 4 * events_size <= ctf)
    row("all Parquet / CTF, size", f"{all_size / ctf:.3f}", "at most 0.4", 5 * all_size <= 2 * ctf)
    latency = median(runs["latency"], 0)
    row("latency.sql", f"{latency:.2f} s", "under 1 s", latency < 1)


main()
