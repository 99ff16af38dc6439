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
CREATE VIEW sequence_requests AS
SELECT
  trace_id,
  request_id,
  label,
  CASE
    WHEN concat('0', substr(encode(sha256(concat(trace_id, ':', request_id)), 'hex'), 1, 8))
      < lpad(to_hex(CAST(floor($fraction * 4294967296) AS BIGINT)), 9, '0') THEN 'train'
    ELSE 'test'
  END AS split
FROM requests
WHERE complete AND n_events_omitted = 0;

CREATE VIEW sequence_events AS
SELECT r.split, e.trace_id, e.request_id, e.event_id, e.offset_ns, e.name, e.phase, e.procname, e.pid, e.tid, e.ret
FROM own_events AS e
JOIN sequence_requests AS r ON r.trace_id = e.trace_id AND r.request_id = e.request_id;

CREATE VIEW vocabulary AS
SELECT
  kind,
  CAST(3 + row_number() OVER (PARTITION BY kind ORDER BY times DESC, name) AS BIGINT) AS code,
  name,
  times
FROM (
  SELECT 'call' AS kind, name, count(*) AS times FROM sequence_events WHERE split = 'train' GROUP BY name
  UNION ALL
  SELECT 'process', procname, count(*) FROM sequence_events
  WHERE split = 'train' AND procname IS NOT NULL GROUP BY procname
);

CREATE VIEW coded AS
SELECT
  e.split, e.trace_id, e.request_id, e.event_id,
  coalesce(c.code, 1) AS call,
  CASE e.phase WHEN 'entry' THEN 1 WHEN 'exit' THEN 2 ELSE 3 END AS phase,
  e.offset_ns - lag(e.offset_ns, 1, 0) OVER (PARTITION BY e.trace_id, e.request_id ORDER BY e.event_id) AS elapsed,
  coalesce(p.code, 1) AS process,
  coalesce(e.pid, 0) AS pid,
  coalesce(e.tid, 0) AS tid,
  CASE WHEN e.ret IS NULL THEN 0 WHEN e.ret BETWEEN -4095 AND -1 THEN 2 ELSE 1 END AS outcome
FROM sequence_events AS e
LEFT JOIN vocabulary AS c ON c.kind = 'call' AND c.name = e.name
LEFT JOIN vocabulary AS p ON p.kind = 'process' AND p.name = e.procname;

COPY (SELECT kind, code, name, times FROM vocabulary ORDER BY kind, code) TO $vocabulary STORED AS PARQUET;

COPY (
  SELECT
    r.split,
    r.trace_id,
    r.request_id,
    r.label,
    array_concat([2], array_agg(c.call ORDER BY c.event_id), [3]) AS call,
    array_concat([0], array_agg(c.phase ORDER BY c.event_id), [0]) AS phase,
    array_concat([0], array_agg(c.elapsed ORDER BY c.event_id), [0]) AS elapsed_ns,
    array_concat([2], array_agg(c.process ORDER BY c.event_id), [3]) AS process,
    array_concat([0], array_agg(c.pid ORDER BY c.event_id), [0]) AS pid,
    array_concat([0], array_agg(c.tid ORDER BY c.event_id), [0]) AS tid,
    array_concat([0], array_agg(c.outcome ORDER BY c.event_id), [0]) AS outcome
  FROM coded AS c
  JOIN sequence_requests AS r ON r.trace_id = c.trace_id AND r.request_id = c.request_id
  GROUP BY r.split, r.trace_id, r.request_id, r.label
  ORDER BY r.trace_id, r.request_id
)
TO $out STORED AS PARQUET;

SELECT
  split,
  count(DISTINCT concat(trace_id, ':', request_id)) AS requests,
  count(*) AS events,
  count(*) FILTER (WHERE call = 1) AS unknown_calls,
  count(*) FILTER (WHERE process = 1) AS unknown_processes
FROM coded
GROUP BY split
UNION ALL
SELECT 'left out', count(*), coalesce(sum(n_events), 0), NULL, NULL
FROM requests
WHERE NOT complete OR n_events_omitted > 0
ORDER BY split DESC;
