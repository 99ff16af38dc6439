-- Writes each complete request as lists of integers to train sequence models on, and their vocabulary as a second file.
-- A request is for training where the first 32 bits of the hash of its ids are below 0.8 * 2^32 (cccccccc).
CREATE TEMP TABLE chosen AS
SELECT
  trace_id,
  request_id,
  label,
  epoch_ns(start) AS start_ns,
  CASE WHEN substr(sha256(concat(trace_id, ':', request_id)), 1, 8) < 'cccccccc' THEN 'train' ELSE 'test' END AS split
FROM requests
WHERE complete AND n_events_omitted = 0;

CREATE TEMP TABLE own AS
SELECT
  split, trace_id, request_id, event_id, epoch_ns(e."timestamp") - start_ns AS offset_ns, name, phase, procname, pid, tid, ret
FROM events AS e
JOIN chosen USING (trace_id, request_id);

CREATE TEMP TABLE vocabulary AS
SELECT kind, 3 + row_number() OVER (PARTITION BY kind ORDER BY times DESC, name) AS code, name, times
FROM (
  SELECT 'call' AS kind, name, count(*) AS times FROM own WHERE split = 'train' GROUP BY name
  UNION ALL
  SELECT 'process', procname, count(*) FROM own WHERE split = 'train' AND procname IS NOT NULL GROUP BY procname
);

COPY (FROM vocabulary ORDER BY kind, code) TO $vocabulary (FORMAT parquet, COMPRESSION zstd);

CREATE TEMP TABLE coded AS
SELECT
  split,
  trace_id,
  request_id,
  count(*) AS n,
  count(*) FILTER (WHERE c.code IS NULL) AS unknown_calls,
  count(*) FILTER (WHERE p.code IS NULL) AS unknown_processes,
  list({
    call: coalesce(c.code, 1),
    phase: CASE phase WHEN 'entry' THEN 1 WHEN 'exit' THEN 2 ELSE 3 END,
    offset_ns: offset_ns,
    process: coalesce(p.code, 1),
    pid: coalesce(pid, 0),
    tid: coalesce(tid, 0),
    outcome: CASE WHEN ret IS NULL THEN 0 WHEN ret BETWEEN -4095 AND -1 THEN 2 ELSE 1 END
  } ORDER BY event_id) AS e
FROM own
LEFT JOIN vocabulary AS c ON c.kind = 'call' AND c.name = own.name
LEFT JOIN vocabulary AS p ON p.kind = 'process' AND p.name = own.procname
GROUP BY ALL;

COPY (
  SELECT
    r.split,
    trace_id,
    request_id,
    r.label,
    [2] || [x.call FOR x IN e] || [3] AS call,
    [0] || [x.phase FOR x IN e] || [0] AS phase,
    [0] || [x.offset_ns - CASE WHEN i > 1 THEN e[i - 1].offset_ns ELSE 0 END FOR x, i IN e] || [0] AS elapsed_ns,
    [2] || [x.process FOR x IN e] || [3] AS process,
    [0] || [x.pid FOR x IN e] || [0] AS pid,
    [0] || [x.tid FOR x IN e] || [0] AS tid,
    [0] || [x.outcome FOR x IN e] || [0] AS outcome
  FROM coded
  JOIN chosen AS r USING (trace_id, request_id)
  ORDER BY trace_id, request_id
) TO $out (FORMAT parquet, COMPRESSION zstd);

SELECT
  split,
  count(*) AS requests,
  sum(n) AS events,
  sum(unknown_calls) AS unknown_calls,
  sum(unknown_processes) AS unknown_processes
FROM coded
GROUP BY split
UNION ALL
SELECT 'left out', count(*), coalesce(sum(n_events), 0), NULL, NULL
FROM requests
WHERE NOT complete OR n_events_omitted > 0
ORDER BY split DESC;
