use super::*;
use crate::trace::event::{Field, FieldType};

fn class(name: &str, fields: &[(&str, char)]) -> EventClass {
    let fields = fields.iter().map(|(name, ty)| Field {
        name: (*name).to_owned(),
        ty: match ty {
            't' => FieldType::Text,
            _ => FieldType::Signed(32, vec![]),
        },
        index: 0,
    });
    EventClass::new(name, vec![], fields.collect())
}

fn classes() -> Vec<EventClass> {
    let person = [
        ("parent_comm", 't'),
        ("parent_tid", 'i'),
        ("parent_pid", 'i'),
        ("child_comm", 't'),
        ("child_tid", 'i'),
        ("child_pid", 'i'),
    ];
    vec![
        class(
            "sched_switch",
            &[
                ("prev_comm", 't'),
                ("prev_tid", 'i'),
                ("next_comm", 't'),
                ("next_tid", 'i'),
            ],
        ),
        class("sched_process_fork", &person),
        class(
            "sched_process_exec",
            &[("filename", 't'), ("tid", 'i'), ("old_tid", 'i')],
        ),
        class("sched_process_exit", &[("tid", 'i')]),
        class("sched_process_free", &[("tid", 'i')]),
        class(
            "lttng_statedump_process_state",
            &[("tid", 'i'), ("pid", 'i'), ("name", 't')],
        ),
        class("syscall_entry_execve", &[("filename", 't')]),
        class("syscall_exit_execve", &[("ret", 'i')]),
        class("syscall_entry_prctl", &[("option", 'i')]),
        class("syscall_exit_prctl", &[("ret", 'i')]),
        class("syscall_entry_read", &[]),
        class("irq_handler_entry", &[]),
        class("httpd:enter", &[]),
    ]
}

