-- Which files are touched: calls by path, failures, and how many requests they are part of.
--
-- A path is the first file name among a call's arguments, as it was given: relative ones are relative to the process's
-- folder or to a descriptor. calls counts the calls by name, most frequent first in by_call.
--
-- $server = %  only threads whose name is LIKE this
-- $limit = 20  at most so many paths
--
WITH touched AS (
  -- By recording first: within one, a request is its number.
  SELECT
    path,
    trace_id,
    count(*) AS calls,
    count(*) FILTER (WHERE ret BETWEEN -4095 AND -1) AS failures,
    count(DISTINCT request_id) AS requests,
    array_agg(DISTINCT pid) FILTER (WHERE pid IS NOT NULL) AS pids,
    array_agg(DISTINCT name) AS names
  FROM syscalls
  WHERE path IS NOT NULL AND coalesce(procname, '') LIKE $server
  GROUP BY path, trace_id
)
SELECT
  path,
  sum(calls) AS calls,
  sum(failures) AS failures,
  sum(requests) AS requests,
  CAST(coalesce(cardinality(array_distinct(flatten(array_agg(pids) FILTER (WHERE pids IS NOT NULL)))), 0) AS BIGINT) AS processes,
  array_to_string(array_sort(array_distinct(flatten(array_agg(names)))), ' ') AS by_call
FROM touched
GROUP BY path
ORDER BY calls DESC, path
LIMIT $limit;
