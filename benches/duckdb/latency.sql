-- How long requests take: count, mean, nearest-rank percentiles and maximum for each server process, and over all.
-- quantile_disc has another rank, ceil(p * n) - 1 rather than floor(p * n), so the sorted durations are indexed.
WITH grouped AS (
  SELECT
    grouping(procname) AS total,
    procname,
    count(*) FILTER (WHERE complete) AS n,
    count(*) FILTER (WHERE NOT complete) AS left_out,
    avg(duration_ns) FILTER (WHERE complete) AS mean,
    list(duration_ns ORDER BY duration_ns) FILTER (WHERE complete) AS d
  FROM requests
  GROUP BY GROUPING SETS ((procname), ())
), ranked AS (
  SELECT
    *,
    d[1 + least(n - 1, floor(0.50::DOUBLE * n)::BIGINT)] AS p50,
    d[1 + least(n - 1, floor(0.90::DOUBLE * n)::BIGINT)] AS p90,
    d[1 + least(n - 1, floor(0.99::DOUBLE * n)::BIGINT)] AS p99,
    d[1 + least(n - 1, floor(0.999::DOUBLE * n)::BIGINT)] AS p999,
    d[n] AS max
  FROM grouped
)
SELECT
  procname,
  NULL::INTEGER AS pid,
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
ORDER BY total, procname;
