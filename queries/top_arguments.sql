-- Top arguments: the values that arguments of system calls have most often, in the events of requests.
--
-- One row for each call, side of it (phase), argument and value, the most frequent first within their argument, and at
-- most $top of them: how often it occurs, its share of the argument's values that are not null (percent), in how many
-- requests it occurs, and how many different values the argument has (distinct_values). Structures and lists are
-- written as JSON. Only complete requests count, unless $incomplete is true.
--
-- $call = %  only calls whose name is LIKE this
-- $argument = %  only arguments whose name is LIKE this
-- $server = %  only processes whose name is LIKE this
-- $incomplete = false  count requests too that are cut off or in whose time events were lost
-- $top = 3  values of each argument
--
WITH counted AS (
  SELECT call, phase, argument, value, sum(times) AS n, count(*) AS requests
  FROM request_arguments
  WHERE (complete OR $incomplete) AND coalesce(procname, '') LIKE $server
    AND phase <> 'point' AND call LIKE $call AND argument LIKE $argument
  GROUP BY call, phase, argument, value
), ranked AS (
  SELECT *,
    row_number() OVER (PARTITION BY call, phase, argument ORDER BY n DESC, value) AS place,
    count(*) OVER (PARTITION BY call, phase, argument) AS distinct_values,
    sum(n) OVER (PARTITION BY call, phase, argument) AS total
  FROM counted
)
SELECT call, phase, argument, value, n, round(100.0 * n / total, 2) AS share, requests, distinct_values
FROM ranked
WHERE place <= $top
ORDER BY call, phase, argument, place;
