//! Connections whose accept is not in the trace, on small made-up traces.

use super::made_up::*;
use crate::requests::*;
use crate::trace::event::Loss;

/// Process, descriptor, flags and inode of a socket.
const fn dumped(socket: &[i64; 4]) -> Event<'_> {
    (99, DUMPED, socket)
}

const SOCKET: Event = dumped(&[1, 5, 0, 700]);
const OPTION: [Event; 2] = [
    (11, "syscall_entry_setsockopt", &[5, 6]),
    (11, "syscall_exit_setsockopt", &[0]),
];
const ASKED: [Event; 2] = [(11, READ, &[5]), (11, HAS_READ, &[30])];
const ANSWERED: [Event; 2] = [(11, WRITE, &[5]), (11, WRITTEN, &[90])];
const ENDS: [Event; 2] = [(11, CLOSE, &[5]), (11, CLOSED, &[0])];
/// Another connection is accepted and closed.
const ANOTHER: [Event; 4] = [
    (11, ACCEPT, &[3, 0]),
    (11, ACCEPTED, &[6, AF_INET, 1]),
    (11, CLOSE, &[6]),
    (11, CLOSED, &[0]),
];

fn found(parts: &[&[Event]]) -> Vec<Request> {
    let mut requests = cut(&CONNECTION, &parts.concat());
    requests.retain(|r| r.accept_seen == Some(false));
    requests
}

#[test]
fn a_dumped_socket_is_a_connection_once_it_is_read_from_and_known_to_be_of_the_internet() {
    let first = &[SOCKET][..];
    let none = found(&[first, &ASKED, &ANSWERED, &ENDS]);
    assert!(none.is_empty(), "it may be of any family: {none:?}");
    for known in [&ANOTHER[..], &OPTION] {
        let [r] = &found(&[first, known, &ASKED, &ANSWERED, &ENDS])[..] else {
            panic!("one")
        };
        let begin = 10 * (2 + known.len() as i64);
        assert_eq!((r.start, r.end, r.fd), (begin, begin + 40, Some(5)));
        assert_eq!((r.read_bytes, r.written_bytes), (Some(30), Some(90)));
        assert_eq!((r.end_reason, r.complete()), (EndReason::Close, false));
        assert_eq!(r.client, (None, None));
        let wrote = found(&[first, known, &ANSWERED, &ASKED, &ENDS]);
        assert!(wrote.is_empty(), "who writes first asks: {wrote:?}");
        let closed = found(&[first, known, &ENDS, &ASKED, &ENDS]);
        assert!(closed.is_empty(), "another file: {closed:?}");
    }
    let file = found(&[&[dumped(&[1, 9, 0, 700])], &OPTION, &ANOTHER, &ASKED, &ENDS]);
    assert!(file.is_empty(), "not that descriptor: {file:?}");
}

#[test]
fn all_descriptors_of_a_dumped_socket_are_its() {
    let copied: [Event; 2] = [
        (11, "syscall_entry_dup", &[5]),
        (11, "syscall_exit_dup", &[7]),
    ];
    let inherited = &[SOCKET, dumped(&[2, 8, 0, 700])][..];
    let ends: [Event; 4] = [
        (11, CLOSE, &[7]),
        (11, CLOSED, &[0]),
        (21, CLOSE, &[8]),
        (21, CLOSED, &[0]),
    ];
    let [r] = &found(&[inherited, &ANOTHER, &copied, &ASKED, &ENDS, &ends])[..] else {
        panic!("one")
    };
    assert_eq!((r.end, r.end_reason), (150, EndReason::Close));
    // A second dump tells nothing new.
    let again = found(&[inherited, &ANOTHER, &ASKED, inherited, &ENDS, &ends[2..]]);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].end_reason, EndReason::Close);
    // What is close-on-exec goes with the program.
    let on_exec = dumped(&[1, 5, 0o2_000_000, 700]);
    let executes: [Event; 2] = [
        (11, "syscall_entry_execve", &[]),
        (11, "syscall_exit_execve", &[0]),
    ];
    let [r] = &found(&[&[on_exec], &ANOTHER, &ASKED, &executes])[..] else {
        panic!("one")
    };
    assert_eq!(r.end_reason, EndReason::Exit);
}

fn loss(begin: i64) -> Loss {
    Loss {
        stream: String::new(),
        cpu: None,
        begin: Some(begin),
        end: Some(begin + 10),
        events: Some(3),
        packets: None,
    }
}

#[test]
fn a_loss_makes_unused_sockets_unknown() {
    let events = [&[SOCKET][..], &OPTION, &ASKED, &ENDS].concat();
    let count = |losses: &[Loss]| cut_with(options(&CONNECTION), &events, losses).len();
    assert_eq!(
        (count(&[]), count(&[loss(20)]), count(&[loss(50)])),
        (1, 0, 1)
    );
}

