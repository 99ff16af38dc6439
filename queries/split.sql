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

-- Where the parts meet. This is found on small columns, so that the rows of requests, which are large, are neither sorted
-- nor joined: they are written as they are read, in their order.
CREATE TABLE split_bounds AS
SELECT
  max(CAST(start AS BIGINT)) FILTER (WHERE place = last) AS last_start,
  max(trace_id) FILTER (WHERE place = last) AS last_trace,
  max(request_id) FILTER (WHERE place = last) AS last_request,
  min(CAST(start AS BIGINT)) FILTER (WHERE place > last) AS test_begins
FROM (
  SELECT
    trace_id,
    request_id,
    start,
    row_number() OVER (ORDER BY start, trace_id, request_id) AS place,
    floor($fraction * count(*) OVER ()) AS last
  FROM requests
  WHERE complete
);

CREATE TABLE split_recordings AS
SELECT array_agg(trace_id) AS train
FROM (
  SELECT
    trace_id,
    row_number() OVER (ORDER BY encode(sha256(trace_id), 'hex'), trace_id) AS place,
    count(*) OVER () AS n
  FROM (SELECT DISTINCT CAST(trace_id AS VARCHAR) AS trace_id FROM requests WHERE complete)
)
WHERE place <= greatest(1, least(n - 1, floor($fraction * n)));

CREATE VIEW split_requests AS
WITH placed AS (
  SELECT
    *,
    concat('0', substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8))
      < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') AS first_by_hash,
    coalesce(
      CAST(start AS BIGINT) < (SELECT last_start FROM split_bounds)
      OR CAST(start AS BIGINT) = (SELECT last_start FROM split_bounds)
        AND (trace_id < (SELECT last_trace FROM split_bounds)
          OR trace_id = (SELECT last_trace FROM split_bounds)
            AND request_id <= (SELECT last_request FROM split_bounds)),
      false) AS first_by_time
  FROM requests
  WHERE complete
), every AS (
  SELECT
    * EXCEPT (first_by_hash, first_by_time),
    CASE WHEN first_by_hash THEN 'train' ELSE 'test' END AS split_by_hash,
    CASE
      WHEN NOT first_by_time THEN 'test'
      WHEN coalesce(CAST("end" AS BIGINT) + $gap_ms * 1000000 > (SELECT test_begins FROM split_bounds), false) THEN 'gap'
      ELSE 'train'
    END AS split_by_time,
    CASE
      WHEN array_has((SELECT train FROM split_recordings), CAST(trace_id AS VARCHAR)) THEN 'train'
      ELSE 'test'
    END AS split_by_recording,
    CASE
      WHEN coalesce(label, '') <> $label THEN 'ood'
      WHEN first_by_hash THEN 'train'
      ELSE 'test'
    END AS split_by_label
  FROM placed
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

CREATE VIEW split_ids AS
SELECT trace_id, request_id, split_by_hash, split_by_time, split_by_recording, split_by_label, split
FROM split_requests;

COPY (SELECT * FROM split_requests WHERE split <> 'gap') TO $out STORED AS PARQUET PARTITIONED BY (split);

CREATE VIEW split_calls AS
SELECT trace_id, request_id, sha256(array_to_string(names, ' ')) AS calls
FROM (SELECT trace_id, request_id, elements_where(name, phase, 'entry') AS names FROM request_lists WHERE complete)
WHERE cardinality(names) > 0;

CREATE TABLE split_members AS
SELECT
  r.split, r.trace_id, r.request_id, r.connection_id, r.tid, r.client_addr, r.start, r."end", r.n_events, c.calls
FROM split_requests AS r
LEFT JOIN split_calls AS c ON c.trace_id = r.trace_id AND c.request_id = r.request_id;

-- The audit counts in groups, which go to disk beyond the memory that there is, and sorts once, for what is meanwhile.
WITH counted AS (
  SELECT split, count(*) AS requests, sum(n_events) AS events, min(start) AS first_start, max(start) AS last_start
  FROM split_members
  GROUP BY split
), keyed AS (
  -- What a request may share with others, in a row each.
  SELECT split, 'recording' AS what, CAST(trace_id AS VARCHAR) AS trace_id, CAST(NULL AS BIGINT) AS number, NULL AS value
  FROM split_members
  UNION ALL
  SELECT split, 'connection', trace_id, connection_id, NULL FROM split_members WHERE connection_id IS NOT NULL
  UNION ALL
  SELECT split, 'thread', trace_id, tid, NULL FROM split_members WHERE tid IS NOT NULL
  UNION ALL
  SELECT split, 'client', NULL, NULL, client_addr FROM split_members WHERE client_addr IS NOT NULL
  UNION ALL
  SELECT split, 'calls', NULL, NULL, encode(calls, 'hex') FROM split_members WHERE calls IS NOT NULL
), sharing AS (
  SELECT
    what,
    count(*) FILTER (WHERE split = 'test') AS test,
    count(*) FILTER (WHERE split = 'gap') AS gap,
    count(*) FILTER (WHERE split = 'ood') AS ood
  FROM keyed
  GROUP BY what, trace_id, number, value
  HAVING count(*) FILTER (WHERE split = 'train') > 0
), shared AS (
  SELECT what, [sum(test), sum(gap), sum(ood)] AS n
  FROM sharing
  GROUP BY what
), same AS (
  -- A row for each part, in the order of the lists.
  SELECT
    unnest(['test', 'gap', 'ood']) AS split,
    unnest(first_value(n) FILTER (WHERE what = 'recording')) AS recording,
    unnest(first_value(n) FILTER (WHERE what = 'connection')) AS connection,
    unnest(first_value(n) FILTER (WHERE what = 'thread')) AS thread,
    unnest(first_value(n) FILTER (WHERE what = 'client')) AS client,
    unnest(first_value(n) FILTER (WHERE what = 'calls')) AS calls
  FROM shared
), latest AS (
  -- The latest end of the training requests that begin before the end of a request.
  SELECT
    split,
    start,
    max(train_end) OVER (PARTITION BY trace_id ORDER BY at, start NULLS FIRST
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS train_end
  FROM (
    SELECT split, trace_id, NULL AS start, start AS at, "end" AS train_end FROM split_members WHERE split = 'train'
    UNION ALL
    SELECT split, trace_id, start, "end", NULL FROM split_members WHERE split <> 'train'
  )
), meanwhile AS (
  SELECT split, count(*) FILTER (WHERE train_end >= start) AS requests
  FROM latest
  WHERE split <> 'train'
  GROUP BY split
)
SELECT
  c.split,
  c.requests,
  c.events,
  first_start,
  last_start,
  CASE WHEN c.split <> 'train' THEN coalesce(s.recording, 0) END AS same_recording,
  CASE WHEN c.split <> 'train' THEN coalesce(s.connection, 0) END AS same_connection,
  CASE WHEN c.split <> 'train' THEN coalesce(s.thread, 0) END AS same_thread,
  CASE WHEN c.split <> 'train' THEN coalesce(s.client, 0) END AS same_client,
  CASE WHEN c.split <> 'train' THEN m.requests END AS meanwhile,
  CASE WHEN c.split <> 'train' THEN coalesce(s.calls, 0) END AS same_calls
FROM counted AS c
LEFT JOIN same AS s ON s.split = c.split
LEFT JOIN meanwhile AS m ON m.split = c.split
UNION ALL
SELECT 'left out', count(*), sum(n_events), min(start), max(start), NULL, NULL, NULL, NULL, NULL, NULL
FROM requests
WHERE NOT complete
ORDER BY split DESC;
