"""Two questions to a dataset in Spark, with the answers that `sysds query` gives: how long requests take by label, and which
system calls there are.

Usage: spark_read.py DATASET [OUT]      (by spark-submit, or by a Python that has pyspark)

DATASET is a folder, or the address of one that this Spark reads (s3a://BUCKET/FOLDER with the package hadoop-aws). Where OUT is given,
the answers are written there too, as OUT/latency.json and OUT/calls.json.
"""
import json
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

SETTINGS = {
    # Spark 4.3 refuses timestamps in nanoseconds otherwise. They come as integers, nanoseconds since 1970, and so stay exact.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # `trace_id` is a column of the files and stands in the names of folders, too. Spark takes the latter, and makes a
    # number of 007 otherwise.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}

# A percentile is the nearest rank, as in `sysds query latency_by_label`. Spark's own (percentile_approx, percentile) are
# approximate or between two values.
LATENCY = """
    WITH placed AS (
      SELECT label, trace_id, duration_ns, count(*) OVER (PARTITION BY label) AS n,
        row_number() OVER (PARTITION BY label ORDER BY duration_ns) - 1 AS place
      FROM requests WHERE complete
    )
    SELECT label, count(DISTINCT trace_id) AS recordings, count(*) AS requests,
      max(CASE WHEN place = least(n - 1, floor(0.50D * n)) THEN duration_ns END) AS p50_ns,
      max(CASE WHEN place = least(n - 1, floor(0.90D * n)) THEN duration_ns END) AS p90_ns,
      max(CASE WHEN place = least(n - 1, floor(0.99D * n)) THEN duration_ns END) AS p99_ns,
      max(duration_ns) AS max_ns
    FROM placed GROUP BY label ORDER BY label
"""

CALLS = """
    SELECT name, count_if(phase = 'exit') AS calls, count_if(phase = 'exit' AND ret BETWEEN -4095 AND -1) AS errors,
      coalesce(sum(duration_ns), 0) AS total_ns
    FROM events WHERE phase <> 'point' GROUP BY name ORDER BY total_ns DESC, name
"""


def table(spark: SparkSession, dataset: str, name: str) -> DataFrame:
    """A table of a dataset: the files that its manifest names (others are of no use, or of a run that was killed)."""
    manifest = json.loads(spark.read.text(f"{dataset}/manifest.json", wholetext=True).head().value)
    files = [f"{dataset}/{file['path']}" for file in manifest["tables"][name]["files"]]
    # Files lack columns that only other recordings have: mergeSchema. With basePath, the names of folders are read, so that a
    # filter on trace_id opens no file of another recording.
    return spark.read.option("mergeSchema", "true").option("basePath", f"{dataset}/{name}").parquet(*files)


def main(dataset: str, out: str | None) -> None:
    builder = SparkSession.builder.appName("sysds")
    for setting, value in SETTINGS.items():
        builder = builder.config(setting, value)
    spark = builder.getOrCreate()
    for name in ("events", "requests"):
        table(spark, dataset, name).createOrReplaceTempView(name)
    for question, sql in {"latency": LATENCY, "calls": CALLS}.items():
        answer = spark.sql(sql).collect()
        for row in answer:
            print(row.asDict())
        if out:
            Path(out, f"{question}.json").write_text(json.dumps([row.asDict() for row in answer]))


main(sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else None)
