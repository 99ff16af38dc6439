-- How a figure of requests is distributed: how many requests fall into each of equal steps of its logarithm.
--
-- One row for each label and step that has requests. from_value is the smallest integer in the step, to_value the
-- smallest above it, both in the unit of the figure (its name says which; n_events are events). Zero has a step of its
-- own. Requests without the figure (wait_ns with the rule connection, on_cpu_ns without scheduler events) are in no
-- row. Only complete requests count, unless $incomplete is true; left_out says how many of the step did not count. A
-- request has the label of the span in which it lies, else that of its recording; one inside of which a span begins or
-- ends does not count either.
--
-- $of = duration_ns | idle_ns | wait_ns | on_cpu_ns | runnable_ns | blocked_ns | read_bytes | written_bytes | n_events  what
-- $per_decade = 10  steps from a power of ten to the next
-- $incomplete = false  count requests too that are cut off, in whose time events were lost, or a span begins or ends
--
WITH figures AS (
  SELECT
    coalesce(span_label, label) AS label,
    complete AND NOT coalesce(straddles, false) OR $incomplete AS counts,
    CASE $of
      WHEN 'duration_ns' THEN duration_ns
      WHEN 'idle_ns' THEN idle_ns
      WHEN 'wait_ns' THEN wait_ns
      WHEN 'on_cpu_ns' THEN on_cpu_ns
      WHEN 'runnable_ns' THEN runnable_ns
      WHEN 'blocked_ns' THEN blocked_ns
      WHEN 'read_bytes' THEN read_bytes
      WHEN 'written_bytes' THEN written_bytes
      WHEN 'n_events' THEN n_events
    END AS value
  FROM requests
), placed AS (
  SELECT label, counts, CASE WHEN value > 0 THEN CAST(floor(log10(value) * $per_decade) AS BIGINT) END AS step
  FROM figures
  WHERE value IS NOT NULL
)
SELECT
  label,
  coalesce(CAST(ceil(power(10.0, 1.0 * step / $per_decade)) AS BIGINT), 0) AS from_value,
  coalesce(CAST(ceil(power(10.0, 1.0 * (step + 1) / $per_decade)) AS BIGINT), 1) AS to_value,
  count(*) FILTER (WHERE counts) AS requests,
  count(*) FILTER (WHERE NOT counts) AS left_out
FROM placed
GROUP BY label, step
ORDER BY label, from_value;
