-- What single requests did, call by call: the slowest and the median one, and what other processes did for them.
--
-- One row for each system call of the two requests (reach is own) and each piece of work that was done for them
-- (downstream), in the order in which they began. begin_ns counts from the start of the request. duration_ns is how
-- long the call took within the request, and is empty if an end of the call is not in the request. A call that began
-- before the request has begin_ns 0, and before_ns says how long before. number counts a request's rows from 1, and
-- rows says how many it has; no more than $limit are shown. The median is the nearest rank, as in latency.sql; it is
-- missing if it is also the slowest. Only complete requests are chosen from, unless $incomplete is true.
--
-- $limit = 1000  at most so many rows for each of the two
-- $incomplete = false  choose from requests too that are cut off or in whose time events were lost
--
-- The two are found once, for all that is asked about them.
CREATE OR REPLACE TABLE timeline_chosen AS
SELECT *, CASE WHEN place = n THEN 'slowest' ELSE 'median' END AS which
FROM (
  SELECT
    trace_id,
    request_id,
    label,
    CAST(start AS BIGINT) AS start_ns,
    duration_ns,
    first_event,
    last_event,
    row_number() OVER (ORDER BY duration_ns, trace_id, request_id) AS place,
    count(*) OVER () AS n
  FROM requests
  WHERE complete OR $incomplete
)
WHERE place = n OR place = 1 + n / 2;

WITH own AS (
  SELECT
    c.which, c.trace_id, c.request_id, c.label, c.duration_ns AS request_ns,
    CAST(e."timestamp" AS BIGINT) - c.start_ns AS offset_ns,
    e.event_id, e.procname, e.tid, e.name, e.phase, e.ret, e.fd, e.path, e.entry_id, e.duration_ns
  FROM timeline_chosen AS c
  -- By the range, only the parts of events that hold the two are read.
  JOIN events AS e ON e.trace_id = c.trace_id AND e.request_id = c.request_id
    AND e.event_id BETWEEN c.first_event AND c.last_event
), done AS (
  SELECT
    coalesce(x.which, n.which) AS which,
    coalesce(x.trace_id, n.trace_id) AS trace_id,
    coalesce(x.request_id, n.request_id) AS request_id,
    coalesce(x.label, n.label) AS label,
    coalesce(x.request_ns, n.request_ns) AS request_ns,
    'own' AS reach,
    coalesce(x.procname, n.procname) AS procname,
    coalesce(x.tid, n.tid) AS tid,
    coalesce(x.name, n.name) AS name,
    greatest(0, coalesce(n.offset_ns, x.offset_ns - x.duration_ns, x.offset_ns)) AS begin_ns,
    CASE WHEN x.duration_ns > x.offset_ns THEN x.duration_ns - x.offset_ns END AS before_ns,
    CASE WHEN x.duration_ns IS NOT NULL THEN least(x.duration_ns, x.offset_ns) END AS duration_ns,
    coalesce(n.fd, x.fd) AS fd,
    coalesce(n.path, x.path) AS path,
    x.ret,
    coalesce(n.event_id, x.event_id) AS event_id
  FROM (SELECT * FROM own WHERE phase = 'entry') AS n
  FULL JOIN (SELECT * FROM own WHERE phase = 'exit') AS x
    ON x.trace_id = n.trace_id AND x.request_id = n.request_id AND x.entry_id = n.event_id
  UNION ALL
  SELECT
    c.which, c.trace_id, c.request_id, c.label, c.duration_ns, 'downstream', d.procname, d.tid, NULL,
    CAST(d.start AS BIGINT) - c.start_ns, NULL, d.duration_ns, d.fd, NULL, NULL, d.first_event
  FROM timeline_chosen AS c
  JOIN downstream AS d ON d.trace_id = c.trace_id AND d.request_id = c.request_id
), numbered AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY which ORDER BY begin_ns, event_id, reach) AS number,
    count(*) OVER (PARTITION BY which) AS rows
  FROM done
)
SELECT
  which, trace_id, request_id, label, request_ns, number, rows, reach, procname, tid, d.name, begin_ns, before_ns, duration_ns, fd,
  path, ret, errnos.name AS errno
FROM numbered AS d
LEFT JOIN errnos ON errnos.errno = -d.ret
WHERE number <= $limit
ORDER BY request_ns DESC, number;
