-- Which system calls there are: calls, errors, total and mean time, and share of the time, by system call.
--
-- calls counts the calls that returned; errors counts those of them that returned -4095 to -1, which are -errno. Times
-- run from entry to exit and include waiting, so calls that wait for work (accept4, epoll_wait, futex) take most of it.
-- share is the percentage of all time in system calls. A call that was under way when the trace began has no entry and
-- so no time; no_entry counts these. A call that had not returned when the trace ended, or whose exit was lost, is
-- counted only by no_exit.
--
-- $server = %  only threads whose name is LIKE this
-- $limit = 1000  at most so many system calls
--
-- Of the trace apache-prefork:
--   name       | calls | errors | total_ms   | mean_us     | share | total_ns     | no_entry | no_exit
--   -----------+-------+--------+------------+-------------+-------+--------------+----------+---------
--   accept4    |   843 |    220 | 154128.581 |  183924.321 | 32.44 | 154128581210 |        5 |      11
--   futex      |  1218 |     73 | 150399.296 |  123887.394 | 31.65 | 150399296300 |        4 |      11
--   poll       |  2191 |      0 |  53269.257 |   24346.095 | 11.21 |  53269256810 |        3 |       3
--   epoll_wait |    26 |      0 |  39825.515 | 1810250.686 |  8.38 |  39825515090 |        4 |       4
WITH calls AS (
  SELECT
    name,
    count(*) FILTER (WHERE phase = 'exit') AS calls,
    count(*) FILTER (WHERE phase = 'exit' AND ret BETWEEN -4095 AND -1) AS errors,
    coalesce(sum(duration_ns), 0) AS total_ns,
    avg(duration_ns) AS mean_ns,
    count(*) AS sides,
    -- Exits that know their entry.
    count(entry_id) AS pairs
  FROM events
  WHERE phase <> 'point' AND coalesce(procname, '') LIKE $server
  GROUP BY name
)
SELECT
  name,
  calls,
  errors,
  round(total_ns / 1e6, 3) AS total_ms,
  round(mean_ns / 1e3, 3) AS mean_us,
  round(100.0 * total_ns / nullif(sum(total_ns) OVER (), 0), 2) AS share,
  total_ns,
  calls - pairs AS no_entry,
  sides - calls - pairs AS no_exit
FROM calls
ORDER BY total_ns DESC, name
LIMIT $limit;
