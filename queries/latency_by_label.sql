-- How long requests take by label: count, mean, percentiles and maximum, one row for each label of the requests.
--
-- Percentiles are nearest ranks, as in latency.sql. Only complete requests count, unless $incomplete is true; left_out
-- says how many did not count. A request has the label of the span in which it lies, else that of its recording; requests
-- inside of which a span begins or ends do not count either. Those without a label share one row without a name.
--
-- $incomplete = false  count requests too that are cut off, in whose time events were lost, or a span begins or ends
--
WITH grouped AS (
  SELECT
    label,
    count(DISTINCT trace_id) AS recordings,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    avg(duration_ns) FILTER (WHERE counts) AS mean,
    nearest_ranks(duration_ns, [0.50, 0.90, 0.99, 1]) FILTER (WHERE counts) AS ranks
  FROM (
    SELECT
      trace_id,
      duration_ns,
      coalesce(span_label, label) AS label,
      complete AND NOT coalesce(straddles, false) OR $incomplete AS counts
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
  round(ranks[1] / 1e6, 3) AS p50_ms,
  round(ranks[2] / 1e6, 3) AS p90_ms,
  round(ranks[3] / 1e6, 3) AS p99_ms,
  round(ranks[4] / 1e6, 3) AS max_ms
FROM grouped
ORDER BY label NULLS LAST;
