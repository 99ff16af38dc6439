-- What other processes did for complete requests: how often, how long, and where that time went, by process and depth.
WITH chosen AS (
  SELECT d.*, r.complete AND d.complete AS counts
  FROM downstream AS d
  JOIN requests AS r USING (trace_id, request_id)
), grouped AS (
  SELECT
    procname,
    depth,
    count(DISTINCT (trace_id, request_id)) FILTER (WHERE counts) AS requests,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE counts AND end_reason = 'response') AS answered,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    sum(duration_ns) FILTER (WHERE counts) AS ns,
    avg(wait_ns) FILTER (WHERE counts) AS wait,
    avg(on_cpu_ns) FILTER (WHERE counts) AS on_cpu,
    avg(runnable_ns) FILTER (WHERE counts) AS runnable,
    avg(blocked_ns) FILTER (WHERE counts) AS blocked,
    avg(unattended_ns) FILTER (WHERE counts) AS unattended,
    list(duration_ns ORDER BY duration_ns) FILTER (WHERE counts) AS d
  FROM chosen
  GROUP BY procname, depth
)
SELECT
  procname,
  depth,
  requests,
  n AS services,
  answered,
  left_out,
  round(ns / 1e6, 3) AS total_ms,
  round(ns / 1e6 / nullif(n, 0), 3) AS mean_ms,
  round(d[1 + least(n - 1, floor(0.50::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p50_ms,
  round(d[1 + least(n - 1, floor(0.99::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p99_ms,
  round(wait / 1e6, 3) AS mean_wait_ms,
  round(on_cpu / 1e6, 3) AS mean_on_cpu_ms,
  round(runnable / 1e6, 3) AS mean_runnable_ms,
  round(blocked / 1e6, 3) AS mean_blocked_ms,
  round(unattended / 1e6, 3) AS mean_unattended_ms,
  round(100e0 * ns / (SELECT sum(duration_ns) FROM requests WHERE complete), 2) AS share
FROM grouped
ORDER BY total_ms DESC NULLS LAST, procname, depth;
