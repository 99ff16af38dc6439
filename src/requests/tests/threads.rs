//! The rules by which a request is a span of one thread, on small made-up traces.

use super::super::*;
use super::made_up::*;

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
