//! The rule `connection`, on small made-up traces.

use super::made_up::*;
use crate::requests::*;

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
    assert!(cut(&CONNECTION, &events).is_empty());
    let events: [Event; 1] = [(11, ACCEPTED, &[5, AF_INET, 9])];
    let server = |name: &str| RuleOptions {
        server: Some(name.to_owned()),
        ..options(&CONNECTION)
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
        &CONNECTION,
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
    let next = cut(&CONNECTION, &[accepted, (11, WAKING, &[1]), accepted]);
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
    let at_shutdown = RuleOptions {
        end_at_shutdown: true,
        ..options(&CONNECTION)
    };
    let requests = cut_with(at_shutdown, &events, &[]);
    assert_eq!(requests[0].end_reason, EndReason::Shutdown);
    assert_eq!(one(&events).end_reason, EndReason::TraceEnd);
}
