-- How the durations of requests are distributed: requests in each of ten steps from a power of ten to the next.
WITH placed AS (
  SELECT
    coalesce(span_label, label) AS label,
    complete AND straddles IS NOT TRUE AS counts,
    CASE WHEN duration_ns > 0 THEN floor(log10(duration_ns) * 10)::BIGINT END AS step
  FROM requests
)
SELECT
  label,
  coalesce(ceil(power(10e0, step / 10e0))::BIGINT, 0) AS from_value,
  coalesce(ceil(power(10e0, (step + 1) / 10e0))::BIGINT, 1) AS to_value,
  count(*) FILTER (WHERE counts) AS requests,
  count(*) FILTER (WHERE NOT counts) AS left_out
FROM placed
GROUP BY label, step
ORDER BY label, from_value;
