-- How long requests take in the course of each recording: nearest-rank percentiles by second since its first request.
WITH placed AS (
  SELECT
    trace_id,
    (epoch_ns(start) - min(epoch_ns(start)) OVER (PARTITION BY trace_id)) // 1000000000 AS span,
    complete,
    duration_ns
  FROM requests
), grouped AS (
  SELECT
    trace_id,
    span,
    count(*) FILTER (WHERE complete) AS n,
    count(*) FILTER (WHERE NOT complete) AS left_out,
    list(duration_ns ORDER BY duration_ns) FILTER (WHERE complete) AS d
  FROM placed
  GROUP BY ALL
)
SELECT
  trace_id,
  span * 1000 AS from_ms,
  n AS requests,
  left_out,
  round(d[1 + least(n - 1, floor(0.50::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p50_ms,
  round(d[1 + least(n - 1, floor(0.90::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p90_ms,
  round(d[n] / 1e6, 3) AS max_ms
FROM grouped
ORDER BY trace_id, from_ms;
