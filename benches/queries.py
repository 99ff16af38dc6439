#!/usr/bin/env python3
"""Measures every shipped query, `report`, `publish` and `verify`, and DuckDB's SQL for the same answers, in one run.

Usage: benches/queries.py [--rounds N] [--events N,N,...] [--trace NAME] [--only NAME,NAME,...] [--memory SIZE]
                          [--timeout SECONDS] [--sysds PROGRAM] [--before PROGRAM] [--python PROGRAM]

Needs a release build of sysds, Debian's package zstd, and a Python with the duckdb that tests/clients/requirements.txt
names (`tests/clients/run` makes one in target/clients). The traces are a shipped one repeated to about so many events
(see repeat_trace.py); 110 million take 10 GB in target/bench. Each is ingested anew, then all commands run in turn, round
after round, as whole processes with a warm page cache; the tables show medians. Peak memory is that of the process or
of the largest of its children. DuckDB's times and memory include Python's start, which the row "nothing" tells.

The SQL in benches/duckdb/ reads the same Parquet files. Its answers must be those of sysds, row by row and value by
value; floats may differ by one unit of the last decimal to which the query rounds them. Files that a query writes are
compared likewise. `--before` names another build of sysds, which ingests the trace, too, and answers in the same
rounds. `fails` is a command that ran out of memory. Exit status 1: an answer differs, or a command failed
for another reason.
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "target" / "bench"
DUCKDB = ROOT / "benches" / "duckdb"
MB = 1e6
WRITES = {"split": ["out=out"]}
# What the two say where memory ends; not the word alone, which stands in advice and in names of options.
OUT_OF_MEMORY = re.compile(r"needs more memory|Resources exhausted|Out of Memory|memory allocation of|MemoryError", re.I)
wrong = []


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, folder, timeout):
    """What a command did in an empty folder: {"wall", "peak"}, or {"fails": why}. Its output is in the folder's `log`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin = time.monotonic()
    with open(folder / "log", "wb") as log:
        child = subprocess.Popen([str(c) for c in command], cwd=folder, stdout=log, stderr=log)
        timer = threading.Timer(timeout, child.kill)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
    wall = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode == 0:
        return {"wall": wall, "peak": usage.ru_maxrss * 1024}
    if child.returncode == -signal.SIGKILL and wall >= timeout:
        return {"fails": f"over {timeout:.0f} s"}
    why = (folder / "log").read_text(errors="replace").strip()[-1000:]
    if child.returncode == -signal.SIGKILL or OUT_OF_MEMORY.search(why):
        return {"fails": "fails", "why": why or "killed"}
    wrong.append(f"{' '.join(map(str, command))}: status {child.returncode}: {why}")
    return {"fails": "FAILS"}


def made_trace(name, events, sysds):
    """The shipped trace repeated to about so many events; made once."""
    short = BENCH / name.removeprefix("apache-")
    if not short.exists():
        BENCH.mkdir(parents=True, exist_ok=True)
        archive = ROOT / "tests" / "data" / f"{name}.tar.zst"
        subprocess.run(["tar", "--zstd", "-xf", archive, "-C", BENCH], check=True)
    once = subprocess.run([sysds, "inspect", "--count", short], check=True, capture_output=True, text=True).stdout
    times = max(1, round(events / int(re.search(r"\d+", once).group())))
    if times == 1:
        return short
    trace = BENCH / f"{short.name}-{times}"
    if not trace.exists():
        say(f"makes {trace}")
        script = ROOT / "benches" / "repeat_trace.py"
        subprocess.run([sys.executable, script, short, trace, str(times)], check=True)
    return trace


def commands(options, names, dataset, earlier, work):
    """(row, column, command, folder) of all commands of a round, in their order."""
    for name in names:
        query = command(options.sysds, name, dataset, work / "publish" / "release")
        yield name, "sysds", query, work / name
        if earlier:
            release = work / "publish-before" / "release"
            yield name, "before", command(options.before, name, earlier, release), work / f"{name}-before"
        if name != "verify":
            yield name, "limited", [*query, "--memory", options.memory], work / f"{name}-limited"
        if (DUCKDB / f"{name}.sql").exists():
            client = [options.python, DUCKDB / "client.py", "answer", name, dataset, "."]
            yield name, "duckdb", client, work / f"{name}-duckdb"
    yield "nothing", "duckdb", [options.python, DUCKDB / "client.py", "version"], work / "nothing-duckdb"


def command(sysds, name, dataset, release):
    """What asks a question, or makes or verifies a release."""
    if name == "report":
        return [sysds, "report", dataset, "-o", "report.html"]
    if name == "publish":
        return [sysds, "publish", "--quiet", dataset, "-o", "release", "--split", "hash"]
    if name == "verify":
        return [sysds, "verify", release]
    query = [sysds, "query", name, "-d", dataset, "--format", "parquet", "-o", "answer.parquet"]
    return query + [word for value in WRITES.get(name, []) for word in ("-p", value)]


def compared(options, name, work):
    """Whether DuckDB's answer is the same; what differs goes to `wrong`."""
    client = [options.python, DUCKDB / "client.py", "compare", name, work / name, work / f"{name}-duckdb"]
    done = subprocess.run(client, capture_output=True, text=True)
    if done.returncode != 0:
        wrong.append(f"{name}: sysds and DuckDB differ: {done.stderr.strip()}")
    return "equal" if done.returncode == 0 else "DIFFER"


