//! What others do for requests, on small made-up traces. Threads 11 to 29 are of the server, 31 and 32 of the database.

use super::made_up::{CONNECTION, Event, cut_all, options};
use crate::requests::*;
use crate::trace::event::Loss;

const ACCEPT: &str = "syscall_entry_accept4";
const ACCEPTED: &str = "syscall_exit_accept4";
const SOCKET: &str = "syscall_entry_socket";
const SOCKETED: &str = "syscall_exit_socket";
const CONNECT: &str = "syscall_entry_connect";
const CONNECTED: &str = "syscall_exit_connect";
const SEND: &str = "syscall_entry_sendto";
const SENT: &str = "syscall_exit_sendto";
const READ: &str = "syscall_entry_read";
const HAS_READ: &str = "syscall_exit_read";
const CLOSE: &str = "syscall_entry_close";
const CLOSED: &str = "syscall_exit_close";
const WAIT: &str = "syscall_entry_epoll_wait";
const SWITCH: &str = "sched_switch";
const WAKING: &str = "sched_waking";
const AF_INET: i64 = 2;

/// A client comes to `tid`, which makes a socket 12.
fn client(tid: i32) -> [Event<'static>; 3] {
    [
        (tid, ACCEPTED, &[5, AF_INET, 1]),
        (tid, SOCKET, &[1, 1]),
        (tid, SOCKETED, &[12]),
    ]
}

/// Thread 31 waits for connections, and thread `next` is on its CPU then.
const WAITS: [Event; 2] = [(31, ACCEPT, &[21, 0]), (31, SWITCH, &[31, 1, 0])];

fn services(events: &[&[Event]]) -> Vec<Service> {
    cut_all(options(&CONNECTION), &events.concat(), &[]).1
}

/// Per service its request, depth, events and end.
fn told(services: &[Service]) -> Vec<(i64, i32, &[i64], EndReason)> {
    let told = services.iter().map(|s| {
        let of = &s.of;
        (
            of.request_id,
            of.depth,
            &of.event_ids[..],
            s.work.end_reason,
        )
    });
    told.collect()
}

#[test]
fn a_database_serves_from_the_accept_or_read_to_its_last_write() {
    let all = services(&[
        &client(11),
        &WAITS,
        &[
            (11, CONNECT, &[12]),
            (11, WAKING, &[31]),
            (11, CONNECTED, &[0]),
            (31, ACCEPTED, &[41, 1, 0]),
            (31, WAKING, &[32]), // 9
            (31, ACCEPT, &[21, 0]),
            (32, SEND, &[41]), // 11
            (32, SENT, &[104]),
            (32, READ, &[41]), // 13: waits for the question
            (11, SEND, &[12]),
            (11, SENT, &[50]),
            (32, HAS_READ, &[50]), // 16
            (32, SEND, &[41]),
            (32, SENT, &[7]), // 18
            (32, WAIT, &[3]),
            (11, SEND, &[12]), // 20: goodbye
            (11, SENT, &[5]),
            (11, CLOSE, &[12]),
            (11, CLOSED, &[0]),
            (32, READ, &[41]),
            (32, HAS_READ, &[5]),
            (32, CLOSE, &[41]), // 26
            (32, CLOSED, &[0]),
            (11, CLOSE, &[5]),
            (11, CLOSED, &[0]),
        ],
    ]);
    use EndReason::*;
    assert_eq!(
        told(&all),
        [
            (0, 1, &[8, 9, 11, 12][..], Response),
            (0, 1, &[16, 17, 18], Response),
            (0, 1, &[25, 26], NoResponse),
        ]
    );
    let work = &all[1].work;
    assert_eq!((work.start, work.end, work.wait), (160, 180, Some(20)));
    assert_eq!((work.read_bytes, work.written_bytes), (Some(50), Some(7)));
    assert!(all.iter().all(Service::complete));
    assert!(all.iter().all(|s| s.of.matched == Matched::Socket));
    assert!(
        all.iter()
            .all(|s| (s.of.asked_tid, s.of.asked_fd) == (11, 12))
    );
}

/// Threads 11 and 12 connect, and 31 accepts once; `between` happens before it does.
fn two_connect(between: &[Event]) -> Vec<(i64, i64)> {
    let all = services(&[
        &client(11),
        &[
            (12, ACCEPTED, &[6, AF_INET, 1]),
            (12, SOCKET, &[1, 1]),
            (12, SOCKETED, &[13]),
        ],
        &WAITS,
        between,
        &[
            (31, ACCEPTED, &[41, 1, 0]),
            (31, SEND, &[41]),
            (31, SENT, &[1]),
        ],
    ]);
    all.iter()
        .map(|s| (s.of.request_id, s.of.asked_fd))
        .collect()
}

