-- What the tracer recorded, and what it lost, in the course of the recording: events and packets by time span.
--
-- Time spans of $span_ms, counted as in latency_over_time.sql from the start of the first request of each recording (or
-- of its first event if it has no request), so what came before has a negative from_ms. A span in which there is
-- nothing has no row. A loss is in the span in which the packet that reports it ends; if the trace does not say when
-- that was, the loss is in a row without from_ms. losses counts the rows of the table losses; unknown counts those that
-- do not say how much was lost.
--
-- $span_ms = 1000  length of a span
--
WITH began AS (
  SELECT row_number() OVER (ORDER BY e.trace_id) AS recording, e.trace_id, coalesce(r.first, e.first) AS zero
  FROM (SELECT trace_id, CAST("timestamp" AS BIGINT) AS first FROM events WHERE event_id = 0) AS e
  LEFT JOIN (SELECT trace_id, min(CAST(start AS BIGINT)) AS first FROM requests GROUP BY trace_id) AS r
    ON r.trace_id = e.trace_id
), numbered AS (
  -- Joined and grouped by number, which is faster than by name.
  SELECT
    array_position((SELECT array_agg(trace_id ORDER BY trace_id) FROM began), trace_id) AS recording,
    CAST("timestamp" AS BIGINT) AS moment
  FROM events
), placed AS (
  SELECT b.recording, CAST(floor((n.moment - b.zero) / ($span_ms * 1e6)) AS BIGINT) AS span
  FROM began AS b
  JOIN numbered AS n ON n.recording = b.recording
), counted AS (
  SELECT recording, span, count(*) AS events FROM placed GROUP BY recording, span
), happened AS (
  SELECT
    b.trace_id,
    span,
    events,
    0 AS discarded_events,
    0 AS discarded_packets,
    0 AS losses,
    0 AS unknown
  FROM counted AS c
  JOIN began AS b ON b.recording = c.recording
  UNION ALL
  SELECT
    l.trace_id,
    CAST(floor((CAST(l."end" AS BIGINT) - zero) / ($span_ms * 1e6)) AS BIGINT),
    0,
    coalesce(discarded_events, 0),
    coalesce(discarded_packets, 0),
    1,
    CASE WHEN discarded_events IS NULL AND discarded_packets IS NULL THEN 1 ELSE 0 END
  FROM losses AS l
  LEFT JOIN began AS b ON b.trace_id = l.trace_id
)
SELECT
  trace_id,
  span * $span_ms AS from_ms,
  sum(events) AS events,
  sum(discarded_events) AS discarded_events,
  sum(discarded_packets) AS discarded_packets,
  sum(losses) AS losses,
  sum(unknown) AS unknown
FROM happened
GROUP BY trace_id, span
ORDER BY trace_id, from_ms;
