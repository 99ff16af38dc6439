"""Loads a release with the clients that other labs use, and compares what they read with its manifest.

Usage: check_release.py RELEASE

pyarrow, pandas, Polars, DuckDB and Hugging Face datasets (whole, and as a stream) each count the requests of the training
split and their nested events, and sum one nested argument. mlcroissant validates croissant.json and reads records of each
table, nested fields included. docs/guide/loading.md and the dataset card show the same idioms.
"""
import itertools
import json
import subprocess
import sys
from pathlib import Path


def with_pyarrow(release):
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    train = ds.dataset([str(p) for p in sorted(release.glob("data/requests/train-*.parquet"))])
    nested = pc.list_flatten(train.to_table(columns=["events"])["events"])
    events = ds.dataset(release / "data" / "events").to_table(columns={"file": ds.field("args", "filename")})
    return {
        "requests": train.count_rows(),
        "nested": len(nested),
        "fds": pc.sum(pc.struct_field(nested, ["args", "fd"])).as_py(),
        "events": events.num_rows,
        "files": events.num_rows - events["file"].null_count,
    }


def with_pandas(release):
    import pandas as pd

    paths = sorted(release.glob("data/requests/train-*.parquet"))
    train = pd.concat(pd.read_parquet(p, columns=["events"], dtype_backend="pyarrow") for p in paths)
    nested = train["events"].list.flatten()
    events = pd.read_parquet(release / "data" / "events", columns=["args"], dtype_backend="pyarrow")
    return {
        "requests": len(train),
        "nested": len(nested),
        "fds": int(nested.struct.field(["args", "fd"]).sum()),
        "events": len(events),
        "files": int(events["args"].struct.field("filename").notna().sum()),
    }


def with_polars(release):
    import polars as pl

    train = pl.scan_parquet(release / "data/requests/train-*.parquet")
    nested = train.select(pl.col("events").explode()).select(
        pl.len().alias("nested"),
        pl.col("events").struct.field("args").struct.field("fd").sum().alias("fds"),
    ).collect()
    events = pl.scan_parquet(release / "data/events/*.parquet").select(
        pl.len().alias("events"),
        pl.col("args").struct.field("filename").count().alias("files"),
    ).collect()
    requests = {"requests": train.select(pl.len()).collect().item()}
    return requests | nested.row(0, named=True) | events.row(0, named=True)


def with_duckdb(release):
    import duckdb

    db = duckdb.connect()
    train = f"'{release}/data/requests/train-*.parquet'"
    found = db.execute(f"SELECT count(*) FROM {train}").fetchone()
    found += db.execute(f"SELECT count(*), sum(e.args.fd) FROM (SELECT unnest(events) AS e FROM {train})").fetchone()
    found += db.execute(f"SELECT count(*), count(args.filename) FROM '{release}/data/events/*.parquet'").fetchone()
    return dict(zip(["requests", "nested", "fds", "events", "files"], map(int, found)))


def with_datasets(release):
    from datasets import get_dataset_config_names, load_dataset

    # Every table that the card names loads.
    configs = get_dataset_config_names(str(release))
    assert {"requests", "events", "downstream"} <= set(configs), configs
    for config in configs:
        assert sum(split.num_rows for split in load_dataset(str(release), config).values()) > 0, config
    train = load_dataset(str(release), "requests", split="train")
    nested = [e for row in train.select_columns(["events"]) for e in row["events"]]
    events = load_dataset(str(release), "events")
    return {
        "requests": train.num_rows,
        "nested": len(nested),
        "fds": sum(e["args"]["fd"] or 0 for e in nested),
        "events": sum(split.num_rows for split in events.values()),
        # Columns are Arrow's underneath: one argument needs no Python object for each event.
        "files": sum(
            len(chunk.field("filename")) - chunk.field("filename").null_count
            for split in events.values() for chunk in split.with_format("arrow").data.column("args").chunks
        ),
    }


def with_stream(release):
    from datasets import load_dataset

    train = load_dataset(str(release), "requests", split="train", streaming=True)
    found = {"requests": 0, "nested": 0, "fds": 0}
    for row in train.select_columns(["events"]):
        found["requests"] += 1
        found["nested"] += len(row["events"])
        found["fds"] += sum(e["args"]["fd"] or 0 for e in row["events"])
    return found


def check_croissant(release):
    """Validates without error or warning, and reads records, nested ones too."""
    import mlcroissant as mlc
    import pyarrow.dataset as ds

    path = release / "croissant.json"
    command = [Path(sys.executable).with_name("mlcroissant"), "validate", "--jsonld", path]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode or "WARNING" in said or "error" in said or "Done." not in said:
        sys.exit(f"mlcroissant validate:\n{said}")
    croissant = mlc.Dataset(str(path))
    for table, key in [("downstream", "service_id"), ("requests", "request_id"), ("events", "event_id")]:
        rows = ds.dataset(release / "data" / table)
        for record in itertools.islice(croissant.records(table), 3):
            row = rows.to_table(filter=ds.field(key) == int(record[f"{table}/{key}"])).to_pylist()[0]
            same(table, record, row)
    print("croissant validates, and its records are the rows")


def same(table, record, row):
    """Whether a record of Croissant is a row of the table, with what is nested in it."""
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    for column in ["trace_id", "procname", "tid"]:
        assert text(record[f"{table}/{column}"]) == row[column], (table, column)
    assert text(record[f"{table}/split"]) in {"train", "test", "other"}, record[f"{table}/split"]
    if table == "downstream":
        assert record["downstream/event_ids"] == row["event_ids"]
    if table == "events":
        assert text(record["events/args"]["events/args/filename"]) == row["args"]["filename"]
    if table == "requests":
        ids = [e["requests/events/event_id"] for e in record["requests/events"]]
        assert ids == [e["event_id"] for e in row["events"]]
        fds = record["requests/events/args"]["requests/events/args/fd"]
        assert fds == [e["args"]["fd"] for e in row["events"]] and any(fds)


def main(release):
    clients = [with_pyarrow, with_pandas, with_polars, with_duckdb, with_datasets, with_stream]
    found = {client.__name__.removeprefix("with_"): client(release) for client in clients}
    for client, figures in found.items():
        print(f"{client:8} {json.dumps(figures, sort_keys=True)}")
    first = found["pyarrow"]
    manifest = json.loads((release / "manifest.json").read_text())
    told = sum(s["rows"] for s in manifest["release"]["shards"].values() if s["table"] == "requests" and s["split"] == "train")
    wrong = [c for c, figures in found.items() if any(figures[k] != first[k] for k in figures)]
    if (first["events"], first["requests"]) != (manifest["events"], told):
        wrong.append("manifest.json")
    # A figure that is 0 in all of them would compare nothing.
    if wrong or not all(first.values()):
        sys.exit(f"the clients do not agree: {', '.join(wrong) or 'a figure is 0'}")
    check_croissant(release)
    print(f"{len(found) + 1} passed, 0 failed")


main(Path(sys.argv[1]))
