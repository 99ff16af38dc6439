-- How long requests take in the course of the recording: percentiles by time span.
--
-- Time spans of $span_ms, counted from the start of the first request of each recording. A request is in the span in
-- which it starts; a span in which none starts has no row. Percentiles are nearest ranks, as in latency.sql. Only
-- complete requests count, unless $incomplete is true; left_out says how many did not count.
--
-- $span_ms = 1000  length of a span
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
--
WITH placed AS (
  SELECT
    trace_id,
    (CAST(start AS BIGINT) - min(CAST(start AS BIGINT)) OVER (PARTITION BY trace_id)) / ($span_ms * 1000000) AS span,
    complete OR $incomplete AS counts,
    duration_ns
  FROM requests
), grouped AS (
  SELECT
    trace_id,
    CAST(span AS BIGINT) AS span,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    nearest_ranks(duration_ns, [0.50, 0.90, 1]) FILTER (WHERE counts) AS ranks
  FROM placed
  GROUP BY trace_id, CAST(span AS BIGINT)
)
SELECT
  trace_id,
  span * $span_ms AS from_ms,
  n AS requests,
  left_out,
  round(ranks[1] / 1e6, 3) AS p50_ms,
  round(ranks[2] / 1e6, 3) AS p90_ms,
  round(ranks[3] / 1e6, 3) AS max_ms
FROM grouped
ORDER BY trace_id, from_ms;
