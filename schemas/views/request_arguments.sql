-- How often each value of an argument occurs in each request, in a dataset whose requests do not carry arguments: the
-- columns trace_id, request_id, label, procname and complete of requests, call, phase, argument and value, and times.
CREATE VIEW request_arguments AS
SELECT
  o.trace_id, o.request_id, r.label, r.procname, r.complete,
  o.name AS call, o.phase, o.member['name'] AS argument, o.member['value'] AS value, count(*) AS times
FROM (SELECT trace_id, request_id, name, phase, unnest(members(args)) AS member FROM own_events) AS o
JOIN requests AS r ON r.trace_id = o.trace_id AND r.request_id = o.request_id
GROUP BY o.trace_id, o.request_id, r.label, r.procname, r.complete, o.name, o.phase, o.member['name'], o.member['value'];