/// The exit of the second accept, of thread 11, is lost.
fn lost() -> Vec<Event<'static>> {
    [&ANOTHER[..], &[(11, ACCEPT, &[3, 0])]].concat()
}

#[test]
fn what_a_lost_accept_returned_follows_from_free_numbers() {
    let uses: [Event; 5] = [
        (11, READ, &[6]),
        (11, HAS_READ, &[30]),
        (11, "syscall_entry_getsockname", &[4]),
        (11, CLOSE, &[6]),
        (11, CLOSED, &[0]),
    ];
    let [r] = &found(&[&lost(), &uses])[..] else {
        panic!("one")
    };
    assert_eq!((r.start, r.end, r.end_reason), (50, 90, EndReason::Close));
    assert_eq!((ids(r), r.read_bytes), ((5..=9).collect(), Some(30)));
    assert!(!r.complete() && r.accept_entry.is_none());
    let nothing = |between: &[Event], why: &str| {
        let requests = found(&[&lost(), between, &uses]);
        assert!(requests.is_empty(), "{why}: {requests:?}");
    };
    nothing(
        &[
            (11, "syscall_entry_openat", &[-100]),
            (11, "syscall_exit_openat", &[6]),
        ],
        "the number was given to something else",
    );
    nothing(
        &[(11, ACCEPT, &[3, 0]), (11, ACCEPTED, &[-11, 0, 0])],
        "it was over before",
    );
    nothing(
        &[
            (11, "syscall_entry_dup", &[4]),
            (11, "syscall_exit_dup", &[6]),
        ],
        "it is a copy of a file",
    );
    nothing(
        &[
            (11, "syscall_entry_socketpair", &[1]),
            (11, "syscall_exit_socketpair", &[0, 6, 7]),
        ],
        "it is one of a pair",
    );
    let two = [
        &[(12, "syscall_entry_getsockname", &[4][..])],
        &lost()[..],
        &uses,
    ]
    .concat();
    let requests = found(&[&two]);
    assert!(requests.is_empty(), "the other thread may have opened it");
    let unix: [Event; 2] = [(11, ACCEPT, &[3, 0]), (11, ACCEPTED, &[6, 1, 1])];
    let requests = found(&[&unix, &ANOTHER[2..], &[(11, ACCEPT, &[3, 0])], &uses]);
    assert!(
        requests.is_empty(),
        "no connection of the internet came from there"
    );
}

#[test]
fn calls_that_the_tracer_has_no_name_for_are_followed_by_number() {
    let accepted: Event = (11, ACCEPTED, &[5, AF_INET, 1]);
    let r = one(&[
        accepted,
        (
            11,
            "syscall_entry_unknown",
            &[436, 3, 0xffff_ffff, 0, 0, 0, 0],
        ),
        (11, "syscall_exit_unknown", &[436, 0]),
    ]);
    assert_eq!((r.end_reason, r.end), (EndReason::Close, 20), "close_range");
    // vfork: the child has the connection until it exits.
    let r = one(&[
        accepted,
        (11, "syscall_entry_unknown", &[58, 0, 0, 0, 0, 0, 0]),
        (21, "syscall_exit_unknown", &[58, 0]),
        (21, "syscall_entry_exit_group", &[0]),
        (11, "syscall_exit_unknown", &[58, 2]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
    ]);
    assert_eq!((r.end_reason, r.end), (EndReason::Close, 60));
    // A pair of sockets shows that a close was lost.
    let r = one(&[
        accepted,
        (11, "syscall_entry_socketpair", &[1]),
        (11, "syscall_exit_socketpair", &[0, 4, 5]),
    ]);
    assert_eq!(r.end_reason, EndReason::Reused);
}

#[test]
fn a_child_that_begins_while_its_parent_makes_the_next_is_not_taken_for_it() {
    let r = one(&[
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, "syscall_entry_clone", &[0x1200011]),
        (11, "syscall_exit_clone", &[2]),
        (11, "syscall_entry_clone", &[0x1200011]),
        (21, "syscall_exit_clone", &[0]),
        (11, "syscall_exit_clone", &[3]),
        (21, CLOSE, &[5]),
        (21, CLOSED, &[0]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
        (31, READ, &[5]),
        (31, HAS_READ, &[9]),
        (31, CLOSE, &[5]),
        (31, CLOSED, &[0]),
    ]);
    assert_eq!(
        (r.end, r.end_reason, r.read_bytes),
        (130, EndReason::Close, Some(9))
    );
}
