//! Real servers, recorded by strace: the requests are those that the servers and their clients told of.

use crate::common::*;
use crate::lttng::Value;
use crate::strace::{Form, Lines, Server, number};
use arrow::array::{AsArray, RecordBatch};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use tempfile::TempDir;

const KINDS: [&str; 7] = [
    "threads", "handoff", "epoll", "fork", "exec", "helpers", "nginx",
];

/// A row of `requests`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    port: Option<i64>,
    index: i64,
    tid: i64,
    fd: i64,
    read: i64,
    written: i64,
    start: i64,
    end: i64,
    reason: String,
    complete: bool,
    seen: bool,
    /// Its events, with their threads.
    events: Vec<(i64, i64)>,
}

fn rows(batches: &[RecordBatch]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let long = |name: &str| longs(batch.column_by_name(name).unwrap());
        let flag = |name: &str| batch.column_by_name(name).unwrap().as_boolean().clone();
        let (port, index, tid, fd) = (
            long("client_port"),
            long("exchange"),
            long("tid"),
            long("fd"),
        );
        let (read, written) = (long("read_bytes"), long("written_bytes"));
        let (start, end) = (long("start"), long("end"));
        let reasons = texts(batch.column_by_name("end_reason").unwrap());
        let (complete, seen) = (flag("complete"), flag("accept_seen"));
        let events = batch.column_by_name("events").unwrap().as_list::<i32>();
        for i in 0..batch.num_rows() {
            let nested = events.value(i);
            let nested = nested.as_struct();
            let member = |name: &str| longs(nested.column_by_name(name).unwrap());
            let pairs = member("event_id").into_iter().zip(member("tid"));
            rows.push(Row {
                port: port[i],
                index: index[i].unwrap(),
                tid: tid[i].unwrap(),
                fd: fd[i].unwrap(),
                read: read[i].unwrap(),
                written: written[i].unwrap(),
                start: start[i].unwrap(),
                end: end[i].unwrap(),
                reason: reasons[i].clone().unwrap(),
                complete: complete.value(i),
                seen: seen.value(i),
                events: pairs.map(|(id, tid)| (id.unwrap(), tid.unwrap())).collect(),
            });
        }
    }
    rows
}

/// The requests of a trace by a rule, once they have been checked to keep the properties.
fn cut(trace: &Path, options: &[&str]) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let dataset = dir.path().join("d");
    ingest(&[trace], &dataset, &[&["--quiet"], options].concat());
    let rows = rows(&table(&dataset, "requests").1);
    let mut taken = HashSet::new();
    for row in &rows {
        assert!(row.events.is_sorted());
        assert!(
            row.events.iter().all(|(id, _)| taken.insert(*id)),
            "in two requests: {row:?}"
        );
    }
    rows
}

fn recorded(kind: &str, form: Form) -> (Server, TempDir) {
    let server = Server::new(kind);
    let dir = tempfile::tempdir().unwrap();
    server.write(dir.path(), form);
    (server, dir)
}

const FORMS: [Form; 2] = [
    Form {
        dump: false,
        ends: true,
    },
    Form {
        dump: true,
        ends: false,
    },
];

/// What the server's log tells of a client's port.
#[derive(Debug, Default)]
struct Told {
    /// Thread and descriptor of the accept.
    accept: Option<(i64, i64)>,
    /// Thread, bytes read and written of each exchange.
    exchanges: Vec<(i64, i64, i64)>,
    close: Option<i64>,
}

fn told(log: &Lines) -> BTreeMap<i64, Told> {
    let mut told: BTreeMap<i64, Told> = BTreeMap::new();
    for line in log {
        let n = |i: usize| number(&line[i]);
        match line[0].as_str() {
            "accept" => told.entry(n(4)).or_default().accept = Some((n(2), n(3))),
            "exchange" => told
                .entry(n(4))
                .or_default()
                .exchanges
                .push((n(2), n(5), n(6))),
            "close" => told.entry(n(4)).or_default().close = Some(n(2)),
            // nginx tells of a connection that ended without a request, too.
            "served" if n(4) > 0 => {
                let exchange = (n(1), n(4), n(5));
                told.entry(n(2)).or_default().exchanges.push(exchange);
            }
            "served" => {}
            other => panic!("{other}"),
        }
    }
    told
}

/// Ports of connections that were made before the trace.
fn before(clients: &Lines) -> BTreeSet<i64> {
    let lines = clients.iter().filter(|l| l[0] == "before");
    lines.map(|l| number(&l[1])).collect()
}

