//! The rules on small made-up traces.

use super::*;
use crate::trace::event::{EventClass, Field, FieldType, Loss, UNKNOWN, bare_names};
use std::net::Ipv6Addr;

pub(super) const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;

/// Classes by name, with their integer arguments.
const CLASSES: [(&str, &[&str]); 47] = [
    ("syscall_entry_accept4", &["fd", "flags"]),
    ("syscall_exit_accept4", &["ret", "family", "sport"]),
    ("syscall_entry_close", &["fd"]),
    ("syscall_exit_close", &["ret"]),
    ("syscall_entry_shutdown", &["fd"]),
    ("syscall_exit_shutdown", &["ret"]),
    ("syscall_entry_read", &["fd"]),
    ("syscall_exit_read", &["ret"]),
    ("syscall_entry_writev", &["fd"]),
    ("syscall_exit_writev", &["ret"]),
    ("syscall_entry_getsockname", &["fd"]),
    ("syscall_exit_getsockname", &["ret"]),
    ("syscall_entry_dup", &["fildes"]),
    ("syscall_exit_dup", &["ret"]),
    ("syscall_entry_dup3", &["oldfd", "newfd", "flags"]),
    ("syscall_exit_dup3", &["ret"]),
    ("syscall_entry_fcntl", &["fd", "cmd", "arg"]),
    ("syscall_exit_fcntl", &["ret"]),
    ("syscall_entry_close_range", &["fd", "max_fd", "flags"]),
    ("syscall_exit_close_range", &["ret"]),
    ("syscall_entry_clone", &["flags"]),
    ("syscall_exit_clone", &["ret"]),
    ("syscall_exit_execve", &["ret"]),
    ("syscall_entry_execve", &[]),
    ("syscall_entry_exit_group", &["error_code"]),
    ("syscall_entry_openat", &["dfd"]),
    ("syscall_exit_openat", &["ret"]),
    ("syscall_entry_epoll_ctl", &["epfd", "fd"]),
    ("syscall_entry_epoll_wait", &["epfd"]),
    ("syscall_entry_futex", &["op"]),
    ("syscall_entry_socket", &["family", "type"]),
    ("syscall_exit_socket", &["ret"]),
    ("syscall_entry_connect", &["fd"]),
    ("syscall_exit_connect", &["ret"]),
    ("syscall_entry_sendto", &["fd"]),
    ("syscall_exit_sendto", &["ret"]),
    ("sched_switch", &["prev_tid", "prev_state", "next_tid"]),
    ("sched_waking", &["tid"]),
    ("httpd:enter_event_handler", &["connection_state"]),
    ("syscall_entry_setsockopt", &["fd", "level"]),
    ("syscall_exit_setsockopt", &["ret"]),
    ("syscall_entry_unknown", &["id"]),
    ("syscall_exit_unknown", &["id", "ret"]),
    ("syscall_entry_socketpair", &["family"]),
    ("syscall_exit_socketpair", &["ret"]),
    ("lttng_statedump_start", &[]),
    (DUMPED, &["pid", "fd", "flags", "inode"]),
];
pub(super) const DUMPED: &str = "lttng_statedump_file_descriptor";

fn classes() -> Arc<Vec<EventClass>> {
    let field = |name: &str, ty| Field {
        name: name.to_owned(),
        ty,
        index: 0,
    };
    let classes = CLASSES.iter().map(|(name, fields)| {
        let ints = fields
            .iter()
            .map(|f| field(f, FieldType::Signed(64, vec![])));
        let mut payload: Vec<Field> = ints.collect();
        if *name == "syscall_exit_accept4" {
            let byte = FieldType::Unsigned(8, vec![]);
            let list = FieldType::List(Box::new(byte), None);
            payload.extend(["v4addr", "v6addr"].map(|name| field(name, list.clone())));
        }
        let word = || FieldType::Unsigned(64, vec![]);
        match *name {
            DUMPED => payload.push(field("filename", FieldType::Text)),
            "syscall_entry_unknown" => {
                payload.push(field("args", FieldType::List(Box::new(word()), Some(6))));
            }
            "syscall_exit_socketpair" => {
                payload.push(field("socket", FieldType::List(Box::new(word()), Some(2))));
            }
            _ => {}
        }
        EventClass::new(name, vec![], payload)
    });
    let leave = EventClass::new("httpd:exit_event_handler", vec![], vec![]);
    Arc::new(classes.chain([leave]).collect())
}

