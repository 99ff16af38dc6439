-- What the whole system did in the time of each request, one row for each request and event: request_id (of the request
-- whose time it is), own (whether the event is one of the request's), and all other columns of events. The window is that
-- from first_event to last_event, whatever the rule, so an event comes once for each request that is under way: nothing of
-- this is stored.
CREATE VIEW window_events AS
SELECT w.request_id, coalesce(e.request_id = w.request_id, false) AS own, e.* EXCEPT (request_id)
FROM requests AS w
JOIN events AS e ON e.trace_id = w.trace_id AND e.event_id BETWEEN w.first_event AND w.last_event;
