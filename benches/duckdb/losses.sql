-- What the tracer recorded, and what it lost, by second since each recording's first request (or event without one).
WITH began AS (
  SELECT trace_id, coalesce(r.first, e.first) AS zero
  FROM (SELECT trace_id, epoch_ns("timestamp") AS first FROM events WHERE event_id = 0) AS e
  LEFT JOIN (SELECT trace_id, min(epoch_ns(start)) AS first FROM requests GROUP BY trace_id) AS r USING (trace_id)
), happened AS (
  SELECT
    trace_id, epoch_ns("timestamp") AS moment, 1 AS events, 0 AS discarded_events, 0 AS discarded_packets, 0 AS losses,
    0 AS unknown
  FROM events
  UNION ALL
  SELECT
    trace_id, epoch_ns("end"), 0, coalesce(discarded_events, 0), coalesce(discarded_packets, 0), 1,
    (discarded_events IS NULL AND discarded_packets IS NULL)::INTEGER
  FROM losses
)
SELECT
  h.trace_id,
  floor((moment - zero) / 1e9)::BIGINT * 1000 AS from_ms,
  sum(events) AS events,
  sum(discarded_events) AS discarded_events,
  sum(discarded_packets) AS discarded_packets,
  sum(losses) AS losses,
  sum(unknown) AS unknown
FROM happened AS h
LEFT JOIN began AS b USING (trace_id)
GROUP BY ALL
ORDER BY trace_id, from_ms;
