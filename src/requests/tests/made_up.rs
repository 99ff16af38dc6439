//! Small made-up traces, and the requests of them.

pub(crate) use crate::requests::rules::connection::CONNECTION;
pub(crate) use crate::requests::rules::exchange::EXCHANGE;
pub(crate) use crate::requests::rules::first_close::FIRST_CLOSE;
pub(crate) use crate::requests::rules::httpd::HTTPD;
use crate::requests::*;
use crate::trace::event::{EventClass, Field, FieldType, Head, Loss, UNKNOWN};
use std::net::Ipv6Addr;
use std::sync::Arc;

pub(crate) const AF_INET: i64 = 2;
pub(crate) const AF_INET6: i64 = 10;

/// Classes by name, with their integer arguments.
pub(crate) const CLASSES: [(&str, &[&str]); 47] = [
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
pub(crate) const DUMPED: &str = "lttng_statedump_file_descriptor";

pub(crate) fn classes() -> Arc<Vec<EventClass>> {
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
pub(crate) type Event<'a> = (i32, &'a str, &'a [i64]);

/// The requests of a trace whose event at position `n` has the time `10 * n` and the ID `n`.
pub(crate) fn cut_with(options: RuleOptions, events: &[Event], losses: &[Loss]) -> Vec<Request> {
    cut_all(options, events, losses).0
}

/// The values of an event of this name.
fn encoded(name: &str, args: &[i64]) -> Vec<u8> {
    // What is more than a class's integers are the elements of its list.
    let (args, list) = args.split_at(
        CLASSES
            .iter()
            .find(|c| c.0 == name)
            .map_or(0, |c| c.1.len()),
    );
    let mut values: Vec<u8> = args.iter().flat_map(|n| n.to_le_bytes()).collect();
    if matches!(name, "syscall_entry_unknown" | "syscall_exit_socketpair") {
        values.extend((list.len() as u32).to_le_bytes());
        values.extend(list.iter().flat_map(|n| n.to_le_bytes()));
    }
    if name == DUMPED {
        let text = format!("socket:[{}]", args[3]);
        values.extend((text.len() as u32).to_le_bytes());
        values.extend(text.as_bytes());
    }
    if name == "syscall_exit_accept4" {
        let address = "::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap();
        values.extend(0u32.to_le_bytes());
        values.extend(16u32.to_le_bytes());
        let octets = address.octets();
        values.extend(octets.iter().flat_map(|b| u64::from(*b).to_le_bytes()));
    }
    values
}

/// The requests of a trace as by [`cut_with`], and what others did for them.
pub(crate) fn cut_all(
    options: RuleOptions,
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
        let values = encoded(name, args);
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

pub(crate) fn options(rule: &'static Rule) -> RuleOptions {
    RuleOptions {
        rule,
        end_at_shutdown: false,
        server: None,
        max_nested: 100,
        max_bytes: 1 << 20,
    }
}

pub(crate) fn cut(rule: &'static Rule, events: &[Event]) -> Vec<Request> {
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
pub(crate) fn one(events: &[Event]) -> Request {
    let mut requests = cut(&CONNECTION, events);
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

pub(crate) fn ids(r: &Request) -> Vec<i64> {
    r.nested.iter().map(|e| e.event_id).collect()
}

pub(crate) const ACCEPT: &str = "syscall_entry_accept4";
pub(crate) const ACCEPTED: &str = "syscall_exit_accept4";
pub(crate) const CLOSE: &str = "syscall_entry_close";
pub(crate) const CLOSED: &str = "syscall_exit_close";
pub(crate) const READ: &str = "syscall_entry_read";
pub(crate) const HAS_READ: &str = "syscall_exit_read";
pub(crate) const WRITE: &str = "syscall_entry_writev";
pub(crate) const WRITTEN: &str = "syscall_exit_writev";
pub(crate) const NAME: &str = "syscall_entry_getsockname";
pub(crate) const NAMED: &str = "syscall_exit_getsockname";
pub(crate) const SWITCH: &str = "sched_switch";
pub(crate) const WAKING: &str = "sched_waking";
pub(crate) const WAIT: &str = "syscall_entry_epoll_wait";
