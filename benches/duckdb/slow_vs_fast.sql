-- Calls and time by system call in the slowest and in the fastest tenth of the complete requests.
WITH ranked AS (
  SELECT
    trace_id,
    request_id,
    epoch_ns(start) AS start_ns,
    row_number() OVER (ORDER BY duration_ns, trace_id, request_id) AS place,
    count(*) OVER () AS n,
    greatest(1, floor(0.1::DOUBLE * n)::BIGINT) AS size
  FROM requests
  WHERE complete
), chosen AS (
  SELECT trace_id, request_id, start_ns, place > n - size AS slow, place <= size AS fast, size
  FROM ranked
  WHERE place > n - size OR place <= size
), calls AS (
  SELECT slow, fast, size, name, least(duration_ns, epoch_ns("timestamp") - start_ns) AS ns
  FROM events
  JOIN chosen USING (trace_id, request_id)
  WHERE phase = 'exit' AND duration_ns IS NOT NULL
)
SELECT
  name,
  round(1e0 * count(*) FILTER (WHERE slow) / max(size), 3) AS slow_calls,
  round(1e0 * count(*) FILTER (WHERE fast) / max(size), 3) AS fast_calls,
  round(coalesce(sum(ns) FILTER (WHERE slow), 0) / 1e6 / max(size), 3) AS slow_ms,
  round(coalesce(sum(ns) FILTER (WHERE fast), 0) / 1e6 / max(size), 3) AS fast_ms,
  round((coalesce(sum(ns) FILTER (WHERE slow), 0) - coalesce(sum(ns) FILTER (WHERE fast), 0)) / 1e6 / max(size), 3)
    AS more_ms
FROM calls
GROUP BY name
ORDER BY more_ms DESC, name
LIMIT 20;