/// An event: thread, name, integer arguments. A thread's process is its number without the last digit.
pub(super) type Event<'a> = (i32, &'a str, &'a [i64]);

/// The requests of a trace whose event at position `n` has the time `10 * n` and the ID `n`.
pub(super) fn cut_with(options: Options, events: &[Event], losses: &[Loss]) -> Vec<Request> {
    cut_all(options, events, losses).0
}

/// The same, and what others did for them.
pub(super) fn cut_all(
    options: Options,
    events: &[Event],
    losses: &[Loss],
) -> (Vec<Request>, Vec<Service>) {
    let classes = classes();
    let mut cutter = Cutter::new(Arc::clone(&classes), options, &["fd".to_owned()]);
    cutter.name(&["apache2".to_owned()]);
    let mut entered = std::collections::HashMap::new();
    for (i, (tid, name, args)) in events.iter().enumerate() {
        let time = 10 * i as i64;
        for loss in losses.iter().filter(|l| l.begin == Some(time)) {
            cutter.lose(loss);
        }
        let class = classes.iter().position(|c| c.full_name == *name);
        let class = class.unwrap_or_else(|| panic!("{name}"));
        // What is more than a class's integers are the elements of its list.
        let (args, list) = args.split_at(
            CLASSES
                .iter()
                .find(|c| c.0 == *name)
                .map_or(0, |c| c.1.len()),
        );
        let mut values: Vec<u8> = args.iter().flat_map(|n| n.to_le_bytes()).collect();
        if matches!(*name, "syscall_entry_unknown" | "syscall_exit_socketpair") {
            values.extend((list.len() as u32).to_le_bytes());
            values.extend(list.iter().flat_map(|n| n.to_le_bytes()));
        }
        if *name == DUMPED {
            let text = format!("socket:[{}]", args[3]);
            values.extend((text.len() as u32).to_le_bytes());
            values.extend(text.as_bytes());
        }
        if *name == "syscall_exit_accept4" {
            let address = "::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap();
            values.extend(0u32.to_le_bytes());
            values.extend(16u32.to_le_bytes());
            let octets = address.octets();
            values.extend(octets.iter().flat_map(|b| u64::from(*b).to_le_bytes()));
        }
        let head = Head {
            timestamp: time,
            class: class as u32,
            values: 0,
            cpu: 0,
            pid: if *tid == UNKNOWN { UNKNOWN } else { tid / 10 },
            tid: *tid,
            procname: 0,
        };
        let entry = match name.contains("_exit_") {
            true => entered.remove(tid),
            false => None,
        };
        if name.contains("_entry_") {
            entered.insert(*tid, time);
        }
        cutter.observe(Observed {
            event_id: i as i64,
            head: &head,
            values: &values,
            duration_ns: entry.map(|e| time - e),
        });
    }
    let mut requests = cutter.take_ended();
    requests.extend(cutter.finish(10 * (events.len() as i64 - 1)));
    (requests, cutter.take_services())
}

pub(super) fn options(rule: Rule) -> Options {
    Options {
        rule,
        end_at_shutdown: false,
        server: None,
        max_nested: 100,
        max_bytes: 1 << 20,
    }
}

pub(super) fn cut(rule: Rule, events: &[Event]) -> Vec<Request> {
    let (requests, services) = cut_all(options(rule), events, &[]);
    let mut seen = std::collections::HashSet::new();
    for s in &services {
        assert!((0..requests.len() as i64).contains(&s.of.request_id));
        assert_eq!(s.of.event_ids.len() as i64, s.work.n_events);
        assert!(s.of.event_ids.is_sorted());
        assert!(s.of.event_ids.iter().all(|id| seen.insert(*id)));
        assert_adds_up(&s.work);
    }
    for r in &requests {
        let nested: Vec<i64> = r.nested.iter().map(|e| e.event_id).collect();
        assert_eq!(nested.len() as i64, r.n_events);
        assert_eq!(nested.first().copied(), Some(r.first_event));
        assert_eq!(nested.last().copied(), Some(r.last_event));
        assert!(
            nested.iter().all(|id| seen.insert(*id)),
            "in two requests: {nested:?}"
        );
        assert_adds_up(r);
    }
    requests
}

fn assert_adds_up(r: &Request) {
    let t = r.times.as_ref().expect("the trace has sched_switch");
    let sum = t.on_cpu + t.runnable + t.blocked + t.unattended;
    assert_eq!(sum, r.end - r.start, "{t:?}");
    assert_eq!(t.by_call.iter().map(|(_, ns)| ns).sum::<i64>(), t.blocked);
}

