-- What the whole system did in the time of each request, and what storing that with every request would cost.
--
-- For each request: own_events counts its own events, window_events those of all threads from its first to its last
-- event, ratio compares the two, and processes counts the other processes that had events meanwhile. The last row,
-- without a request_id, is the sum. Its window_events is the number of rows that you would store if you copied every
-- event into every request under way. The events themselves are in the view window_events. Only complete requests
-- count, unless $incomplete is true.
--
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
-- $limit = 10  only so many requests, those with the largest windows; the last row is always over all
--
WITH chosen AS (
  SELECT trace_id, request_id, first_event, last_event, n_events, last_event - first_event + 1 AS window_events
  FROM requests
  WHERE complete OR $incomplete
), widest AS (
  SELECT * FROM chosen ORDER BY window_events DESC, trace_id, request_id LIMIT $limit
), counted AS (
  SELECT w.trace_id, w.request_id, w.n_events, w.window_events, count(DISTINCT e.pid) - 1 AS processes
  FROM widest AS w
  JOIN events AS e ON e.trace_id = w.trace_id AND e.event_id BETWEEN w.first_event AND w.last_event
  GROUP BY w.trace_id, w.request_id, w.n_events, w.window_events
), total AS (
  SELECT sum(n_events) AS own, sum(window_events) AS whole FROM chosen
)
SELECT trace_id, request_id, own_events, window_events, ratio, processes
FROM (
  SELECT
    0 AS last,
    trace_id,
    request_id,
    n_events AS own_events,
    window_events,
    round(1.0 * window_events / n_events, 2) AS ratio,
    processes
  FROM counted
  UNION ALL
  SELECT 1, NULL, NULL, own, whole, round(1.0 * whole / own, 2), NULL FROM total
)
ORDER BY last, window_events DESC, trace_id, request_id;
