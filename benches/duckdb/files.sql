-- Which files are touched: calls by path, failures, and how many requests they are part of.
-- The path is the entry's, or else the exit's; all else is the exit's, or else the entry's.
WITH linked AS (
  SELECT
    coalesce(x.trace_id, n.trace_id) AS trace_id,
    coalesce(n.path, x.path) AS path,
    coalesce(x.pid, n.pid) AS pid,
    coalesce(x.name, n.name) AS name,
    coalesce(x.request_id, n.request_id) AS request_id,
    x.ret
  FROM (FROM events WHERE phase = 'entry' AND path IS NOT NULL) AS n
  FULL JOIN (FROM events WHERE phase = 'exit') AS x
    ON x.trace_id = n.trace_id AND x.entry_id = n.event_id
  WHERE coalesce(n.path, x.path) IS NOT NULL
)
SELECT
  path,
  count(*) AS calls,
  count(*) FILTER (WHERE ret BETWEEN -4095 AND -1) AS failures,
  count(DISTINCT (trace_id, request_id)) FILTER (WHERE request_id IS NOT NULL) AS requests,
  count(DISTINCT pid) AS processes,
  string_agg(DISTINCT name, ' ' ORDER BY name) AS by_call
FROM linked
GROUP BY path
ORDER BY calls DESC, path
LIMIT 20;
