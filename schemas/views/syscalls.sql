-- System calls, one row each, whose sides are in one row: entry_id and exit_id (event_id of each), entered and returned
-- (their times), cpu (of the exit, else the entry), pid, tid, procname, name, fd, path, ret, errno (name of the error,
-- where it failed), duration_ns, entry_args and exit_args, and request_id. What belongs to a side that the trace does not
-- hold is null. A call is of the request that its exit is of, or else its entry.
CREATE VIEW syscalls AS
WITH sides AS (
  SELECT
    coalesce(x.trace_id, n.trace_id) AS trace_id,
    n.event_id AS entry_id,
    x.event_id AS exit_id,
    n."timestamp" AS entered,
    x."timestamp" AS returned,
    coalesce(x.cpu, n.cpu) AS cpu,
    coalesce(x.pid, n.pid) AS pid,
    coalesce(x.tid, n.tid) AS tid,
    coalesce(x.procname, n.procname) AS procname,
    coalesce(x.name, n.name) AS name,
    coalesce(n.fd, x.fd) AS fd,
    coalesce(n.path, x.path) AS path,
    x.ret,
    x.duration_ns,
    n.args AS entry_args,
    x.args AS exit_args
  FROM (SELECT * FROM events WHERE phase = 'entry') AS n
  FULL JOIN (SELECT * FROM events WHERE phase = 'exit') AS x
    ON x.trace_id = n.trace_id AND x.entry_id = n.event_id
), own AS (
  SELECT trace_id, request_id, nested['event_id'] AS event_id
  FROM (SELECT trace_id, request_id, unnest(events) AS nested FROM requests)
)
SELECT
  s.trace_id, s.entry_id, s.exit_id, s.entered, s.returned, s.cpu, s.pid, s.tid, s.procname, s.name, s.fd, s.path, s.ret,
  errnos.name AS errno,
  s.duration_ns, s.entry_args, s.exit_args,
  coalesce(of_exit.request_id, of_entry.request_id) AS request_id
FROM sides AS s
LEFT JOIN own AS of_exit ON of_exit.trace_id = s.trace_id AND of_exit.event_id = s.exit_id
LEFT JOIN own AS of_entry ON of_entry.trace_id = s.trace_id AND of_entry.event_id = s.entry_id
LEFT JOIN errnos ON errnos.errno = -s.ret;
