-- Which system calls there are: calls, errors, total and mean time, and share of the time.
WITH calls AS (
  SELECT
    name,
    count(*) FILTER (WHERE phase = 'exit') AS calls,
    count(*) FILTER (WHERE phase = 'exit' AND ret BETWEEN -4095 AND -1) AS errors,
    coalesce(sum(duration_ns), 0) AS total_ns,
    avg(duration_ns) AS mean_ns,
    count(*) FILTER (WHERE phase = 'exit' AND entry_id IS NULL) AS no_entry,
    count(*) FILTER (WHERE phase = 'entry') - count(entry_id) AS no_exit
  FROM events
  WHERE phase <> 'point'
  GROUP BY name
)
SELECT
  name,
  calls,
  errors,
  round(total_ns / 1e6, 3) AS total_ms,
  round(mean_ns / 1e3, 3) AS mean_us,
  round(100e0 * total_ns / nullif(sum(total_ns) OVER (), 0), 2) AS share,
  total_ns,
  no_entry,
  no_exit
FROM calls
ORDER BY total_ns DESC, name
LIMIT 1000;
