-- Where the time of complete requests goes: on a CPU, waiting for one, blocked by system call, or with no thread at work.
WITH chosen AS (
  SELECT * FROM requests WHERE on_cpu_ns IS NOT NULL
), parts AS (
  SELECT 'on_cpu' AS part, NULL::VARCHAR AS call, on_cpu_ns AS ns FROM chosen WHERE complete
  UNION ALL
  SELECT 'runnable', NULL, runnable_ns FROM chosen WHERE complete
  UNION ALL
  SELECT 'unattended', NULL, unattended_ns FROM chosen WHERE complete
  UNION ALL
  SELECT 'blocked', span.name, span.duration_ns
  FROM (SELECT unnest(blocked) AS span FROM chosen WHERE complete)
), total AS (
  SELECT
    count(*) FILTER (WHERE complete) AS n,
    count(*) FILTER (WHERE NOT complete) AS left_out,
    sum(duration_ns) FILTER (WHERE complete) AS ns
  FROM chosen
)
SELECT
  part,
  call,
  count(*) FILTER (WHERE p.ns > 0) AS requests,
  round(sum(p.ns) / 1e6, 3) AS total_ms,
  round(sum(p.ns) / 1e6 / any_value(t.n), 3) AS mean_ms,
  round(100e0 * sum(p.ns) / any_value(t.ns), 2) AS share,
  any_value(t.left_out) AS left_out,
  sum(p.ns) AS total_ns
FROM parts AS p
CROSS JOIN total AS t
GROUP BY part, call
ORDER BY total_ns DESC, part, call;
