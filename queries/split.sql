-- Splits the complete requests into train and test, and writes both as Parquet into a folder.
--
-- The same dataset and parameters always give the same split. By hash, a request is for training where the first 8 hex
-- digits of sha256(trace_id || ':' || request_id), read as a number below 2^32, are less than $fraction * 2^32: a
-- request stays where it is when others come or go. By time, it is where it is among the first $fraction of the
-- requests in order of start (then trace_id, request_id): what comes later is never known before. Both stand in each
-- row, as split_by_hash and split_by_time; `split`, which names the folders (split=train, split=test), is the one
-- that $by chooses. Incomplete requests (cut off, or touched by lost events) are in neither, and are counted.
--
-- $out = split  folder to write; it must not hold anything
-- $fraction = 0.8  share of the requests to train with
-- $by = hash | time  which split names the folders
--
-- Of the trace apache-lossy:
--   split    | requests | events | first_start                    | last_start
--   ---------+----------+--------+--------------------------------+--------------------------------
--   train    |      289 |  47337 | 2026-11-23T23:14:08.460906345Z | 2026-11-23T23:14:28.522939695Z
--   test     |       67 |  11323 | 2026-11-23T23:14:08.722651335Z | 2026-11-23T23:14:28.510089005Z
--   left out |      252 |  42132 | 2026-11-23T23:14:08.945766455Z | 2026-11-23T23:14:27.841574485Z

-- Rows as large as these are written as they are read, a few at a time and in their order, instead of being sorted.
SET datafusion.execution.target_partitions = 1;
SET datafusion.execution.batch_size = 256;

CREATE VIEW split_ids AS
WITH hashed AS (
  SELECT
    trace_id,
    request_id,
    substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8) AS hash,
    row_number() OVER (ORDER BY start, trace_id, request_id) AS place,
    count(*) OVER () AS n
  FROM requests
  WHERE complete
), both AS (
  SELECT
    trace_id,
    request_id,
    CASE
      WHEN concat('0', hash) < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') THEN 'train'
      ELSE 'test'
    END AS split_by_hash,
    CASE WHEN place <= floor($fraction * n) THEN 'train' ELSE 'test' END AS split_by_time
  FROM hashed
)
SELECT *, CASE WHEN $by = 'hash' THEN split_by_hash ELSE split_by_time END AS split
FROM both;

COPY (
  SELECT r.*, s.split_by_hash, s.split_by_time, s.split
  FROM split_ids AS s
  JOIN requests AS r ON r.trace_id = s.trace_id AND r.request_id = s.request_id
)
TO $out STORED AS PARQUET PARTITIONED BY (split);

SELECT s.split, count(*) AS requests, sum(r.n_events) AS events, min(r.start) AS first_start, max(r.start) AS last_start
FROM split_ids AS s
JOIN requests AS r ON r.trace_id = s.trace_id AND r.request_id = s.request_id
GROUP BY s.split
UNION ALL
SELECT 'left out', count(*), sum(n_events), min(start), max(start)
FROM requests
WHERE NOT complete
ORDER BY split DESC;
