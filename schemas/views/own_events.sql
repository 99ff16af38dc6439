-- The events of requests, one row each: offset_ns since the start of their request, and all columns of events. Their
-- duration_ns is of the whole call, which may have begun before the request: on an exit that has it,
-- least(duration_ns, offset_ns) is the part in the request.
-- An event that its request does not carry (requests.n_events_omitted) is not here.
CREATE VIEW own_events AS
SELECT e.request_id, CAST(e."timestamp" AS BIGINT) - CAST(r.start AS BIGINT) AS offset_ns, e.* EXCEPT (request_id)
FROM events AS e
JOIN (SELECT trace_id, request_id, start, first_event, last_event FROM requests) AS r
  ON r.trace_id = e.trace_id AND r.request_id = e.request_id AND e.event_id BETWEEN r.first_event AND r.last_event;