/// The one request of a trace by the rule `connection`.
pub(super) fn one(events: &[Event]) -> Request {
    let mut requests = cut(Rule::Connection, events);
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

pub(super) fn ids(r: &Request) -> Vec<i64> {
    r.nested.iter().map(|e| e.event_id).collect()
}

pub(super) const ACCEPT: &str = "syscall_entry_accept4";
pub(super) const ACCEPTED: &str = "syscall_exit_accept4";
pub(super) const CLOSE: &str = "syscall_entry_close";
pub(super) const CLOSED: &str = "syscall_exit_close";
pub(super) const READ: &str = "syscall_entry_read";
pub(super) const HAS_READ: &str = "syscall_exit_read";
pub(super) const WRITE: &str = "syscall_entry_writev";
pub(super) const WRITTEN: &str = "syscall_exit_writev";
const NAME: &str = "syscall_entry_getsockname";
const NAMED: &str = "syscall_exit_getsockname";
const SWITCH: &str = "sched_switch";
const WAKING: &str = "sched_waking";
const WAIT: &str = "syscall_entry_epoll_wait";

#[test]
fn a_request_goes_from_accept_to_the_close_of_that_descriptor() {
    let r = one(&[
        (11, ACCEPT, &[3, 0]),
        (11, ACCEPTED, &[5, AF_INET6, 1234]),
        (11, CLOSE, &[4]),
        (11, CLOSED, &[0]),
        (21, NAME, &[5]),
        (11, CLOSE, &[5]),
        (11, WAKING, &[99]),
        (11, CLOSED, &[0]),
        (11, NAME, &[5]),
    ]);
    assert_eq!((r.start, r.end, r.accept_entry), (10, 70, Some(0)));
    assert_eq!(r.client, (Some("192.0.2.7".parse().unwrap()), Some(1234)));
    assert_eq!((r.fd, r.end_reason), (Some(5), EndReason::Close));
    assert!(r.complete());
    assert_eq!(ids(&r), [1, 2, 3, 5, 6, 7]);
    assert_eq!(r.window_syscalls, 6);
}

#[test]
fn only_connections_over_the_internet_protocols_count() {
    let events: [Event; 2] = [
        (11, ACCEPTED, &[5, 1, 0]),
        (11, ACCEPTED, &[-11, AF_INET, 0]),
    ];
    assert!(cut(Rule::Connection, &events).is_empty());
    let events: [Event; 1] = [(11, ACCEPTED, &[5, AF_INET, 9])];
    let server = |name: &str| Options {
        server: Some(name.to_owned()),
        ..options(Rule::Connection)
    };
    assert!(cut_with(server("nginx"), &events, &[]).is_empty());
    let kept = cut_with(server("apache2"), &events, &[]);
    assert_eq!(kept[0].client, (None, Some(9)), "no bytes of an address");
}

#[test]
fn a_connection_is_followed_over_threads() {
    // Thread 11 accepts, 12 serves and leaves it to epoll, 13 closes; 14 has nothing to do with it.
    let r = one(&[
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, WAKING, &[12]),
        (11, WAIT, &[7]),
        (14, READ, &[6]),
        (12, READ, &[5]),
        (11, WAKING, &[14]),
        (12, HAS_READ, &[100]),
        (12, "syscall_entry_epoll_ctl", &[7, 5]),
        (12, WAKING, &[11]),
        (12, "syscall_entry_futex", &[128]),
        (12, WAKING, &[11]),
        (13, CLOSE, &[5]),
        (13, CLOSED, &[0]),
        (13, WAKING, &[11]),
    ]);
    assert_eq!(ids(&r), [0, 1, 4, 6, 7, 8, 11, 12]);
    assert_eq!((r.tid, r.end_reason), (11, EndReason::Close));
    assert_eq!(r.read_bytes, Some(100));
    let t = r.times.unwrap();
    assert_eq!((t.on_cpu, t.unattended), (20 + 50 + 10, 20 + 20));
}

