-- How long requests take by label: count, mean, percentiles and maximum, one row for each label of the recordings.
--
-- Percentiles are nearest ranks, as in latency.sql. Only complete requests count, unless $incomplete is true; left_out
-- says how many did not count. Recordings without a label share one row without a name.
--
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
--
WITH grouped AS (
  SELECT
    label,
    count(DISTINCT trace_id) AS recordings,
    count(*) FILTER (WHERE complete OR $incomplete) AS n,
    count(*) FILTER (WHERE NOT (complete OR $incomplete)) AS left_out,
    avg(duration_ns) FILTER (WHERE complete OR $incomplete) AS mean,
    nearest_ranks(duration_ns, [0.50, 0.90, 0.99, 1]) FILTER (WHERE complete OR $incomplete) AS ranks
  FROM requests
  GROUP BY label
)
SELECT
  label,
  recordings,
  n AS requests,
  left_out,
  round(mean / 1e6, 3) AS mean_ms,
  round(ranks[1] / 1e6, 3) AS p50_ms,
  round(ranks[2] / 1e6, 3) AS p90_ms,
  round(ranks[3] / 1e6, 3) AS p99_ms,
  round(ranks[4] / 1e6, 3) AS max_ms
FROM grouped
ORDER BY label NULLS LAST;
