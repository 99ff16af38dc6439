-- Which sequences of system calls requests are made of: the most frequent n-grams of calls.
--
-- Calls of one thread within one request, in the order of their entries; a sequence never continues from one request or
-- thread into another. share is the percentage of all n-grams. requests counts the requests that have the n-gram. Only
-- complete requests count, unless $incomplete is true.
--
-- $n = 3 | 2  length of the sequences
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
-- $limit = 20  at most so many n-grams
--
WITH calls AS (
  SELECT
    e.trace_id,
    e.request_id,
    e.name AS first,
    lead(e.name, 1) OVER thread AS second,
    lead(e.name, 2) OVER thread AS third
  FROM (SELECT trace_id, request_id, tid, event_id, name FROM own_events WHERE phase = 'entry') AS e
  JOIN requests AS r ON r.trace_id = e.trace_id AND r.request_id = e.request_id
  WHERE r.complete OR $incomplete
  WINDOW thread AS (PARTITION BY e.trace_id, e.request_id, e.tid ORDER BY e.event_id)
), grams AS (
  SELECT
    trace_id,
    request_id,
    CASE WHEN $n = 2 THEN concat(first, ' ', second) ELSE concat(first, ' ', second, ' ', third) END AS gram
  FROM calls
  WHERE second IS NOT NULL AND ($n = 2 OR third IS NOT NULL)
)
SELECT
  gram,
  count(*) AS times,
  round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS share,
  count(DISTINCT concat(trace_id, ':', request_id)) AS requests
FROM grams
GROUP BY gram
ORDER BY times DESC, gram
LIMIT $limit;