#[test]
fn a_thread_turns_from_one_connection_to_another() {
    let requests = cut(
        Rule::Connection,
        &[
            (11, ACCEPTED, &[5, AF_INET, 1]),
            (11, ACCEPTED, &[6, AF_INET, 2]),
            (11, READ, &[5]),
            (11, HAS_READ, &[1]),
            (11, CLOSE, &[6]),
            (11, CLOSED, &[0]),
            (11, CLOSE, &[5]),
            (11, CLOSED, &[0]),
        ],
    );
    assert_eq!(requests.iter().map(|r| r.id).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(ids(&requests[0]), [1, 4, 5]);
    assert_eq!(ids(&requests[1]), [0, 2, 3, 6, 7]);
    assert!(requests.iter().all(Request::complete));
}

#[test]
fn the_last_of_copied_descriptors_ends_a_connection() {
    let accepted: Event = (11, ACCEPTED, &[5, AF_INET, 1]);
    let copies: [&[Event]; 4] = [
        &[
            (11, "syscall_entry_dup", &[5]),
            (11, "syscall_exit_dup", &[8]),
        ],
        &[
            (11, "syscall_entry_dup3", &[5, 8, 0]),
            (11, "syscall_exit_dup3", &[8]),
        ],
        &[
            (11, "syscall_entry_fcntl", &[5, 0, 8]),
            (11, "syscall_exit_fcntl", &[8]),
        ],
        &[
            (11, "syscall_entry_fcntl", &[5, 1030, 8]),
            (11, "syscall_exit_fcntl", &[8]),
        ],
    ];
    for copy in copies {
        let mut events = vec![accepted];
        events.extend(copy);
        events.extend::<[Event; 4]>([
            (11, CLOSE, &[5]),
            (11, CLOSED, &[0]),
            (11, "syscall_entry_close_range", &[8, 0xffff_ffff, 0]),
            (11, "syscall_exit_close_range", &[0]),
        ]);
        let r = one(&events);
        assert_eq!((r.end_reason, r.end), (EndReason::Close, 60), "{copy:?}");
    }
}

#[test]
fn a_child_inherits_the_connection_and_its_exit_ends_it() {
    // 11 forks process 2, whose thread 21 serves; 11 closes its copy and waits for the next.
    let fork: [Event; 8] = [
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, "syscall_entry_clone", &[0x1200011]),
        (21, "syscall_exit_clone", &[0]),
        (11, "syscall_exit_clone", &[2]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
        (11, ACCEPT, &[3, 0]),
        (21, READ, &[5]),
    ];
    let exits = [&fork[..], &[(21, "syscall_entry_exit_group", &[0])]].concat();
    let r = one(&exits);
    assert_eq!((r.end_reason, r.complete()), (EndReason::Exit, true));
    assert_eq!(ids(&r), [0, 1, 3, 4, 5, 7, 8]);
    // A connection that is not close-on-exec lives on in another program.
    let executes: [Event; 3] = [
        (21, "syscall_entry_execve", &[]),
        (21, "syscall_exit_execve", &[0]),
        (21, NAME, &[5]),
    ];
    let r = one(&[&fork[..], &executes].concat());
    assert_eq!(r.end_reason, EndReason::TraceEnd);
    let marks: [Event; 4] = [
        (21, "syscall_entry_fcntl", &[5, 2, 1]),
        (21, "syscall_exit_fcntl", &[0]),
        (21, "syscall_entry_execve", &[]),
        (21, "syscall_exit_execve", &[0]),
    ];
    let r = one(&[&fork[..], &marks].concat());
    assert_eq!((r.end_reason, r.end), (EndReason::Exit, 110));
}

#[test]
fn new_threads_do_not_hold_a_connection() {
    let r = one(&[
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, "syscall_entry_clone", &[0x10f00]),
        (12, "syscall_exit_clone", &[0]),
        (11, "syscall_exit_clone", &[12]),
        (12, CLOSE, &[5]),
        (12, CLOSED, &[0]),
    ]);
    assert_eq!((r.end_reason, r.end), (EndReason::Close, 50));
}

#[test]
fn what_the_trace_leaves_open_is_kept_and_marked() {
    let accepted: Event = (11, ACCEPTED, &[5, AF_INET6, 1]);
    let next = cut(Rule::Connection, &[accepted, (11, WAKING, &[1]), accepted]);
    let ends: Vec<_> = next.iter().map(|r| (r.id, r.end_reason, r.end)).collect();
    let expected = [(0, EndReason::NextAccept, 10), (1, EndReason::TraceEnd, 20)];
    assert_eq!(ends, expected);
    assert!(next.iter().all(|r| !r.complete()));
    let opens: [Event; 2] = [
        (11, "syscall_entry_openat", &[-100]),
        (11, "syscall_exit_openat", &[5]),
    ];
    let r = one(&[&[accepted], &opens[..]].concat());
    assert_eq!((r.end_reason, r.end), (EndReason::Reused, 10));
    // The exit of the close was lost.
    let r = one(&[accepted, (11, CLOSE, &[5]), (11, NAME, &[4])]);
    assert_eq!((r.end_reason, r.end), (EndReason::Close, 10));
}