/// Per port: requests, bytes sent and received by the client, and when it saw the end.
fn clients(lines: &Lines) -> BTreeMap<i64, (usize, i64, i64, i64)> {
    let lines = lines.iter().filter(|l| l[0] == "client");
    let time = |text: &str| number(text.replace('.', "").trim_start_matches('0'));
    lines
        .map(|l| {
            (
                number(&l[1]),
                (
                    number(&l[2]) as usize,
                    number(&l[3]),
                    number(&l[4]),
                    time(&l[5]),
                ),
            )
        })
        .collect()
}

#[test]
fn connections_are_those_of_the_servers() {
    for kind in KINDS {
        for form in FORMS {
            let (server, dir) = recorded(kind, form);
            let rows = cut(dir.path(), &[]);
            let (log, clients) = (told(&server.lines("log")), server.lines("clients"));
            let old = before(&clients);
            let clients = self::clients(&clients);
            let seen: BTreeMap<i64, &Row> =
                rows.iter().filter_map(|r| Some((r.port?, r))).collect();
            let new: BTreeSet<i64> = clients
                .keys()
                .copied()
                .filter(|p| !old.contains(p))
                .collect();
            assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), new, "{kind}");
            for (port, row) in seen {
                let (_, sent, received, eof) = clients[&port];
                assert_eq!((row.read, row.written), (sent, received), "{kind} {row:?}");
                assert!(row.complete && row.seen, "{kind} {row:?}");
                // The client saw the end soon after it came, whichever process ended it.
                assert!(
                    (-1_000_000..40_000_000).contains(&(eof - row.end)),
                    "{kind} {row:?} {eof}"
                );
                let Some(told) = log.get(&port) else { continue };
                if let Some(accept) = told.accept {
                    assert_eq!((row.tid, row.fd), accept, "{kind} {row:?}");
                }
                let threads: BTreeSet<i64> = row.events.iter().map(|(_, tid)| *tid).collect();
                let worked = told.exchanges.iter().map(|e| e.0).chain(told.close);
                let worked: BTreeSet<i64> = worked.chain([row.tid]).collect();
                assert!(worked.is_subset(&threads), "{kind} {row:?}");
                // Where nobody is forked, nobody else has to do with it.
                if matches!(kind, "threads" | "handoff" | "epoll" | "nginx") {
                    assert_eq!(worked, threads, "{kind} {row:?}");
                }
            }
            no_overlap(&rows, kind);
        }
    }
}

/// Requests of a descriptor follow each other; a descriptor's process is its own where each connection has a process.
fn no_overlap(rows: &[Row], kind: &str) {
    let mut spans: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
    for row in rows {
        let by = if matches!(kind, "fork" | "exec") {
            row.end
        } else {
            row.fd
        };
        spans.entry(by).or_default().push((row.start, row.end));
    }
    for spans in spans.values_mut() {
        spans.sort_unstable();
        // nginx has two processes, which may use one number each.
        if kind != "nginx" {
            assert!(
                spans.windows(2).all(|w| w[0].1 <= w[1].0),
                "{kind} {spans:?}"
            );
        }
    }
}

/// A connection ends with the last process that has it: a program that inherited it ends it later than the server closes
/// it, one that could not does not.
#[test]
fn programs_hold_what_they_inherit_only() {
    let (_, dir) = recorded("helpers", Form::default());
    let rows = cut(dir.path(), &[]);
    // The program that inherited it sleeps for 60 ms.
    let (inherited, others): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|r| r.end - r.start > 60_000_000);
    assert_eq!((inherited.len(), others.len()), (1, rows.len() - 1));
    assert_eq!(inherited[0].reason, "exit");
    assert!(others.len() >= 7 && others.iter().all(|r| r.complete));
}

