-- Where the time of requests goes: on a CPU, waiting for one, blocked by system call, or with no thread at work on them.
--
-- One row for each part, largest first: how many requests have such time, the total, the mean over all requests that
-- count, and the share of the time of all. A row blocked names the call in which the thread was blocked (empty if it
-- was in none, as in a page fault). Only complete requests count, unless $incomplete is true; left_out, the same in all
-- rows, says how many did not count. A trace without scheduler events gives no rows.
--
-- $server = %  only processes whose name is LIKE this
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
--
-- Of the trace apache-prefork:
--   part     | call  | requests | total_ms  | mean_ms | share | left_out | total_ns
--   ---------+-------+----------+-----------+---------+-------+----------+-------------
--   runnable |       |      319 | 25119.344 |  78.744 | 59.20 |        0 | 25119343500
--   blocked  | poll  |      306 |  9627.610 |  30.181 | 22.69 |        0 | 9627609520
WITH chosen AS (
  SELECT *, complete OR $incomplete AS counts
  FROM requests
  WHERE coalesce(procname, '') LIKE $server AND on_cpu_ns IS NOT NULL
), total AS (
  SELECT
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    sum(duration_ns) FILTER (WHERE counts) AS ns,
    -- How many requests have such time, and how much.
    [count(*) FILTER (WHERE counts AND on_cpu_ns > 0), sum(on_cpu_ns) FILTER (WHERE counts)] AS on_cpu,
    [count(*) FILTER (WHERE counts AND runnable_ns > 0), sum(runnable_ns) FILTER (WHERE counts)] AS runnable,
    [count(*) FILTER (WHERE counts AND unattended_ns > 0), sum(unattended_ns) FILTER (WHERE counts)] AS unattended
  FROM chosen
), parts AS (
  SELECT part, CAST(NULL AS VARCHAR) AS call, figures[1] AS requests, figures[2] AS ns
  FROM (
    SELECT unnest(['on_cpu', 'runnable', 'unattended']) AS part, unnest([on_cpu, runnable, unattended]) AS figures
    FROM total
    WHERE n > 0
  )
  UNION ALL
  SELECT 'blocked', span['name'], count(*) FILTER (WHERE span['duration_ns'] > 0), sum(span['duration_ns'])
  FROM (SELECT unnest(blocked) AS span FROM chosen WHERE counts)
  GROUP BY span['name']
)
SELECT
  part,
  call,
  requests,
  round(p.ns / 1e6, 3) AS total_ms,
  round(p.ns / 1e6 / t.n, 3) AS mean_ms,
  round(100.0 * p.ns / t.ns, 2) AS share,
  left_out,
  p.ns AS total_ns
FROM parts AS p
CROSS JOIN total AS t
ORDER BY total_ns DESC, part, call;
