#!/usr/bin/env python3
"""What benches/queries.py does with DuckDB, in processes of their own: answers a query, and compares answers.

Usage: client.py version
       client.py answer NAME DATASET FOLDER    (benches/duckdb/NAME.sql; writes FOLDER/answer.parquet)
       client.py compare NAME FOLDER OTHER     (FOLDER is the one that sysds wrote)
"""
import re
import sys
from decimal import Decimal
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TABLES = ("events", "requests", "downstream", "losses")


def quoted(path):
    return "'" + str(path).replace("'", "''") + "'"


def answer(name, dataset, folder):
    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = {quoted(Path(folder) / 'spilled')}")
    for table in TABLES:
        files = quoted(Path(dataset) / table / "**" / "*.parquet")
        connection.execute(f"CREATE VIEW {table} AS FROM read_parquet({files})")
    known = re.findall(r"\((\d+), '(\w+)'\)", (ROOT / "schemas" / "views" / "errnos.sql").read_text())
    values = ", ".join(f"({number}, '{error}')" for number, error in known)
    connection.execute(f"CREATE VIEW errnos AS SELECT * FROM (VALUES {values}) AS known (errno, name)")
    text = (HERE / f"{name}.sql").read_text()
    for parameter in ("out", "vocabulary"):
        text = text.replace(f"${parameter}", quoted(Path(folder) / f"{parameter}.parquet"))
    *before, last = [s for s in re.split(r";\s*(?:\n|$)", text) if s.strip()]
    for statement in before:
        connection.execute(statement)
    connection.execute(f"COPY ({last}) TO {quoted(Path(folder) / 'answer.parquet')} (FORMAT parquet)")


def same(value, other, tolerance):
    if isinstance(value, (float, Decimal)) or isinstance(other, (float, Decimal)):
        return value is not None and other is not None and abs(float(value) - float(other)) <= tolerance
    return value == other and type(value) is type(other)


def compare(name, folder, other):
    """Columns, and values row by row in the order that the query defines."""
    sql = (ROOT / "queries" / f"{name}.sql").read_text()
    # A float that the query rounds may be rounded the other way: it differs by one unit of the last decimal at most.
    tolerances = {column: 1.001 * 10.0 ** -int(n) for n, column in re.findall(r", (\d)\)\s+AS (\w+)", sql)}
    for file in sorted({p.name for f in (folder, other) for p in Path(f).glob("*.parquet")}):
        both = []
        for path in (Path(folder) / file, Path(other) / file):
            if not path.exists():
                sys.exit(f"{path}: is not there")
            both.append(duckdb.connect().execute(f"FROM read_parquet({quoted(path)})"))
        columns = [[column[0] for column in result.description] for result in both]
        if columns[0] != columns[1]:
            sys.exit(f"{file}: columns {columns[0]} and {columns[1]}")
        number = 0
        while True:
            rows, others = (result.fetchmany(1000) for result in both)
            for row, row2 in zip(rows, others):
                for column, value, value2 in zip(columns[0], row, row2):
                    if not same(value, value2, tolerances.get(column, 0)):
                        sys.exit(f"{file}, row {number}, {column}: {str(value)[:200]} and {str(value2)[:200]}")
                number += 1
            if len(rows) != len(others):
                sys.exit(f"{file}: not the same number of rows, from row {number} on")
            if not rows:
                break


match sys.argv[1:]:
    case ["version"]:
        print(duckdb.__version__)
    case ["answer", name, dataset, folder]:
        answer(name, dataset, folder)
    case ["compare", name, folder, other]:
        compare(name, folder, other)
    case _:
        sys.exit(__doc__)