/// A value of an event.
#[derive(Clone, Copy)]
enum Value {
    I(i64),
    T(&'static str),
}
use Value::{I, T};

/// CPU, time, class and values of an event.
type Event = (i32, i64, &'static str, Vec<Value>);
/// Thread, process, name.
type Who = (Option<i32>, Option<i32>, Option<&'static str>);

const NOBODY: Who = (None, None, None);

fn switch(cpu: i32, time: i64, prev: (&'static str, i64), next: (&'static str, i64)) -> Event {
    let values = vec![T(prev.0), I(prev.1), T(next.0), I(next.1)];
    (cpu, time, "sched_switch", values)
}

fn irq(cpu: i32, time: i64) -> Event {
    (cpu, time, "irq_handler_entry", vec![])
}

fn batch(events: &[Event], losses: &[(usize, Loss)], first: usize) -> EventBatch {
    let classes = classes();
    let mut batch = EventBatch::default();
    for (cpu, timestamp, name, values) in events {
        let number = classes.iter().position(|c| c.full_name == *name).unwrap();
        batch.heads.push(Head {
            timestamp: *timestamp,
            class: number as u32,
            values: batch.values.len() as u32,
            cpu: *cpu,
            pid: UNKNOWN,
            tid: UNKNOWN,
            procname: NO_NAME,
        });
        for value in values {
            match value {
                I(value) => batch.values.extend(value.to_le_bytes()),
                T(text) => {
                    batch.values.extend((text.len() as u32).to_le_bytes());
                    batch.values.extend(text.as_bytes());
                }
            }
        }
    }
    let here = losses
        .iter()
        .filter(|(at, _)| *at >= first && *at < first + events.len());
    batch.losses = here.map(|(at, loss)| (at - first, loss.clone())).collect();
    batch
}

fn derive() -> Derive {
    let lacking = Lacking {
        tid: true,
        pid: true,
        procname: true,
    };
    Derive::new(lacking, &classes(), |c| !c.full_name.contains(':'))
}

/// Whose the events are, read in batches of `size`.
fn whose(events: &[Event], losses: &[(usize, Loss)], size: usize) -> Vec<(i32, i32, String)> {
    let mut derive = derive();
    let mut batches = events.chunks(size).enumerate();
    let mut names: Vec<String> = Vec::new();
    let mut all = Vec::new();
    let mut out = EventBatch::default();
    let mut read = |into: &mut EventBatch| {
        let next = batches.next();
        let more = next.is_some();
        *into = next.map_or_else(EventBatch::default, |(i, e)| batch(e, losses, i * size));
        Ok(more)
    };
    while derive.next(&mut out, &mut read).unwrap() {
        names.extend(out.new_procnames.iter().cloned());
        for head in &out.heads {
            let name = match head.procname {
                NO_NAME => "-",
                number => &names[number as usize],
            };
            all.push((head.tid, head.pid, name.to_owned()));
        }
    }
    let count =
        |is: fn(&(i32, i32, String)) -> bool| Some(all.iter().filter(|w| is(w)).count() as u64);
    let derived = Derived {
        tid: count(|w| w.0 != UNKNOWN),
        pid: count(|w| w.1 != UNKNOWN),
        procname: count(|w| w.2 != "-"),
    };
    assert_eq!(
        derive.derived(),
        derived,
        "what is taken back is not counted"
    );
    all
}

fn check(events: Vec<(Event, Who)>, losses: &[(usize, Loss)]) {
    let (events, expected): (Vec<Event>, Vec<Who>) = events.into_iter().unzip();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(tid, pid, name)| {
            let or = |n: Option<i32>| n.unwrap_or(UNKNOWN);
            (or(tid), or(pid), name.unwrap_or("-").to_owned())
        })
        .collect();
    for size in 1..=events.len() {
        assert_eq!(
            whose(&events, losses, size),
            expected,
            "in batches of {size}"
        );
    }
}

#[test]
fn events_are_of_the_thread_that_their_cpu_runs() {
    let nginx = (Some(7), None, Some("nginx"));
    check(
        vec![
            (irq(0, 0), NOBODY),
            (
                switch(0, 1, ("swapper/0", 0), ("nginx", 7)),
                (Some(0), Some(0), Some("swapper/0")),
            ),
            (irq(1, 2), NOBODY),
            (irq(0, 3), nginx),
            ((0, 4, "httpd:enter", vec![]), NOBODY),
            (
                switch(1, 5, ("db", 9), ("swapper/1", 0)),
                (Some(9), None, Some("db")),
            ),
            (irq(1, 6), (Some(0), Some(0), Some("swapper/1"))),
            // The dump tells of whoever, in the thread that dumps.
            (
                (
                    0,
                    7,
                    "lttng_statedump_process_state",
                    vec![I(9), I(8), T("db")],
                ),
                nginx,
            ),
            (switch(0, 8, ("nginx", 7), ("db", 9)), nginx),
            (irq(0, 9), (Some(9), Some(8), Some("db"))),
            // Thread 8 is the first of process 8.
            (
                switch(0, 10, ("db", 9), ("db main", 8)),
                (Some(9), Some(8), Some("db")),
            ),
            (irq(0, 11), (Some(8), Some(8), Some("db main"))),
        ],
        &[],
    );
}

#[test]
fn forks_and_executions_tell_processes_and_names() {
    let sh = (Some(5), Some(5), Some("sh"));
    let child = (Some(6), Some(6), Some("sh"));
    let unnamed = (Some(6), Some(6), None);
    let long = (Some(6), Some(6), Some("a-name-of-fifte"));
    let fork = vec![T("sh"), I(5), I(5), T("sh"), I(6), I(6)];
    let thread = vec![T("x"), I(6), I(6), T("x"), I(70), I(6)];
    check(
        vec![
            ((0, 0, "sched_process_fork", fork), sh),
            (irq(0, 1), sh),
            (switch(0, 2, ("sh", 5), ("sh", 6)), sh),
            ((0, 3, "syscall_entry_execve", vec![T("/x/y")]), child),
            (irq(0, 4), unnamed),
            (
                (
                    0,
                    5,
                    "sched_process_exec",
                    vec![T("/usr/bin/a-name-of-fifteen-and-more"), I(6), I(6)],
                ),
                long,
            ),
            ((0, 6, "syscall_exit_execve", vec![I(0)]), long),
            // One that fails changes nothing.
            ((0, 7, "syscall_entry_execve", vec![T("/none")]), long),
            (irq(0, 8), unnamed),
            ((0, 9, "syscall_exit_execve", vec![I(-2)]), long),
            ((0, 10, "syscall_entry_prctl", vec![I(15)]), long),
            (irq(0, 11), unnamed),
            ((0, 12, "syscall_exit_prctl", vec![I(0)]), unnamed),
            ((0, 13, "syscall_entry_prctl", vec![I(1)]), unnamed),
            (
                switch(0, 14, ("new", 6), ("sh", 5)),
                (Some(6), Some(6), Some("new")),
            ),
            (switch(0, 15, ("sh", 5), ("new", 6)), sh),
            (
                (0, 16, "syscall_exit_prctl", vec![I(0)]),
                (Some(6), Some(6), Some("new")),
            ),
            (
                (0, 17, "syscall_entry_prctl", vec![I(1)]),
                (Some(6), Some(6), Some("new")),
            ),
            (
                (0, 18, "sched_process_fork", thread),
                (Some(6), Some(6), Some("x")),
            ),
            (
                switch(0, 19, ("x", 6), ("x", 70)),
                (Some(6), Some(6), Some("x")),
            ),
            // A thread that executes becomes the first of its process: its number changes on the way.
            (
                (0, 20, "syscall_entry_execve", vec![T("/x/y")]),
                (Some(70), Some(6), Some("x")),
            ),
            (irq(0, 21), (None, Some(6), None)),
            (
                (
                    0,
                    22,
                    "sched_process_exec",
                    vec![T("/dev/fd/3"), I(6), I(70)],
                ),
                unnamed,
            ),
            (irq(0, 23), unnamed),
            ((0, 24, "sched_process_exit", vec![I(6)]), unnamed),
            (
                switch(0, 25, ("3", 6), ("swapper/0", 0)),
                (Some(6), Some(6), Some("3")),
            ),
            (
                (0, 26, "sched_process_free", vec![I(6)]),
                (Some(0), Some(0), Some("swapper/0")),
            ),
            (
                switch(0, 27, ("swapper/0", 0), ("z", 6)),
                (Some(0), Some(0), Some("swapper/0")),
            ),
            (irq(0, 28), (Some(6), None, Some("z"))),
        ],
        &[],
    );
}

fn loss(cpu: Option<i32>, begin: Option<i64>, end: Option<i64>) -> Loss {
    Loss {
        stream: String::new(),
        cpu,
        begin,
        end,
        events: Some(1),
        packets: None,
    }
}

/// The packet from 10 to 20 discarded events: somewhere behind its last record that could not have been a switch.
#[test]
fn where_switches_may_be_lost_nothing_is_guessed() {
    let [a, b] = ["a", "b"].map(|n| (Some(i32::from(n.as_bytes()[0])), None, Some(n)));
    let [to_a, to_b] = [("a", 97), ("b", 98)];
    let events = vec![
        (switch(0, 9, to_b, to_a), b),
        (irq(0, 11), a),
        (irq(1, 11), NOBODY),
        (switch(1, 12, to_a, to_b), a),
        (irq(0, 13), a),
        (switch(0, 14, to_a, to_b), a),
        // Behind the last switch of the packet.
        (irq(0, 15), NOBODY),
        (irq(1, 16), b),
        (irq(0, 17), NOBODY),
        // Behind the packet: until the next switch.
        (irq(0, 20), NOBODY),
        (irq(1, 21), b),
        (switch(0, 22, to_a, to_b), a),
        (irq(0, 23), b),
    ];
    check(events.clone(), &[(1, loss(Some(0), Some(10), Some(20)))]);
    // Nobody knows on which CPU: on any.
    let mut any = events.clone();
    any[7].1 = NOBODY;
    any[10].1 = NOBODY;
    check(any, &[(1, loss(None, Some(10), Some(20)))]);
    // Nobody knows when: from here on, until the next switch.
    let mut unknown = events;
    for (i, who) in [(4, NOBODY), (6, b), (8, b), (9, b)] {
        unknown[i].1 = who;
    }
    check(unknown, &[(4, loss(Some(0), None, None))]);
}

#[test]
fn a_switch_from_another_thread_takes_back_what_was_filled_in() {
    let [a, b, c] = [("a", 1), ("b", 2), ("c", 3)];
    check(
        vec![
            (switch(0, 1, a, b), (Some(1), None, Some("a"))),
            (irq(0, 2), NOBODY),
            (switch(0, 3, c, a), (Some(3), None, Some("c"))),
            (irq(0, 4), (Some(1), None, Some("a"))),
            (switch(0, 5, a, b), (Some(1), None, Some("a"))),
        ],
        &[(0, loss(Some(0), Some(0), Some(100)))],
    );
}

/// What waits for a switch does not keep everything else waiting for ever.
#[test]
fn not_all_of_a_trace_is_held_back() {
    let mut derive = derive();
    let first = vec![switch(0, 1, ("a", 1), ("b", 2)), irq(0, 2)];
    let losses = [(0, loss(Some(0), Some(0), Some(i64::MAX)))];
    let mut reads = 0;
    let mut read = |into: &mut EventBatch| {
        let events = match reads {
            0 => first.clone(),
            _ => vec![irq(1, 3); 1000],
        };
        *into = batch(&events, if reads == 0 { &losses } else { &[] }, 0);
        reads += 1;
        Ok(true)
    };
    let mut out = EventBatch::default();
    assert!(derive.next(&mut out, &mut read).unwrap());
    assert_eq!(out.heads[1].tid, UNKNOWN);
    assert_eq!(reads, 67);
}
