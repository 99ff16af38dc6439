-- What was done for each request, by itself and by others, one row per event: request_id, reach (own or downstream),
-- service_id (of the row of downstream, null for own), and all columns of events.
CREATE VIEW causal_events AS
SELECT c.request_id, c.reach, c.service_id, e.*
FROM (
  SELECT trace_id, request_id, 'own' AS reach, CAST(NULL AS BIGINT) AS service_id, nested['event_id'] AS event_id
  FROM (SELECT trace_id, request_id, unnest(events) AS nested FROM requests)
  UNION ALL
  SELECT trace_id, request_id, 'downstream' AS reach, service_id, unnest(event_ids) AS event_id FROM downstream
) AS c
JOIN events AS e ON e.trace_id = c.trace_id AND e.event_id = c.event_id;
