-- What slow requests do that fast ones do not: calls and time by system call, in the slowest and in the fastest of them.
--
-- Requests are ranked by duration (then trace_id, request_id). The last $fraction of them are slow, the first are fast.
-- For each system call: the mean number of calls and the mean time in it, per slow and per fast request, and the
-- difference of the times, which orders the rows. If a call began before the request (the wait in accept4), only its
-- time in the request counts. Only complete requests count, unless $incomplete is true.
--
-- $fraction = 0.1  share of the requests that is slow, and that is fast
-- $server = %  only processes whose name is LIKE this
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
-- $limit = 20  at most so many system calls
--
WITH ranked AS (
  SELECT
    trace_id,
    request_id,
    CAST(start AS BIGINT) AS start_ns,
    row_number() OVER (ORDER BY duration_ns, trace_id, request_id) AS place,
    greatest(1, CAST(floor($fraction * count(*) OVER ()) AS BIGINT)) AS size,
    count(*) OVER () AS n
  FROM requests
  WHERE (complete OR $incomplete) AND coalesce(procname, '') LIKE $server
), chosen AS (
  SELECT trace_id, request_id, start_ns, place > n - size AS slow, place <= size AS fast, size
  FROM ranked
  WHERE place > n - size OR place <= size
), calls AS (
  SELECT e.name, c.slow, c.fast, c.size, least(e.duration_ns, CAST(e."timestamp" AS BIGINT) - c.start_ns) AS duration_ns
  FROM chosen AS c
  JOIN events AS e ON e.trace_id = c.trace_id AND e.request_id = c.request_id
  WHERE e.phase = 'exit' AND e.duration_ns IS NOT NULL AND e.request_id IS NOT NULL
)
SELECT
  name,
  round(1.0 * count(*) FILTER (WHERE slow) / max(size), 3) AS slow_calls,
  round(1.0 * count(*) FILTER (WHERE fast) / max(size), 3) AS fast_calls,
  round(coalesce(sum(duration_ns) FILTER (WHERE slow), 0) / 1e6 / max(size), 3) AS slow_ms,
  round(coalesce(sum(duration_ns) FILTER (WHERE fast), 0) / 1e6 / max(size), 3) AS fast_ms,
  round((coalesce(sum(duration_ns) FILTER (WHERE slow), 0) - coalesce(sum(duration_ns) FILTER (WHERE fast), 0))
    / 1e6 / max(size), 3) AS more_ms
FROM calls
GROUP BY name
ORDER BY more_ms DESC, name
LIMIT $limit;