def cells(runs):
    """Time and peak memory, as a table shows them."""
    if not runs:
        return ["", ""]
    failed = [run["fails"] for run in runs if "fails" in run]
    if failed:
        return [failed[0], ""]
    wall, peak = (statistics.median(run[figure] for run in runs) for figure in ("wall", "peak"))
    return [f"{wall:.2f} s" if wall < 10 else f"{wall:.0f} s", f"{peak / MB:.0f} MB"]


def measure(options, names, events):
    trace = made_trace(options.trace, events, options.sysds)
    work = BENCH / "queries"
    shutil.rmtree(work, ignore_errors=True)
    ingested = run([options.sysds, "ingest", "--quiet", trace, "-o", "dataset"], work / "ingest", options.timeout)
    if "fails" in ingested:
        sys.exit(f"{trace}: not ingested: {wrong or ingested}")
    dataset = work / "ingest" / "dataset"
    runs, equal, earlier = {}, {}, None
    if options.before:
        ingest = [options.before, "ingest", "--quiet", trace, "-o", "dataset"]
        runs["ingest", "before"] = [run(ingest, work / "ingest-before", options.timeout)]
        earlier = work / "ingest-before" / "dataset"
    for number in range(options.rounds):
        for name, column, command, folder in commands(options, names, dataset, earlier, work):
            before = runs.setdefault((name, column), [])
            if any("fails" in run for run in before):
                continue
            if name == "verify" and not command[-1].exists():
                continue
            before.append(run(command, folder, options.timeout))
            say(f"{events} events, round {number + 1}, {name}, {column}: {' '.join(cells(before[-1:]))} "
                f"{before[-1].get('why', '')}".rstrip())
            if column == "duckdb" and "wall" in before[-1] and number == 0 and name != "nothing":
                if "wall" in runs[name, "sysds"][0]:
                    equal[name] = compared(options, name, work)
            if folder.name.endswith(("-limited", "-duckdb")) or name not in ("publish", "report"):
                for path in folder.iterdir():
                    if path.name in ("out", "release"):
                        shutil.rmtree(path)
    manifest = json.loads((dataset / "manifest.json").read_text())
    size = sum(path.stat().st_size for path in dataset.rglob("*.parquet"))
    print(f"## {manifest['events']:,} events, {manifest['requests']:,} requests, {size / MB:.0f} MB of Parquet\n")
    before = "| before | peak memory " if earlier else ""
    print(f"| query {before}| sysds | peak memory | `--memory {options.memory}` | peak memory | DuckDB | peak memory | answers |")
    print(f"|---|{'---|---|' if earlier else ''}---|---|---|---|---|---|---|")
    columns = (["before"] if earlier else []) + ["sysds", "limited", "duckdb"]
    runs["ingest", "sysds"] = [ingested]
    for name in ["ingest", *names, "nothing"]:
        figures = [cell for column in columns for cell in cells(runs.get((name, column)))]
        title = {"publish": "`publish --split hash`", "nothing": "nothing"}.get(name, f"`{name}`")
        print("|", " | ".join([title, *figures, equal.get(name, "")]), "|")
    print(flush=True)
    shutil.rmtree(work)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--events", default="1000000,11000000,110000000", help="about how many, for each table")
    options.add_argument("--trace", default="apache-prefork", help="the shipped trace that is repeated")
    options.add_argument("--only", help="only these queries and commands")
    options.add_argument("--memory", default="300M", help="for the limited runs")
    options.add_argument("--timeout", type=float, default=1800, help="seconds after which a command is stopped")
    options.add_argument("--sysds", type=Path, default=ROOT / "target" / "release" / "sysds")
    options.add_argument("--before", type=Path, help="another build of sysds, to compare with")
    options.add_argument("--python", default=ROOT / "target" / "clients" / "bin" / "python", help="one that has duckdb")
    options = options.parse_args()

    options.sysds = options.sysds.absolute()
    options.before = options.before and options.before.absolute()
    if not options.sysds.exists():
        sys.exit(f"{options.sysds} is not there: cargo build --release --locked")
    pinned = re.search(r"duckdb==\S+", (ROOT / "tests" / "clients" / "requirements.txt").read_text()).group()
    try:
        client = [options.python, DUCKDB / "client.py", "version"]
        duckdb = subprocess.run(client, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"{options.python} has no duckdb: python3 -m venv target/clients && "
                 f"target/clients/bin/pip install {pinned}, or name another with --python")
    if duckdb != pinned.removeprefix("duckdb=="):
        say(f"duckdb {duckdb}, while the tests have {pinned}")
    listed = subprocess.run([options.sysds, "query", "--list"], check=True, capture_output=True, text=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.strip()] + ["report", "publish", "verify"]
    if options.only:
        only = options.only.split(",")
        if unknown := set(only) - set(names):
            sys.exit(f"no such query or command: {', '.join(sorted(unknown))}")
        names = [name for name in names if name in only]
    version = subprocess.run([options.sysds, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    print(f"{version}, DuckDB {duckdb}; {os.cpu_count()} CPUs, {platform.machine()}, {memory / 1e9:.0f} GB of memory; "
          f"{options.trace} repeated, median of {options.rounds} rounds\n", flush=True)
    for events in options.events.split(","):
        measure(options, names, int(events))
    for text in wrong:
        say(text)
    sys.exit(1 if wrong else 0)


main()
