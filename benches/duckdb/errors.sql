-- Which system calls fail, and how: by call and error, with how many requests that touches.
-- A call is of the request that its exit is of, or else its entry.
WITH own AS (
  SELECT trace_id, request_id, unnest(events).event_id AS event_id FROM requests
), failed AS (
  SELECT trace_id, event_id, entry_id, name, ret
  FROM events
  WHERE phase = 'exit' AND ret BETWEEN -4095 AND -1
), counted AS (
  SELECT
    f.name,
    errnos.name AS errno,
    min(ret) AS any_ret,
    count(*) AS failures,
    count(coalesce(x.request_id, n.request_id)) AS in_requests,
    count(DISTINCT (f.trace_id, coalesce(x.request_id, n.request_id)))
      FILTER (WHERE coalesce(x.request_id, n.request_id) IS NOT NULL) AS requests
  FROM failed AS f
  LEFT JOIN own AS x ON x.trace_id = f.trace_id AND x.event_id = f.event_id
  LEFT JOIN own AS n ON n.trace_id = f.trace_id AND n.event_id = f.entry_id
  LEFT JOIN errnos ON errnos.errno = -ret
  GROUP BY f.name, errnos.name
), returned AS (
  SELECT name, count(*) AS calls FROM events WHERE phase = 'exit' GROUP BY name
)
SELECT
  name,
  coalesce(errno, (-any_ret)::VARCHAR) AS errno,
  failures,
  round(100e0 * failures / calls, 2) AS share,
  in_requests,
  requests
FROM counted
JOIN returned USING (name)
ORDER BY failures DESC, name, counted.errno
LIMIT 1000;
