-- Which sequences of three system calls of one thread complete requests are made of.
WITH entries AS (
  SELECT trace_id, request_id, tid, event_id, e.name
  FROM events AS e
  JOIN (SELECT trace_id, request_id FROM requests WHERE complete) USING (trace_id, request_id)
  WHERE phase = 'entry'
), calls AS (
  SELECT
    trace_id,
    request_id,
    name AS first,
    lead(name, 1) OVER thread AS second,
    lead(name, 2) OVER thread AS third
  FROM entries
  WINDOW thread AS (PARTITION BY trace_id, request_id, tid ORDER BY event_id)
), counted AS (
  SELECT first, second, third, count(*) AS times, count(DISTINCT (trace_id, request_id)) AS requests
  FROM calls
  WHERE third IS NOT NULL
  GROUP BY ALL
)
SELECT
  concat_ws(' ', first, second, third) AS gram,
  times,
  round(100e0 * times / sum(times) OVER (), 2) AS share,
  requests
FROM counted
ORDER BY times DESC, gram
LIMIT 20;
