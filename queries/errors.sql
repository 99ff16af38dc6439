-- Which system calls fail, and how: by call and error, with how many requests that touches.
--
-- failures counts the calls that returned -4095 to -1; share is their part of all calls of this name that returned.
-- in_requests counts the failures that belong to a request, and requests the requests that have at least one. Errors
-- from 512 on never leave the kernel: the call is restarted.
--
-- $server = %  only threads whose name is LIKE this
-- $limit = 1000  at most so many rows
--
-- Of the trace apache-prefork:
--   name       | errno  | failures | share | in_requests | requests
--   -----------+--------+----------+-------+-------------+---------
--   newfstatat | ENOENT |     1826 | 27.39 |        1826 |      305
--   openat     | ENOENT |     1288 | 46.31 |           0 |        0
SELECT
  name,
  coalesce(errno, CAST(-any_ret AS VARCHAR)) AS errno,
  failures,
  round(100.0 * failures / calls, 2) AS share,
  in_requests,
  requests
FROM (
  SELECT
    name,
    errno,
    min(ret) AS any_ret,
    count(*) AS failures,
    count(request_id) AS in_requests,
    count(DISTINCT concat(trace_id, ':', request_id)) FILTER (WHERE request_id IS NOT NULL) AS requests
  FROM syscalls
  WHERE ret BETWEEN -4095 AND -1 AND coalesce(procname, '') LIKE $server
  GROUP BY name, errno
) AS failed
JOIN (
  SELECT name AS call, count(*) AS calls
  FROM events
  WHERE phase = 'exit' AND coalesce(procname, '') LIKE $server
  GROUP BY name
) AS returned ON call = name
ORDER BY failures DESC, name, errno
LIMIT $limit;
