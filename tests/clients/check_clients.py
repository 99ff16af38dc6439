"""Loads a sysds dataset with pyarrow, pandas, Polars and DuckDB, and compares what they read.

Usage: check_clients.py DATASET

Each client counts the events, sums the durations of the system calls, counts the values of one nested argument, and
counts the calls nested in the requests. All must agree. docs/guide/loading.md shows the same idioms.
"""
import json
import sys
from pathlib import Path


def with_pyarrow(dataset):
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    events = ds.dataset(dataset / "events")
    table = events.to_table(columns={
        "duration_ns": ds.field("duration_ns"),
        "filename": ds.field("args", "filename"),
    })
    requests = ds.dataset(dataset / "requests").to_table(columns=["events"])
    nested = pc.list_flatten(requests["events"])
    return {
        "events": table.num_rows,
        "duration": pc.sum(table["duration_ns"]).as_py(),
        "filenames": table.num_rows - table["filename"].null_count,
        "nested": len(nested),
        "nested_stats": pc.sum(pc.equal(pc.struct_field(nested, "name"), "newfstatat")).as_py(),
        "nested_fds": pc.sum(pc.struct_field(nested, ["args", "fd"])).as_py(),
    }


def with_pandas(dataset):
    import pandas as pd

    # Nested columns come as dictionaries with numpy's types, where a null makes a column float: read them as Arrow's.
    events = pd.read_parquet(dataset / "events", columns=["duration_ns", "args"], dtype_backend="pyarrow")
    filename = events["args"].struct.field("filename")
    requests = pd.read_parquet(dataset / "requests", columns=["events"], dtype_backend="pyarrow")
    nested = requests["events"].list.flatten()
    return {
        "events": len(events),
        "duration": int(events["duration_ns"].sum()),
        "filenames": int(filename.notna().sum()),
        "nested": len(nested),
        "nested_stats": int((nested.struct.field("name") == "newfstatat").sum()),
        "nested_fds": int(nested.struct.field(["args", "fd"]).sum()),
    }


def with_polars(dataset):
    import polars as pl

    events = pl.scan_parquet(dataset / "events" / "*" / "*.parquet").select(
        pl.len().alias("events"),
        pl.col("duration_ns").sum().alias("duration"),
        pl.col("args").struct.field("filename").count().alias("filenames"),
    ).collect()
    nested = pl.scan_parquet(dataset / "requests" / "*" / "*.parquet").select(
        pl.col("events").explode()
    ).select(
        pl.len().alias("nested"),
        (pl.col("events").struct.field("name") == "newfstatat").sum().alias("nested_stats"),
        pl.col("events").struct.field("args").struct.field("fd").sum().alias("nested_fds"),
    ).collect()
    return events.row(0, named=True) | nested.row(0, named=True)


def with_duckdb(dataset):
    import duckdb

    db = duckdb.connect()
    events = db.execute(f"""
        SELECT count(*), sum(duration_ns), count(args.filename) FROM '{dataset}/events/*/*.parquet'
    """).fetchone()
    nested = db.execute(f"""
        SELECT count(*), count(*) FILTER (e.name = 'newfstatat'), sum(e.args.fd)
        FROM (SELECT unnest(events) AS e FROM '{dataset}/requests/*/*.parquet')
    """).fetchone()
    keys = ["events", "duration", "filenames", "nested", "nested_stats", "nested_fds"]
    return dict(zip(keys, map(int, events + nested)))


def main(dataset):
    clients = [with_pyarrow, with_pandas, with_polars, with_duckdb]
    found = {client.__name__.removeprefix("with_"): client(dataset) for client in clients}
    for client, figures in found.items():
        print(f"{client:8} {json.dumps(figures, sort_keys=True)}")
    first = found["pyarrow"]
    manifest = json.loads((dataset / "manifest.json").read_text())
    wrong = [client for client, figures in found.items() if figures != first]
    if first["events"] != manifest["events"]:
        wrong.append("manifest.json")
    # A figure that is 0 in all of them would compare nothing.
    if wrong or not all(first.values()):
        sys.exit(f"the clients do not agree: {', '.join(wrong) or 'a figure is 0'}")
    print(f"{len(found)} passed, 0 failed")


main(Path(sys.argv[1]))
