"""DuckDB skips row groups of a dataset by their statistics and bloom filters.

Usage: check_skipping.py DATASET

DATASET has two recordings, the second of which has more events than the first. What DuckDB's profile says of row groups is
compared with the bytes that the process reads.
"""
import json
import re
import sys
from pathlib import Path

import duckdb


def read_so_far():
    """Bytes that this process has read from files."""
    return int(re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())[1])


def asked(files, condition):
    """(row groups scanned, all of them, bytes read) for the events of which the condition is true."""
    db = duckdb.connect()
    db.execute("SET threads = 1")
    before = read_so_far()
    sql = f"SELECT max(ret), max(args.fd) FROM read_parquet({files}) WHERE {condition}"
    profile = db.execute(f"EXPLAIN ANALYZE {sql}").fetchall()[0][1]
    read = read_so_far() - before
    groups = re.search(r"Row Groups Scanned: (\d+) / (\d+)", profile)
    if not groups:
        sys.exit(f"the profile does not count row groups:\n{profile}")
    return int(groups[1]), int(groups[2]), read


def main(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    files = [str(dataset / file["path"]) for file in manifest["tables"]["events"]["files"]]
    db = duckdb.connect()
    first, second = (db.execute(f"SELECT max(event_id) FROM '{file}'").fetchone()[0] for file in files)
    assert first < second, "the second recording must be the longer one"
    everything, groups, bytes_of_all = asked(files, "event_id >= 0 AND ret IS NOT NULL")
    assert everything == groups == 2, (everything, groups)
    for condition, expected in [
        (f"event_id > {first}", 1),
        (f"event_id > {second}", 0),
        # Within the bounds of all threads, but no thread of a filter.
        ("tid = 3", 0),
    ]:
        scanned, _, read = asked(files, condition)
        assert scanned == expected, (condition, scanned)
        print(f"{condition}: {scanned} of {groups} row groups, {read} of {bytes_of_all} bytes")
        if expected == 0:
            assert read < bytes_of_all, (condition, read)


main(Path(sys.argv[1]))
