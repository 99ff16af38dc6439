-- Splits the complete requests into train, valid and test, writes each as Parquet into a folder, and says what they share.
--
-- The same dataset and parameters always give the same split. $by chooses the strategy. Each row has the result of
-- every strategy (split_by_hash, split_by_time, split_by_recording, split_by_label, split_by_parts), and `split`, the
-- chosen one, names the folders (split=train, split=test). $valid = 0 makes no part to validate with.
--   hash       a request is for training if the first 8 hex digits of sha256(trace_id || ':' || request_id), read as a
--              number below 2^32, are less than $fraction * 2^32, and for validation if they are less than
--              ($fraction + $valid) * 2^32. It stays where it is when other requests come or go.
--   time       the first $fraction of the requests in order of start (then trace_id, request_id) are for training, the
--              next $valid for validation, the others for testing. A request that does not end $gap_ms before the next
--              of these parts begins is in none ("gap").
--   recording  whole recordings, in order of sha256(trace_id): as many as $fraction of them are for training, as many as
--              $valid for validation, the others for testing, and at least one for each if there are as many.
--   label      requests with the label $label are split by hash; all others are ood (out of distribution). The label of a
--              request is that of the span in which it lies (ingest --labels), else that of its recording.
--              If $valid > 0, these are split by hash into valid-ood and test-ood, in the proportion of valid and test.
--   parts      whole recordings, as $parts says: train=NAME,NAME; valid=NAME; test=…; valid-ood=…; test-ood=…. NAME is a
--              label, a trace_id, or the folder that a recording was made from (all of it, or its last part; OUT for
--              what sysds record made in OUT). In a NAME, write %2C for a comma, %3B for a semicolon, %20 for a space at
--              its begin or end, and %25 for a % before one of these. Recordings that are in no part are "unused"; they
--              are counted, and written nowhere. Spans divide no recording: their requests are where their recording is.
-- Incomplete requests (cut off, or touched by lost events) are in no part, and neither are those inside of which a span
-- begins or ends. All of them are counted ("left out"). It is an error if a label or NAME is none that there is, if a NAME
-- can mean different recordings, if a recording is in two parts, or if a part would have no request; but one recording
-- alone, or one label, is split by that into train, or train and test.
--
-- The audit says for each part but train how many of its requests have a training request of the same recording, of the
-- same connection, of the same thread, from the same client address, at the same time (meanwhile: one is under way at
-- some time in it), or with the same sequence of system calls.
--
-- $out = split  folder to write; it must not hold anything. Say it (-p out=split): that allows this query to write there
-- $fraction = 0.8  share of the requests, or recordings, to train with
-- $valid = 0.0  share to validate with, beside it
-- $by = hash | time | recording | label | parts  which split names the folders
-- $gap_ms = 0  time between the parts, for time
-- $label = normal  the label that is in distribution, for label; '' for recordings without one
-- $parts = ''  the recordings of each part, for parts
--
-- Of the trace apache-lossy, without the times:
--   split    | requests | events | same_recording | same_connection | same_thread | same_client | meanwhile | same_calls
--   ---------+----------+--------+----------------+-----------------+-------------+-------------+-----------+-----------
--   train    |      290 |  47521 |                |                 |             |             |           |
--   test     |       66 |  11139 |             66 |               0 |          66 |          66 |        62 |         66
--   left out |      254 |  42156 |                |                 |             |             |           |

-- What $parts says: a row for each name.
CREATE TABLE split_named AS
SELECT
  part,
  replace(replace(replace(replace(trim(name), '%2C', ','), '%3B', ';'), '%20', ' '), '%25', '%') AS name
FROM (
  SELECT
    CASE WHEN strpos(entry, '=') > 0 THEN trim(split_part(entry, '=', 1)) ELSE '' END AS part,
    unnest(string_to_array(substr(entry, strpos(entry, '=') + 1), ',')) AS name
  FROM (SELECT unnest(string_to_array($parts, ';')) AS entry)
  WHERE trim(entry) <> ''
);

-- The folder of each recording; for what `sysds record -o OUT` made, which is OUT/trace, also OUT.
CREATE TABLE split_folders AS
SELECT trace_id, rtrim(path, '/') AS folder FROM recordings
UNION
SELECT trace_id, substr(rtrim(path, '/'), 1, length(rtrim(path, '/')) - length('/trace')) FROM recordings
WHERE rtrim(path, '/') LIKE '%/trace';

