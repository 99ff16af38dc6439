-- Splits the complete requests into train and test, writes both as Parquet into a folder, and says what they share.
--
-- The same dataset and parameters always give the same split. $by chooses the strategy. Each row has the result of
-- every strategy (split_by_hash, split_by_time, split_by_recording, split_by_label), and `split`, the chosen one, names
-- the folders (split=train, split=test).
--   hash       a request is for training if the first 8 hex digits of sha256(trace_id || ':' || request_id), read as a
--              number below 2^32, are less than $fraction * 2^32. It stays where it is when other requests come or go.
--   time       the first $fraction of the requests in order of start (then trace_id, request_id) are for training, the
--              others for testing. A training request that does not end $gap_ms before the first test begins is in
--              neither ("gap").
--   recording  whole recordings are for training, in order of sha256(trace_id): as many as $fraction of them, and at
--              least one on each side if there are two.
--   label      requests of recordings with the label $label are split by hash; all others are ood (out of distribution).
-- Incomplete requests (cut off, or touched by lost events) are in no part. Both are counted.
--
-- The audit says for each part but train how many of its requests have a training request of the same recording, of the
-- same connection, of the same thread, from the same client address, at the same time (meanwhile: one is under way at
-- some time in it), or with the same sequence of system calls.
--
-- $out = split  folder to write; it must not hold anything. Say it (-p out=split): that allows this query to write there
-- $fraction = 0.8  share of the requests, or recordings, to train with
-- $by = hash | time | recording | label  which split names the folders
-- $gap_ms = 0  time between training and test, for time
-- $label = normal  the label that is in distribution, for label; '' for recordings without one
--
-- Of the trace apache-lossy, without the times:
--   split    | requests | events | same_recording | same_connection | same_thread | same_client | meanwhile | same_calls
--   ---------+----------+--------+----------------+-----------------+-------------+-------------+-----------+-----------
--   train    |      290 |  47521 |                |                 |             |             |           |
--   test     |       66 |  11139 |             66 |               0 |          66 |          66 |        62 |         66
--   left out |      254 |  42156 |                |                 |             |             |           |

CREATE VIEW split_ids AS
WITH recordings AS (
  SELECT
    trace_id,
    row_number() OVER (ORDER BY encode(sha256(trace_id), 'hex'), trace_id) AS place,
    count(*) OVER () AS n
  FROM (SELECT DISTINCT trace_id FROM requests WHERE complete)
), hashed AS (
  SELECT
    trace_id,
    request_id,
    coalesce(label, '') AS label,
    start,
    "end",
    substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8) AS hash,
    row_number() OVER (ORDER BY start, trace_id, request_id) AS place,
    count(*) OVER () AS n
  FROM requests
  WHERE complete
), placed AS (
  SELECT
    *,
    concat('0', hash) < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') AS first_by_hash,
    place <= floor($fraction * n) AS first_by_time,
    min(CASE WHEN place > floor($fraction * n) THEN CAST(start AS BIGINT) END) OVER () AS test_begins
  FROM hashed
), every AS (
  SELECT
    p.trace_id,
    p.request_id,
    CASE WHEN first_by_hash THEN 'train' ELSE 'test' END AS split_by_hash,
    CASE
      WHEN NOT first_by_time THEN 'test'
      WHEN coalesce(CAST("end" AS BIGINT) + $gap_ms * 1000000 > test_begins, false) THEN 'gap'
      ELSE 'train'
    END AS split_by_time,
    CASE
      WHEN r.place <= greatest(1, least(r.n - 1, floor($fraction * r.n))) THEN 'train'
      ELSE 'test'
    END AS split_by_recording,
    CASE WHEN label <> $label THEN 'ood' WHEN first_by_hash THEN 'train' ELSE 'test' END AS split_by_label
  FROM placed AS p
  JOIN recordings AS r ON r.trace_id = p.trace_id
)
SELECT
  *,
  CASE $by
    WHEN 'hash' THEN split_by_hash
    WHEN 'time' THEN split_by_time
    WHEN 'recording' THEN split_by_recording
    ELSE split_by_label
  END AS split
