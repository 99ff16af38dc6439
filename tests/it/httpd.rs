//! The rule `httpd` on a whole trace: a kernel trace with Apache's user-space trace beside it.

use crate::common::*;
use crate::lttng::{Class, Event, Trace, Type, Value};
use crate::strace::context;
use std::path::Path;

const NS: i64 = 1_795_000_000_000_000_000;
const CLASSES: [(&str, &[&str]); 6] = [
    ("syscall_entry_accept4", &["fd"]),
    ("syscall_exit_accept4", &["ret"]),
    ("syscall_entry_read", &["fd"]),
    ("syscall_exit_read", &["ret"]),
    ("httpd:enter_event_handler", &["connection_state"]),
    ("httpd:exit_event_handler", &[]),
];

/// Thread, event, argument; the event at position `n` has the time `100 * n` after `NS` and the ID `n`.
const EVENTS: [(i64, &str, &[i64]); 19] = [
    (11, "syscall_entry_accept4", &[3]),
    (11, "syscall_exit_accept4", &[9]),
    (12, "httpd:enter_event_handler", &[0]),
    (12, "syscall_entry_read", &[9]),
    (13, "httpd:enter_event_handler", &[1]),
    (12, "syscall_exit_read", &[30]),
    (13, "syscall_entry_read", &[8]),
    (11, "syscall_entry_accept4", &[3]),
    (12, "httpd:exit_event_handler", &[]),
    (12, "syscall_entry_read", &[5]),
    (12, "syscall_exit_read", &[1]),
    (13, "syscall_exit_read", &[7]),
    (13, "httpd:exit_event_handler", &[]),
    // It lingers: no request.
    (12, "httpd:enter_event_handler", &[6]),
    (12, "syscall_entry_read", &[9]),
    (12, "syscall_exit_read", &[0]),
    (12, "httpd:exit_event_handler", &[]),
    (13, "httpd:enter_event_handler", &[2]),
    (13, "syscall_entry_read", &[8]),
];

/// The kernel's events, or those of user space.
fn side(kernel: bool) -> Trace {
    let is_of = |name: &str| name.starts_with("syscall_") == kernel;
    let kinds = CLASSES.iter().filter(|(name, _)| is_of(name));
    let classes: Vec<Class> = kinds
        .map(|(name, fields)| {
            let fields: Vec<_> = fields.iter().map(|f| (*f, Type::S(64))).collect();
            Class::new(name, &fields)
        })
        .collect();
    let events = EVENTS.iter().enumerate().filter(|(_, e)| is_of(e.1));
    let events = events.map(|(n, (tid, name, args))| {
        let ids = [Value::Int(10), Value::Int(*tid)];
        let named = Some("apache2".into()).filter(|_| kernel);
        Event {
            ns: NS + 100 * n as i64,
            cpu: *tid as usize % 2,
            class: classes.iter().position(|c| c.name == *name).unwrap(),
            context: named.into_iter().chain(ids).collect(),
            payload: args.iter().map(|n| Value::Int(*n)).collect(),
            lost_before: 0,
        }
    });
    let events = events.collect();
    let user = vec![("vpid", Type::S(32)), ("vtid", Type::S(32))];
    Trace {
        domain: if kernel { "kernel" } else { "ust" },
        number: if kernel { 1 } else { 2 },
        context: if kernel { context() } else { user },
        classes,
        events,
    }
}

fn write(dir: &Path) {
    side(true).write(&dir.join("kernel"));
    side(false).write(&dir.join("ust/uid/33/64-bit"));
}

#[test]
fn requests_are_what_the_handler_encloses_in_both_traces() {
    let dir = tempfile::tempdir().unwrap();
    let (trace, dataset) = (dir.path().join("t"), dir.path().join("d"));
    write(&trace);
    for more in [&[][..], &["--server", "apache2"]] {
        let options = ["--quiet", "--force", "--requests", "httpd"];
        ingest(&[&trace], &dataset, &[&options[..], more].concat());
        let (_, events) = table(&dataset, "events");
        assert_eq!(all_longs(&events, "timestamp").len(), EVENTS.len());
        let tids: Vec<_> = EVENTS.iter().map(|e| Some(e.0)).collect();
        assert_eq!(all_longs(&events, "tid"), tids, "on one time line");
        let (_, rows) = table(&dataset, "requests");
        let reasons = all_texts(&rows, "end_reason")
            .into_iter()
            .map(Option::unwrap);
        let ended: Vec<_> = reasons.collect();
        let handled = ended.iter().filter(|r| *r == "handler_exit").count();
        // The thread that has no kernel event before it begins has no name yet.
        let open = ended.iter().filter(|r| *r == "trace_end").count();
        assert_eq!(
            (handled, open),
            if more.is_empty() { (2, 1) } else { (0, 1) }
        );
        if !more.is_empty() {
            continue;
        }
        let query = "SELECT r.tid, r.procname, CAST(r.start AS BIGINT) - 1795000000000000000 AS s, r.duration_ns, \
            r.client_port, r.read_bytes, r.complete, \
            array_to_string(array_agg(e.event_id ORDER BY e.event_id), ' ') AS ids \
            FROM requests r JOIN own_events e USING (trace_id, request_id) GROUP BY ALL ORDER BY s";
        let args = [
            "query",
            "-d",
            dataset.to_str().unwrap(),
            "--format",
            "csv",
            "-e",
            query,
        ];
        let answer = sysds(args);
        let answer = (
            String::from_utf8(answer.stdout.clone()).unwrap(),
            stderr(&answer),
        );
        let expected = "tid,procname,s,duration_ns,client_port,read_bytes,complete,ids\n\
            12,,200,600,,,true,2 3 5 8\n\
            13,,400,800,,,true,4 6 11 12\n\
            13,apache2,1700,100,,,false,17 18\n";
        assert_eq!(answer.0, expected, "{}", answer.1);
    }
}
