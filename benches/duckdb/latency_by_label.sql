-- How long requests take by label: count, mean, nearest-rank percentiles and maximum.
WITH grouped AS (
  SELECT
    label,
    count(DISTINCT trace_id) AS recordings,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    avg(duration_ns) FILTER (WHERE counts) AS mean,
    list(duration_ns ORDER BY duration_ns) FILTER (WHERE counts) AS d
  FROM (
    SELECT
      trace_id,
      duration_ns,
      coalesce(span_label, label) AS label,
      complete AND straddles IS NOT TRUE AS counts
    FROM requests
  )
  GROUP BY label
)
SELECT
  label,
  recordings,
  n AS requests,
  left_out,
  round(mean / 1e6, 3) AS mean_ms,
  round(d[1 + least(n - 1, floor(0.50::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p50_ms,
  round(d[1 + least(n - 1, floor(0.90::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p90_ms,
  round(d[1 + least(n - 1, floor(0.99::DOUBLE * n)::BIGINT)] / 1e6, 3) AS p99_ms,
  round(d[n] / 1e6, 3) AS max_ms
FROM grouped
ORDER BY label;
