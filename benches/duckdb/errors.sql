-- Which system calls fail, and how: by call and error, with how many requests that touches.
-- A call is of the request that its exit is of.
WITH counted AS (
  SELECT
    name,
    CASE WHEN ret BETWEEN -4095 AND -1 THEN ret END AS error,
    count(*) AS failures,
    count(request_id) AS in_requests,
    count(DISTINCT (trace_id, request_id)) FILTER (WHERE request_id IS NOT NULL AND ret BETWEEN -4095 AND -1) AS requests
  FROM events
  WHERE phase = 'exit'
  GROUP BY ALL
), shared AS (
  SELECT *, sum(failures) OVER (PARTITION BY name) AS calls FROM counted
)
SELECT
  s.name,
  coalesce(errnos.name, (-error)::VARCHAR) AS errno,
  failures,
  round(100e0 * failures / calls, 2) AS share,
  in_requests,
  requests
FROM shared AS s
LEFT JOIN errnos ON errnos.errno = -error
WHERE error IS NOT NULL
ORDER BY failures DESC, s.name, 2
LIMIT 1000;
