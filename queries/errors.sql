-- Which system calls fail, and how: by call and error, with how many requests that touches.
--
-- failures counts the calls that returned -4095 to -1; share is their part of all calls of this name that returned.
-- in_requests counts the failures that belong to a request (that their exit is part of), and requests the requests that
-- have at least one. Errors from 512 on never leave the kernel: the call is restarted.
--
-- $server = %  only threads whose name is LIKE this
-- $limit = 1000  at most so many rows
--
-- Of the trace apache-prefork:
--   name       | errno  | failures | share | in_requests | requests
--   -----------+--------+----------+-------+-------------+---------
--   newfstatat | ENOENT |     1826 | 27.39 |        1826 |      305
--   openat     | ENOENT |     1288 | 46.31 |           0 |        0
WITH returned AS (
  SELECT trace_id, request_id, name, CASE WHEN ret BETWEEN -4095 AND -1 THEN ret END AS error
  FROM events
  WHERE phase = 'exit' AND coalesce(procname, '') LIKE $server
), counted AS (
  SELECT
    name,
    error,
    count(*) AS times,
    count(request_id) AS in_requests,
    count(DISTINCT CASE WHEN error IS NOT NULL AND request_id IS NOT NULL THEN concat(trace_id, ':', request_id) END)
      AS requests
  FROM returned
  GROUP BY name, error
), shared AS (
  SELECT *, sum(times) OVER (PARTITION BY name) AS calls
  FROM counted
)
SELECT
  s.name,
  coalesce(errnos.name, CAST(-error AS VARCHAR)) AS errno,
  times AS failures,
  round(100.0 * times / calls, 2) AS share,
  in_requests,
  requests
FROM shared AS s
LEFT JOIN errnos ON errnos.errno = -error
WHERE error IS NOT NULL
ORDER BY failures DESC, s.name, errno
LIMIT $limit;
