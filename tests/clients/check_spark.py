"""Ingests recordings by Spark tasks and reads the dataset in Spark, by the examples and the blocks of docs/guide/loading.md as they
stand, and compares with what sysds and pyarrow say.

Usage: check_spark.py PROGRAM TRACES DOCS

TRACES has the unpacked traces keepalive, prefork and lossy. DOCS is a folder with a dataset `web` and a release `apache-wrk2`.
One session serves all, in this process: a JVM takes long to start.
"""
import contextlib
import csv
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/stores"))
import made_up  # noqa: E402

INGEST, READ = ROOT / "examples/fleet/spark_ingest.py", ROOT / "examples/spark_read.py"
BLOCK = re.compile(r"^<!-- not run: [^\n]*check_spark\.py[^\n]* -->\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(script, *args):
    """Runs an example in this process, as `python script args`. Its exit status, and what it has."""
    sys.argv = [str(script), *map(str, args)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return 0, runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        return end.code, {}


def rows(program, dataset, *query):
    done = subprocess.run([program, "query", "-d", dataset, "--format", "ndjson", *query], check=True, stdout=subprocess.PIPE)
    return [json.loads(line) for line in done.stdout.splitlines()]


def same(what, found, expected):
    if found != expected or not expected:
        sys.exit(f"{what} differ\n  Spark: {found}\n  sysds: {expected}")
    print(f"{what}: {len(expected)} equal", flush=True)


def ingest(program, traces, folder):
    """A fleet of four, of which one fails; then it is mended, and the list run again."""
    for name in ("keepalive", "prefork"):
        shutil.copytree(traces / name, folder / name)
    # It has no UUID: its trace_id is the name of its folder, which looks like a number.
    made_up.trace(folder / "007")
    (folder / "mended, later").mkdir()
    os.environ["SYSDS"] = str(program)
    fleet, dataset, report = folder / "fleet.csv", folder / "fleet", folder / "report.csv"
    fleet.write_text('path,label\nkeepalive,normal\nprefork,"memory, ""low"""\n007,\n"mended, later",normal\n')

    def statuses(*options):
        ended, _ = run(INGEST, fleet, dataset, report, *options)
        with report.open(newline="") as file:
            told = list(csv.DictReader(file))
        return ended, [row["status"] for row in told], told[-1]

    os.chdir(folder)
    ended, status, broken = statuses()
    assert (ended, status) == (5, ["ingested"] * 3 + ["failed"]), (ended, status, broken)
    assert "no trace" in broken["reason"] or "metadata" in broken["reason"], broken
    shutil.copytree(traces / "lossy", folder / "mended, later", dirs_exist_ok=True)
    ended, status, mended = statuses()
    assert (ended, status) == (0, ["already"] * 3 + ["ingested"]), (ended, status, mended)
    assert int(mended["events"]) > 0, mended
    # What fails before a recording is looked at.
    ended, status, wrong = statuses("--no-such-option")
    assert (ended, status) == (5, ["failed"] * 4) and wrong["reason"].startswith("status 2: error"), wrong
    subprocess.run([program, "verify", dataset], check=True, stdout=subprocess.DEVNULL)
    print("4 recordings ingested by Spark's tasks")
    return dataset


def answers(program, dataset, folder):
    """What examples/spark_read.py prints."""
    # A file that no manifest names, as a writer that was killed leaves it.
    manifest = json.loads((dataset / "manifest.json").read_text())
    for table in ("events", "requests"):
        part = dataset / manifest["tables"][table]["files"][0]["path"]
        shutil.copy(part, part.with_name("part-left.parquet"))
    ended, example = run(READ, dataset, folder)
    assert ended == 0, ended
    exact = rows(program, dataset, "-e", """
        WITH grouped AS (
          SELECT label, count(DISTINCT trace_id) AS recordings, count(*) AS requests,
            nearest_ranks(duration_ns, [0.50, 0.90, 0.99, 1]) AS ranks
          FROM requests WHERE complete GROUP BY label
        )
        SELECT label, recordings, requests, ranks[1] AS p50_ns, ranks[2] AS p90_ns, ranks[3] AS p99_ns, ranks[4] AS max_ns
        FROM grouped ORDER BY label""")
    latency = json.loads((folder / "latency.json").read_text())
    same("latencies by label", latency, exact)
    shipped = [(row["label"], row["p99_ms"]) for row in rows(program, dataset, "latency_by_label")]
    same("p99 of latency_by_label", [(row["label"], round(row["p99_ns"] / 1e6, 3)) for row in latency], shipped)
    keys = ("name", "calls", "errors", "total_ns")
    calls = [{key: row[key] for key in keys} for row in rows(program, dataset, "syscall_histogram")]
    same("system calls", json.loads((folder / "calls.json").read_text()), calls)
    return example["table"], manifest


def exact(spark, program, dataset, table, manifest):
    """Times to the nanosecond, IDs as text, and values in structs and lists."""
    events, requests = (table(spark, str(dataset), name) for name in ("events", "requests"))
    sql = "SELECT trace_id, {} AS first, {} AS last, sum({} % 1000) AS rest, count(args.filename) AS files, count(*) AS n FROM {} GROUP BY 1 ORDER BY 1"
    time = "CAST(timestamp AS BIGINT)"
    found = [row.asDict() for row in spark.sql(sql.format("min(timestamp)", "max(timestamp)", "timestamp", "{e}"), e=events).collect()]
    same("times of events", found, rows(program, dataset, "-e", sql.format(f"min({time})", f"max({time})", time, "events")))
    bounds = {r["trace_id"]: (r["first_ns"], r["last_ns"], r["events"]) for r in manifest["recordings"]}
    same("times of recordings", {row["trace_id"]: (row["first"], row["last"], row["n"]) for row in found}, bounds)
    assert "007" in bounds
    files = [dataset / file["path"] for file in manifest["tables"]["requests"]["files"]]
    expected = [0, 0, 0]
    for file in files:
        calls = pc.list_flatten(ds.dataset(file).to_table(columns=["events"])["events"])
        expected[0] += len(calls)
        expected[1] += pc.sum(pc.equal(pc.struct_field(calls, "name"), "newfstatat")).as_py() or 0
        args = calls.type.field("args").type if calls.type.get_field_index("args") >= 0 else pa.struct([])
        if args.get_field_index("fd") >= 0:
            expected[2] += pc.sum(pc.struct_field(calls, ["args", "fd"])).as_py() or 0
    exploded = requests.selectExpr("explode(events) AS e")
    told = exploded.selectExpr("count(*)", "count_if(e.name = 'newfstatat')", "sum(e.args.fd)").head()
    same("nested events", list(told), expected)
    plan = events.filter("trace_id = '007'").select("event_id")._jdf.queryExecution().toString()
    assert "(trace_id" in plan.split("PartitionFilters: [")[1].split("]")[0], plan


def documented(spark):
    """The blocks of loading.md, as somebody would run them in Spark's shell."""
    blocks = BLOCK.findall((ROOT / "docs/guide/loading.md").read_text())
    assert blocks, "no example in loading.md"
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block, "loading.md", "exec"), {"__name__": "__main__", "spark": spark})
        assert printed.getvalue(), block
    print(f"{len(blocks)} examples of loading.md ran")


def main(program, traces, docs):
    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR",
                "spark.sql.shuffle.partitions": "2", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    # The JVM stays in the folder that it is started in.
    os.chdir(docs)
    builder = SparkSession.builder.master("local[2]")
    for setting, value in settings.items():
        builder = builder.config(setting, value)
    with tempfile.TemporaryDirectory(prefix="sysds-spark-") as folder:
        spark = builder.config("spark.sql.warehouse.dir", folder).getOrCreate()
        dataset = ingest(program, traces, Path(folder))
        table, manifest = answers(program, dataset, Path(folder))
        exact(spark, program, dataset, table, manifest)
        documented(spark)
        spark.stop()


main(*(Path(word).resolve() for word in sys.argv[1:4]))
