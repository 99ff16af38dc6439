//! A trace that is small, so that a run takes a tenth of a second, and yet fills all tables: a server's requests on two
//! CPUs, with lost events.

use crate::lttng::{Class, Event, Fields, Trace, Type, Value};
use std::path::Path;

const BEGIN: i64 = 1_795_000_000_000_000_000;

/// A call of the server: its name, its argument, what it returns.
type Calls = [(&'static str, i64, i64)];

const CALLS: &Calls = &[
    ("accept4", 3, 9),
    ("read", 9, 120),
    ("openat", -100, 10),
    ("close", 10, 0),
    ("write", 9, 800),
    ("close", 9, 0),
];

/// Writes a trace of so many requests to `dir`; `number` makes its UUID.
pub fn write(dir: &Path, number: u8, requests: i64) {
    write_calls(dir, number, requests, CALLS);
}

/// The same with a call more, so that columns are of more events.
pub fn write_more(dir: &Path, number: u8, requests: i64) {
    let mut calls = CALLS.to_vec();
    calls.insert(2, ("fdatasync", 9, 0));
    write_calls(dir, number, requests, &calls);
}

fn write_calls(dir: &Path, number: u8, requests: i64, calls: &Calls) {
    let classes = classes(calls);
    let mut events = Vec::new();
    let mut ns = BEGIN + i64::from(number) * 3_600_000_000_000;
    for request in 0..requests {
        let tid = 100 + request % 3;
        for &(call, argument, ret) in calls {
            for phase in ["entry", "exit"] {
                ns += 1000;
                let name = format!("syscall_{phase}_{call}");
                let payload = match phase {
                    "entry" => entry(call, argument, request),
                    _ => exit(call, ret, request),
                };
                events.push(Event {
                    ns,
                    cpu: (request % 2) as usize,
                    class: classes.iter().position(|c| c.name == name).unwrap(),
                    context: vec!["apache2".into(), 100.into(), tid.into()],
                    payload,
                    lost_before: if request == 5 && (call, phase) == ("read", "exit") {
                        3
                    } else {
                        0
                    },
                });
            }
        }
    }
    let trace = Trace {
        domain: "kernel",
        number,
        context: vec![
            ("procname", Type::Comm),
            ("pid", Type::S(32)),
            ("tid", Type::S(32)),
        ],
        classes,
        events,
    };
    trace.write(&dir.join("kernel"));
}

fn classes(calls: &Calls) -> Vec<Class> {
    let mut names: Vec<&str> = calls.iter().map(|c| c.0).collect();
    names.sort_unstable();
    names.dedup();
    let class = |name: &str, fields: Fields| Class::new(name, &fields);
    let both = names.into_iter().flat_map(|call| {
        let mut fields = vec![("fd", Type::S(32))];
        let mut returned = vec![("ret", Type::S(64))];
        match call {
            "openat" => fields = vec![("dfd", Type::S(32)), ("filename", Type::Text)],
            "accept4" => returned.extend(peer(0).into_iter().map(|(n, ty, _)| (n, ty))),
            _ => {}
        }
        [
            class(&format!("syscall_entry_{call}"), fields),
            class(&format!("syscall_exit_{call}"), returned),
        ]
    });
    both.collect()
}

fn entry(call: &str, argument: i64, request: i64) -> Vec<Value> {
    let mut values = vec![Value::Int(argument)];
    if call == "openat" {
        values.push(format!("/var/www/{request}.html").as_str().into());
    }
    values
}

fn exit(call: &str, ret: i64, request: i64) -> Vec<Value> {
    let mut values = vec![Value::Int(ret)];
    if call == "accept4" {
        values.extend(peer(request).into_iter().map(|(_, _, value)| value));
    }
    values
}

/// The client's address, as `accept4` returns it.
fn peer(request: i64) -> Vec<(&'static str, Type, Value)> {
    let list = |bits| Type::List(Box::new(Type::U(bits)));
    let address = [192, 0, 2, 1 + request % 4].map(Value::Int);
    vec![
        ("upeer_addrlen", Type::S(32), 16.into()),
        ("family", Type::U(16), 2.into()),
        ("sport", Type::Port, (40_000 + request).into()),
        ("v4addr", list(8), Value::List(address.to_vec())),
        ("v6addr", list(16), Value::List(Vec::new())),
    ]
}
