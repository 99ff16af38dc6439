-- The events of requests, one row each: request_id, offset_ns since the start of the request, and all columns of events.
-- Their duration_ns is of the whole call, which may have begun before the request: on an exit that has it,
-- least(duration_ns, offset_ns) is the part in the request.
-- An event that its request does not carry (requests.n_events_omitted) is not here.
CREATE VIEW own_events AS
SELECT own.request_id, own.nested['offset_ns'] AS offset_ns, e.*
FROM (SELECT trace_id, request_id, unnest(events) AS nested FROM requests) AS own
JOIN events AS e ON e.trace_id = own.trace_id AND e.event_id = own.nested['event_id'];
