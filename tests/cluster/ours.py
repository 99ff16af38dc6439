"""SQL that asks each table and view of ours, and has each kind of join, window and set."""

# What views and tables of ours give, in a form that tells a lost or a doubled row.
OURS = {
    "syscalls": "SELECT count(*) AS n, count(entry_id) AS entries, count(exit_id) AS exits, sum(duration_ns) AS ns,"
                " sum(coalesce(entry_id, 0) * 3 + coalesce(exit_id, 0)) AS ids FROM syscalls",
    "syscalls by name": "SELECT trace_id, name, errno, count(*) AS n, sum(duration_ns) AS ns FROM syscalls"
                        " GROUP BY trace_id, name, errno ORDER BY trace_id, name, errno",
    "window_events": "SELECT trace_id, request_id, count(*) AS n, sum(event_id) AS ids FROM window_events"
                     " GROUP BY trace_id, request_id ORDER BY trace_id, request_id",
    "own_events": "SELECT trace_id, request_id, count(*) AS n, sum(event_id) AS ids FROM own_events"
                  " GROUP BY trace_id, request_id ORDER BY trace_id, request_id",
    "causal_events": "SELECT trace_id, count(*) AS n, sum(event_id) AS ids FROM causal_events GROUP BY trace_id ORDER BY trace_id",
    "request_lists": "SELECT * FROM request_lists",
    "request_lists without ids": "SELECT name, count(*) AS n FROM (SELECT unnest(name) AS name FROM request_lists)"
                                 " GROUP BY name ORDER BY name",
    "request_arguments": "SELECT call, argument, count(*) AS n, sum(times) AS times FROM request_arguments"
                         " GROUP BY call, argument ORDER BY call, argument",
    "arguments": "SELECT name, m['name'] AS argument, count(*) AS n, count(DISTINCT m['value']) AS values FROM"
                 " (SELECT name, unnest(members(args)) AS m FROM events) GROUP BY name, m['name'] ORDER BY name, argument",
    "nested": "SELECT trace_id, request_id, e['name'] AS name, count(*) AS n FROM (SELECT trace_id, request_id, unnest(events) AS e"
              " FROM requests) GROUP BY trace_id, request_id, e['name'] ORDER BY trace_id, request_id, name",
    "joins": "SELECT r.trace_id, count(*) AS n, count(e.event_id) AS events FROM requests AS r LEFT JOIN events AS e"
             " ON e.trace_id = r.trace_id AND e.request_id = r.request_id AND e.ret < 0 GROUP BY r.trace_id ORDER BY r.trace_id",
    "full joins": "SELECT count(*) AS n, count(a.request_id) AS a, count(b.request_id) AS b FROM (SELECT * FROM requests WHERE"
                  " n_events > 100) AS a FULL JOIN (SELECT * FROM requests WHERE duration_ns > 100000000) AS b"
                  " ON a.trace_id = b.trace_id AND a.request_id = b.request_id",
    "filled up and sorted": "SELECT r.trace_id, r.request_id, o.name FROM requests AS r LEFT JOIN (SELECT DISTINCT trace_id, request_id, name"
                            " FROM events WHERE name = 'openat') AS o ON o.trace_id = r.trace_id AND o.request_id = r.request_id"
                            " ORDER BY o.name NULLS FIRST, r.trace_id, r.request_id LIMIT 9",
    "rolled up and sorted": "SELECT label, count(*) AS n FROM requests WHERE label = 'normal' GROUP BY ROLLUP (label)"
                            " ORDER BY label NULLS FIRST",
    "anti joins": "SELECT count(*) AS n, sum(request_id) AS ids FROM requests AS r WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE"
                  " e.trace_id = r.trace_id AND e.request_id = r.request_id AND e.ret = -2)",
    "not in": "SELECT count(*) AS n FROM requests WHERE request_id NOT IN (SELECT request_id FROM events WHERE ret = -2)",
    "scalar subqueries": "SELECT count(*) AS n, sum(request_id) AS ids FROM requests WHERE duration_ns >"
                         " (SELECT avg(duration_ns) FROM requests)",
    "windows": "SELECT trace_id, max(n) AS n FROM (SELECT trace_id, row_number() OVER (PARTITION BY trace_id ORDER BY event_id) AS n"
               " FROM events) GROUP BY trace_id ORDER BY trace_id",
    "windows over all": "SELECT max(n) AS n FROM (SELECT row_number() OVER (ORDER BY trace_id, request_id) AS n FROM requests)",
    "windows of one label": "SELECT label, name, n, rank() OVER (PARTITION BY label ORDER BY n DESC, name) AS place FROM (SELECT label, name,"
                            " count(*) AS n FROM events WHERE label = 'normal' GROUP BY label, name) ORDER BY place LIMIT 9",
    "windows by a constant": "SELECT one, name, rank() OVER (PARTITION BY one, label ORDER BY name) AS place, row_number() OVER (PARTITION BY"
                             " one) > 0 AS there FROM (SELECT DISTINCT 1 AS one, label, name FROM events) ORDER BY label, place, name LIMIT 9",
    "running sums by what is equal": "SELECT r, n, sum(n) OVER (PARTITION BY r, e ORDER BY name) AS sum FROM (SELECT r.request_id AS r,"
                                     " e.request_id AS e, name, count(*) AS n FROM requests AS r JOIN events AS e ON e.trace_id = r.trace_id"
                                     " AND e.request_id = r.request_id WHERE r.request_id < 9 GROUP BY r.request_id, e.request_id, name)"
                                     " ORDER BY r, name LIMIT 50",
    "unions": "SELECT what, n FROM (SELECT 'events' AS what, count(ret) AS n FROM events UNION ALL SELECT 'requests', count(label)"
              " FROM requests UNION ALL SELECT 'losses', count(*) FROM losses) ORDER BY what",
    "unions by part": "SELECT part, name, n FROM (SELECT 1 AS part, concat('z', name) AS name, count(*) AS n FROM events GROUP BY name"
                      " UNION ALL SELECT 2, concat('a', name), count(*) FROM syscalls GROUP BY name) ORDER BY part, name LIMIT 3",
    "sets": "SELECT name FROM events EXCEPT SELECT name FROM syscalls ORDER BY name",
    "limits": "SELECT trace_id, event_id FROM events ORDER BY trace_id, event_id LIMIT 7 OFFSET 1000",
    "distinct": "SELECT DISTINCT procname FROM events ORDER BY procname",
    "wide rows in order": "SELECT * FROM requests ORDER BY trace_id, request_id LIMIT 3",
    "tables of scripts": "CREATE TABLE slow AS SELECT trace_id, request_id FROM requests WHERE duration_ns > 100000000;"
                         " CREATE VIEW calls AS SELECT e.* FROM slow AS s JOIN events AS e ON e.trace_id = s.trace_id"
                         " AND e.request_id = s.request_id; SELECT name, count(*) AS n FROM calls GROUP BY name ORDER BY n DESC, name",
    "settings": "SET datafusion.execution.batch_size = 100; SET datafusion.execution.time_zone = '+02:00';"
                " SELECT min(start) AS first, max(\"end\") AS last FROM requests",
    "recordings": "SELECT r.trace_id, r.events, count(e.name) AS n FROM recordings AS r JOIN events AS e ON e.trace_id = r.trace_id"
                  " GROUP BY r.trace_id, r.events ORDER BY r.trace_id",
    "nothing": "SELECT name, count(*) AS n FROM events WHERE name = 'there is none' GROUP BY name",
}
