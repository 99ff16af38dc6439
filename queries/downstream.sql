-- What other processes did for requests, such as their database: how often, how long, and where that time went.
--
-- One row for each process and depth (1: asked by the request itself), the longest first: how many requests were
-- served, how many services there were and how many of them were answered, their total time with its mean and
-- percentiles (nearest ranks), the mean wait from the call that asked to the read of it, and the mean time on a CPU,
-- waiting for one, blocked, and with no thread at work (empty without scheduler events). share is the part of the time
-- of the requests that count. Only complete requests count, with their complete services, unless $incomplete is true;
-- left_out says how many services did not count.
--
-- $server = %  only requests of processes whose name is LIKE this
-- $incomplete = false  count requests and services too that are cut off or in whose time events were lost
--
WITH chosen AS (
  SELECT d.*, r.duration_ns AS request_ns, (r.complete AND d.complete) OR $incomplete AS counts
  FROM downstream AS d
  JOIN requests AS r ON r.trace_id = d.trace_id AND r.request_id = d.request_id
  WHERE coalesce(r.procname, '') LIKE $server
), total AS (
  SELECT sum(duration_ns) AS ns FROM requests
  WHERE coalesce(procname, '') LIKE $server AND (complete OR $incomplete)
), grouped AS (
  SELECT
    procname,
    depth,
    count(DISTINCT CASE WHEN counts THEN trace_id || ' ' || request_id END) AS requests,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE counts AND end_reason = 'response') AS answered,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    sum(duration_ns) FILTER (WHERE counts) AS ns,
    avg(wait_ns) FILTER (WHERE counts) AS wait,
    avg(on_cpu_ns) FILTER (WHERE counts) AS on_cpu,
    avg(runnable_ns) FILTER (WHERE counts) AS runnable,
    avg(blocked_ns) FILTER (WHERE counts) AS blocked,
    avg(unattended_ns) FILTER (WHERE counts) AS unattended,
    nearest_ranks(duration_ns, [0.50, 0.99]) FILTER (WHERE counts) AS ranks
  FROM chosen
  GROUP BY procname, depth
)
SELECT
  procname,
  depth,
  requests,
  n AS services,
  answered,
  left_out,
  round(g.ns / 1e6, 3) AS total_ms,
  round(g.ns / 1e6 / n, 3) AS mean_ms,
  round(ranks[1] / 1e6, 3) AS p50_ms,
  round(ranks[2] / 1e6, 3) AS p99_ms,
  round(wait / 1e6, 3) AS mean_wait_ms,
  round(on_cpu / 1e6, 3) AS mean_on_cpu_ms,
  round(runnable / 1e6, 3) AS mean_runnable_ms,
  round(blocked / 1e6, 3) AS mean_blocked_ms,
  round(unattended / 1e6, 3) AS mean_unattended_ms,
  round(100.0 * g.ns / t.ns, 2) AS share
FROM grouped AS g
CROSS JOIN total AS t
ORDER BY total_ms DESC NULLS LAST, procname, depth;
