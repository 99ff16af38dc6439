-- What was done for each request, by itself and by others, one row per event: request_id, reach (own or downstream),
-- service_id (of the row of downstream, null for own), and all other columns of events.
CREATE VIEW causal_events AS
SELECT request_id, 'own' AS reach, service_id, e.* EXCEPT (request_id, service_id)
FROM events AS e
WHERE request_id IS NOT NULL
UNION ALL
SELECT d.request_id, 'downstream' AS reach, e.service_id, e.* EXCEPT (request_id, service_id)
FROM events AS e
JOIN (SELECT trace_id, service_id, request_id FROM downstream) AS d
  ON d.trace_id = e.trace_id AND d.service_id = e.service_id;