#[test]
fn shutdown_ends_a_request_where_it_is_asked_to() {
    let events: [Event; 3] = [
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, "syscall_entry_shutdown", &[5]),
        (11, "syscall_exit_shutdown", &[0]),
    ];
    let at_shutdown = Options {
        end_at_shutdown: true,
        ..options(Rule::Connection)
    };
    let requests = cut_with(at_shutdown, &events, &[]);
    assert_eq!(requests[0].end_reason, EndReason::Shutdown);
    assert_eq!(one(&events).end_reason, EndReason::TraceEnd);
}

#[test]
fn exchanges_end_at_the_last_write_before_the_next_read() {
    let requests = cut(
        Rule::Exchange,
        &[
            (11, ACCEPTED, &[5, AF_INET, 1]),
            (11, READ, &[5]),
            (11, HAS_READ, &[-11]),
            (11, READ, &[5]),
            (11, HAS_READ, &[30]),
            (11, READ, &[5]),
            (11, HAS_READ, &[12]),
            (11, WRITE, &[5]),
            (11, WRITTEN, &[100]),
            (11, NAME, &[4]),
            (11, NAMED, &[0]),
            (11, WRITE, &[5]),
            (11, WRITTEN, &[50]),
            (11, NAME, &[4]),
            (11, READ, &[5]),
            (11, HAS_READ, &[7]),
            (11, CLOSE, &[5]),
            (11, CLOSED, &[0]),
        ],
    );
    let [first, second] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(ids(first), (4..=12).collect::<Vec<_>>());
    assert_eq!((first.start, first.end, first.wait), (40, 120, Some(40)));
    assert_eq!(first.connection, Some((0, 0)));
    assert_eq!(
        (first.read_bytes, first.written_bytes),
        (Some(42), Some(150))
    );
    assert!(first.complete());
    assert_eq!(ids(second), [15, 16]);
    assert_eq!(second.end_reason, EndReason::NoResponse);
    assert_eq!((second.wait, second.connection), (Some(30), Some((0, 1))));
    assert_eq!(second.written_bytes, Some(0));
    assert!(!second.complete());
}

#[test]
fn time_goes_to_what_the_scheduler_did() {
    let r = one(&[
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, READ, &[5]),
        (11, SWITCH, &[11, 1, 0]),
        (0, SWITCH, &[0, 0, 77]),
        (77, WAKING, &[11]),
        (77, SWITCH, &[77, 1, 11]),
        (11, HAS_READ, &[9]),
        (11, SWITCH, &[11, 256, 77]),
        (77, SWITCH, &[77, 1, 11]),
        (11, SWITCH, &[11, 2, 0]),
        (0, WAKING, &[11]),
        (0, SWITCH, &[0, 0, 11]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
    ]);
    let t = r.times.unwrap();
    assert_eq!((t.on_cpu, t.runnable), (20 + 20 + 10 + 20, 10 + 10 + 10));
    assert_eq!((t.blocked, t.unattended), (20 + 10, 0));
    let names = bare_names(&classes()).0;
    let by_call: Vec<_> = t
        .by_call
        .iter()
        .map(|(c, ns)| (c.map(|c| names[c as usize].as_str()), *ns))
        .collect();
    assert_eq!(by_call, [(Some("read"), 20), (None, 10)]);
}

#[test]
fn a_request_by_httpd_is_what_its_handler_encloses() {
    let enter = "httpd:enter_event_handler";
    let exit = "httpd:exit_event_handler";
    let requests = cut(
        Rule::Httpd,
        &[
            (11, enter, &[0]),
            (12, READ, &[5]),
            (11, READ, &[5]),
            (11, exit, &[]),
            (11, enter, &[6]),
            (11, exit, &[]),
            (11, enter, &[7]),
            (11, exit, &[]),
            (12, enter, &[1]),
            (12, enter, &[1]),
        ],
    );
    let all: Vec<_> = requests.iter().map(|r| (r.end_reason, ids(r))).collect();
    let expected = [
        (EndReason::HandlerExit, vec![0, 2, 3]),
        (EndReason::NextAccept, vec![8]),
        (EndReason::TraceEnd, vec![9]),
    ];
    assert_eq!(all, expected);
    assert_eq!(requests[0].fd, None);
}

