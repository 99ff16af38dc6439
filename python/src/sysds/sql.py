"""`query`: SQL on a dataset or a release, run by the program, as a table of pyarrow."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from . import executable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def query(dataset: str | os.PathLike[str], sql_or_name: str | os.PathLike[str], /, **parameters: object) -> pa.Table:
    """The result of a query on a dataset or a release, a folder or a URL.

    `sql_or_name` is SQL, the name of a query that ships (`latency`; `sysds query --list` has them), or a path of a file that ends
    in .sql. `parameters` are values for its `$name`s; texts are passed as texts, also those that look like numbers.
    Of several statements the last one's result is returned.
    """
    text = os.fspath(sql_or_name)
    chosen = [text] if _NAME.fullmatch(text) or isinstance(sql_or_name, os.PathLike) or text.endswith(".sql") else ["-e", text]
    options: list[str] = []
    for name, value in parameters.items():
        options += ["-p", f"{name}={_literal(value)}"]
    with tempfile.TemporaryDirectory(prefix="sysds-") as folder:
        result = Path(folder) / "result.parquet"
        executable.run(["query", "-d", os.fspath(dataset), *options, "--format", "parquet", "-o", result, *chosen])
        # Read before the folder goes.
        return pq.read_table(result, memory_map=False)


def _literal(value: object) -> str:
    """A value as the program takes it: as it is written, but for texts that look like something else, which get quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        return "'" + text.replace("'", "''") + "'" if _looks_otherwise(text) else text
    raise TypeError(f"a parameter is a number, a text, a path or a truth value, not {value!r}")


def _looks_otherwise(text: str) -> bool:
    """Whether the program would not take it for a text, or would take quotes off."""
    if text.lower() in ("true", "false") or text.startswith("'"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
