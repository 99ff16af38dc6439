"""Ingests a list of recordings by Spark tasks, one for each. All of them append to one dataset, on a disk that all executors
share or in a bucket. Submit it again as it is: what is in the dataset is passed over.

Usage: spark_ingest.py LIST DATASET REPORT [OPTION OF sysds ingest]...      (by spark-submit, or by a Python that has pyspark)

LIST is a CSV table with the columns `path` and, if you like, `label`, as for `sysds ingest --list`. The traces must be on a disk that
all executors see under these paths, and the program `sysds` in their PATH (or at the path in the variable SYSDS of the driver). What
came of each recording is in REPORT, and a recording that fails keeps no other out: the exit status is 5 then.

A task takes several CPUs: let it count as four (--conf spark.task.cpus=4). Spark may begin a task again or twice: the one that comes
later finds its recording in the dataset.
"""
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

COLUMNS = ["path", "label", "labels", "status", "trace_id", "events", "requests", "seconds", "reason"]


def ingest(recording: dict[str, str], dataset: str, program: str, options: list[str]) -> dict[str, str]:
    """One recording, in an executor: a list of one, so that the program says what came of it and tries what is worth it again."""
    with tempfile.TemporaryDirectory() as folder:
        one, report = Path(folder, "list.csv"), Path(folder, "report.csv")
        write(one, list(recording), [recording])
        command = [program, "ingest", "--quiet", "--list", one, "-o", dataset, "--report", report, *options]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        except OSError as error:
            return failed(recording, f"{program}: {error.strerror}")
        if report.exists():
            with report.open(newline="") as rows:
                return next(csv.DictReader(rows))
        # It did not come to the recording: an option is wrong, it was killed, the store was not there.
        return failed(recording, f"status {done.returncode}: {' '.join(done.stderr.split())}")


def listed(row: dict[str, str]) -> dict[str, str]:
    """A recording of the list; executors have another current folder."""
    labels = row.get("labels") or ""
    return {
        "path": os.path.abspath(row["path"]), "label": row.get("label") or "",
        "labels": labels and os.path.abspath(labels),
    }


def failed(recording: dict[str, str], reason: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | recording | {"status": "failed", "reason": reason}


def write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(fleet: str, dataset: str, report: str, *options: str) -> int:
    with open(fleet, newline="") as rows:
        recordings = [listed(row) for row in csv.DictReader(rows)]
    if "://" not in dataset:
        dataset = os.path.abspath(dataset)
    program = os.environ.get("SYSDS", "sysds")
    spark = SparkSession.builder.appName("sysds ingest").getOrCreate()
    tasks = spark.sparkContext.parallelize(recordings, max(1, len(recordings)))
    results = tasks.map(lambda recording: ingest(recording, dataset, program, list(options))).collect()
    write(Path(report), COLUMNS, results)
    lost = [row for row in results if row["status"] == "failed"]
    for row in lost:
        print(f"{row['path']}: {row['reason']}", file=sys.stderr)
    print(f"{len(results) - len(lost)} recordings ingested into {dataset} or there already, {len(lost)} failed")
    return 5 if lost else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    status = main(*sys.argv[1:])
    if status:
        sys.exit(status)