#[test]
fn the_first_close_of_anything_ends_a_request_of_2021() {
    let requests = cut(
        Rule::FirstClose,
        &[
            (11, ACCEPT, &[3, 0]),
            (12, NAME, &[3]),
            (11, ACCEPTED, &[5, AF_INET, 1]),
            (11, CLOSE, &[4]),
            (11, CLOSED, &[0]),
            (11, CLOSE, &[5]),
            (11, CLOSED, &[0]),
            (11, ACCEPT, &[3, 0]),
            (11, ACCEPT, &[3, 0]),
        ],
    );
    let all: Vec<_> = requests.iter().map(|r| (r.end_reason, r.end)).collect();
    use EndReason::*;
    assert_eq!(all, [(Close, 40), (NextAccept, 70), (TraceEnd, 80)]);
    assert_eq!((requests[0].window_syscalls, requests[0].fd), (5, Some(5)));
}

#[test]
fn a_loss_marks_the_requests_whose_time_it_overlaps() {
    let events: [Event; 9] = [
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
        (21, ACCEPTED, &[5, AF_INET, 1]),
        (21, CLOSE, &[5]),
        (21, CLOSED, &[0]),
        (31, ACCEPTED, &[5, AF_INET, 1]),
        (31, CLOSE, &[5]),
        (31, CLOSED, &[0]),
    ];
    let marks = |end| -> Vec<(u64, bool)> {
        let loss = Loss {
            stream: String::new(),
            cpu: None,
            begin: Some(30),
            end,
            events: Some(9),
            packets: None,
        };
        let requests = cut_with(options(Rule::Connection), &events, &[loss]);
        let marks = requests.iter().map(|r| (r.lost_events, r.complete()));
        marks.collect()
    };
    let (whole, touched) = ((0, true), (9, false));
    assert_eq!(marks(Some(40)), [whole, touched, whole]);
    assert_eq!(marks(None), [whole, touched, touched]);
}

#[test]
fn a_request_carries_so_many_events_and_counts_the_rest() {
    let mut events: Vec<Event> = vec![(11, ACCEPTED, &[5, AF_INET, 1])];
    events.extend([(11, WAKING, &[1i64][..]); 9]);
    let nested = |max_nested, max_bytes| {
        let few = Options {
            max_nested,
            max_bytes,
            ..options(Rule::Connection)
        };
        let requests = cut_with(few, &events, &[]);
        (requests[0].nested.len(), requests[0].n_events)
    };
    assert_eq!(nested(3, 1 << 20), (3, 10));
    assert_eq!(nested(100, 10), (0, 10));
}

/// Whatever happens, in whatever order: parts add up, and no event is in two requests.
#[test]
fn random_traces_keep_the_properties() {
    let mut seed = 1u64;
    let mut random = move |n: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n
    };
    let (mut connections, mut exchanges) = (0, 0);
    for _ in 0..500 {
        let mut args: Vec<(i32, &str, Vec<i64>)> = Vec::new();
        let mut within = std::collections::HashMap::new();
        for _ in 0..200 {
            let tid = [11, 12, 21, 22][random(4)];
            // Mostly what has begun goes on to its end.
            let class = match within.remove(&tid) {
                Some(entry) if random(5) > 0 => entry + 1,
                _ => random(CLASSES.len()),
            };
            let (name, fields) = CLASSES[class];
            let next = CLASSES.get(class + 1).map_or("", |c| c.0);
            if name.replace("_entry_", "_exit_") == next {
                within.insert(tid, class);
            }
            let values = fields.iter().map(|f| match *f {
                "prev_tid" => i64::from(tid),
                "tid" | "next_tid" => [11, 12, 21, 22][random(4)],
                "family" => [1, AF_INET][random(2)],
                "type" => 1,
                "flags" => [0, 0x400, 0x10000, 0o2_000_000, 6][random(5)],
                "cmd" => [0, 2, 1030][random(3)],
                "max_fd" => 100,
                _ => random(8) as i64 - 1,
            });
            args.push((tid, name, values.collect()));
        }
        let events: Vec<Event> = args.iter().map(|(t, n, a)| (*t, *n, &a[..])).collect();
        connections += cut(Rule::Connection, &events).len();
        exchanges += cut(Rule::Exchange, &events).len();
        cut(Rule::Httpd, &events);
        cut(Rule::FirstClose, &events);
    }
    assert!(
        connections > 1000 && exchanges > 30,
        "{connections} {exchanges}"
    );
}