-- By what each recording can be named.
CREATE TABLE split_known AS
SELECT trace_id, 'trace_id' AS kind, trace_id AS name FROM recordings
UNION
SELECT trace_id, 'label', label FROM recordings WHERE label IS NOT NULL
UNION
SELECT trace_id, 'folder', folder FROM split_folders
UNION
SELECT trace_id, 'folder', reverse(split_part(reverse(folder), '/', 1)) FROM split_folders;

CREATE TABLE split_meant AS
SELECT DISTINCT n.part, n.name, k.kind, k.trace_id
FROM split_named AS n
JOIN split_known AS k ON k.name = n.name;

CREATE TABLE split_complete AS
SELECT CAST(trace_id AS VARCHAR) AS trace_id, count(*) AS requests
FROM requests
WHERE complete AND straddles IS NOT TRUE
GROUP BY trace_id;

-- What cannot be done ends here, with the first reason.
CREATE TABLE split_refused AS
SELECT refuse(what, remedy) AS refused
FROM (
  SELECT place, what, remedy
  FROM (
    SELECT
      1 AS place,
      concat('-p fraction=', $fraction, ': a share to train with is more than 0 and less than 1') AS what,
      'Nothing was split.' AS remedy
    WHERE NOT ($fraction > 0 AND $fraction < 1)
    UNION ALL
    SELECT
      2,
      concat('-p valid=', $valid, ': a share to validate with is 0 or more, and with that to train with less than 1'),
      'Nothing was split.'
    WHERE NOT ($valid >= 0 AND $fraction + $valid < 1)
    UNION ALL
    SELECT 3, concat('-p gap_ms=', $gap_ms, ': a gap is 0 or more milliseconds'), 'Nothing was split.'
    WHERE NOT ($gap_ms >= 0 AND $gap_ms <= 1e12)
    UNION ALL
    SELECT 4, concat('-p label=', $label, ': no recording or span has this label'), concat('The labels are ', labels, '.')
    FROM (
      SELECT
        array_to_string(array_agg(DISTINCT coalesce(nullif(label, ''), ''''' (none)') ORDER BY
          coalesce(nullif(label, ''), ''''' (none)')), ', ') AS labels,
        count(*) FILTER (WHERE coalesce(label, '') = $label) AS recordings
      FROM (SELECT label FROM recordings UNION ALL SELECT label FROM spans)
    )
    CROSS JOIN (SELECT count(*) AS complete FROM split_complete)
    WHERE $by = 'label' AND recordings = 0 AND complete > 0
    UNION ALL
    SELECT
      5,
      'parts: nothing is said of which recordings are in which part',
      'Say it, as parts=''train=normal-1,normal-2; test=normal-3; test-ood=cpu''.'
    WHERE $by = 'parts' AND (SELECT count(*) FROM split_named) = 0
    UNION ALL
    SELECT
      6,
      '-p valid: a share to validate with is of no use where the recordings of each part are named',
      'Name those to validate with: parts=''train=NAME; valid=NAME''.'
    WHERE $by = 'parts' AND $valid > 0
    UNION ALL
    SELECT
      7,
      concat('parts: there is no part ''', part, ''''),
      'Write PART=NAME,NAME; PART=NAME. The parts are train, valid, test, valid-ood, test-ood.'
    FROM split_named
    WHERE part NOT IN ('train', 'valid', 'test', 'valid-ood', 'test-ood')
    UNION ALL
    SELECT 8, concat('parts: a name of ', part, ' is empty'), 'Write PART=NAME,NAME; PART=NAME.'
    FROM split_named
    WHERE name = ''
    UNION ALL
    SELECT
      9,
      concat('parts: ', name, ' is the label of spans, and a recording is in one part as a whole'),
      concat('Split by label instead, or name recordings. There are such spans in ',
        array_to_string(array_slice(array_agg(trace_id ORDER BY trace_id), 1, 40), ', '),
        CASE WHEN count(*) > 40 THEN concat(', and ', count(*) - 40, ' more.') ELSE '.' END)
    FROM (
      SELECT DISTINCT n.name, s.trace_id
      FROM split_named AS n
      JOIN spans AS s ON s.label = n.name
      LEFT JOIN split_meant AS m ON m.name = n.name
      WHERE m.name IS NULL
    )
    GROUP BY name
    UNION ALL
    SELECT
      10,
      concat('parts: ', name, ' is neither the label nor the name of a recording'),
      concat('The recordings are ', listed, CASE WHEN n > 40 THEN concat(', and ', n - 40, ' more.') ELSE '.' END)
    FROM (
      SELECT DISTINCT n.name
      FROM split_named AS n
      LEFT JOIN split_meant AS m ON m.name = n.name
      LEFT JOIN (SELECT DISTINCT label FROM spans) AS s ON s.label = n.name
      WHERE m.name IS NULL AND s.label IS NULL
    )
    CROSS JOIN (
      SELECT
        array_to_string(array_slice(array_agg(
          concat(trace_id, ' (', CASE WHEN label IS NULL THEN '' ELSE concat('label ', label, ', ') END, 'from ', path, ')')
          ORDER BY label, path, trace_id), 1, 40), ', ') AS listed,
        count(*) AS n
      FROM recordings
    )
    UNION ALL
    SELECT
      11,
      concat('parts: ', name, ' can mean different recordings: ',
        array_to_string(array_agg(DISTINCT concat(trace_id, ' (', kind, ')') ORDER BY concat(trace_id, ' (', kind, ')')), ', ')),
      'Name recordings by their trace_id.'
    FROM (SELECT DISTINCT name, kind, trace_id FROM split_meant)
    GROUP BY name
    HAVING count(*) < count(DISTINCT kind) * count(DISTINCT trace_id)
      OR count(*) > 1 AND min(kind) = 'folder' AND max(kind) = 'folder'
    UNION ALL
    SELECT
      12,
      concat('parts: the recording ', trace_id, ' is in ', array_to_string(array_agg(DISTINCT part ORDER BY part), ' and ')),
      'Put each recording into one part.'
    FROM split_meant
    GROUP BY trace_id
    HAVING count(DISTINCT part) > 1
    UNION ALL
    SELECT 13, 'parts: no recording is in train', 'Name those to train with: parts=''train=NAME''.'
    WHERE $by = 'parts' AND (SELECT count(*) FROM split_named WHERE part = 'train') = 0
  )
  ORDER BY place, what
  LIMIT 1
);

CREATE TABLE split_chosen AS
SELECT trace_id, min(part) AS part FROM split_meant GROUP BY trace_id;

CREATE TABLE split_lists AS
SELECT array_agg(trace_id ORDER BY trace_id) AS traces, array_agg(part ORDER BY trace_id) AS parts
FROM split_chosen;

-- Where the parts meet. This is found on small columns, so that the rows of requests, which are large, are neither sorted
-- nor joined: they are written as they are read, in their order.
CREATE TABLE split_bounds AS
SELECT
  max(CAST(start AS BIGINT)) FILTER (WHERE place = last) AS last_start,
  max(trace_id) FILTER (WHERE place = last) AS last_trace,
  max(request_id) FILTER (WHERE place = last) AS last_request,
  min(CAST(start AS BIGINT)) FILTER (WHERE place > last) AS next_begins,
  max(CAST(start AS BIGINT)) FILTER (WHERE place = last_valid) AS valid_start,
  max(trace_id) FILTER (WHERE place = last_valid) AS valid_trace,
  max(request_id) FILTER (WHERE place = last_valid) AS valid_request,
  min(CAST(start AS BIGINT)) FILTER (WHERE place > last_valid) AS test_begins
FROM (
  SELECT
    trace_id,
    request_id,
    start,
    row_number() OVER (ORDER BY start, trace_id, request_id) AS place,
    floor($fraction * count(*) OVER ()) AS last,
    floor(($fraction + $valid) * count(*) OVER ()) AS last_valid
  FROM requests
  WHERE complete AND straddles IS NOT TRUE
);

CREATE TABLE split_recordings AS
SELECT
  array_agg(trace_id) FILTER (WHERE place <= train) AS train,
  array_agg(trace_id) FILTER (WHERE place > train AND place <= train + valid) AS valid
FROM (
  SELECT *, CASE WHEN $valid > 0 THEN greatest(1, least(n - train - 1, floor($valid * n))) ELSE 0 END AS valid
  FROM (
    SELECT
      *,
      greatest(1, least(n - CASE WHEN $valid > 0 THEN 2 ELSE 1 END, floor($fraction * n))) AS train
    FROM (
      SELECT
        trace_id,
        row_number() OVER (ORDER BY encode(sha256(trace_id), 'hex'), trace_id) AS place,
        count(*) OVER () AS n
      FROM split_complete
    )
  )
);

CREATE VIEW split_requests AS
WITH hashed AS (
  SELECT
    *,
    concat('0', substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8)) AS hash
  FROM requests
  WHERE complete AND straddles IS NOT TRUE
), placed AS (
  SELECT
    * EXCEPT (hash),
    CASE
      WHEN hash < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') THEN 'train'
      WHEN hash < lpad(to_hex(CAST(floor(($fraction + $valid) * 4294967296) AS BIGINT)), 9, '0') THEN 'valid'
      ELSE 'test'
    END AS by_hash,
    CASE
      WHEN $valid = 0 THEN 'ood'
      WHEN hash < lpad(to_hex(CAST(floor($valid / (1 - $fraction) * 4294967296) AS BIGINT)), 9, '0') THEN 'valid-ood'
      ELSE 'test-ood'
    END AS by_hash_ood,
    coalesce(
      CAST(start AS BIGINT) < (SELECT last_start FROM split_bounds)
      OR CAST(start AS BIGINT) = (SELECT last_start FROM split_bounds)
        AND (trace_id < (SELECT last_trace FROM split_bounds)
          OR trace_id = (SELECT last_trace FROM split_bounds)
            AND request_id <= (SELECT last_request FROM split_bounds)),
      false) AS first_by_time,
    coalesce(
      CAST(start AS BIGINT) < (SELECT valid_start FROM split_bounds)
      OR CAST(start AS BIGINT) = (SELECT valid_start FROM split_bounds)
        AND (trace_id < (SELECT valid_trace FROM split_bounds)
          OR trace_id = (SELECT valid_trace FROM split_bounds)
            AND request_id <= (SELECT valid_request FROM split_bounds)),
      false) AS before_test
  FROM hashed
), every AS (
  SELECT
    * EXCEPT (by_hash, by_hash_ood, first_by_time, before_test),
    by_hash AS split_by_hash,
    CASE
      WHEN coalesce(
        CAST("end" AS BIGINT) + $gap_ms * 1000000 > CASE
          WHEN first_by_time THEN (SELECT next_begins FROM split_bounds)
          WHEN before_test THEN (SELECT test_begins FROM split_bounds)
        END,
        false) THEN 'gap'
      WHEN first_by_time THEN 'train'
      WHEN before_test THEN 'valid'
      ELSE 'test'
    END AS split_by_time,
    CASE
      WHEN array_has((SELECT train FROM split_recordings), CAST(trace_id AS VARCHAR)) THEN 'train'
      WHEN array_has((SELECT valid FROM split_recordings), CAST(trace_id AS VARCHAR)) THEN 'valid'
      ELSE 'test'
    END AS split_by_recording,
    CASE WHEN coalesce(span_label, label, '') <> $label THEN by_hash_ood ELSE by_hash END AS split_by_label,
    CASE WHEN $parts <> '' THEN coalesce(
      array_element(
        (SELECT parts FROM split_lists),
        CAST(array_position((SELECT traces FROM split_lists), CAST(trace_id AS VARCHAR)) AS BIGINT)),
      'unused')
    END AS split_by_parts
  FROM placed
)
SELECT
  *,
  CASE $by
    WHEN 'hash' THEN split_by_hash
    WHEN 'time' THEN split_by_time
    WHEN 'recording' THEN split_by_recording
    WHEN 'label' THEN split_by_label
    ELSE split_by_parts
  END AS split
FROM every;

CREATE VIEW split_ids AS
SELECT
  trace_id, request_id, split_by_hash, split_by_time, split_by_recording, split_by_label, split_by_parts, split
FROM split_requests;

-- How many requests are in each of the parts that there are to be.
CREATE TABLE split_counts AS
SELECT p.part, coalesce(c.requests, 0) AS requests
FROM (
  SELECT DISTINCT part FROM split_named WHERE $by = 'parts'
  UNION ALL
  SELECT 'train' WHERE $by <> 'parts'
  UNION ALL
  SELECT 'test' WHERE $by <> 'parts'
  UNION ALL
  SELECT 'valid' WHERE $by <> 'parts' AND $valid > 0
  UNION ALL
  SELECT unnest(['valid-ood', 'test-ood']) WHERE $by = 'label' AND $valid > 0
  UNION ALL
  SELECT 'ood' WHERE $by = 'label' AND $valid = 0
) AS p
LEFT JOIN (SELECT split, count(*) AS requests FROM split_ids GROUP BY split) AS c ON c.split = p.part;

CREATE TABLE split_empty AS
SELECT refuse(what, remedy) AS refused
FROM (
  SELECT
    concat('by=', $by, ': no request would be in ', part,
      ': there are too few that are complete, or too few recordings or labels') AS what,
    'Choose another split, other shares or other recordings.' AS remedy
  FROM split_counts
  WHERE requests = 0
    AND (SELECT count(*) FROM split_complete) > 0
    AND NOT ($valid = 0 AND ($by = 'recording' AND part = 'test' OR $by = 'label' AND part = 'ood'))
  ORDER BY part
  LIMIT 1
);

COPY (SELECT * FROM split_requests WHERE split NOT IN ('gap', 'unused')) TO $out STORED AS PARQUET PARTITIONED BY (split);

CREATE VIEW split_calls AS
SELECT trace_id, request_id, sha256(array_to_string(names, ' ')) AS calls
FROM (SELECT trace_id, request_id, elements_where(name, phase, 'entry') AS names FROM request_lists WHERE complete)
WHERE cardinality(names) > 0;

CREATE TABLE split_members AS
SELECT
  r.split, r.trace_id, r.request_id, r.connection_id, r.tid, r.client_addr, r.start, r."end", r.n_events, c.calls
FROM split_requests AS r
LEFT JOIN split_calls AS c ON c.trace_id = r.trace_id AND c.request_id = r.request_id;

-- How many requests of each part share something with a training request: a statement for each thing, so that what is
-- known of one is in memory at a time.
CREATE TABLE split_same_recording AS
SELECT m.split, count(*) AS requests
FROM split_members AS m
JOIN (SELECT DISTINCT trace_id FROM split_members WHERE split = 'train') AS t
  ON t.trace_id = m.trace_id
WHERE m.split <> 'train'
GROUP BY m.split;

CREATE TABLE split_same_connection AS
SELECT m.split, count(*) AS requests
FROM split_members AS m
JOIN (SELECT DISTINCT trace_id, connection_id FROM split_members WHERE split = 'train') AS t
  ON t.trace_id = m.trace_id AND t.connection_id = m.connection_id
WHERE m.split <> 'train'
GROUP BY m.split;

CREATE TABLE split_same_thread AS
SELECT m.split, count(*) AS requests
FROM split_members AS m
JOIN (SELECT DISTINCT trace_id, tid FROM split_members WHERE split = 'train') AS t
  ON t.trace_id = m.trace_id AND t.tid = m.tid
WHERE m.split <> 'train'
GROUP BY m.split;

CREATE TABLE split_same_client AS
SELECT m.split, count(*) AS requests
FROM split_members AS m
JOIN (SELECT DISTINCT client_addr FROM split_members WHERE split = 'train') AS t
  ON t.client_addr = m.client_addr
WHERE m.split <> 'train'
GROUP BY m.split;

CREATE TABLE split_same_calls AS
SELECT m.split, count(*) AS requests
FROM split_members AS m
JOIN (SELECT DISTINCT calls FROM split_members WHERE split = 'train') AS t
  ON t.calls = m.calls
WHERE m.split <> 'train'
GROUP BY m.split;

WITH counted AS (
  SELECT split, count(*) AS requests, sum(n_events) AS events, min(start) AS first_start, max(start) AS last_start
  FROM split_members
  GROUP BY split
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
  CASE WHEN c.split <> 'train' THEN coalesce(recording.requests, 0) END AS same_recording,
  CASE WHEN c.split <> 'train' THEN coalesce(connection.requests, 0) END AS same_connection,
  CASE WHEN c.split <> 'train' THEN coalesce(thread.requests, 0) END AS same_thread,
  CASE WHEN c.split <> 'train' THEN coalesce(client.requests, 0) END AS same_client,
  CASE WHEN c.split <> 'train' THEN m.requests END AS meanwhile,
  CASE WHEN c.split <> 'train' THEN coalesce(calls.requests, 0) END AS same_calls
FROM counted AS c
LEFT JOIN split_same_recording AS recording ON recording.split = c.split
LEFT JOIN split_same_connection AS connection ON connection.split = c.split
LEFT JOIN split_same_thread AS thread ON thread.split = c.split
LEFT JOIN split_same_client AS client ON client.split = c.split
LEFT JOIN split_same_calls AS calls ON calls.split = c.split
LEFT JOIN meanwhile AS m ON m.split = c.split
UNION ALL
SELECT 'left out', count(*), sum(n_events), min(start), max(start), NULL, NULL, NULL, NULL, NULL, NULL
FROM requests
WHERE NOT complete OR straddles IS TRUE
ORDER BY array_position(['train', 'valid', 'test', 'valid-ood', 'test-ood', 'ood', 'unused', 'left out', 'gap'], split);
