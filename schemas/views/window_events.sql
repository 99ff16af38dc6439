-- What the whole system did in the time of each request, one row for each request and event: request_id, own (whether the
-- event is one of the request's), and all columns of events. The window is that from first_event to last_event, whatever
-- the rule, so an event comes once for each request that is under way: nothing of this is stored.
CREATE VIEW window_events AS
SELECT w.request_id, own.event_id IS NOT NULL AS own, e.*
FROM (SELECT trace_id, request_id, unnest(range(first_event, last_event + 1)) AS event_id FROM requests) AS w
JOIN events AS e ON e.trace_id = w.trace_id AND e.event_id = w.event_id
LEFT JOIN (
  SELECT trace_id, request_id, nested['event_id'] AS event_id
  FROM (SELECT trace_id, request_id, unnest(events) AS nested FROM requests)
) AS own ON own.trace_id = w.trace_id AND own.request_id = w.request_id AND own.event_id = w.event_id;