FROM every;

COPY (
  SELECT r.*, s.split_by_hash, s.split_by_time, s.split_by_recording, s.split_by_label, s.split
  FROM split_ids AS s
  JOIN requests AS r ON r.trace_id = s.trace_id AND r.request_id = s.request_id
  WHERE s.split <> 'gap'
)
TO $out STORED AS PARQUET PARTITIONED BY (split);

CREATE VIEW split_calls AS
SELECT trace_id, request_id, sha256(array_to_string(names, ' ')) AS calls
FROM (SELECT trace_id, request_id, elements_where(name, phase, 'entry') AS names FROM request_lists WHERE complete)
WHERE cardinality(names) > 0;

CREATE VIEW split_members AS
SELECT
  s.split, r.trace_id, r.request_id, r.connection_id, r.tid, r.client_addr, r.start, r."end", r.n_events, c.calls
FROM split_ids AS s
JOIN requests AS r ON r.trace_id = s.trace_id AND r.request_id = s.request_id
LEFT JOIN split_calls AS c ON c.trace_id = s.trace_id AND c.request_id = s.request_id;

WITH train AS (
  SELECT * FROM split_members WHERE split = 'train'
), ends AS (
  -- The latest end of the training requests that begin before the end of a request.
  SELECT
    trace_id,
    request_id,
    max(train_end) OVER (PARTITION BY trace_id ORDER BY at, request_id NULLS FIRST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS train_end
  FROM (
    SELECT trace_id, CAST(NULL AS BIGINT) AS request_id, start AS at, "end" AS train_end FROM train
    UNION ALL
    SELECT trace_id, request_id, "end", NULL FROM split_members WHERE split <> 'train'
  )
), audited AS (
  SELECT
    m.*,
    max(trains) OVER (PARTITION BY m.trace_id) AS same_recording,
    CASE WHEN connection_id IS NULL THEN 0 ELSE max(trains) OVER (PARTITION BY m.trace_id, connection_id) END
      AS same_connection,
    CASE WHEN tid IS NULL THEN 0 ELSE max(trains) OVER (PARTITION BY m.trace_id, tid) END AS same_thread,
    CASE WHEN client_addr IS NULL THEN 0 ELSE max(trains) OVER (PARTITION BY client_addr) END AS same_client,
    CASE WHEN e.train_end >= m.start THEN 1 ELSE 0 END AS meanwhile,
    CASE WHEN calls IS NULL THEN 0 ELSE max(trains) OVER (PARTITION BY calls) END AS same_calls
  FROM (SELECT *, CASE split WHEN 'train' THEN 1 ELSE 0 END AS trains FROM split_members) AS m
  LEFT JOIN (SELECT * FROM ends WHERE request_id IS NOT NULL) AS e
    ON e.trace_id = m.trace_id AND e.request_id = m.request_id
), counted AS (
  SELECT
    split,
    count(*) AS requests,
    sum(n_events) AS events,
    min(start) AS first_start,
    max(start) AS last_start,
    sum(same_recording) AS same_recording,
    sum(same_connection) AS same_connection,
    sum(same_thread) AS same_thread,
    sum(same_client) AS same_client,
    sum(meanwhile) AS meanwhile,
    sum(same_calls) AS same_calls
  FROM audited
  GROUP BY split
)
SELECT
  split,
  requests,
  events,
  first_start,
  last_start,
  CASE WHEN split <> 'train' THEN same_recording END AS same_recording,
  CASE WHEN split <> 'train' THEN same_connection END AS same_connection,
  CASE WHEN split <> 'train' THEN same_thread END AS same_thread,
  CASE WHEN split <> 'train' THEN same_client END AS same_client,
  CASE WHEN split <> 'train' THEN meanwhile END AS meanwhile,
  CASE WHEN split <> 'train' THEN same_calls END AS same_calls
FROM counted
UNION ALL
SELECT 'left out', count(*), sum(n_events), min(start), max(start), NULL, NULL, NULL, NULL, NULL, NULL
FROM requests
WHERE NOT complete
ORDER BY split DESC;
