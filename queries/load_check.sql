-- What the load generator measured beside what the table requests says: counts, rates and percentiles for each recording.
--
-- Columns that begin with load_ come from the load generator (recordings made by `sysds record --load`; null for
-- others), all other columns from the table, for complete requests. A percentile is the nearest rank, as in
-- latency.sql.
--
-- What to expect: the table has a few requests more, from anybody else who asked the server (health checks, noise), and
-- with --requests exchange also those of TLS handshakes. Its latencies are shorter, because they begin when the server
-- reads. They do not include the network, the queue of the listening socket and, if the load generator corrects for it,
-- the delay of requests that were sent late. If requests take much longer in the table than for the load generator, the
-- rule probably does not fit the server: without keep-alive that is exchange, with keep-alive connection.
--
-- $server = %  only requests of processes whose name is LIKE this
-- $client = %  only requests from addresses LIKE this, to leave out those of the machine itself
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
--
WITH chosen AS (
  SELECT trace_id, complete OR $incomplete AS counts, duration_ns, start, "end"
  FROM requests
  WHERE coalesce(procname, '') LIKE $server AND coalesce(client_addr, '') LIKE $client
), grouped AS (
  SELECT
    CAST(trace_id AS VARCHAR) AS trace_id,
    count(*) FILTER (WHERE counts) AS n,
    count(*) FILTER (WHERE NOT counts) AS left_out,
    min(CAST(start AS BIGINT)) FILTER (WHERE counts) AS begin_ns,
    max(CAST("end" AS BIGINT)) FILTER (WHERE counts) AS end_ns,
    avg(duration_ns) FILTER (WHERE counts) AS mean,
    nearest_ranks(duration_ns, [0.50, 0.90, 0.99, 1]) FILTER (WHERE counts) AS ranks
  FROM chosen
  GROUP BY trace_id
), shares AS (
  SELECT trace_id, unnest(load_percentiles) AS p FROM recordings
), measured AS (
  SELECT
    trace_id,
    max(CASE WHEN p['percent'] = 50 THEN p['latency_ns'] END) AS p50,
    max(CASE WHEN p['percent'] = 90 THEN p['latency_ns'] END) AS p90,
    max(CASE WHEN p['percent'] = 99 THEN p['latency_ns'] END) AS p99
  FROM shares
  GROUP BY trace_id
)
SELECT
  r.label,
  r.trace_id,
  r.load_tool,
  r.load_errors,
  r.discarded_events,
  r.load_requests,
  coalesce(g.n, 0) AS requests,
  coalesce(g.left_out, 0) AS left_out,
  r.load_rate_asked,
  round(r.load_rate_reached, 2) AS load_rate,
  round(g.n * 1e9 / nullif(g.end_ns - g.begin_ns, 0), 2) AS rate,
  round(r.load_mean_ns / 1e6, 3) AS load_mean_ms,
  round(g.mean / 1e6, 3) AS mean_ms,
  round(m.p50 / 1e6, 3) AS load_p50_ms,
  round(ranks[1] / 1e6, 3) AS p50_ms,
  round(m.p90 / 1e6, 3) AS load_p90_ms,
  round(ranks[2] / 1e6, 3) AS p90_ms,
  round(m.p99 / 1e6, 3) AS load_p99_ms,
  round(ranks[3] / 1e6, 3) AS p99_ms,
  round(r.load_max_ns / 1e6, 3) AS load_max_ms,
  round(ranks[4] / 1e6, 3) AS max_ms
FROM recordings AS r
LEFT JOIN grouped AS g ON g.trace_id = r.trace_id
LEFT JOIN measured AS m ON m.trace_id = r.trace_id
ORDER BY r.label NULLS LAST, r.trace_id;
