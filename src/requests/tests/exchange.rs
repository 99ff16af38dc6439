//! The rule `exchange`, on small made-up traces.

use super::made_up::*;
use crate::requests::*;

#[test]
fn exchanges_end_at_the_last_write_before_the_next_read() {
    let requests = cut(
        &EXCHANGE,
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
