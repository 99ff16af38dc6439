//! The rules by which a request is a span of one thread, on small made-up traces.

use super::made_up::*;
use crate::requests::*;

#[test]
fn a_request_by_httpd_is_what_its_handler_encloses() {
    let enter = "httpd:enter_event_handler";
    let exit = "httpd:exit_event_handler";
    let requests = cut(
        &HTTPD,
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
        &FIRST_CLOSE,
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

/// A thread that works downstream may begin a request of its own: one does not end the other.
#[test]
fn work_for_others_is_no_request_of_the_threads_own() {
    let enter = "httpd:enter_event_handler";
    let exit = "httpd:exit_event_handler";
    let (requests, services) = cut_all(
        options(&HTTPD),
        &[
            (11, enter, &[0]),
            (21, READ, &[41]),
            (21, SWITCH, &[21, 1, 0]),
            (11, "syscall_entry_sendto", &[9]),
            (11, WAKING, &[21]),
            (11, "syscall_exit_sendto", &[50]),
            (21, HAS_READ, &[50]), // 6: works for the request of 11
            (21, exit, &[]),
            (21, enter, &[0]), // 8: and begins one of its own
            (21, WRITE, &[41]),
            (21, WRITTEN, &[7]),
            (21, exit, &[]), // 11
            (11, "syscall_entry_sendto", &[9]),
            (11, "syscall_exit_sendto", &[50]),
            (21, READ, &[41]),
            (21, HAS_READ, &[50]), // 15
            (11, exit, &[]),
        ],
        &[],
    );
    let of: Vec<_> = requests.iter().map(|r| (r.id, ids(r))).collect();
    let first = vec![0, 3, 4, 5, 12, 13, 16];
    assert_eq!(of, [(1, vec![8, 9, 10, 11]), (0, first)]);
    let of: Vec<_> = services.iter().map(|s| &s.of.event_ids[..]).collect();
    assert_eq!(of, [&[6, 7][..], &[15]]);
}