#[test]
fn exchanges_are_those_of_the_servers() {
    for kind in KINDS {
        for form in FORMS {
            let (server, dir) = recorded(kind, form);
            let rows = cut(dir.path(), &["--requests", "exchange"]);
            let log = told(&server.lines("log"));
            let old = before(&server.lines("clients"));
            let mut expected: Vec<(i64, i64, i64, i64, i64)> = Vec::new();
            for (port, told) in log.iter().filter(|(port, _)| !old.contains(port)) {
                let each = told.exchanges.iter().enumerate();
                expected.extend(
                    each.map(|(i, (tid, read, wrote))| (*port, i as i64, *tid, *read, *wrote)),
                );
            }
            let answered = rows
                .iter()
                .filter(|r| r.reason == "response" && r.port.is_some());
            let mut found: Vec<_> = answered
                .map(|r| (r.port.unwrap(), r.index, r.tid, r.read, r.written))
                .collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{kind}");
            assert!(expected.len() >= 6, "{kind}: {}", expected.len());
            // One client goes away in the middle of its request.
            let unanswered: Vec<_> = rows
                .iter()
                .filter(|r| r.port.is_some() && r.reason != "response")
                .collect();
            let [gone] = &unanswered[..] else {
                panic!("{kind}: {unanswered:?}")
            };
            assert_eq!(
                (gone.read, gone.written, gone.reason.as_str()),
                (9, 0, "no_response")
            );
            assert!(
                rows.iter()
                    .all(|r| r.complete == (r.reason == "response" && r.seen))
            );
            no_overlap(&rows, kind);
        }
    }
}

/// Of connections that are older than the trace, what the log tells: thread, bytes read and written of each exchange.
fn told_of_older(server: &Server) -> Vec<(i64, i64, i64)> {
    let old = before(&server.lines("clients"));
    let log = told(&server.lines("log")).into_iter();
    let mut all: Vec<_> = log
        .filter(|(port, _)| old.contains(port))
        .flat_map(|(_, told)| told.exchanges)
        .collect();
    all.sort_unstable();
    all
}

/// The rows without an accept, as the log tells of exchanges.
fn found(rows: &[Row]) -> Vec<(i64, i64, i64)> {
    let rows = rows.iter().filter(|r| !r.seen);
    let mut all: Vec<_> = rows
        .inspect(|r| assert!(!r.complete && r.port.is_none(), "{r:?}"))
        .map(|r| (r.tid, r.read, r.written))
        .collect();
    all.sort_unstable();
    all
}

/// With the tracer's state dump, connections that are older than the trace are followed: all of them where the server is
/// named, else from when its process has accepted another.
#[test]
fn connections_that_are_older_than_the_trace_are_found_in_its_state_dump() {
    let dumped = Form {
        dump: true,
        ends: true,
    };
    for (kind, name) in [
        ("threads", "servers"),
        ("epoll", "servers"),
        ("fork", "servers"),
        ("exec", "exe"),
        ("nginx", "nginx"),
    ] {
        let (server, dir) = recorded(kind, dumped);
        let told = told_of_older(&server);
        assert_eq!(told.len(), 3, "{kind}");
        let rows = cut(dir.path(), &["--requests", "exchange", "--server", name]);
        assert_eq!(found(&rows), told, "{kind}");
        let rows = cut(dir.path(), &["--server", name]);
        let connections: Vec<_> = rows.iter().filter(|r| !r.seen).collect();
        assert_eq!(connections.len(), 2, "{kind}: {connections:?}");
        let bytes = |get: fn(&Row) -> i64| connections.iter().map(|r| get(r)).sum::<i64>();
        assert_eq!(bytes(|r| r.read), told.iter().map(|t| t.1).sum::<i64>());
        assert_eq!(bytes(|r| r.written), told.iter().map(|t| t.2).sum::<i64>());
        assert!(
            connections
                .iter()
                .all(|r| r.reason == if kind == "exec" { "exit" } else { "close" })
        );
        let (_, without) = recorded(
            kind,
            Form {
                dump: false,
                ends: true,
            },
        );
        let rows = cut(
            without.path(),
            &["--requests", "exchange", "--server", name],
        );
        assert!(found(&rows).is_empty(), "{kind}: nothing is known of them");
    }
    for kind in ["threads", "epoll"] {
        let (server, dir) = recorded(kind, dumped);
        let rows = cut(dir.path(), &["--requests", "exchange"]);
        let mut told = told_of_older(&server);
        let log = server.lines("log");
        assert_eq!(log[0][0], "exchange", "it comes before the first accept");
        let early = (number(&log[0][2]), number(&log[0][5]), number(&log[0][6]));
        told.remove(told.iter().position(|t| *t == early).unwrap());
        assert_eq!(found(&rows), told, "{kind}");
    }
}

/// `sides` without those from `from` to before `to`, as a trace that tells of the loss.
fn without(server: &Server, from: usize, to: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut trace = server.trace(Form::default());
    let lost = trace.events.drain(from..to).count();
    trace.events[from].lost_before = lost as u64;
    trace.write(&dir.path().join("kernel"));
    dir
}