#[test]
fn connections_are_accepted_in_the_order_in_which_they_were_made() {
    // 11 begins first but is off its CPU until 12, which wakes the database, has connected.
    let events: [Event; 5] = [
        (11, CONNECT, &[12]),
        (11, SWITCH, &[11, 0, 12]),
        (12, CONNECT, &[13]),
        (12, WAKING, &[31]),
        (12, CONNECTED, &[0]),
    ];
    assert_eq!(two_connect(&events), [(1, 13)]);
    // Both are in connect, and both run: 11 may have been first, or second.
    let events: [Event; 4] = [
        (12, CONNECT, &[13]),
        (12, WAKING, &[31]),
        (11, CONNECT, &[12]),
        (12, CONNECTED, &[0]),
    ];
    assert_eq!(two_connect(&events), [(1, 13)], "one woke the database");
    let events: [Event; 3] = [
        (12, CONNECT, &[13]),
        (11, CONNECT, &[12]),
        (12, CONNECTED, &[0]),
    ];
    assert_eq!(two_connect(&events), [], "the queue was never seen empty");
}

#[test]
fn two_that_may_have_come_in_either_order_stay_unmatched() {
    let events: [&[Event]; 4] = [
        &client(11),
        &WAITS,
        &[
            (31, ACCEPTED, &[-11, 1, 0]), // none waits: the queue is known
            (11, CONNECT, &[12]),
            (21, SOCKET, &[1, 1]),
            (21, SOCKETED, &[12]),
            (21, CONNECT, &[12]),
            (21, CONNECTED, &[0]),
            (11, CONNECTED, &[0]),
        ],
        &[
            (31, ACCEPT, &[21, 0]),
            (31, ACCEPTED, &[41, 1, 0]),
            (31, ACCEPT, &[21, 0]),
            (31, ACCEPTED, &[42, 1, 0]),
        ],
    ];
    assert_eq!(services(&events), []);
}

#[test]
fn who_is_woken_and_reads_next_is_the_other_end() {
    // The connection is older than the trace.
    let events: [Event; 12] = [
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (32, READ, &[41]),
        (32, SWITCH, &[32, 1, 0]),
        (11, SEND, &[9]),
        (11, WAKING, &[32]),
        (11, SENT, &[50]),
        (32, HAS_READ, &[50]), // 6
        (32, SEND, &[41]),
        (32, SENT, &[3]),
        (32, READ, &[41]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
    ];
    let all = services(&[&events]);
    assert_eq!(told(&all), [(0, 1, &[6, 7, 8][..], EndReason::TraceEnd)]);
    assert_eq!(all[0].of.matched, Matched::Wakeup);
    // Whoever waits again before it reads was woken for something else.
    let mut other = events.to_vec();
    other.splice(
        6..6,
        [
            (32, HAS_READ, &[-4][..]),
            (32, WAIT, &[3]),
            (32, READ, &[41]),
        ],
    );
    assert_eq!(services(&[&other]), []);
    // A thread without a request asks nobody for one.
    assert_eq!(services(&[&events[1..]]), []);
}

#[test]
fn who_serves_may_ask_others() {
    let all = services(&[
        &client(11),
        &[
            (31, ACCEPT, &[21, 0]),
            (31, ACCEPTED, &[-11, 1, 0]),
            (11, CONNECT, &[12]),
            (11, CONNECTED, &[0]),
            (11, SEND, &[12]),
            (11, SENT, &[9]),
            (31, ACCEPT, &[21, 0]),
            (31, ACCEPTED, &[41, 1, 0]), // 10
            (31, READ, &[41]),
            (31, HAS_READ, &[9]),
            (42, READ, &[8]),
            (42, SWITCH, &[42, 1, 0]),
            (31, SEND, &[7]), // 15
            (31, WAKING, &[42]),
            (31, SENT, &[4]),
            (42, HAS_READ, &[4]), // 18
            (42, SEND, &[8]),
            (42, SENT, &[2]),
            (42, READ, &[8]),
            (31, SEND, &[41]),
            (31, SENT, &[6]),
        ],
    ]);
    let mut told = told(&all);
    told.sort_by_key(|t| t.1);
    assert_eq!(told[0].2, [10, 11, 12, 15, 16, 17, 22, 23]);
    assert_eq!(told[1], (0, 2, &[18, 19, 20][..], EndReason::TraceEnd));
    assert_eq!(told.len(), 2);
}

#[test]
fn a_loss_forgets_who_waits() {
    let events = [
        &client(11)[..],
        &WAITS,
        &[
            (11, CONNECT, &[12]),
            (11, WAKING, &[31]),
            (11, CONNECTED, &[0]),
            (31, ACCEPTED, &[41, 1, 0]),
        ],
    ]
    .concat();
    let loss = Loss {
        stream: String::new(),
        cpu: None,
        begin: Some(70),
        end: Some(75),
        events: Some(1),
        packets: None,
    };
    let cut = |losses: &[Loss]| cut_all(options(&CONNECTION), &events, losses).1.len();
    assert_eq!((cut(&[]), cut(&[loss])), (1, 0));
}
