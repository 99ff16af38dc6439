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
    row_number() OVER (ORDER BY duration_ns, trace_id, request_id) AS place,
    count(*) OVER () AS n
  FROM requests
  WHERE (complete OR $incomplete) AND coalesce(procname, '') LIKE $server
), chosen AS (
  SELECT trace_id, request_id, place > n - size AS slow, place <= size AS fast, size
  FROM (SELECT *, greatest(1, CAST(floor($fraction * n) AS BIGINT)) AS size FROM ranked)
), calls AS (
  SELECT name, c.slow, c.fast, c.size, e.duration_ns
  FROM (
    SELECT trace_id, request_id, name, least(duration_ns, offset_ns) AS duration_ns
    FROM own_events
    WHERE phase = 'exit' AND duration_ns IS NOT NULL
  ) AS e
  JOIN chosen AS c ON c.trace_id = e.trace_id AND c.request_id = e.request_id
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
HAVING bool_or(slow) OR bool_or(fast)
ORDER BY more_ms DESC, name
LIMIT $limit;