/// Where the exit of an accept was lost, the connection is found by the number that it must have been given, and its
/// request is marked. Only the first of all is not: nothing is known of numbers yet.
#[test]
fn connections_whose_accept_was_lost_are_found_and_marked() {
    let server = Server::new("helpers");
    let trace = server.trace(Form::default());
    let class = |name: &str| trace.classes.iter().position(|c| c.name == name).unwrap();
    let accepted = class("syscall_exit_accept4");
    let accepts = trace
        .events
        .iter()
        .enumerate()
        .filter(|(_, e)| e.class == accepted);
    let accepts: Vec<usize> = accepts.map(|(i, _)| i).collect();
    let whole = tempfile::tempdir().unwrap();
    trace.write(&whole.path().join("kernel"));
    for rule in ["connection", "exchange"] {
        let all = cut(whole.path(), &["--requests", rule]);
        for (n, at) in accepts.iter().enumerate() {
            let rows = cut(without(&server, *at, *at + 1).path(), &["--requests", rule]);
            let Value::Int(port) = trace.events[*at].payload[3] else {
                panic!("sport")
            };
            let port = Some(port);
            let is_of = |r: &&Row| r.port == port;
            let mut expected: Vec<_> = all
                .iter()
                .filter(is_of)
                .map(|r| (r.tid, r.read, r.written))
                .collect();
            expected.sort_unstable();
            assert_eq!(
                found(&rows),
                if n == 0 { Vec::new() } else { expected },
                "{rule} {n}"
            );
            let others: Vec<_> = all
                .iter()
                .filter(|r| r.port != port)
                .map(|r| (r.port, r.start, r.end))
                .collect();
            let kept: Vec<_> = rows
                .iter()
                .filter(|r| r.seen)
                .map(|r| (r.port, r.start, r.end))
                .collect();
            assert_eq!(kept, others, "{rule} {n}");
        }
        // All until the answer is lost, too.
        let at = accepts[2];
        let written = class("syscall_entry_writev");
        let answer = at
            + trace.events[at..]
                .iter()
                .position(|e| e.class == written)
                .unwrap();
        let rows = cut(without(&server, at, answer).path(), &["--requests", rule]);
        let wrote: Vec<_> = found(&rows)
            .iter()
            .map(|(_, read, wrote)| (*read, *wrote))
            .collect();
        let whole = all.iter().find(|r| r.start >= trace.events[at].ns).unwrap();
        assert_eq!(wrote, [(0, whole.written)], "{rule}");
        let row = rows.iter().find(|r| !r.seen).unwrap();
        assert_eq!(row.start, trace.events[answer].ns, "{rule}");
    }
}

/// Every call that transfers bytes of a connection is in its request, and in no other: also while a thread has several
/// connections in turn.
#[test]
fn every_transfer_is_in_the_request_of_its_connection() {
    for (kind, name) in [
        ("threads", "servers"),
        ("epoll", "servers"),
        ("nginx", "nginx"),
    ] {
        let (_, trace) = recorded(
            kind,
            Form {
                dump: true,
                ends: true,
            },
        );
        let dir = tempfile::tempdir().unwrap();
        let dataset = dir.path().join("d");
        ingest(&[trace.path()], &dataset, &["--quiet", "--server", name]);
        let (_, events) = table(&dataset, "events");
        let transfers = ["read", "recvfrom", "writev", "sendfile64"];
        let names = all_texts(&events, "name").into_iter().map(Option::unwrap);
        let names = names.zip(all_longs(&events, "fd")).enumerate();
        let all: BTreeMap<i64, i64> = names
            .filter(|(_, (name, _))| transfers.contains(&name.as_str()))
            .map(|(id, (_, fd))| (id as i64, fd.unwrap()))
            .collect();
        let rows = rows(&table(&dataset, "requests").1);
        let pairs = rows
            .iter()
            .flat_map(|r| r.events.iter().map(|(id, _)| (*id, r.fd)));
        let found: BTreeMap<i64, i64> = pairs.filter(|(id, _)| all.contains_key(id)).collect();
        // A connection that is older than the trace begins with what its first read returned.
        let missing: Vec<_> = all.keys().filter(|id| !found.contains_key(id)).collect();
        let older = rows.iter().filter(|r| !r.seen).count();
        assert_eq!((missing.len(), older), (2, 2), "{kind} {missing:?}");
        assert!(found.iter().all(|(id, fd)| all[id] == *fd), "{kind}");
        assert!(found.len() > 60, "{kind}: {}", found.len());
    }
}
