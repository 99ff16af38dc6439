-- Which files are touched: calls by path, failures, and how many requests they are part of.
--
-- A path is the first file name among a call's arguments, as it was given: relative ones are relative to the process's
-- folder or to a descriptor. calls counts the calls by name, most frequent first in by_call.
--
-- $server = %  only threads whose name is LIKE this
-- $limit = 20  at most so many paths
--
SELECT
  path,
  count(*) AS calls,
  count(*) FILTER (WHERE ret BETWEEN -4095 AND -1) AS failures,
  count_requests(trace_id, request_id) AS requests,
  count(DISTINCT pid) AS processes,
  array_to_string(array_sort(array_agg(DISTINCT name)), ' ') AS by_call
FROM syscalls
WHERE path IS NOT NULL AND coalesce(procname, '') LIKE $server
GROUP BY path
ORDER BY calls DESC, path
LIMIT $limit;
