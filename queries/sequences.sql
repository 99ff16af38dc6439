-- Writes each request as arrays of integers to train sequence models on, and the vocabulary as a second table.
--
-- One row for each complete request, with split (train or test, by the hash of split.sql) and arrays of equal length,
-- with a value for each of its events between a start mark and an end mark:
--   call     0 is reserved for padding, 1 is a name that training does not know, 2 the start mark, 3 the end mark, and
--            names from 4 on, in the order of the vocabulary
--   phase    0 for the marks, 1 entry, 2 exit, 3 neither
--   elapsed_ns nanoseconds since the event before; 0 for the first and for the marks
--   process  as call, for the name of the thread (1, and from 4 on; 2 and 3 for the marks)
--   pid, tid as traced; 0 for the marks
--   outcome  0 for what returns nothing, 1 for an exit that succeeded, 2 for one that failed (-4095 to -1)
-- The vocabulary (kind: call or process; code; name; times) is made from the training requests alone, most frequent
-- first. Requests that are cut off, touched by lost events, or do not carry all of their events are left out, and
-- counted.
--
-- $out = sequences.parquet  file for the sequences. Say it (-p out=sequences.parquet): that allows this query to write there
-- $vocabulary = vocabulary.parquet  file for the vocabulary, to be said likewise
-- $fraction = 0.8  share of the requests to train with
--
CREATE VIEW sequence_lists AS
SELECT
  CASE
    WHEN concat('0', substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8))
      < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') THEN 'train'
    ELSE 'test'
  END AS split,
  *
FROM request_lists
WHERE complete AND n_events_omitted = 0 AND n_events > 0;

-- How often each word occurs, in one pass.
CREATE TABLE sequence_words AS
SELECT split, kind, counted['element'] AS name, coalesce(sum(counted['times']), 0) AS times
FROM (
  SELECT split, 'call' AS kind, unnest(element_counts(name)) AS counted FROM sequence_lists
  UNION ALL
  SELECT split, 'process', unnest(element_counts(procname)) FROM sequence_lists
)
GROUP BY split, kind, counted['element'];

CREATE VIEW vocabulary AS
SELECT
  kind,
  CAST(3 + row_number() OVER (PARTITION BY kind ORDER BY times DESC, name) AS BIGINT) AS code,
  name,
  times
FROM sequence_words
WHERE split = 'train' AND name IS NOT NULL;

COPY (SELECT kind, code, name, times FROM vocabulary ORDER BY kind, code) TO $vocabulary STORED AS PARQUET;

COPY (
  SELECT
    split,
    trace_id,
    request_id,
    label,
    array_concat([2], positions(name, (
      -- A word has its code as position: three places are kept free for what is none.
      SELECT array_concat([NULL, NULL, NULL], array_agg(name ORDER BY code)) FROM vocabulary WHERE kind = 'call'
    ), 1), [3]) AS call,
    array_concat([0], positions(phase, ['entry', 'exit'], 3), [0]) AS phase,
    array_concat([0], deltas(offset_ns), [0]) AS elapsed_ns,
    array_concat([2], positions(procname, (
      SELECT array_concat([NULL, NULL, NULL], array_agg(name ORDER BY code)) FROM vocabulary WHERE kind = 'process'
    ), 1), [3]) AS process,
    array_concat([0], fill_null(pid, 0), [0]) AS pid,
    array_concat([0], fill_null(tid, 0), [0]) AS tid,
    array_concat([0], outcomes(ret), [0]) AS outcome
  FROM sequence_lists
  ORDER BY trace_id, request_id
)
TO $out STORED AS PARQUET;

WITH requests_of AS (
  SELECT split, count(*) AS requests FROM sequence_lists GROUP BY split
), words AS (
  SELECT w.split, w.kind, w.times, v.code
  FROM sequence_words AS w
  LEFT JOIN vocabulary AS v ON v.kind = w.kind AND v.name = w.name
), events_of AS (
  SELECT
    split,
    sum(times) FILTER (WHERE kind = 'call') AS events,
    coalesce(sum(times) FILTER (WHERE kind = 'call' AND code IS NULL), 0) AS unknown_calls,
    coalesce(sum(times) FILTER (WHERE kind = 'process' AND code IS NULL), 0) AS unknown_processes
  FROM words
  GROUP BY split
)
SELECT r.split, r.requests, e.events, e.unknown_calls, e.unknown_processes
FROM requests_of AS r
JOIN events_of AS e ON e.split = r.split
UNION ALL
SELECT 'left out', count(*), coalesce(sum(n_events), 0), NULL, NULL
FROM requests
WHERE NOT complete OR n_events_omitted > 0
ORDER BY split DESC;
