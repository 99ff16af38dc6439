-- What the whole system did in the time of each of the ten complete requests with the largest windows, and the sum of all.
WITH chosen AS (
  SELECT trace_id, request_id, n_events, first_event, last_event, last_event - first_event + 1 AS window_events
  FROM requests
  WHERE complete
), widest AS (
  FROM chosen ORDER BY window_events DESC, trace_id, request_id LIMIT 10
), processes AS (
  SELECT w.trace_id, w.request_id, count(DISTINCT e.pid) - 1 AS processes
  FROM widest AS w
  JOIN events AS e ON e.trace_id = w.trace_id AND e.event_id BETWEEN w.first_event AND w.last_event
  GROUP BY ALL
), answer AS (
  SELECT
    0 AS last, trace_id, request_id, n_events AS own_events, window_events,
    round(1e0 * window_events / n_events, 2) AS ratio, processes
  FROM widest
  JOIN processes USING (trace_id, request_id)
  UNION ALL
  SELECT
    1, NULL, NULL, sum(n_events), sum(window_events), round(1e0 * sum(window_events) / sum(n_events), 2), NULL
  FROM chosen
)
SELECT trace_id, request_id, own_events, window_events, ratio, processes
FROM answer
ORDER BY last, window_events DESC, trace_id, request_id;
