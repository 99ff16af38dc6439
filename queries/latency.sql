-- How long requests take: count, mean, exact percentiles and maximum for each server process.
--
-- A percentile is the nearest rank: of n sorted durations, the one at position min(n - 1, floor(p * n)), from 0.
-- Columns in ns are as recorded; columns in ms are the same, rounded to a thousandth. Only complete requests count,
-- unless $incomplete is true; left_out says how many did not count. The last row, without a name, covers all processes.
--
-- $per = procname | pid  rows for each name of a server's processes, or for each process
-- $server = %  only processes whose name is LIKE this
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
--
-- Of the trace apache-prefork, without the columns in ns but one:
--   procname | pid | requests | left_out | mean_ms | p50_ms  | p90_ms  | p99_ms  | p999_ms | max_ms | p50_ns
--   ---------+-----+----------+----------+---------+---------+---------+---------+---------+--------+-----------
--   apache2  |     |      319 |        0 | 133.018 | 130.478 | 216.369 | 275.577 |  369.35 | 369.35 | 130477850
--            |     |      319 |        0 | 133.018 | 130.478 | 216.369 | 275.577 |  369.35 | 369.35 | 130477850
WITH chosen AS (
  SELECT
    procname,
    CASE WHEN $per = 'pid' THEN pid END AS pid,
    complete OR $incomplete AS counts,
    duration_ns
  FROM requests
  WHERE coalesce(procname, '') LIKE $server
), grouped AS (
  SELECT
    grouping(procname) AS total,
    procname,
    pid,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    avg(duration_ns) FILTER (WHERE counts) AS mean,
    nearest_ranks(duration_ns, [0.50, 0.90, 0.99, 0.999, 1]) FILTER (WHERE counts) AS ranks
  FROM chosen
  GROUP BY GROUPING SETS ((procname, pid), ())
), ranked AS (
  SELECT
    *,
    ranks[1] AS p50,
    ranks[2] AS p90,
    ranks[3] AS p99,
    ranks[4] AS p999,
    ranks[5] AS max
  FROM grouped
)
SELECT
  procname,
  pid,
  n AS requests,
  left_out,
  round(mean / 1e6, 3) AS mean_ms,
  round(p50 / 1e6, 3) AS p50_ms,
  round(p90 / 1e6, 3) AS p90_ms,
  round(p99 / 1e6, 3) AS p99_ms,
  round(p999 / 1e6, 3) AS p999_ms,
  round(max / 1e6, 3) AS max_ms,
  p50 AS p50_ns,
  p90 AS p90_ns,
  p99 AS p99_ns,
  p999 AS p999_ns,
  max AS max_ns
FROM ranked
ORDER BY total, procname, pid;
